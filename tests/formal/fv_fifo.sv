// SPDX-License-Identifier: MIT
// What nic_fifo promises, for any traffic and any reset: words come out once, in order, unchanged; the level is true.
//
// One word, chosen freely, is watched from its way in to its way out; how many words are ahead of it is counted.
module fv_fifo #(
    parameter int unsigned Width = 2,
    parameter int unsigned Depth = 3,
    parameter int unsigned OutRegisters = 0
) (
    input logic             clk_i,
    input logic             rst_ni,
    input logic             in_valid_i,
    input logic [Width-1:0] in_data_i,
    input logic             out_ready_i,
    input logic             watch_i  // the word that goes in now is the one
);
  localparam int unsigned LevelBits = $clog2(Depth + 1);
  localparam int unsigned Late = Depth > 2 ? OutRegisters : 0;  // cycles on top of one from input to output

  logic in_ready, out_valid, push, pop;
  logic [Width-1:0] out_data;
  logic [LevelBits-1:0] level;

  nic_fifo #(
      .Width       (Width),
      .Depth       (Depth),
      .OutRegisters(OutRegisters)
  ) u_fifo (
      .clk_i,
      .rst_ni,
      .in_valid_i,
      .in_ready_o (in_ready),
      .in_data_i,
      .out_valid_o(out_valid),
      .out_ready_i,
      .out_data_o (out_data),
      .level_o    (level)
  );
  assign push = in_valid_i && in_ready;
  assign pop  = out_valid && out_ready_i;

  // -------------------------------------------------------------- the neighbour in front, and the start
  logic started_q = 1'b0;
  logic waiting_q;
  logic [Width-1:0] waiting_data_q;
  always_ff @(posedge clk_i) begin
    started_q      <= 1'b1;
    waiting_q      <= rst_ni && in_valid_i && !in_ready;
    waiting_data_q <= in_data_i;
    assume (started_q || !rst_ni);
    if (started_q && waiting_q) assume (in_valid_i && in_data_i == waiting_data_q);
  end

  // -------------------------------------------------------------- the model
  logic [LevelBits-1:0] held_q, ahead_q;
  logic [LevelBits-1:0] old[3];  // [n]: words held that were held n cycles ago too
  logic watching_q;
  logic [Width-1:0] watched_q;

  assign old[0] = held_q;
  always_ff @(posedge clk_i) begin
    for (int i = 0; i < 2; i++) old[i+1] <= !rst_ni ? '0 : old[i] - LevelBits'(pop && old[i] != '0);
    if (!rst_ni) begin
      held_q     <= '0;
      watching_q <= 1'b0;
    end else begin
      held_q     <= held_q + LevelBits'(push) - LevelBits'(pop);
      if (!watching_q && push && watch_i) begin
        watching_q <= 1'b1;
        watched_q  <= in_data_i;
        ahead_q    <= held_q - LevelBits'(pop);
      end else if (watching_q && pop) begin
        ahead_q    <= ahead_q - 1'b1;
        watching_q <= ahead_q != '0;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      p_level : assert (level == held_q);
      p_room : assert (in_ready == (held_q != LevelBits'(Depth)));
      p_nothing_made_up : assert (!out_valid || held_q != '0);
      p_comes_out_in_time : assert (out_valid == (old[Late] != '0));
      if (watching_q && pop && ahead_q == '0) begin
        p_unchanged : assert (out_data == watched_q);
      end
      c_full_then_watched_out : cover (watching_q && pop && ahead_q == '0 && held_q == LevelBits'(Depth));
      c_full_rate : cover (push && pop && held_q == LevelBits'(Depth - 1) && Depth > 1);
    end
  end
endmodule
