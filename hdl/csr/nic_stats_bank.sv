// SPDX-License-Identifier: MIT
// Counters in a memory: a frame count in every row, and an octet count in the first OctetRows of them.
//
// One operation a cycle, each a whole read-modify-write, so that a read that clears and an increment never lose anything
// to each other. A read goes first; an increment that is not `bump_ready_o` waits. Counts stick at all ones.
// Octets are read in halves: the low half holds the value of that instant; the high half is of the held value, and takes it
// off the count. The high half alone takes all.
// A reset clears the memory in Rows cycles; until then reads give 0. Latency: none.
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
  output logic                      clearing_o,
  /// count one frame of so many octets
  input  logic                      bump_valid_i,
  output logic                      bump_ready_o,
  input  logic        [RowBits-1:0] bump_row_i,
  input  logic        [       15:0] bump_octets_i,
  /// software reads; data in the same cycle
  input  logic                      rd_i,
  input  logic        [RowBits-1:0] rd_row_i,
  input  stat_part_e                rd_part_i,
  output logic        [       31:0] rdata_o
);

  localparam int unsigned OctetRowBits = OctetRows > 1 ? $clog2(OctetRows) : 1;

  if (FrameBits > 32 || OctetBits <= 32 || OctetBits > 64) begin : g_bad_bits
    $fatal(1, "nic_stats_bank: FrameBits up to 32, OctetBits 33 to 64");
  end

  logic [FrameBits-1:0] frames_mem[Rows];
  logic [OctetBits-1:0] octets_mem[OctetRows];
  logic [OctetBits-1:0] held_mem[OctetRows];  // what the low half was read of

  logic [     RowBits-1:0] clear_row_q, row;
  logic [OctetRowBits-1:0] octet_row;
  logic                    clearing_q, write, hold;
  logic [   FrameBits-1:0] frames, next_frames;
  logic [   OctetBits-1:0] octets, next_octets, taken;
  logic [   OctetRows-1:0] held_q;

  assign row       = clearing_q ? clear_row_q : rd_i ? rd_row_i : bump_row_i;
  assign octet_row = OctetRowBits'(row);
  assign frames    = frames_mem[row];
  assign octets    = octets_mem[octet_row];
  assign taken     = held_q[octet_row] ? held_mem[octet_row] : octets;
  assign hold      = rd_i && rd_part_i == PartOctetsLow && !clearing_q;

  assign bump_ready_o = !clearing_q && !rd_i;
  assign clearing_o   = clearing_q;

  logic [OctetBits:0] octets_sum;
  assign octets_sum = {1'b0, octets} + (OctetBits + 1)'(bump_octets_i);

  always_comb begin
    next_frames = frames;
    next_octets = octets;
    write       = 1'b0;
    rdata_o     = '0;
    if (clearing_q) begin
      next_frames = '0;
      next_octets = '0;
      write       = 1'b1;
    end else if (rd_i) begin
      write = 1'b1;
      case (rd_part_i)
        PartCount: begin
          rdata_o[FrameBits-1:0] = frames;
          next_frames            = '0;
        end
        PartOctetsLow: rdata_o = octets[31:0];
        PartOctetsHigh: begin
          rdata_o[OctetBits-33:0] = taken[OctetBits-1:32];
          next_octets             = octets - taken;
        end
        default: ;
      endcase
    end else if (bump_valid_i) begin
      write = 1'b1;
      if (frames != '1) next_frames = frames + 1'b1;
      next_octets = octets_sum[OctetBits] ? '1 : octets_sum[OctetBits-1:0];
    end
  end

  always_ff @(posedge clk_i) begin
    if (write) frames_mem[row] <= next_frames;
    if (write && row < RowBits'(OctetRows)) octets_mem[octet_row] <= next_octets;
    if (hold) held_mem[octet_row] <= octets;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      clearing_q  <= 1'b1;
      clear_row_q <= '0;
      held_q      <= '0;
    end else begin
      if (clearing_q) begin
        clear_row_q <= clear_row_q + 1'b1;
        if (clear_row_q == RowBits'(Rows - 1)) clearing_q <= 1'b0;
      end
      if (hold) held_q[octet_row] <= 1'b1;
      else if (rd_i && rd_part_i == PartOctetsHigh) held_q[octet_row] <= 1'b0;
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
