// SPDX-License-Identifier: MIT
// The frame check sequence of IEEE 802.3 (3.2.9) over 64-bit words, as pure functions.
//
// Reflected form: byte lane 0, bit 0 is first on the wire. Start with `Init`; the state after a word is what the word adds,
// `contribution(data)`, known before its turn, and what becomes of the state meanwhile, `advance(state)`: only that is in
// the loop. Words are whole: a frame's last word, of 1..8 bytes, is filled up with zeros. What the zeros did is dealt
// with afterwards: a frame whose FCS went through the sum as well is good when the state is `residue(bytes)`, and the FCS
// of a frame is `fcs(rewind(state, bytes), bytes)`, in two steps for two cycles, sent from its byte 0.
package nic_crc32_pkg;

  typedef logic [31:0] crc32_t;

  localparam crc32_t Polynomial = 32'hEDB8_8320;
  localparam crc32_t Init = 32'hFFFF_FFFF;
  localparam crc32_t Residue = 32'hDEBB_20E3;

  // The tables are made at elaboration: no run executes this.
  // verilator coverage_off

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

  // What each bit of a state was before 1..4 bytes of zeros; [0] is the state itself.
  function automatic logic [4:0][31:0][31:0] rewinds();
    logic [4:0][31:0][31:0] columns;
    crc32_t state;
    for (int bit_index = 0; bit_index < 32; bit_index++) begin
      state = 32'h1 << bit_index;
      for (int zeros = 0; zeros < 5; zeros++) begin
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

  // verilator coverage_on

  localparam logic [63:0][31:0] Columns = bit_contributions();
  localparam logic [4:0][31:0][31:0] Rewinds = rewinds();
  localparam logic [7:0][31:0] Residues = residues();

  // What 8 bytes add to the state after them.
  function automatic crc32_t contribution(logic [63:0] data);
    crc32_t sum;
    sum = '0;
    for (int i = 0; i < 64; i++) sum ^= data[i] ? Columns[i] : '0;
    return sum;
  endfunction

  // State after 8 bytes of zeros.
  function automatic crc32_t advance(crc32_t state);
    return contribution({32'h0, state});
  endfunction

  // The state of a good frame whose last word has `bytes` (1..8) bytes.
  function automatic crc32_t residue(logic [3:0] bytes);
    return Residues[3'(4'd8 - bytes)];
  endfunction

  function automatic crc32_t rewound(crc32_t state, logic [2:0] zeros);
    crc32_t sum;
    sum = '0;
    for (int i = 0; i < 32; i++) sum ^= state[i] ? Rewinds[zeros][i] : '0;
    return sum;
  endfunction

  // The FCS of a frame whose last word has `bytes` (1..8) bytes: the state before the zeros, first four of them, ...
  function automatic crc32_t rewind(crc32_t state, logic [3:0] bytes);
    return bytes <= 4'd4 ? rewound(state, 3'd4) : state;
  endfunction

  // ... then the up to three others.
  function automatic logic [31:0] fcs(crc32_t state, logic [3:0] bytes);
    return ~rewound(state, {1'b0, 2'(4'd8 - bytes)});
  endfunction

endpackage
