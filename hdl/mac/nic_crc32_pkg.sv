// SPDX-License-Identifier: MIT
// The frame check sequence of IEEE 802.3 (3.2.9) over 64-bit words, as pure functions.
//
// Reflected form: byte lane 0, bit 0 is first on the wire. Start with `Init`; `update` takes whole words only: a frame's last
// word, of 1..8 bytes, is filled up with zeros. That keeps the loop of state on state at one level of sums; what the zeros
// did is dealt with outside of it: a frame whose FCS went through `update` as well is good when the state is
// `residue(bytes)`, and the FCS of a frame is `fcs(state, bytes)`, sent from its byte 0.
package nic_crc32_pkg;

  typedef logic [31:0] crc32_t;

  localparam crc32_t Polynomial = 32'hEDB8_8320;
  localparam crc32_t Init = 32'hFFFF_FFFF;
  localparam crc32_t Residue = 32'hDEBB_20E3;

  // One bit of zero more, and one less.
  function automatic crc32_t forward(crc32_t state);
    return (state >> 1) ^ (state[0] ? Polynomial : '0);
  endfunction
  function automatic crc32_t backward(crc32_t state);
    return state[31] ? ((state ^ Polynomial) << 1) | 32'h1 : state << 1;
  endfunction

  // What each bit of a word adds to the state after the whole word: the code is linear, so this is all there is to know.
  function automatic logic [63:0][31:0] bit_contributions();
    logic [63:0][31:0] columns;
    crc32_t state;
    state = 32'h1;
    for (int i = 63; i >= 0; i--) begin
      state = forward(state);
      columns[i] = state;
    end
    return columns;
  endfunction

  // What each bit of a state was before 1..7 bytes of zeros; [0] is the state itself.
  function automatic logic [7:0][31:0][31:0] rewinds();
    logic [7:0][31:0][31:0] columns;
    crc32_t state;
    for (int bit_index = 0; bit_index < 32; bit_index++) begin
      state = 32'h1 << bit_index;
      for (int zeros = 0; zeros < 8; zeros++) begin
        columns[zeros][bit_index] = state;
        for (int step = 0; step < 8; step++) state = backward(state);
      end
    end
    return columns;
  endfunction

  // The good state after 0..7 bytes of zeros.
  function automatic logic [7:0][31:0] residues();
    logic [7:0][31:0] states;
    crc32_t state;
    state = Residue;
    for (int zeros = 0; zeros < 8; zeros++) begin
      states[zeros] = state;
      for (int step = 0; step < 8; step++) state = forward(state);
    end
    return states;
  endfunction

  localparam logic [63:0][31:0] Columns = bit_contributions();
  localparam logic [7:0][31:0][31:0] Rewinds = rewinds();
  localparam logic [7:0][31:0] Residues = residues();

  // State after 8 more bytes.
  function automatic crc32_t update(crc32_t state, logic [63:0] data);
    logic [63:0] word;
    crc32_t sum;
    word = data ^ {32'h0, state};
    sum  = '0;
    for (int i = 0; i < 64; i++) sum ^= word[i] ? Columns[i] : '0;
    return sum;
  endfunction

  // The state of a good frame whose last word has `bytes` (1..8) bytes.
  function automatic crc32_t residue(logic [3:0] bytes);
    return Residues[3'(4'd8 - bytes)];
  endfunction

  // The FCS of a frame whose last word has `bytes` (1..8) bytes.
  function automatic logic [31:0] fcs(crc32_t state, logic [3:0] bytes);
    logic [31:0][31:0] columns;
    crc32_t sum;
    columns = Rewinds[3'(4'd8 - bytes)];
    sum     = '0;
    for (int i = 0; i < 32; i++) sum ^= state[i] ? columns[i] : '0;
    return ~sum;
  endfunction

endpackage
