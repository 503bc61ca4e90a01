// SPDX-License-Identifier: MIT
// Flow control by pause frames (IEEE 802.3 annex 31B): sits between the transmit queue and the MAC.
//
// Received: a pause frame (`pause_valid_i`, from nic_rx_front) keeps the next frame of the queue back for `pause_quanta_i`
// times 512 bit times of the 10G wire, 8 cycles; one of 0 (XON) lets it go. The frame under way is finished.
// Sent: while the receive buffer's level is at `high` or has not fallen to `low` since, XOFF frames, one at once and one each
// time half of the quanta they gave has passed; then XON, if `xon`. They go before any frame of the queue, paused or not. What a
// change of the configuration, a lost link (`en_i`) or `stop_i` interrupts is forgotten.
// The pause is found in `now_i` itself, so that leaps over idle time shorten it like any; whoever waits for it holds its own
// idle low. The next XOFF is a deadline. Latency: level to first beat 2 cycles, frames of the queue pass in the same cycle.
module nic_flow
  import nic_pkg::*;
(
    input  logic               clk_i,
    input  logic               rst_ni,
    input  flow_cfg_t          cfg_i,
    /// Receiver on, link there.
    input  logic               en_i,
    /// Begin no further frame.
    input  logic               stop_i,
    /// Source of the frames made here; [7:0] is the first byte on the wire.
    input  logic [47:0]        source_i,
    input  logic [63:0]        now_i,

    input  logic               pause_valid_i,
    input  logic [15:0]        pause_quanta_i,
    /// Receive buffer, bytes.
    input  logic [15:0]        level_i,

    /// From the queue.
    input  logic               in_valid_i,
    output logic               in_ready_o,
    input  frame_beat_t        in_beat_i,
    input  logic               in_fcs_i,
    /// To the MAC.
    output logic               out_valid_o,
    input  logic               out_ready_i,
    output frame_beat_t        out_beat_o,
    output logic               out_fcs_o,

    /// The queue is kept back.
    output logic               paused_o,
    /// Sent, one cycle each.
    output logic               xon_o,
    output logic               xoff_o,
    /// A frame made here is on its way to the MAC; while stopped none begins.
    output logic               sending_o,
    /// The next XOFF.
    output logic               deadline_valid_o,
    output logic [63:0]        deadline_o,
    input  logic               expired_i,
    output logic               idle_o
);
  localparam logic [1:0] LastBeat = 2'd3;
  localparam logic [4:0] LastBytes = 5'd12;  // 60 in all, before the FCS

  // -------------------------------------------------------------- received: how long the queue is kept back
  logic paused_q;
  logic [63:0] until_q;
  assign paused_o = paused_q && now_i < until_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || !cfg_i.rx_en || !en_i) paused_q <= 1'b0;
    else if (pause_valid_i) paused_q <= pause_quanta_i != '0;
    else paused_q <= paused_o;
  end
  always_ff @(posedge clk_i) begin
    if (pause_valid_i) until_q <= now_i + {45'd0, pause_quanta_i, 3'd0};
  end

  // -------------------------------------------------------------- sent: what the level asks for
  logic begins;  // a frame made here
  logic active, high, low, over_q, wanted_q, refresh_q, due;
  logic [15:0] quanta, quanta_q;  // of the frame that is wanted; of the one under way
  logic [63:0] refresh_at_q;

  assign active = cfg_i.tx_en && en_i && !stop_i && cfg_i.high != '0;
  assign high   = level_i >= cfg_i.high;
  assign low    = level_i <= cfg_i.low && !high;
  assign due    = refresh_q && expired_i;
  assign quanta = over_q ? cfg_i.quanta : '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || !active) begin
      over_q    <= 1'b0;
      wanted_q  <= 1'b0;
      refresh_q <= 1'b0;
    end else begin
      if (begins) wanted_q <= 1'b0;
      if (begins || due) refresh_q <= begins && over_q && cfg_i.quanta != '0;
      if (due && over_q) wanted_q <= 1'b1;
      if (high && !over_q) begin
        over_q   <= 1'b1;
        wanted_q <= 1'b1;
      end else if (low && over_q) begin
        over_q    <= 1'b0;
        refresh_q <= 1'b0;
        wanted_q  <= cfg_i.xon;
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (begins) refresh_at_q <= now_i + {46'd0, cfg_i.quanta, 2'd0};
  end
  assign deadline_valid_o = refresh_q;
  assign deadline_o       = refresh_at_q;

  // -------------------------------------------------------------- frames: of the queue, or made here
  logic inside_q, own_q, own, take, done;  // between a first and a last beat; of a frame made here
  logic [1:0] beat_q;
  frame_beat_t pause_beat;

  assign own    = inside_q ? own_q : wanted_q && !stop_i;
  assign take   = out_valid_o && out_ready_i;
  assign begins = take && own && !inside_q;
  assign done   = take && own && out_beat_o.last;

  function automatic logic [15:0] swap(logic [15:0] number);  // the high byte goes first
    return {number[7:0], number[15:8]};
  endfunction

  always_comb begin
    pause_beat = '{last: beat_q == LastBeat, bytes: beat_q == LastBeat ? LastBytes : 5'd16, data: '0};
    if (beat_q == 2'd0) begin
      pause_beat.data[95:0]   = {source_i, cfg_i.addr};
      pause_beat.data[127:96] = {swap(PauseOpcode), swap(cfg_i.ethertype)};
    end else if (beat_q == 2'd1) begin
      pause_beat.data[15:0] = swap(quanta_q);
    end
  end

  assign out_valid_o = own || (in_valid_i && (inside_q || !paused_o));
  assign out_beat_o  = own ? pause_beat : in_beat_i;
  assign out_fcs_o   = own || in_fcs_i;
  assign in_ready_o  = out_ready_i && !own && (inside_q || !paused_o);
  assign sending_o   = inside_q && own_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      inside_q <= 1'b0;
      beat_q   <= '0;
      xon_o    <= 1'b0;
      xoff_o   <= 1'b0;
    end else begin
      if (take) inside_q <= !out_beat_o.last;
      if (take && own) beat_q <= beat_q + 1'b1;
      xon_o  <= done && quanta_q == '0;
      xoff_o <= done && quanta_q != '0;
    end
  end
  always_ff @(posedge clk_i) begin
    if (take) own_q <= own;
    if (begins) quanta_q <= quanta;
  end

  logic unused;
  assign unused = ^{cfg_i.discard, cfg_i.pass};

  assign idle_o = !own && !xon_o && !xoff_o && !(active && ((high && !over_q) || (low && over_q)));
endmodule
