// SPDX-License-Identifier: MIT
// What the AXI engines share: the bursts that commands are cut into, and the attributes every transaction carries.
package nic_axi_pkg;

  localparam int unsigned IdBits = 4;

  typedef struct packed {
    logic [IdBits-1:0] client;
    logic [63:0]       addr;
    logic [12:0]       bytes;  // 1..4096
    logic [3:0]        lane;   // of the command: where its first byte comes from or goes to
    logic              first;  // first burst of its command
    logic              last;   // last burst of its command
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
    return 128'(({data, data} << {by, 3'b000}) >> 128);
  endfunction

endpackage
