// SPDX-License-Identifier: MIT
// The transmit queue: legacy descriptors to payload reads, payload to frames in the packet buffer, descriptors back.
//
// Descriptors are taken in ring order; each that has bytes becomes one read, as soon as the packet buffer has room for
// them: the reads of many descriptors are in flight. When its bytes are there (or at once if it has none) a descriptor
// goes to the write-back, with RS to be written with DD, and with EOP its frame is sent. Descriptors with DEXT=1 are
// retired without effect. A frame longer than `MaxFrameBytes` or than the share of the packet memory is dropped: its
// descriptors retire, what exceeds the limit is not read. A new share (`buf_kb_i`; more than there is counts as all there
// is) takes effect as soon as the packet buffer is empty.
// An error of any of the queue's accesses stops it until reset: nothing more is started, nothing more is retired.
// Disabled, it finishes what it has begun. `load_i` (TDH written, queue disabled) is kept until nothing is in flight or
// waits for its write-back (so for the end of `stop_i`; if the queue has failed, until reset); it drops a frame whose
// last descriptor has not come.
module nic_dma_tx
  import nic_dma_pkg::*;
#(
    parameter int unsigned BufKb = nic_pkg::PacketMemoryKb
) (
    input  logic                 clk_i,
    input  logic                 rst_ni,
    input  logic                 stop_i,
    input  nic_pkg::ring_cfg_t   ring_i,
    /// Share of the packet memory, KiB.
    input  logic [5:0]           buf_kb_i,
    /// As few descriptors left to send raise TXD_LOW, in eights; 0: never.
    input  logic [6:0]           low_i,
    /// Short frames are padded by the MAC (for the statistics).
    input  logic                 pad_i,
    input  logic                 load_i,
    input  logic [15:0]          load_value_i,
    output logic [15:0]          head_o,
    /// Read client: descriptors.
    output logic                 desc_cmd_valid_o,
    input  logic                 desc_cmd_ready_i,
    output nic_pkg::rd_cmd_t     desc_cmd_o,
    input  logic                 desc_beat_valid_i,
    /// Read client: payload.
    output logic                 cmd_valid_o,
    input  logic                 cmd_ready_i,
    output nic_pkg::rd_cmd_t     cmd_o,
    input  logic                 beat_valid_i,
    /// Beats of both.
    input  nic_pkg::rd_beat_t    beat_i,
    /// Write client: write-back.
    output logic                 wb_cmd_valid_o,
    input  logic                 wb_cmd_ready_i,
    output nic_pkg::wr_cmd_t     wb_cmd_o,
    output logic                 wb_data_valid_o,
    input  logic                 wb_data_ready_i,
    output logic [127:0]         wb_data_o,
    input  logic                 wb_done_i,
    input  logic                 wb_done_err_i,
    /// To the MAC (see nic_tx_buf).
    output logic                 tx_valid_o,
    input  logic                 tx_ready_i,
    output nic_pkg::frame_beat_t tx_beat_o,
    output logic                 tx_fcs_o,
    /// Pulses, and the statistics of each frame.
    output logic                 txdw_o,
    output logic                 txdw_ide_o,
    output logic                 txd_low_o,
    output logic                 txqe_o,
    output nic_pkg::tx_stat_t    stat_o,
    /// The MAC is not inside a frame and none is about to begin (when stopped: none will).
    output logic                 between_o,
    /// Nothing will change by itself.
    output logic                 idle_o
);
  localparam int unsigned Words         = BufKb * 64;
  localparam int unsigned AddrBits      = $clog2(Words);
  localparam int unsigned MaxFrameBytes = 16288;
  localparam int unsigned PendingDepth = 64;
  localparam int unsigned MaxReads     = 32;
  localparam int unsigned ReadBits     = $clog2(MaxReads + 1);
  localparam int unsigned PendingBits  = $clog2(PendingDepth + 1);
  typedef logic [AddrBits-1:0] addr_t;
  typedef logic [AddrBits:0] count_t;
  typedef logic [ReadBits-1:0] reads_t;

  // A descriptor that has been taken.
  typedef struct packed {
    logic      reads;  // its bytes are being read
    logic      ends;   // it completes `frame`
    tx_frame_t frame;
    tx_desc_t  desc;
  } pending_desc_t;

  logic failed_q, failed, halt;
  logic load_q, asked_q;  // apply it; it is asked for
  logic [15:0] value_q;
  logic fetch_err, wb_err, wb_empty, wb_idle, fetch_quiet, fetch_idle, buf_idle;
  assign halt = stop_i || failed_q;

  // -------------------------------------------------------------- descriptors ahead
  logic desc_valid, step, unused_none_free;
  tx_desc_t desc;
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
      .beat_i,
      .desc_valid_o(desc_valid),
      .desc_ready_i(step),
      .desc_o      (desc),
      .none_free_o (unused_none_free),
      .err_o       (fetch_err),
      .quiet_o     (fetch_quiet),
      .idle_o      (fetch_idle)
  );

  // -------------------------------------------------------------- one step: take a descriptor, ask for its bytes
  // A descriptor is measured in one cycle, judged in the next, and taken in the third or later.
  logic measured_q;       // these are of the descriptor that waits, with the offset and the share of now:
  logic [16:0] total_q;   // bytes of the frame with it
  logic long_q;           // that is more than the limit
  logic reads_q, ends_q;  // it has bytes to read; it ends the frame
  logic judged_q;         // and so are these, with the room that was in use a cycle ago, or is now:
  logic fits_q;           // there is room for it, or it needs none
  logic [10:0] after_q;   // words of the frame with it
  addr_t place_q;         // where its first byte goes
  logic [14:0] offset_q;  // bytes of the frame so far
  logic too_long_q;       // it has exceeded the limit: the rest is skipped
  addr_t start_q;         // its first word
  count_t used_q;         // words of the frames before it
  count_t words_q;        // the share of the memory
  addr_t rd_ptr;
  logic [10:0] freed;
  logic [15:0] length;    // of the descriptor that waits
  logic [16:0] total;
  logic [10:0] words_before, words_after;
  logic too_long;
  logic pending_ready, place_ready, cmd_valid_q;
  nic_pkg::rd_cmd_t cmd_q;
  pending_desc_t pending_in;

  function automatic addr_t wrap(count_t sum, count_t words);
    return addr_t'(sum >= words ? sum - words : sum);
  endfunction

  function automatic count_t share_of(logic [5:0] kb);
    return kb > 6'(BufKb) ? count_t'(Words) : count_t'({kb, 6'd0});
  endfunction

  assign length       = desc.cmd.dext ? '0 : desc.length;
  assign total        = {2'b0, offset_q} + {1'b0, length};
  assign too_long     = too_long_q || total > 17'(MaxFrameBytes) || total > {words_q, 4'd0};
  assign words_before = beats_of(offset_q);
  assign words_after  = beats_of(total_q[14:0]);
  assign step = judged_q && fits_q && desc_valid && pending_ready && place_ready && !cmd_valid_q && !halt && !asked_q;

  always_comb begin
    pending_in.desc        = desc;
    pending_in.desc.dd     = 1'b1;
    pending_in.reads       = reads_q;
    pending_in.ends        = ends_q;
    pending_in.frame.bytes = long_q ? offset_q : total_q[14:0];
    pending_in.frame.fcs   = desc.cmd.ifcs;
    pending_in.frame.drop  = long_q || total_q == '0;
  end

  logic close, resize;  // the frame under way is complete, or given up; the share changes
  logic [10:0] closed_q;  // words of a frame that was closed in the cycle before; 0: none
  count_t share_q;

  assign close  = (step && ends_q) || load_q;
  assign resize = share_q != words_q && used_q == '0 && offset_q == '0 && closed_q == '0 && !step;

  always_ff @(posedge clk_i) begin
    measured_q <= rst_ni && desc_valid && !step && !resize && !asked_q;
    judged_q   <= rst_ni && desc_valid && !step && !resize && !asked_q && measured_q;
    if (desc_valid && !measured_q) begin
      total_q <= total;
      long_q  <= too_long;
      reads_q <= length != '0 && !too_long;
      ends_q  <= !desc.cmd.dext && desc.cmd.eop;
    end
    if (measured_q && !(judged_q && fits_q)) begin
      fits_q  <= !reads_q || used_q + count_t'(words_after) <= words_q;
      after_q <= long_q ? words_before : words_after;
      place_q <= wrap(count_t'(start_q) + count_t'(offset_q >> 4), words_q);
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      offset_q   <= '0;
      too_long_q <= 1'b0;
      start_q    <= '0;
      used_q     <= '0;
      closed_q   <= '0;
    end else begin
      if (close) begin
        offset_q   <= '0;
        too_long_q <= 1'b0;
      end else if (step) begin
        if (!long_q) offset_q <= total_q[14:0];
        too_long_q <= long_q;
      end
      if (resize) start_q <= '0;
      else if (closed_q != '0) start_q <= wrap(count_t'(start_q) + count_t'(closed_q), words_q);
      closed_q <= !close ? '0 : step ? after_q : words_before;
      if (closed_q != '0 || freed != '0) used_q <= used_q + count_t'(closed_q) - count_t'(freed);
    end
  end
  always_ff @(posedge clk_i) begin
    share_q <= share_of(buf_kb_i);
    if (!rst_ni) words_q <= share_of(buf_kb_i);
    else if (resize) words_q <= share_q;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) cmd_valid_q <= 1'b0;
    else if (step && reads_q) cmd_valid_q <= 1'b1;
    else if (cmd_ready_i) cmd_valid_q <= 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (step) cmd_q <= '{addr: desc.addr, bytes: desc.length, lane: offset_q[3:0]};
  end
  assign cmd_valid_o = cmd_valid_q;
  assign cmd_o       = cmd_q;

  // -------------------------------------------------------------- bytes arrive: where they go
  addr_t place, at, at_q;  // first word of the oldest read; the word that comes, if it is not the first
  logic place_valid, inside_q, read_ends;
  reads_t reads_left;
  assign read_ends = beat_valid_i && beat_i.last;

  nic_fifo #(
      .Width(AddrBits),
      .Depth(MaxReads)
  ) u_places (
      .clk_i,
      .rst_ni,
      .in_valid_i (step && reads_q),
      .in_ready_o (place_ready),
      .in_data_i  (place_q),
      .out_valid_o(place_valid),
      .out_ready_i(read_ends),
      .out_data_o (place),
      .level_o    (reads_left)
  );
  assign at = inside_q ? at_q : place;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) inside_q <= 1'b0;
    else if (beat_valid_i) inside_q <= !beat_i.last;
  end
  always_ff @(posedge clk_i) begin
    if (beat_valid_i) at_q <= wrap(count_t'(at) + 1'b1, words_q);
  end

  // -------------------------------------------------------------- descriptors done: frame to the MAC, write-back
  pending_desc_t pending;
  logic pending_valid, finish, wb_ready, wb_retired, frame_ready;
  logic [PendingBits-1:0] done_q, pending_level;  // reads that are complete, their descriptor not handed on
  logic complete, abandon;
  logic last_q;  // nothing is known to follow what the write-back holds

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
      .out_ready_i(finish),
      .out_data_o (pending),
      .level_o    (pending_level)
  );
  assign failed   = fetch_err || wb_err || (read_ends && beat_i.err);
  assign complete = pending_valid && (!pending.reads || done_q != '0) && !failed_q && (!pending.ends || frame_ready);
  assign finish   = complete && wb_ready;
  // The bytes of a frame whose end will not come leave with the head's new value.
  assign abandon  = load_q && offset_q != '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      done_q   <= '0;
      failed_q <= 1'b0;
    end else begin
      done_q <= done_q + PendingBits'(read_ends) - PendingBits'(finish && pending.reads);
      if (failed) failed_q <= 1'b1;
    end
  end
  always_ff @(posedge clk_i) last_q <= pending_level == '0 && !desc_valid && fetch_quiet;

  nic_desc_wb u_wb (
      .clk_i,
      .rst_ni,
      .base_i      (ring_i.base),
      .count_i     (ring_i.count),
      .stop_i      (halt),
      .hurry_i     (last_q),
      .load_i      (load_q),
      .load_value_i(value_q),
      .in_valid_i  (complete),
      .in_ready_o  (wb_ready),
      .in_desc_i   (pending.desc),
      .in_write_i  (pending.desc.cmd.rs),
      .in_cause_i  ({pending.desc.cmd.ide, !pending.desc.cmd.ide} & {2{pending.desc.cmd.rs}}),
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
      .event_o     ({txdw_ide_o, txdw_o}),
      .err_o       (wb_err),
      .empty_o     (wb_empty),
      .idle_o      (wb_idle)
  );

  // -------------------------------------------------------------- none left to send, few left to send
  logic ring_ok, few, many_q;
  logic [15:0] left;
  assign ring_ok = ring_i.en && ring_i.tail < ring_i.count && head_o < ring_i.count;
  assign left    = ring_i.tail - head_o + (ring_i.tail < head_o ? ring_i.count : '0);
  assign few     = left <= {6'd0, low_i, 3'd0};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      txqe_o    <= 1'b0;
      txd_low_o <= 1'b0;
      many_q    <= 1'b0;
    end else begin
      txqe_o    <= ring_i.en && wb_retired && head_o == ring_i.tail;
      txd_low_o <= ring_ok && few && many_q && wb_retired && low_i != '0;
      many_q    <= ring_ok && !few;
    end
  end

  // -------------------------------------------------------------- packet buffer
  tx_frame_t frame;
  assign frame = abandon ? '{bytes: offset_q, fcs: 1'b0, drop: 1'b1} : pending.frame;

  nic_tx_buf #(
      .Words(Words)
  ) u_buf (
      .clk_i,
      .rst_ni,
      .pad_i,
      .hold_i       (stop_i),
      .words_i      (words_q),
      .restart_i    (resize),
      .wr_valid_i   (beat_valid_i),
      .wr_addr_i    (at),
      .wr_data_i    (beat_i.data),
      .wr_strb_i    (beat_i.strb),
      .frame_valid_i(abandon || (finish && pending.ends)),
      .frame_ready_o(frame_ready),
      .frame_i      (frame),
      .rd_ptr_o     (rd_ptr),
      .freed_o      (freed),
      .tx_valid_o,
      .tx_ready_i,
      .tx_beat_o,
      .tx_fcs_o,
      .stat_o,
      .between_o,
      .idle_o       (buf_idle)
  );

  // -------------------------------------------------------------- head written by software
  logic none_pending, may_load;
  assign none_pending = pending_level == '0;
  // Descriptors that a stop keeps from being written back have their place by the old head. Of a queue that has failed
  // nothing can be used again before the reset, which sets the head, too. As nothing is taken any more, this stays so.
  assign may_load = asked_q && reads_left == '0 && fetch_quiet && none_pending && wb_empty && !failed_q && frame_ready;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) asked_q <= 1'b0;
    else if (load_i) asked_q <= 1'b1;
    else if (load_q) asked_q <= 1'b0;
    load_q <= rst_ni && may_load && !load_q;
  end
  always_ff @(posedge clk_i) begin
    if (load_i) value_q <= load_value_i;
  end

  assign idle_o = buf_idle && reads_left == '0 && fetch_idle && wb_idle && (failed_q || none_pending)
      && closed_q == '0 && !resize && !load_q && !may_load && !(desc_valid && !halt) && !txdw_o
      && !txdw_ide_o && !txqe_o && !txd_low_o;

  // -------------------------------------------------------------- promises
  addr_t distance;  // from the first word in use to the one that is written
  assign distance = at - rd_ptr + (at < rd_ptr ? addr_t'(words_q) : '0);
  always_ff @(posedge clk_i) begin
    if (rst_ni && beat_valid_i) begin
      a_asked : assert (place_valid) else $error("nic_dma_tx: a beat nobody asked for");
      a_inside : assert (17'(distance) < 17'(used_q) + 17'(closed_q) + 17'(words_before))
        else $error("nic_dma_tx: a beat outside of the room in use");
    end
    if (rst_ni && done_q != '0) begin
      a_order : assert (pending_valid) else $error("nic_dma_tx: bytes of no descriptor");
    end
    if (rst_ni && (used_q != '0 || words_before != '0)) begin
      a_used : assert (17'(used_q) + 17'(closed_q) + 17'(words_before) <= 17'(words_q))
        else $error("nic_dma_tx: more room used than there is");
    end
    if (rst_ni && load_q) begin
      a_load : assert (!step) else $error("nic_dma_tx: head set while a descriptor is taken");
    end
  end
endmodule
