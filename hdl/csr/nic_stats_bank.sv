// SPDX-License-Identifier: MIT
// Counters of events, one in every row.
//
// Any set of rows counts in any cycle, so there is no traffic that is too close, and nothing waits. A read that clears
// and an increment in the same cycle lose nothing to each other. Counts stick at all ones.
// Registers, not a memory: a memory takes one row a cycle, and the shortest frames (two cycles apart on the wire, up to
// three rows each and a wait for a descriptor) move more than that for as long as they come.
// Latency: none for a read; an increment is read in the next cycle.
module nic_stats_bank #(
  parameter int unsigned Rows    = 18,
  parameter int unsigned Bits    = 32,
  localparam int unsigned RowBits = $clog2(Rows)
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  /// count one in each of these rows
  input  logic [   Rows-1:0] bump_rows_i,
  /// software reads; data in the same cycle
  input  logic               rd_i,
  input  logic [RowBits-1:0] rd_row_i,
  output logic [       31:0] rdata_o
);

  typedef logic [Bits-1:0] count_t;

  if (Bits > 32) begin : g_bad_bits
    $fatal(1, "nic_stats_bank: up to 32 bits");
  end

  count_t          count_q[Rows];
  logic [Rows-1:0] taken;  // read, and so cleared

  assign taken = rd_i ? Rows'(1) << rd_row_i : '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      for (int i = 0; i < int'(Rows); i++) count_q[i] <= '0;
    end else if (rd_i || bump_rows_i != '0) begin
      for (int i = 0; i < int'(Rows); i++) begin
        if (taken[i]) count_q[i] <= count_t'(bump_rows_i[i]);
        else if (bump_rows_i[i] && count_q[i] != '1) count_q[i] <= count_q[i] + 1'b1;
      end
    end
  end

  assign rdata_o = rd_i ? 32'(count_q[rd_row_i]) : '0;

  // ---------------------------------------------------------------- promise of the reader
  always_ff @(posedge clk_i) begin
    if (rst_ni && rd_i) begin
      a_row : assert (32'(rd_row_i) < Rows) else $error("nic_stats_bank: there is no such row to read");
    end
  end

endmodule
