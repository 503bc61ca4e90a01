// SPDX-License-Identifier: MIT
// The frame check sequence of IEEE 802.3 (3.2.9) over 64-bit words of 1..8 valid bytes, as pure functions.
//
// Reflected form: byte lane 0, bit 0 is first on the wire. Start with `Init`; the FCS is `fcs(state)`, sent from its byte
// 0; a frame whose FCS went through `update` as well is good when the state is `Residue`.
package nic_crc32_pkg;

  typedef logic [31:0] crc32_t;

  localparam crc32_t Polynomial = 32'hEDB8_8320;
  localparam crc32_t Init = 32'hFFFF_FFFF;
  localparam crc32_t Residue = 32'hDEBB_20E3;

  // What each bit of a word adds to the state after the whole word: the code is linear, so this is all there is to know.
  function automatic logic [63:0][31:0] bit_contributions();
    logic [63:0][31:0] columns;
    crc32_t state;
    state = 32'h1;
    for (int i = 63; i >= 0; i--) begin
      state = (state >> 1) ^ (state[0] ? Polynomial : '0);
      columns[i] = state;
    end
    return columns;
  endfunction

  localparam logic [63:0][31:0] Columns = bit_contributions();

  // State after `bytes` (1..8) more bytes, from lane 0 of `data`. Fewer than 8 are moved to the end of the word: zeros
  // before the first byte add nothing, and state that they did not meet (fewer than 4) just moves down.
  function automatic crc32_t update(crc32_t state, logic [63:0] data, logic [3:0] bytes);
    logic [63:0] word;
    crc32_t sum;
    word = (data ^ {32'h0, state}) << {4'd8 - bytes, 3'b000};
    sum  = bytes < 4'd4 ? state >> {bytes, 3'b000} : '0;
    for (int i = 0; i < 64; i++) sum ^= word[i] ? Columns[i] : '0;
    return sum;
  endfunction

  function automatic logic [31:0] fcs(crc32_t state);
    return ~state;
  endfunction

endpackage
