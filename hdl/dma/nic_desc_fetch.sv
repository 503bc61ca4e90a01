// SPDX-License-Identifier: MIT
// Reads the descriptors of one ring ahead of their use.
//
// Up to `Depth` descriptors are held, read in bursts of up to `MaxBurst`, never beyond the tail, never across the end of
// the ring, and only when there is room for all of the burst. A short burst waits while `EnoughHeld` descriptors are on
// hand, so that a ring in full swing is read in full bursts. A descriptor is handed out when its whole burst has come
// without error: a burst that failed hands out nothing.
// While the ring is disabled nothing is held; what was asked for is thrown away when it comes. Enabled again, reading
// resumes behind the last descriptor that was handed out. `load_i` moves that place.
// `stop_i`: present no further command. A ring whose tail or next descriptor lies outside of it counts as empty.
// Latency: a tail write is a command in the fourth cycle after; a burst's last beat is a descriptor in the third.
// Rate: a burst in four cycles.
module nic_desc_fetch #(
    parameter int unsigned Depth      = 64,
    parameter int unsigned MaxBurst   = 16,
    parameter int unsigned EnoughHeld = 32
) (
    input  logic                 clk_i,
    input  logic                 rst_ni,
    input  nic_pkg::ring_cfg_t   ring_i,
    input  logic                 stop_i,
    /// Index of the next descriptor to use; only while stopped, and nothing handed out is in use.
    input  logic                 load_i,
    input  logic [15:0]          load_value_i,
    /// To and from the read engine.
    output logic                 cmd_valid_o,
    input  logic                 cmd_ready_i,
    output nic_pkg::rd_cmd_t     cmd_o,
    input  logic                 beat_valid_i,
    input  nic_pkg::rd_beat_t    beat_i,
    /// Descriptors in ring order; withdrawn when the ring is disabled.
    output logic                 desc_valid_o,
    input  logic                 desc_ready_i,
    output logic [127:0]         desc_o,
    /// Enabled, and every descriptor up to the tail has been handed out: so a cycle ago.
    output logic                 none_free_o,
    /// A read failed (pulse).
    output logic                 err_o,
    /// No descriptor is on its way; and none will be asked for by itself.
    output logic                 quiet_o,
    output logic                 idle_o
);
  localparam int unsigned CountBits = $clog2(Depth + 1);
  typedef logic [CountBits-1:0] count_t;

  if (MaxBurst < 1 || EnoughHeld + MaxBurst > Depth) begin : g_bad_depth
    $fatal(1, "nic_desc_fetch: EnoughHeld + MaxBurst must fit in Depth");
  end

  function automatic logic [15:0] advance(logic [15:0] index, logic [15:0] by, logic [15:0] count);
    logic [16:0] sum;
    sum = {1'b0, index} + {1'b0, by};
    return sum >= {1'b0, count} ? '0 : sum[15:0];
  endfunction

  logic [15:0] next_q, used_q;     // to be asked for next; to be handed out next
  count_t inflight_q;              // asked for, not here yet
  count_t level, released_q;       // in the FIFO; of these, from bursts that came whole
  count_t burst_q;                 // beats of the present burst that came
  logic discard_q;                 // what is in flight belongs to nobody
  logic cmd_valid_q;
  nic_pkg::rd_cmd_t cmd_q;
  logic flush;

  assign flush = !ring_i.en || load_i;

  // -------------------------------------------------------------- what to ask for
  // In three steps of a cycle each: how many there are in a row, how many of them make a burst, whether there is room.
  // The tail only goes forward, and what is held only shrinks without `go`, so that what a step knows may be old.
  logic usable, wrapped, wrapped_q, ends_q;  // ends_q: the burst goes as far as it can, to the ring's end
  logic [15:0] contiguous, contiguous_q;
  count_t want, want_q, held, held_q;
  logic go;

  assign usable     = ring_i.en && ring_i.tail < ring_i.count && next_q < ring_i.count;
  assign wrapped    = ring_i.tail < next_q;
  assign contiguous = !usable ? '0 : (wrapped ? ring_i.count : ring_i.tail) - next_q;
  assign want       = contiguous_q > 16'(MaxBurst) ? count_t'(MaxBurst) : count_t'(contiguous_q);
  assign held       = level + inflight_q;
  assign go = want_q != '0 && held_q + want_q <= count_t'(Depth)
      && (want_q == count_t'(MaxBurst) || ends_q || held_q < count_t'(EnoughHeld))
      && !cmd_valid_q && !discard_q && !stop_i && ring_i.en;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || go || flush) begin
      contiguous_q <= '0;
      want_q       <= '0;
    end else begin
      contiguous_q <= contiguous;
      want_q       <= want;
    end
  end
  always_ff @(posedge clk_i) begin
    wrapped_q <= wrapped;
    ends_q    <= wrapped_q;
    held_q    <= held;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) cmd_valid_q <= 1'b0;
    else if (go) cmd_valid_q <= 1'b1;
    else if (cmd_ready_i) cmd_valid_q <= 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (go) cmd_q <= '{addr: ring_i.base + {44'b0, next_q, 4'b0}, bytes: {16'(want_q) << 4}, lane: '0};
  end
  assign cmd_valid_o = cmd_valid_q;
  assign cmd_o       = cmd_q;

  // -------------------------------------------------------------- what comes
  logic push, pop, fifo_ready, fifo_valid;
  assign push  = beat_valid_i && !flush && !discard_q;
  assign pop   = desc_valid_o && desc_ready_i;
  assign err_o = beat_valid_i && beat_i.last && beat_i.err;

  nic_fifo #(
      .Width(128),
      .Depth(Depth)
  ) u_fifo (
      .clk_i,
      .rst_ni     (rst_ni && !flush),
      .in_valid_i (push),
      .in_ready_o (fifo_ready),
      .in_data_i  (beat_i.data),
      .out_valid_o(fifo_valid),
      .out_ready_i(pop),
      .out_data_o (desc_o),
      .level_o    (level)
  );
  assign desc_valid_o = ring_i.en && fifo_valid && released_q != '0;

  count_t arrived;  // descriptors that the last beat of a burst releases
  assign arrived = push && beat_i.last && !beat_i.err ? burst_q + 1'b1 : '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      inflight_q <= '0;
      discard_q  <= 1'b0;
      burst_q    <= '0;
      released_q <= '0;
    end else begin
      inflight_q <= inflight_q + (go ? want_q : '0) - count_t'(beat_valid_i);
      discard_q  <= inflight_q != '0 && (flush || discard_q);
      if (beat_valid_i) burst_q <= beat_i.last ? '0 : burst_q + 1'b1;
      released_q <= flush ? '0 : released_q + arrived - count_t'(pop);
    end
  end

  // -------------------------------------------------------------- where we are
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      next_q <= '0;
      used_q <= '0;
    end else if (load_i) begin
      next_q <= load_value_i;
      used_q <= load_value_i;
    end else if (!ring_i.en) begin
      next_q <= used_q;
    end else begin
      if (go) next_q <= advance(next_q, 16'(want_q), ring_i.count);
      if (pop) used_q <= advance(used_q, 16'd1, ring_i.count);
    end
  end

  logic none_free;
  assign none_free = ring_i.en && held == '0 && contiguous == '0;
  always_ff @(posedge clk_i) none_free_o <= rst_ni && none_free;

  assign quiet_o = inflight_q == '0 && !discard_q && (released_q == '0 || fifo_valid);
  // What is known is up to date, and no reason to ask.
  assign idle_o  = quiet_o && !go && contiguous == contiguous_q && want == want_q && (held == held_q || !ring_i.en)
      && none_free == none_free_o;

  // -------------------------------------------------------------- promises
  logic unused_beat;
  logic [31:0] ring_q, known_q;  // length and tail that `want_q` rests on
  always_ff @(posedge clk_i) {known_q, ring_q} <= {ring_q, ring_i.count, ring_i.tail};
  assign unused_beat = &{1'b0, beat_i.strb};
  always_ff @(posedge clk_i) begin
    if (rst_ni && beat_valid_i) begin
      a_room : assert (!push || fifo_ready) else $error("nic_desc_fetch: a descriptor came that there is no room for");
      a_asked : assert (inflight_q != '0) else $error("nic_desc_fetch: a beat nobody asked for");
      a_whole : assert (&beat_i.strb) else $error("nic_desc_fetch: part of a descriptor");
    end
    if (rst_ni && go) begin
      a_end : assert ({1'b0, next_q} + 17'(want_q) <= {1'b0, known_q[31:16]})
        else $error("nic_desc_fetch: a burst across the end of the ring");
      a_tail : assert (ends_q || next_q + 16'(want_q) <= known_q[15:0])
        else $error("nic_desc_fetch: a burst beyond the tail");
    end
    if (rst_ni && load_i) begin
      a_load : assert (stop_i) else $error("nic_desc_fetch: head set without a stop");
    end
    if (rst_ni && (held != '0 || released_q != '0)) begin
      a_held : assert (held <= count_t'(Depth)) else $error("nic_desc_fetch: more asked for than there is room");
      a_released : assert (released_q <= level) else $error("nic_desc_fetch: released what is not there");
    end
  end
endmodule
