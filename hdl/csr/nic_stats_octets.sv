// SPDX-License-Identifier: MIT
// One count of octets, read in halves.
//
// The low half holds the value of that instant; the high half is of the held value, and takes it off the count, so that
// octets counted in between stay. The high half alone takes all. The count sticks at all ones.
// Latency: none for a read; an increment is read in the next cycle.
module nic_stats_octets #(
  parameter int unsigned Bits = 64
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        bump_i,
  /// octets
  input  logic [15:0] octets_i,
  /// software reads a half; data in the same cycle
  input  logic        rd_low_i,
  input  logic        rd_high_i,
  output logic [31:0] rdata_o
);

  typedef logic [Bits-1:0] octets_t;

  if (Bits <= 32 || Bits > 64) begin : g_bad_bits
    $fatal(1, "nic_stats_octets: 33 to 64 bits");
  end

  octets_t count_q, held_q, high, rest, sum;
  logic    holds_q;  // the low half was read: held_q is of that instant

  assign high = holds_q ? held_q : count_q;  // what a read of the high half is of
  assign rest = rd_high_i ? count_q - high : count_q;
  assign sum  = rest + (bump_i ? octets_t'(octets_i) : '0);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      count_q <= '0;
      holds_q <= 1'b0;
    end else begin
      if (rd_high_i || bump_i) count_q <= sum < rest ? '1 : sum;
      if (rd_low_i) holds_q <= 1'b1;
      else if (rd_high_i) holds_q <= 1'b0;
    end
  end
  always_ff @(posedge clk_i) if (rd_low_i) held_q <= count_q;

  always_comb begin
    rdata_o = '0;
    if (rd_low_i) rdata_o = count_q[31:0];
    if (rd_high_i) rdata_o = 32'(high[Bits-1:32]);
  end

endmodule
