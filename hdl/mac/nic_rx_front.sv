// SPDX-License-Identifier: MIT
// Receive front end: decides what becomes of each frame from its address, length and FCS (82574L datasheet 7.1, 10.2.7).
//
// Beats in from nic_mac and out to the packet buffer, no back-pressure on either side; `verdict_o` is valid with the last
// beat. Every frame that was received with RCTL.EN set comes out, wanted or not, with exactly one outcome in its
// statistics record; others leave no trace. As in the datasheet, only frames that pass the address filter count as
// errors or are stored under RCTL.SBP; all others are `filtered`. RCTL.SECRC takes the FCS off the end.
// With CTRL.RFCE, good MAC control frames to the flow control address or to an exact one are the MAC's business: they count
// as `filtered`, pause frames come out at `pause_*_o` too, and RCTL.DPF and PMCF say which the queue gets all the same.
// Frames beyond StoreBytesMax (never legal) are cut: the middle is left out, the last beat is there.
// Latency: 4 cycles, or one more than until the next beat of the frame has come (a beat is held: the strip may make it the last one).
// Left out: VLAN filter and stripping, length check against the type field.
module nic_rx_front
  import nic_pkg::*;
(
    input  logic               clk_i,
    input  logic               rst_ni,
    input  rx_cfg_t            cfg_i,
    input  flow_cfg_t          flow_cfg_i,
    input  mac_filter_t [15:0] filter_i,
    output logic               mta_en_o,
    output logic        [11:0] mta_index_o,
    input  logic               mta_bit_i,

    input  logic           valid_i,
    input  frame_beat_t    beat_i,
    input  rx_mac_status_t status_i,

    output logic        valid_o,
    output frame_beat_t beat_o,
    output rx_verdict_t verdict_o,
    /// A pause frame, or another MAC control frame, has come: one cycle, with the verdict.
    output logic        pause_valid_o,
    output logic [15:0] pause_quanta_o,
    output logic        unsupported_o,
    output logic        busy_o
);
  localparam int unsigned StoreBytesMax = 16368;  // what a DMA command can carry, in whole beats
  localparam logic [9:0] LastButOne = 10'(StoreBytesMax / BeatBytes - 2);
  localparam logic [4:0] FcsBytes = 5'd4;
  localparam logic [15:0] AddressBytes = 16'd6;

  // -------------------------------------------------------------- stage a: the beat as it came
  logic a_valid_q, a_first_q, a_inside_q, a_en_q, a_en;
  frame_beat_t a_beat_q;
  rx_mac_status_t a_status_q;

  assign a_en = a_inside_q ? a_en_q : cfg_i.en;  // a frame that began before RCTL.EN is none

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      a_valid_q  <= 1'b0;
      a_inside_q <= 1'b0;
    end else begin
      a_valid_q <= valid_i && a_en;
      if (valid_i) a_inside_q <= !beat_i.last;
    end
  end
  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      a_en_q     <= a_en;
      a_first_q  <= !a_inside_q;
      a_beat_q   <= beat_i;
      a_status_q <= status_i;
    end
  end

  // -------------------------------------------------------------- between a and h: what of the beat is kept
  logic strip, strip_all, skip, h_load, h_cut_q;
  logic [9:0] h_index_q;  // of the beat in its frame

  // Strip when there is more than an FCS. If the whole beat is FCS it goes, and the beat before it is the last.
  assign strip     = a_beat_q.last && cfg_i.secrc && (a_first_q ? a_beat_q.bytes > FcsBytes : !h_cut_q);
  assign strip_all = a_valid_q && strip && a_beat_q.bytes <= FcsBytes;
  assign skip      = a_valid_q && !a_beat_q.last && !a_first_q && h_index_q >= LastButOne;
  assign h_load    = a_valid_q && !strip_all && !skip;

  // -------------------------------------------------------------- stage h: one beat held back; the filter's answer
  typedef struct packed {
    logic wanted;
    logic pif;
    logic multicast;
    logic broadcast;
  } address_t;

  logic h_valid_q, h_fresh_q, h_stripped_q, h_out;
  frame_beat_t h_beat_q;
  rx_mac_status_t h_status_q;
  address_t answer, address, address_q;

  nic_rx_filter u_filter (
      .clk_i,
      .upe_i        (cfg_i.upe),
      .mpe_i        (cfg_i.mpe),
      .bam_i        (cfg_i.bam),
      .mo_i         (cfg_i.mo),
      .filter_i,
      .mta_en_o,
      .mta_index_o,
      .mta_bit_i,
      .valid_i      (a_valid_q && a_first_q),
      .destination_i(a_beat_q.data[47:0]),
      .wanted_o     (answer.wanted),
      .pif_o        (answer.pif),
      .multicast_o  (answer.multicast),
      .broadcast_o  (answer.broadcast)
  );

  assign h_out   = h_valid_q && (h_beat_q.last || h_load || strip_all);
  assign address = h_fresh_q ? answer : address_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      h_valid_q <= 1'b0;
      h_fresh_q <= 1'b0;
    end else begin
      h_valid_q <= h_load || (h_valid_q && !h_out);
      h_fresh_q <= a_valid_q && a_first_q;
    end
  end
  always_ff @(posedge clk_i) begin
    if (h_fresh_q) address_q <= answer;
    if (skip) h_cut_q <= 1'b1;
    if (h_load) begin
      if (a_first_q) h_cut_q <= 1'b0;
      h_index_q      <= a_first_q ? '0 : h_index_q + 10'd1;
      h_beat_q.data  <= a_beat_q.data;
      h_beat_q.last  <= a_beat_q.last;
      h_beat_q.bytes <= strip ? a_beat_q.bytes - FcsBytes : a_beat_q.bytes;
      h_stripped_q   <= strip;
      h_status_q     <= a_status_q;
    end
  end

  // -------------------------------------------------------------- MAC control
  logic control, addressed, pause;
  logic [15:0] quanta;

  nic_rx_control u_control (
      .clk_i,
      .cfg_i      (flow_cfg_i),
      .valid_i    (a_valid_q),
      .first_i    (a_first_q),
      .data_i     (a_beat_q.data),
      .control_o  (control),
      .addressed_o(addressed),
      .pause_o    (pause),
      .quanta_o   (quanta)
  );

  // -------------------------------------------------------------- what goes out, and what the verdict is on
  frame_beat_t out_beat;
  rx_mac_status_t status;
  logic [15:0] kept_bytes;

  assign status = strip_all ? a_status_q : h_status_q;

  always_comb begin
    out_beat = h_beat_q;
    if (strip_all) begin
      out_beat.last  = 1'b1;
      out_beat.bytes = 5'(BeatBytes) - FcsBytes + a_beat_q.bytes;
    end else if (h_cut_q) begin
      out_beat.bytes = 5'(BeatBytes);
    end

    kept_bytes = status.bytes;
    if (h_cut_q) kept_bytes = 16'(StoreBytesMax);
    else if (strip_all || h_stripped_q) kept_bytes = status.bytes - 16'(FcsBytes);
  end

  // -------------------------------------------------------------- stage v: all of it known
  logic v_valid_q, v_control_q, v_addressed_q, v_pause_q;
  frame_beat_t v_beat_q;
  rx_mac_status_t v_status_q;
  address_t v_address_q;
  logic [15:0] v_kept_q, v_quanta_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) v_valid_q <= 1'b0;
    else v_valid_q <= h_out;
  end
  always_ff @(posedge clk_i) begin
    if (h_out) begin
      v_beat_q      <= out_beat;
      v_status_q    <= status;
      v_kept_q      <= kept_bytes;
      v_address_q   <= address;
      v_control_q   <= control;
      v_addressed_q <= addressed;
      v_pause_q     <= pause;
      v_quanta_q    <= quanta;
    end
  end

  // -------------------------------------------------------------- verdict
  logic [15:0] longest;
  assign longest = cfg_i.lpe ? 16'(MaxJumboBytes) : 16'(MaxFrameBytes);

  function automatic rx_verdict_t judge(
      rx_mac_status_t mac, address_t match, logic [15:0] kept, logic sbp, logic [15:0] limit);
    rx_verdict_t verdict;
    logic wanted, too_short, too_long, bad;
    wanted    = match.wanted && mac.bytes >= AddressBytes;
    too_short = mac.bytes < 16'(MinFrameBytes);
    too_long  = mac.bytes > limit;
    bad       = mac.crc_err || mac.symbol_err;

    verdict.accept         = wanted && (sbp || !(bad || too_short || too_long));
    verdict.crc_err        = mac.crc_err;
    verdict.symbol_err     = mac.symbol_err;
    verdict.len_err        = too_short || too_long;
    verdict.pif            = match.pif;
    verdict.bytes          = kept;

    verdict.stat           = '0;
    verdict.stat.valid     = 1'b1;
    verdict.stat.bytes     = mac.bytes;
    verdict.stat.multicast = match.multicast && !match.broadcast;
    verdict.stat.broadcast = match.broadcast;
    if (!wanted) verdict.stat.filtered = 1'b1;
    else if (too_short) begin
      verdict.stat.fragment  = bad;
      verdict.stat.undersize = !bad;
    end else if (too_long) begin
      verdict.stat.jabber   = bad;
      verdict.stat.oversize = !bad;
    end else begin
      verdict.stat.sym_err = mac.symbol_err;
      verdict.stat.crc_err = mac.crc_err && !mac.symbol_err;
      verdict.stat.good    = !bad;
    end
    return verdict;
  endfunction

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_o <= 1'b0;
    else valid_o <= v_valid_q;
  end
  // A frame of MAC control that is good is ours, whoever else wants it.
  rx_verdict_t judged;
  logic sound, ours, ends;
  assign ends  = v_valid_q && v_beat_q.last;
  assign sound = !(v_status_q.crc_err || v_status_q.symbol_err)
      && v_status_q.bytes >= 16'(MinFrameBytes) && v_status_q.bytes <= longest;
  assign ours  = v_control_q && sound
      && (v_addressed_q || (v_address_q.wanted && !v_address_q.pif && !v_address_q.multicast));

  always_comb begin
    judged = judge(v_status_q, v_address_q, v_kept_q, cfg_i.sbp, longest);
    if (ours) begin
      judged.accept        = v_address_q.wanted && (v_pause_q ? !flow_cfg_i.discard : flow_cfg_i.pass);
      judged.stat.good     = 1'b0;
      judged.stat.filtered = 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (v_valid_q) beat_o <= v_beat_q;
    if (ends) begin
      verdict_o      <= judged;
      pause_quanta_o <= v_quanta_q;
    end else begin
      verdict_o.stat.valid <= 1'b0;
    end
    pause_valid_o <= rst_ni && ends && ours && v_pause_q;
    unsupported_o <= rst_ni && ends && ours && !v_pause_q;
  end

  assign busy_o = valid_i || a_inside_q || a_valid_q || h_valid_q || v_valid_q || valid_o;

  logic unused_cfg;  // the queue's concern
  assign unused_cfg = ^{cfg_i.rdmts, cfg_i.small_bytes, cfg_i.buf_kb, cfg_i.buf_bytes, flow_cfg_i};

  // -------------------------------------------------------------- promises
  always_ff @(posedge clk_i) begin
    if (rst_ni && valid_i) begin
      a_whole_beats : assert (beat_i.last ? beat_i.bytes inside {[5'd1 : 5'd16]} : beat_i.bytes == 5'd16)
      else $error("nic_rx_front: a beat with a hole");
    end
    if (rst_ni && verdict_o.stat.valid) begin
      a_one_outcome : assert ($onehot({verdict_o.stat.good, verdict_o.stat.filtered, verdict_o.stat.crc_err,
          verdict_o.stat.sym_err, verdict_o.stat.undersize, verdict_o.stat.fragment, verdict_o.stat.oversize,
          verdict_o.stat.jabber}))
      else $error("nic_rx_front: a frame with not exactly one outcome");
    end
  end
endmodule
