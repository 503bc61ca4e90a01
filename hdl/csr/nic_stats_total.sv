// SPDX-License-Identifier: MIT
// One counter of what can happen more than once in a cycle.
//
// A read clears, and loses nothing to what comes in the same cycle. The count sticks at all ones.
// Latency: none for a read; an increment is read in the next cycle.
module nic_stats_total #(
  parameter int unsigned Bits = 32
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  /// so many at once
  input  logic [ 1:0] bump_i,
  /// software reads; data in the same cycle
  input  logic        rd_i,
  output logic [31:0] rdata_o
);

  typedef logic [Bits-1:0] count_t;

  if (Bits < 3 || Bits > 32) begin : g_bad_bits
    $fatal(1, "nic_stats_total: 3 to 32 bits");
  end

  count_t        count_q;
  logic [Bits:0] sum;

  assign sum = {1'b0, rd_i ? '0 : count_q} + (Bits + 1)'(bump_i);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) count_q <= '0;
    else if (rd_i || bump_i != '0) count_q <= sum[Bits] ? '1 : sum[Bits-1:0];
  end

  assign rdata_o = rd_i ? 32'(count_q) : '0;

endmodule
