// SPDX-License-Identifier: MIT
// What nic_fifo_async promises between two clocks that tick as they like: words come out once, in order, unchanged; the
// level the input side knows is never less than the truth.
//
// Both resets begin asserted and end, each at a time of its own, after three ticks of either clock. One word, chosen
// freely, is watched. A clock is a free input: it may rest for ever or tick at every second step of the solver's time.
module fv_fifo_async #(
    parameter int unsigned Width = 1,
    parameter int unsigned Depth = 4,
    localparam int unsigned AddrBits = $clog2(Depth)
) (
    input logic             in_clk_i,
    input logic             in_valid_i,
    input logic [Width-1:0] in_data_i,
    input logic             in_run_i,   // the reset may end now
    input logic             watch_i,    // the word that goes in now is the one
    input logic             out_clk_i,
    input logic             out_ready_i,
    input logic             out_run_i
);
  typedef logic [AddrBits:0] count_t;  // modulo twice the depth

  logic in_rst_nq = 1'b0, out_rst_nq = 1'b0;
  logic in_ready, out_valid, push, pop;
  logic [Width-1:0] out_data;
  count_t in_level;

  nic_fifo_async #(
      .Width(Width),
      .Depth(Depth)
  ) u_fifo (
      .in_clk_i,
      .in_rst_ni  (in_rst_nq),
      .in_valid_i,
      .in_ready_o (in_ready),
      .in_data_i,
      .in_level_o (in_level),
      .out_clk_i,
      .out_rst_ni (out_rst_nq),
      .out_valid_o(out_valid),
      .out_ready_i,
      .out_data_o (out_data)
  );
  assign push = in_rst_nq && in_valid_i && in_ready;
  assign pop  = out_rst_nq && out_valid && out_ready_i;

  // -------------------------------------------------------------- resets, and the neighbour in front
  logic [1:0] in_ticks_q = '0, out_ticks_q = '0;
  logic waiting_q = 1'b0;
  logic [Width-1:0] waiting_data_q;

  always_ff @(posedge in_clk_i) begin
    if (in_ticks_q != '1) in_ticks_q <= in_ticks_q + 1'b1;
    if (in_run_i && in_ticks_q == '1 && out_ticks_q == '1) in_rst_nq <= 1'b1;
    waiting_q      <= in_valid_i && !in_ready;
    waiting_data_q <= in_data_i;
    if (waiting_q) assume (in_valid_i && in_data_i == waiting_data_q);
  end
  always_ff @(posedge out_clk_i) begin
    if (out_ticks_q != '1) out_ticks_q <= out_ticks_q + 1'b1;
    if (out_run_i && in_ticks_q == '1 && out_ticks_q == '1) out_rst_nq <= 1'b1;
  end

  // -------------------------------------------------------------- the model
  count_t in_count_q = '0, out_count_q = '0, watched_at_q;
  logic watching_q = 1'b0, seen_q = 1'b0;
  logic [2:0] late_q = '0;  // ticks for which words have been held and none was at the output
  logic [Width-1:0] watched_q;

  always_ff @(posedge in_clk_i) begin
    if (push) in_count_q <= in_count_q + 1'b1;
    if (push && watch_i && !watching_q) begin
      watching_q   <= 1'b1;
      watched_q    <= in_data_i;
      watched_at_q <= in_count_q;
    end
  end
  always_ff @(posedge out_clk_i) begin
    if (pop) out_count_q <= out_count_q + 1'b1;
    late_q <= out_rst_nq && in_count_q != out_count_q && !out_valid ? late_q + 1'b1 : '0;
    if (pop && watching_q && out_count_q == watched_at_q) seen_q <= 1'b1;
  end

  always_ff @(posedge in_clk_i) begin
    if (in_rst_nq) begin
      p_level : assert (!push || (in_level >= count_t'(in_count_q - out_count_q) && in_level < count_t'(Depth)));
      c_full : cover (in_level == count_t'(Depth) && seen_q);
    end
  end
  always_ff @(posedge out_clk_i) begin
    p_comes_out_in_time : assert (late_q <= 3'd4);
    if (out_rst_nq && pop) begin
      p_nothing_made_up : assert (in_count_q != out_count_q);
      p_no_overrun : assert (count_t'(in_count_q - out_count_q) <= count_t'(Depth));
      if (watching_q && !seen_q && out_count_q == watched_at_q) begin
        p_unchanged : assert (out_data == watched_q);
      end
    end
  end
endmodule
