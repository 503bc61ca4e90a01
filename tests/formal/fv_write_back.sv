// SPDX-License-Identifier: MIT
// What nic_desc_wb promises of a ring: each descriptor that is to be written goes to its place once, in order, in bursts
// that do not cross the ring's end; the head passes a descriptor only after the response to its burst, and none from
// a failed burst on; an event comes with the retirement that caused it and with no other; a stop begins no burst, and
// without one none is kept waiting beyond the window.
//
// The ring's length is free (1..7) and stays, and so is the place where it begins. Each descriptor's content is its place
// and how many were written before it. Left out: a head set later, a new length (tests/hdl/dma).
module fv_write_back
  import nic_pkg::*;
#(
    parameter int unsigned MaxBatch     = 2,
    parameter int unsigned WindowCycles = 2
) (
    input logic       clk_i,
    input logic       rst_ni,
    input logic [2:0] count_i,
    input logic [2:0] start_i,
    input logic       stop_i,
    input logic       hurry_i,
    input logic       in_valid_i,
    input logic       in_write_i,
    input logic [1:0] in_cause_i,
    input logic       cmd_ready_i,
    input logic       data_ready_i,
    input logic       done_i,
    input logic       done_err_i
);
  localparam int unsigned Most = 16;  // descriptors given: one a cycle, and the proof is not that deep
  typedef logic [4:0] number_t;

  logic load, loaded_q, started_q = 1'b0;
  logic in_ready, cmd_valid, data_valid, retired, err, empty, idle, accept, taken, beat;
  logic [1:0] events;
  logic [15:0] head;
  logic [127:0] data;
  wr_cmd_t cmd;

  // -------------------------------------------------------------- who gives, and what
  logic [2:0] count_q, start_q, place_q;  // place_q: of the descriptor that comes next
  number_t given_q, wanted_q;             // descriptors given; of them to be written
  logic [Most-1:0] write_q;               // of each given: it is to be written, and was so many-th
  logic [1:0] cause_q[Most];
  number_t rank_q[Most];
  logic offered_q, offered_write_q;
  logic [1:0] offered_cause_q;

  assign load   = rst_ni && !loaded_q;
  assign accept = in_valid_i && in_ready;

  nic_desc_wb #(
      .MaxBatch    (MaxBatch),
      .WindowCycles(WindowCycles)
  ) u_wb (
      .clk_i,
      .rst_ni,
      .base_i      ('0),
      .count_i     (16'(count_i)),
      .stop_i,
      .hurry_i,
      .load_i      (load),
      .load_value_i(16'(start_i)),
      .in_valid_i,
      .in_ready_o  (in_ready),
      .in_desc_i   (128'({place_q, wanted_q})),
      .in_write_i,
      .in_cause_i,
      .cmd_valid_o (cmd_valid),
      .cmd_ready_i,
      .cmd_o       (cmd),
      .data_valid_o(data_valid),
      .data_ready_i,
      .data_o      (data),
      .done_i,
      .done_err_i,
      .head_o      (head),
      .retired_o   (retired),
      .event_o     (events),
      .err_o       (err),
      .empty_o     (empty),
      .idle_o      (idle)
  );

  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    loaded_q  <= rst_ni;
    count_q   <= count_i;
    start_q   <= start_i;
    assume (started_q || !rst_ni);
    assume (count_i != '0 && (!started_q || count_i == count_q));
    assume (start_i < count_i && (!started_q || start_i == start_q));
    assume (loaded_q || !in_valid_i);
    assume (in_write_i || in_cause_i == '0);
    if (offered_q) assume (in_valid_i && in_write_i == offered_write_q && in_cause_i == offered_cause_q);
    assume (given_q < number_t'(Most));
    offered_q       <= rst_ni && in_valid_i && !in_ready;
    offered_write_q <= in_write_i;
    offered_cause_q <= in_cause_i;
    if (!rst_ni) begin
      place_q  <= start_i;
      given_q  <= '0;
      wanted_q <= '0;
    end else if (accept) begin
      place_q               <= {1'b0, place_q} + 4'd1 >= {1'b0, count_i} ? '0 : place_q + 3'd1;
      given_q               <= given_q + 1'b1;
      wanted_q              <= wanted_q + number_t'(in_write_i);
      write_q[given_q[3:0]] <= in_write_i;
      cause_q[given_q[3:0]] <= in_cause_i;
      rank_q[given_q[3:0]]  <= wanted_q;
    end
  end

  // -------------------------------------------------------------- the write engine
  logic [3:0] n, owed_q;         // descriptors of a command; of the one under way still to come
  logic [2:0] to_q;              // place of the next of them
  number_t out_q, acked_q;       // written; of them answered well, before any failure
  number_t ends_q[Most];         // out_q at the end of each command
  logic [3:0] whole_q, done_q;   // commands whose data has gone; that are answered
  logic failed_q, cmd_valid_q, taken_q, stop_q;
  wr_cmd_t cmd_q;

  assign n     = 4'(cmd.bytes[7:4]);
  assign taken = cmd_valid && cmd_ready_i;
  assign beat  = data_valid && data_ready_i;

  always_ff @(posedge clk_i) begin
    assume (!done_i || done_q < whole_q);
    assume (done_i || !done_err_i);
    cmd_q       <= cmd;
    cmd_valid_q <= rst_ni && cmd_valid;
    taken_q     <= taken;
    stop_q      <= stop_i;
    if (!rst_ni) begin
      {owed_q, out_q, acked_q, whole_q, done_q, failed_q} <= '0;
    end else begin
      if (taken) {owed_q, to_q} <= {n, 3'(cmd.addr[6:4])};
      if (beat) begin
        out_q  <= out_q + 1'b1;
        owed_q <= owed_q - 1'b1;
        to_q   <= to_q + 1'b1;
        if (owed_q == 4'd1) begin
          whole_q         <= whole_q + 1'b1;
          ends_q[whole_q] <= out_q + 1'b1;
        end
      end
      if (done_i) done_q <= done_q + 1'b1;
      if (done_i && done_err_i) failed_q <= 1'b1;
      if (done_i && !done_err_i && !failed_q) acked_q <= ends_q[done_q];
    end
  end

  // -------------------------------------------------------------- what retires
  logic [15:0] head_q;
  number_t gone_q, span;  // descriptors behind the head; those that it has just passed
  logic [1:0] caused;
  logic all_written;

  always_comb begin
    span        = head > head_q ? number_t'(head - head_q) : number_t'(16'(count_i) - head_q + head);
    caused      = '0;
    all_written = 1'b1;
    for (int i = 0; i < int'(Most); i++) begin
      if (number_t'(i) >= gone_q && number_t'(i) < gone_q + span) begin
        caused      |= cause_q[i];
        all_written &= !write_q[i] || rank_q[i] < acked_q;
      end
    end
  end
  always_ff @(posedge clk_i) begin
    head_q <= load ? 16'(start_i) : head;
    if (!rst_ni) gone_q <= '0;
    else if (retired) gone_q <= gone_q + span;
  end

  // -------------------------------------------------------------- how long the first may wait
  logic [3:0] wait_q;
  logic held_up_q;  // by a stop
  always_ff @(posedge clk_i) begin
    if (!rst_ni) {wait_q, held_up_q} <= '0;
    else begin
      if (stop_i) held_up_q <= 1'b1;
      if (given_q != '0 && wait_q != '1) wait_q <= wait_q + 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      if (cmd_valid) begin
        p_burst : assert (cmd.bytes[3:0] == '0 && n != '0 && 32'(n) <= MaxBatch && cmd.bytes[15:8] == '0);
        p_not_over_the_end : assert (cmd.addr[63:7] == '0 && 4'(cmd.addr[6:4]) + n <= 4'(count_i));
        p_one_at_a_time : assert (owed_q == '0);
        p_stop : assert (cmd_valid_q && !taken_q || !stop_q);
      end
      if (cmd_valid_q && !taken_q) p_stable : assert (cmd_valid && cmd == cmd_q);
      if (data_valid) begin
        p_in_order : assert (data[4:0] == out_q);
        p_in_place : assert (owed_q != '0 && data[7:5] == to_q);
      end
      if (retired) begin
        p_given : assert (gone_q + span <= given_q);
        p_written : assert (all_written);
      end else if (loaded_q) begin
        p_head : assert (head == head_q);
      end
      p_event : assert (events == (retired ? caused : '0));
      p_empty : assert (!empty || gone_q == given_q);
      p_idle : assert (!idle || empty || done_q == whole_q);
      p_error : assert (err == (done_i && done_err_i));
      // In to command three cycles, of which the first and the last are not counted here, and the window.
      if (wait_q > 4'(WindowCycles + 1) && write_q[0] && !held_up_q) begin
        p_not_kept_waiting : assert (cmd_valid || whole_q != '0 || owed_q != '0);
      end
      c_wraps : cover (retired && head == 16'd1 && gone_q == 5'd2 && count_i == 3'd3 && acked_q == 5'd2);
      c_lost : cover (failed_q && done_q == 4'd2);
      c_skips : cover (retired && span == 5'd3 && events == 2'b10);
    end
  end
endmodule
