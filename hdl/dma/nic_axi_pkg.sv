// SPDX-License-Identifier: MIT
// What the AXI engines share: the bursts that commands are cut into, and the attributes every transaction carries.
package nic_axi_pkg;

  localparam int unsigned IdBits = 4;

  typedef struct packed {
    logic [IdBits-1:0] client;
    logic [12:0]       bytes;  // 1..4096
    logic [3:0]        lane;   // of the command: where its first byte comes from or goes to
    logic              first;  // first burst of its command
    logic              last;   // last burst of its command
    logic [63:0]       addr;
  } burst_t;

  // Normal non-cacheable bufferable is what a DMA engine without a view of the host's caches asks for: modifiable, so
  // that an interconnect may resize, and with a B that may come from an intermediate point. Data, non-secure,
  // unprivileged: the card is a plain bus master.
  localparam logic [1:0] BurstIncr = 2'b01;
  localparam logic [3:0] Cache     = 4'b0011;
  localparam logic [2:0] Prot      = 3'b010;

  // AxLEN of `bytes` from `addr` on a bus of 2**bus_bits bytes.
  function automatic logic [7:0] axlen(logic [11:0] addr, logic [12:0] bytes, int unsigned bus_bits);
    logic [12:0] offset;
    offset = {1'b0, addr} & ((13'd1 << bus_bits) - 13'd1);
    return 8'((offset + bytes - 13'd1) >> bus_bits);
  endfunction

  // Byte rotation: the byte in lane i goes to lane (i + by) mod 16.
  function automatic logic [127:0] rotate(logic [127:0] data, logic [3:0] by);
    logic [127:0] turned;
    turned = data;
    if (by[0]) turned = {turned[119:0], turned[127:120]};
    if (by[1]) turned = {turned[111:0], turned[127:112]};
    if (by[2]) turned = {turned[95:0], turned[127:96]};
    if (by[3]) turned = {turned[63:0], turned[127:64]};
    return turned;
  endfunction

  // The lanes below `lane` from `low`, the others from `high`.
  function automatic logic [127:0] splice(logic [127:0] low, logic [127:0] high, logic [3:0] lane);
    logic [63:0] above;  // in the half that `lane` is in
    above = 64'hffff_ffff_ffff_ffff << {lane[2:0], 3'b000};
    return lane[3] ? {(low[127:64] & ~above) | (high[127:64] & above), low[63:0]}
                   : {high[127:64], (low[63:0] & ~above) | (high[63:0] & above)};
  endfunction

  // Lanes `first` up to `stop`, that one not included; both may lie beyond the 16 of a beat.
  function automatic logic [31:0] lanes(logic [4:0] first, logic [4:0] stop);
    return 32'hffff_ffff << first & ~(32'hffff_ffff << stop);
  endfunction

endpackage
