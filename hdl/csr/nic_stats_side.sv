// SPDX-License-Identifier: MIT
// Counters of one direction: frames in, with the set of rows each moves; one row a cycle into the memory.
//
// A frame is taken in any cycle as long as on average there is a cycle for each row it moves and for each read; FifoDepth
// frames may come closer. `extra_i` moves row Extra by one and comes beside the frames.
module nic_stats_side
  import nic_csr_pkg::*;
#(
  parameter int unsigned Rows      = 18,
  parameter int unsigned Extra     = 0,
  parameter int unsigned FifoDepth = 8,
  localparam int unsigned RowBits  = $clog2(Rows)
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,
  output logic                     clearing_o,
  input  logic                     frame_valid_i,
  input  logic       [   Rows-1:0] frame_rows_i,
  input  logic       [       15:0] frame_octets_i,
  input  logic                     extra_i,
  input  logic                     rd_i,
  input  logic       [RowBits-1:0] rd_row_i,
  input  stat_part_e               rd_part_i,
  output logic       [       31:0] rdata_o,
  output logic                     idle_o
);

  localparam int unsigned ExtraBits = 4;

  // ---------------------------------------------------------------- frames that wait
  logic            head_valid, head_ready, fifo_ready;
  logic [Rows-1:0] head_rows;
  logic [    15:0] head_octets;
  logic [$clog2(FifoDepth+1)-1:0] level;

  nic_fifo #(
    .Width(Rows + 16),
    .Depth(FifoDepth)
  ) u_frames (
    .clk_i,
    .rst_ni,
    .in_valid_i (frame_valid_i && !clearing_o),
    .in_ready_o (fifo_ready),
    .in_data_i  ({frame_rows_i, frame_octets_i}),
    .out_valid_o(head_valid),
    .out_ready_i(head_ready),
    .out_data_o ({head_rows, head_octets}),
    .level_o    (level)
  );

  // ---------------------------------------------------------------- one row a cycle
  logic [     Rows-1:0] done_q, todo;  // rows of the frame at the head that have been counted
  logic [ExtraBits-1:0] extra_q;
  logic [  RowBits-1:0] row;
  logic                 bump, bump_ready, extra_turn;

  assign todo       = head_rows & ~done_q;
  assign extra_turn = !head_valid && extra_q != '0;
  assign bump       = head_valid || extra_turn;

  always_comb begin
    row = RowBits'(Extra);
    if (head_valid) begin
      for (int i = int'(Rows) - 1; i >= 0; i--) if (todo[i]) row = RowBits'(i);
    end
  end

  // The last row of the frame: nothing is left once the lowest is taken off.
  assign head_ready = bump_ready && (todo & (todo - 1'b1)) == '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clearing_o) begin
      done_q  <= '0;
      extra_q <= '0;
    end else begin
      if (head_valid && bump_ready) done_q <= head_ready ? '0 : done_q | (Rows'(1) << row);
      extra_q <= extra_q + ExtraBits'(extra_i) - ExtraBits'(extra_turn && bump_ready);
    end
  end

  nic_stats_bank #(
    .Rows(Rows)
  ) u_bank (
    .clk_i,
    .rst_ni,
    .clearing_o,
    .bump_valid_i (bump),
    .bump_ready_o (bump_ready),
    .bump_row_i   (row),
    .bump_octets_i(head_octets),
    .rd_i,
    .rd_row_i,
    .rd_part_i,
    .rdata_o
  );

  assign idle_o = !head_valid && extra_q == '0 && !clearing_o;

  logic unused;
  assign unused = ^level;

  // ---------------------------------------------------------------- promise: every frame is counted
  always_ff @(posedge clk_i) begin
    if (rst_ni && !clearing_o) begin
      a_no_frame_lost : assert (!frame_valid_i || fifo_ready) else $error("nic_stats_side: a frame was not counted");
      a_no_extra_lost : assert (extra_q != '1 || !extra_i) else $error("nic_stats_side: an event was not counted");
    end
  end

endmodule
