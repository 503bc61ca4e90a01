// SPDX-License-Identifier: MIT
// Counters of one direction: a frame count in every row, and an octet count in the first OctetRows of them.
//
// Any set of rows counts in any cycle, so there is no traffic that is too close, and nothing waits. A read that clears
// and an increment in the same cycle lose nothing to each other. Counts stick at all ones.
// Octets are read in halves: the low half holds the value of that instant; the high half is of the held value, and takes it
// off the count. The high half alone takes all.
// Registers, not a memory: a memory takes one row a cycle, and the shortest frames (two cycles apart on the wire, up to
// three rows each and a wait for a descriptor) move more than that for as long as they come.
// Latency: none for a read; an increment is read in the next cycle.
module nic_stats_bank
  import nic_csr_pkg::*;
#(
  parameter int unsigned Rows      = 18,
  parameter int unsigned OctetRows = 2,
  parameter int unsigned FrameBits = 32,
  parameter int unsigned OctetBits = 64,
  localparam int unsigned RowBits  = $clog2(Rows)
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  /// count one in each of these rows, and so many octets where they are counted
  input  logic        [   Rows-1:0] bump_rows_i,
  input  logic        [       15:0] bump_octets_i,
  /// software reads; data in the same cycle
  input  logic                      rd_i,
  input  logic        [RowBits-1:0] rd_row_i,
  input  stat_part_e                rd_part_i,
  output logic        [       31:0] rdata_o
);

  typedef logic [FrameBits-1:0] frames_t;
  typedef logic [OctetBits-1:0] octets_t;

  if (FrameBits > 32 || OctetBits <= 32 || OctetBits > 64) begin : g_bad_bits
    $fatal(1, "nic_stats_bank: FrameBits up to 32, OctetBits 33 to 64");
  end

  // ---------------------------------------------------------------- frames
  frames_t         frames_q[Rows];
  logic [Rows-1:0] taken;  // read, and so cleared

  assign taken = rd_i && rd_part_i == PartCount ? Rows'(1) << rd_row_i : '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      for (int i = 0; i < int'(Rows); i++) frames_q[i] <= '0;
    end else if (rd_i || bump_rows_i != '0) begin
      for (int i = 0; i < int'(Rows); i++) begin
        if (taken[i]) frames_q[i] <= frames_t'(bump_rows_i[i]);
        else if (bump_rows_i[i] && frames_q[i] != '1) frames_q[i] <= frames_q[i] + 1'b1;
      end
    end
  end

  // ---------------------------------------------------------------- octets
  octets_t              octets_q[OctetRows], held_q[OctetRows];
  octets_t              high[OctetRows];  // what a read of the high half is of
  logic [OctetRows-1:0] holds_q;  // the low half was read: held_q is of that instant

  function automatic octets_t sticky_sum(octets_t so_far, logic [15:0] more);
    octets_t sum;
    sum = so_far + octets_t'(more);
    return sum < so_far ? '1 : sum;
  endfunction

  for (genvar i = 0; i < int'(OctetRows); i++) begin : g_octets
    logic selected, rd_low, rd_high;
    octets_t rest;

    assign selected = rd_i && rd_row_i == RowBits'(i);
    assign rd_low   = selected && rd_part_i == PartOctetsLow;
    assign rd_high  = selected && rd_part_i == PartOctetsHigh;
    assign high[i]  = holds_q[i] ? held_q[i] : octets_q[i];
    assign rest     = rd_high ? octets_q[i] - high[i] : octets_q[i];

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        octets_q[i] <= '0;
        holds_q[i]  <= 1'b0;
      end else begin
        if (rd_high || bump_rows_i[i]) octets_q[i] <= sticky_sum(rest, bump_rows_i[i] ? bump_octets_i : '0);
        if (rd_low) holds_q[i] <= 1'b1;
        else if (rd_high) holds_q[i] <= 1'b0;
      end
    end
    always_ff @(posedge clk_i) if (rd_low) held_q[i] <= octets_q[i];
  end

  // ---------------------------------------------------------------- read
  always_comb begin
    rdata_o = '0;
    if (rd_i && rd_part_i == PartCount) rdata_o = 32'(frames_q[rd_row_i]);
    for (int i = 0; i < int'(OctetRows); i++) begin
      if (rd_i && rd_row_i == RowBits'(i)) begin
        if (rd_part_i == PartOctetsLow) rdata_o = octets_q[i][31:0];
        if (rd_part_i == PartOctetsHigh) rdata_o = 32'(high[i][OctetBits-1:32]);
      end
    end
  end

  // ---------------------------------------------------------------- promise of the reader
  always_ff @(posedge clk_i) begin
    if (rst_ni && rd_i && rd_part_i != PartCount) begin
      a_octet_row : assert (rd_row_i < RowBits'(OctetRows))
      else $error("nic_stats_bank: that row has no octets to read");
    end
  end

endmodule
