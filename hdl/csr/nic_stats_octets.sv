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

  octets_t           count_q, left;
  octets_t           since_q;  // what came since the low half was read: counted apart, so that nothing is subtracted
  logic [Bits-1:32]  high_q;   // of the instant in which the low half was read
  logic              holds_q;  // it was, and these two are valid

  function automatic octets_t plus(input octets_t count, input logic [15:0] more);
    logic [Bits:0] sum;
    sum = {1'b0, count} + (Bits + 1)'(more);
    return sum[Bits] ? '1 : sum[Bits-1:0];
  endfunction

  logic [15:0] octets;
  assign octets = bump_i ? octets_i : '0;
  assign left   = !rd_high_i ? count_q : holds_q ? since_q : '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      count_q <= '0;
      holds_q <= 1'b0;
    end else begin
      if (rd_high_i || bump_i) count_q <= plus(left, octets);
      if (rd_low_i) holds_q <= 1'b1;
      else if (rd_high_i) holds_q <= 1'b0;
    end
    if (rd_low_i || bump_i) since_q <= plus(rd_low_i ? '0 : since_q, octets);
    if (rd_low_i) high_q <= count_q[Bits-1:32];
  end

  always_comb begin
    rdata_o = '0;
    if (rd_low_i) rdata_o = count_q[31:0];
    if (rd_high_i) rdata_o = 32'(holds_q ? high_q : count_q[Bits-1:32]);
  end

endmodule
