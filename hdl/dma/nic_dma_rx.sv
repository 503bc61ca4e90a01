// SPDX-License-Identifier: MIT
// The receive queue: frames from the packet buffer into the ring's buffers, descriptors back.
//
// A frame takes as many descriptors as `buf_bytes_i` demands: one write command per descriptor, up to `MaxPayload` of
// them without B, over frames. A descriptor goes to the write-back only after the B of its payload; EOP, errors and PIF
// are in the frame's last one. A frame that finds no descriptor waits in the buffer and is counted once (`rnbc_o`).
// An error of any of the queue's accesses stops it until reset: nothing more is started, nothing more is retired.
// Disabled, it finishes what it has begun; the rest of a frame waits. `load_i` (RDH written, queue disabled) is kept
// until nothing is in flight or waits for its write-back (so for the end of `stop_i`; if the queue has failed, until
// reset); it drops the rest of a frame that was half delivered, whole frames stay.
module nic_dma_rx
  import nic_dma_pkg::*;
#(
    parameter int unsigned MaxPayload = 24
) (
    input  logic                 clk_i,
    input  logic                 rst_ni,
    input  logic                 stop_i,
    input  nic_pkg::ring_cfg_t   ring_i,
    /// Bytes per descriptor, a multiple of 16; and the minimum threshold, 1/2, 1/4, 1/8 of the ring.
    input  logic [14:0]          buf_bytes_i,
    input  logic [1:0]           rdmts_i,
    /// Frames up to this length raise SRPD; 0: none.
    input  logic [11:0]          small_bytes_i,
    /// Share of the packet memory, KiB (see nic_rx_buf).
    input  logic [5:0]           buf_kb_i,
    input  logic                 load_i,
    input  logic [15:0]          load_value_i,
    output logic [15:0]          head_o,
    /// Frames from the front end (see nic_rx_buf).
    input  logic                 valid_i,
    input  nic_pkg::frame_beat_t beat_i,
    input  nic_pkg::rx_verdict_t verdict_i,
    /// Read client: descriptors.
    output logic                 desc_cmd_valid_o,
    input  logic                 desc_cmd_ready_i,
    output nic_pkg::rd_cmd_t     desc_cmd_o,
    input  logic                 desc_beat_valid_i,
    input  nic_pkg::rd_beat_t    desc_beat_i,
    /// Write client: payload.
    output logic                 cmd_valid_o,
    input  logic                 cmd_ready_i,
    output nic_pkg::wr_cmd_t     cmd_o,
    output logic                 data_valid_o,
    input  logic                 data_ready_i,
    output logic [127:0]         data_o,
    input  logic                 done_i,
    input  logic                 done_err_i,
    /// Write client: write-back.
    output logic                 wb_cmd_valid_o,
    input  logic                 wb_cmd_ready_i,
    output nic_pkg::wr_cmd_t     wb_cmd_o,
    output logic                 wb_data_valid_o,
    input  logic                 wb_data_ready_i,
    output logic [127:0]         wb_data_o,
    input  logic                 wb_done_i,
    input  logic                 wb_done_err_i,
    /// Pulses, and the statistics of each frame.
    output logic                 rxt0_o,
    output logic                 srpd_o,
    output logic                 rxdmt0_o,
    output logic                 rxo_o,
    output logic                 rnbc_o,
    /// Packet memory in use, bytes.
    output logic [15:0]          level_o,
    output nic_pkg::rx_stat_t    stat_o,
    /// Nothing will change by itself.
    output logic                 idle_o
);
  localparam int unsigned PendingDepth = 64;
  localparam int unsigned PendingBits  = $clog2(PendingDepth + 1);
  typedef logic [PendingBits-1:0] pending_t;

  // A descriptor whose payload has been sent for.
  typedef struct packed {
    logic [14:0] length;
    logic        eop;
    rx_errors_t  errors;
    logic        pif;
    logic        srpd;
    logic [63:0] addr;
  } pending_desc_t;

  logic failed_q, failed, halt;
  logic load_q, asked_q;  // apply it; it is asked for
  logic [15:0] value_q;
  logic fetch_err, wb_err, wb_empty, wb_idle, fetch_quiet, fetch_idle, buf_idle;
  assign halt = stop_i || failed_q;

  // -------------------------------------------------------------- descriptors ahead, frames waiting
  logic desc_valid, step, none_free;
  logic [127:0] desc;
  nic_desc_fetch u_fetch (
      .clk_i,
      .rst_ni,
      .ring_i,
      .stop_i      (halt || asked_q),
      .load_i      (load_q),
      .load_value_i(value_q),
      .cmd_valid_o (desc_cmd_valid_o),
      .cmd_ready_i (desc_cmd_ready_i),
      .cmd_o       (desc_cmd_o),
      .beat_valid_i(desc_beat_valid_i),
      .beat_i      (desc_beat_i),
      .desc_valid_o(desc_valid),
      .desc_ready_i(step),
      .desc_o      (desc),
      .none_free_o (none_free),
      .err_o       (fetch_err),
      .quiet_o     (fetch_quiet),
      .idle_o      (fetch_idle)
  );

  logic frame_valid, frame_pop, data_valid, data_pop, stored;
  rx_frame_t frame;
  nic_rx_buf u_buf (
      .clk_i,
      .rst_ni,
      .buf_kb_i,
      .valid_i,
      .beat_i,
      .verdict_i,
      .tag_i        (none_free),
      .srpd_i       (verdict_i.stat.bytes <= 16'(small_bytes_i)),
      .stored_o     (stored),
      .level_o,
      .frame_valid_o(frame_valid),
      .frame_ready_i(frame_pop),
      .frame_o      (frame),
      .data_valid_o (data_valid),
      .data_ready_i (data_pop),
      .data_o,
      .stat_o,
      .overrun_o    (rxo_o),
      .idle_o       (buf_idle)
  );

  // -------------------------------------------------------------- one step: the frame's next bytes into one descriptor
  logic mid_q;  // part of the frame has been sent for
  logic [14:0] rest_q, rest, length;
  logic eop, pending_ready, cmd_valid_q;
  nic_pkg::wr_cmd_t cmd_q;
  logic [10:0] drop_q;  // beats of a frame whose rest nobody wants
  logic [4:0] payload_q;  // commands without B
  pending_desc_t pending_in;

  assign rest      = mid_q ? rest_q : frame.bytes;
  assign eop       = rest <= buf_bytes_i;
  assign length    = eop ? rest : buf_bytes_i;
  assign step      = frame_valid && desc_valid && pending_ready && payload_q < 5'(MaxPayload) && !cmd_valid_q && !halt
      && !asked_q && drop_q == '0;
  // A frame whose rest nobody wants leaves with the head's new value.
  assign frame_pop = step ? eop : load_q && mid_q;

  always_comb begin
    pending_in            = '0;
    pending_in.addr       = desc[63:0];
    pending_in.length     = length;
    pending_in.eop        = eop;
    pending_in.errors.ce  = eop && frame.crc_err;
    pending_in.errors.se  = eop && frame.symbol_err;
    pending_in.errors.rxe = eop && frame.len_err;
    pending_in.pif        = eop && frame.pif;
    pending_in.srpd       = eop && frame.srpd;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      mid_q       <= 1'b0;
      cmd_valid_q <= 1'b0;
      payload_q   <= '0;
    end else begin
      if (step) mid_q <= !eop;
      else if (load_q) mid_q <= 1'b0;
      if (step) cmd_valid_q <= 1'b1;
      else if (cmd_ready_i) cmd_valid_q <= 1'b0;
      payload_q <= payload_q + 5'(step) - 5'(done_i);
    end
  end
  always_ff @(posedge clk_i) begin
    if (step) begin
      rest_q <= rest - length;
      cmd_q  <= '{addr: desc[63:0], bytes: 16'(length)};
    end
  end
  assign cmd_valid_o = cmd_valid_q;
  assign cmd_o       = cmd_q;

  // -------------------------------------------------------------- its beats: those of commands taken, or those to drop
  logic [15:0] owed_q;  // beats the write engine may still take
  logic cmd_take;
  assign cmd_take     = cmd_valid_q && cmd_ready_i;
  assign data_valid_o = data_valid && owed_q != '0;
  assign data_pop     = (data_valid_o && data_ready_i) || (data_valid && drop_q != '0);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      owed_q <= '0;
      drop_q <= '0;
    end else begin
      owed_q <= owed_q + (cmd_take ? 16'(beats_of(cmd_q.bytes[14:0])) : '0) - 16'(data_valid_o && data_ready_i);
      if (load_q && mid_q) drop_q <= beats_of(rest_q);
      else if (data_valid && drop_q != '0) drop_q <= drop_q - 1'b1;
    end
  end

  // -------------------------------------------------------------- payload arrived: descriptor to the write-back
  pending_desc_t pending;
  logic pending_valid, wb_valid, wb_ready, wb_retired;
  pending_t done_q, pending_level;  // done_q: payload arrived, descriptor not handed on
  logic last_q;  // nothing is known to follow what the write-back holds
  rx_desc_t wb_desc;

  nic_fifo #(
      .Width($bits(pending_desc_t)),
      .Depth(PendingDepth)
  ) u_pending (
      .clk_i,
      .rst_ni,
      .in_valid_i (step),
      .in_ready_o (pending_ready),
      .in_data_i  (pending_in),
      .out_valid_o(pending_valid),
      .out_ready_i(wb_valid && wb_ready),
      .out_data_o (pending),
      .level_o    (pending_level)
  );
  assign failed   = fetch_err || wb_err || (done_i && done_err_i);
  assign wb_valid = done_q != '0 && !failed_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      done_q   <= '0;
      failed_q <= 1'b0;
    end else begin
      done_q <= done_q + pending_t'(done_i) - pending_t'(wb_valid && wb_ready);
      if (failed) failed_q <= 1'b1;
    end
  end
  always_ff @(posedge clk_i) last_q <= pending_level == '0 && !(frame_valid && desc_valid);

  always_comb begin
    wb_desc             = '0;
    wb_desc.addr        = pending.addr;
    wb_desc.length      = {1'b0, pending.length};
    wb_desc.errors      = pending.errors;
    wb_desc.status.dd   = 1'b1;
    wb_desc.status.eop  = pending.eop;
    wb_desc.status.ixsm = 1'b1;
    wb_desc.status.pif  = pending.pif;
  end

  nic_desc_wb u_wb (
      .clk_i,
      .rst_ni,
      .base_i      (ring_i.base),
      .count_i     (ring_i.count),
      .stop_i      (halt),
      .hurry_i     (last_q),
      .load_i      (load_q),
      .load_value_i(value_q),
      .in_valid_i  (wb_valid),
      .in_ready_o  (wb_ready),
      .in_desc_i   (wb_desc),
      .in_write_i  (1'b1),
      .in_cause_i  ({pending.srpd, pending.eop}),
      .cmd_valid_o (wb_cmd_valid_o),
      .cmd_ready_i (wb_cmd_ready_i),
      .cmd_o       (wb_cmd_o),
      .data_valid_o(wb_data_valid_o),
      .data_ready_i(wb_data_ready_i),
      .data_o      (wb_data_o),
      .done_i      (wb_done_i),
      .done_err_i  (wb_done_err_i),
      .head_o,
      .retired_o   (wb_retired),
      .event_o     ({srpd_o, rxt0_o}),
      .err_o       (wb_err),
      .empty_o     (wb_empty),
      .idle_o      (wb_idle)
  );

  // -------------------------------------------------------------- head written by software
  logic none_pending, may_load;
  assign none_pending = pending_level == '0;
  // Descriptors that a stop keeps from being written back have their place by the old head. Of a queue that has failed
  // nothing can be used again before the reset, which sets the head, too. As nothing is taken any more, this stays so.
  assign may_load = asked_q && payload_q == '0 && fetch_quiet && none_pending && wb_empty && !failed_q && drop_q == '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) asked_q <= 1'b0;
    else if (load_i) asked_q <= 1'b1;
    else if (load_q) asked_q <= 1'b0;
    load_q <= rst_ni && may_load && !load_q;
  end
  always_ff @(posedge clk_i) begin
    if (load_i) value_q <= load_value_i;
  end

  // -------------------------------------------------------------- no descriptor free, few descriptors free
  logic counted_q;  // the first frame has been counted
  logic count_stored, count_first;
  assign count_stored = stored && none_free;
  assign count_first  = frame_valid && none_free && !frame.tag && !counted_q && !count_stored;

  logic ring_ok, low, above_q;
  logic [15:0] free;
  assign ring_ok = ring_i.en && ring_i.tail < ring_i.count && head_o < ring_i.count;
  assign free    = ring_i.tail - head_o + (ring_i.tail < head_o ? ring_i.count : '0);
  assign low     = free <= (ring_i.count >> 1) >> rdmts_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      counted_q <= 1'b0;
      above_q   <= 1'b0;
      rnbc_o    <= 1'b0;
      rxdmt0_o  <= 1'b0;
    end else begin
      if (frame_pop) counted_q <= 1'b0;
      else if (count_first) counted_q <= 1'b1;
      rnbc_o   <= count_stored || count_first;
      above_q  <= ring_ok && !low;
      rxdmt0_o <= ring_ok && low && above_q && wb_retired;
    end
  end

  assign idle_o = buf_idle && payload_q == '0 && fetch_idle && wb_idle && (failed_q || none_pending) && !load_q
      && !may_load && drop_q == '0 && !(frame_valid && desc_valid && !halt) && !count_first
      && !rxt0_o && !srpd_o && !rxdmt0_o && !rnbc_o;

  // -------------------------------------------------------------- promises
  logic unused_desc;
  assign unused_desc = &{1'b0, desc[127:64]};
  always_ff @(posedge clk_i) begin
    if (rst_ni && step) begin
      a_buffer : assert (buf_bytes_i != '0 && buf_bytes_i[3:0] == '0)
        else $error("nic_dma_rx: a buffer size that is not a multiple of 16");
    end
    if (rst_ni && done_i) begin
      a_done : assert (payload_q != '0) else $error("nic_dma_rx: a response to no payload");
    end
    if (rst_ni && done_q != '0) begin
      a_order : assert (pending_valid) else $error("nic_dma_rx: payload of no descriptor");
    end
    if (rst_ni && owed_q != '0) begin
      a_owed : assert (drop_q == '0) else $error("nic_dma_rx: beats both owed and dropped");
      a_load : assert (!load_q) else $error("nic_dma_rx: head set before the payload left");
    end
  end
endmodule
