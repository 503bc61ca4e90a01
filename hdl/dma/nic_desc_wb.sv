// SPDX-License-Identifier: MIT
// Writes finished descriptors of one ring back and advances the head, in ring order.
//
// In: every descriptor of the ring, in order, with `in_write_i` if it is to be written (else it just retires) and
// `in_cause_i` if its retirement is an event, of two kinds. Neighbours gather in a batch: descriptors that are not written, then up
// to `MaxBatch` that are, not over the end of the ring. A batch is closed when nothing more can join it, when
// `WindowCycles` have passed since its first, or when `hurry_i` says that nothing is about to follow; while the write
// engine is busy it goes on gathering. Several batches may be in flight.
// After the B of its burst a batch retires: the head moves behind it, and `event_o` pulses for each kind that one in it had.
// A burst that failed retires nothing, nor does anything behind it. `stop_i`: close no further batch.
// The place of an entry is fixed when it is given, so `load_i` has to wait for `empty_o`, which under `stop_i` may come
// only after it, and behind a failed burst only by a reset.
// Latency: descriptor in to command three cycles when hurried; B to head two cycles.
module nic_desc_wb #(
    parameter int unsigned MaxBatch     = 8,
    parameter int unsigned WindowCycles = 64
) (
    input  logic               clk_i,
    input  logic               rst_ni,
    /// The ring.
    input  logic [63:0]        base_i,
    input  logic [15:0]        count_i,
    input  logic               stop_i,
    input  logic               hurry_i,
    /// Set the head; only while empty, and nothing is given.
    input  logic               load_i,
    input  logic [15:0]        load_value_i,
    /// Finished descriptors.
    input  logic               in_valid_i,
    output logic               in_ready_o,
    input  logic [127:0]       in_desc_i,
    input  logic               in_write_i,
    input  logic [1:0]         in_cause_i,
    /// To and from the write engine.
    output logic               cmd_valid_o,
    input  logic               cmd_ready_i,
    output nic_pkg::wr_cmd_t   cmd_o,
    output logic               data_valid_o,
    input  logic               data_ready_i,
    output logic [127:0]       data_o,
    input  logic               done_i,
    input  logic               done_err_i,
    /// First descriptor not retired; pulses: it moved; something with a cause retired; a write failed.
    output logic [15:0]        head_o,
    output logic               retired_o,
    output logic [1:0]         event_o,
    output logic               err_o,
    /// Nothing held or in flight.
    output logic               empty_o,
    /// Nothing will change by itself: empty or, when stopped, nothing in flight.
    output logic               idle_o
);
  localparam int unsigned MaxSkip      = 15;
  localparam int unsigned MaxInFlight  = 32;
  localparam int unsigned SkipBits     = $clog2(MaxSkip + 1);
  localparam int unsigned BatchBits    = $clog2(MaxBatch + 1);
  localparam int unsigned SpanBits     = $clog2(MaxSkip + MaxBatch + 1);
  localparam int unsigned AgeBits      = $clog2(WindowCycles + 1);
  localparam int unsigned InFlightBits = $clog2(MaxInFlight + 1);
  typedef logic [SpanBits-1:0] span_t;
  typedef logic [BatchBits-1:0] batch_t;

  typedef struct packed {
    span_t      span;  // descriptors
    logic       write;
    logic [1:0] cause;
  } order_t;

  // -------------------------------------------------------------- gather
  logic [15:0] next_q, first_q;  // places of the descriptor that comes next, and of the batch's first that is written
  logic [SkipBits-1:0] skip_q;
  batch_t count_q;
  logic [1:0] cause_q;
  logic [AgeBits-1:0] age_q;
  span_t span;
  logic open_q, close_q;  // it has a descriptor; it is to be closed
  logic end_q;            // `next_q` is beyond the ring's end; late after a load or a new length, when nothing comes
  logic full, joins, close, accept;
  logic room, order_ready, issue_free;

  assign span  = span_t'(skip_q) + span_t'(count_q);
  assign full  = count_q == batch_t'(MaxBatch) || (skip_q == SkipBits'(MaxSkip) && count_q == '0) || end_q;
  assign joins = !open_q || (!full && (in_write_i || count_q == '0));
  assign close = close_q && !stop_i;
  assign in_ready_o = joins && room && !close_q;
  assign accept     = in_valid_i && in_ready_o;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      next_q  <= '0;
      open_q  <= 1'b0;
      close_q <= 1'b0;
      skip_q  <= '0;
      count_q <= '0;
      cause_q <= '0;
      age_q   <= '0;
    end else if (load_i) begin
      next_q <= load_value_i;
    end else if (close) begin
      if (end_q) next_q <= '0;
      open_q  <= 1'b0;
      close_q <= 1'b0;
      skip_q  <= '0;
      count_q <= '0;
      cause_q <= '0;
      age_q   <= '0;
    end else begin
      // What joins in the cycle of this decision is in the batch, too.
      close_q <= open_q && issue_free && order_ready && !stop_i
          && (full || hurry_i || age_q == AgeBits'(WindowCycles) || (in_valid_i && !in_write_i && count_q != '0));
      if (accept) begin
        open_q <= 1'b1;
        next_q <= next_q + 1'b1;
      end
      if (accept && in_write_i) count_q <= count_q + 1'b1;
      if (accept && !in_write_i) skip_q <= skip_q + 1'b1;
      if (accept) cause_q <= cause_q | in_cause_i;
      if (open_q && age_q != AgeBits'(WindowCycles)) age_q <= age_q + 1'b1;
    end
  end
  always_ff @(posedge clk_i) begin
    if (accept && count_q == '0) first_q <= next_q;
    end_q <= !close && (accept ? {1'b0, next_q} + 17'd1 : {1'b0, next_q}) >= {1'b0, count_i};
  end

  // -------------------------------------------------------------- write: the data of a command follows it at once
  logic cmd_valid_q, data_valid, data_pop;
  nic_pkg::wr_cmd_t cmd_q;
  batch_t beats_q;
  localparam int unsigned DataDepth = 2 * MaxBatch;
  logic [$clog2(DataDepth+1)-1:0] unused_data_level;

  nic_fifo #(
      .Width       (128),
      .Depth       (DataDepth),
      .OutRegisters(1)
  ) u_data (
      .clk_i,
      .rst_ni,
      .in_valid_i (accept && in_write_i),
      .in_ready_o (room),
      .in_data_i  (in_desc_i),
      .out_valid_o(data_valid),
      .out_ready_i(data_pop),
      .out_data_o (data_o),
      .level_o    (unused_data_level)
  );
  assign issue_free   = !cmd_valid_q && beats_q == '0;
  assign cmd_valid_o  = cmd_valid_q;
  assign cmd_o        = cmd_q;
  assign data_valid_o = !cmd_valid_q && beats_q != '0;
  assign data_pop     = data_valid_o && data_ready_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      cmd_valid_q <= 1'b0;
      beats_q     <= '0;
    end else if (close) begin
      cmd_valid_q <= count_q != '0;
      beats_q     <= count_q;
    end else begin
      if (cmd_ready_i) cmd_valid_q <= 1'b0;
      if (data_pop) beats_q <= beats_q - 1'b1;
    end
  end
  always_ff @(posedge clk_i) begin
    if (close) begin
      cmd_q <= '{addr: base_i + {44'b0, first_q, 4'b0}, bytes: {16'(count_q) << 4}};
    end
  end

  // -------------------------------------------------------------- retire
  order_t order_in, order;
  logic order_valid, retire, failed_q;
  logic [InFlightBits-1:0] inflight_q, done_q;  // commands without B; with a good one but not retired
  logic [InFlightBits-1:0] unused_order_level;

  assign order_in = '{span: span, write: count_q != '0, cause: cause_q};
  nic_fifo #(
      .Width($bits(order_t)),
      .Depth(MaxInFlight)
  ) u_order (
      .clk_i,
      .rst_ni,
      .in_valid_i (close),
      .in_ready_o (order_ready),
      .in_data_i  (order_in),
      .out_valid_o(order_valid),
      .out_ready_i(retire),
      .out_data_o (order),
      .level_o    (unused_order_level)
  );
  logic [16:0] head_next;
  assign head_next = {1'b0, head_o} + 17'(order.span);
  assign retire    = order_valid && (!order.write || done_q != '0);
  assign err_o     = done_i && done_err_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      inflight_q <= '0;
      done_q     <= '0;
      failed_q   <= 1'b0;
    end else begin
      inflight_q <= inflight_q + InFlightBits'(close && count_q != '0) - InFlightBits'(done_i);
      done_q     <= done_q + InFlightBits'(done_i && !done_err_i && !failed_q) - InFlightBits'(retire && order.write);
      if (err_o) failed_q <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) head_o <= '0;
    else if (load_i) head_o <= load_value_i;
    else if (retire) head_o <= head_next >= {1'b0, count_i} ? '0 : head_next[15:0];
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      retired_o <= 1'b0;
      event_o   <= '0;
    end else begin
      retired_o <= retire;
      event_o   <= retire ? order.cause : '0;
    end
  end

  assign empty_o = !open_q && !order_valid && !retired_o;
  assign idle_o  = empty_o || (stop_i && inflight_q == '0 && !retire && !retired_o);

  // -------------------------------------------------------------- promises
  always_ff @(posedge clk_i) begin
    if (rst_ni && data_valid_o) begin
      a_data : assert (data_valid) else $error("nic_desc_wb: a command without its data");
    end
    if (rst_ni && done_i) begin
      a_done : assert (inflight_q != '0) else $error("nic_desc_wb: a response to no command");
    end
    if (rst_ni && accept) begin
      a_cause : assert (in_cause_i == '0 || in_write_i) else $error("nic_desc_wb: an event without a write-back");
    end
    if (rst_ni && load_i) begin
      a_load : assert (empty_o && !in_valid_i) else $error("nic_desc_wb: head set in mid flight");
    end
    if (rst_ni && (inflight_q != '0 || done_q != '0 || data_valid)) begin
      a_empty : assert (!empty_o) else $error("nic_desc_wb: empty while something is held");
    end
    if (rst_ni && count_q != '0) begin
      a_batch : assert (count_q <= batch_t'(MaxBatch)) else $error("nic_desc_wb: batch too long");
    end
  end
endmodule
