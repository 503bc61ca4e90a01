// SPDX-License-Identifier: MIT
// Receive packet buffer: stores frames whole, forgets the ones that are not wanted.
//
// In: beats without back-pressure; the verdict with a frame's last beat decides whether it stays. A frame that meets a
// full buffer is dropped whole: if it was to be stored, good or not, `overrun_o` pulses and its statistics record says
// missed, and good no more.
// Out: a record per frame kept, and the beats of all kept frames one after the other, each frame from lane 0 of a new
// beat. Kept are at most `buf_kb_i` of whole beats, and 64 frames per 4 KiB of the memory; a beat's room is free when it
// has left. A new `buf_kb_i` (more than there is counts as all there is) takes effect as soon as the buffer is empty.
// Latency: last beat in to record out three cycles, to first beat out four.
module nic_rx_buf
  import nic_dma_pkg::rx_frame_t;
#(
    parameter int unsigned Kb = nic_pkg::PacketMemoryKb
) (
    input  logic                 clk_i,
    input  logic                 rst_ni,
    /// Share of the memory that is used, KiB.
    input  logic [5:0]           buf_kb_i,
    /// From the front end.
    input  logic                 valid_i,
    input  nic_pkg::frame_beat_t beat_i,
    input  nic_pkg::rx_verdict_t verdict_i,
    /// Kept with the frame that is stored in this cycle.
    input  logic                 tag_i,
    input  logic                 srpd_i,
    output logic                 stored_o,
    /// In use, bytes.
    output logic [15:0]          level_o,
    /// Frames kept.
    output logic                 frame_valid_o,
    input  logic                 frame_ready_i,
    output rx_frame_t            frame_o,
    /// Their beats.
    output logic                 data_valid_o,
    input  logic                 data_ready_i,
    output logic [127:0]         data_o,
    /// The front end's record of each frame, one cycle after its last beat.
    output nic_pkg::rx_stat_t    stat_o,
    output logic                 overrun_o,
    /// No frame is coming in and no beat is moving.
    output logic                 idle_o
);
  localparam int unsigned Words     = Kb * 64;
  localparam int unsigned AddrBits  = $clog2(Words);
  localparam int unsigned Frames    = Words / 4;  // frames of 64 bytes that fit
  localparam int unsigned LevelBits = $clog2(Frames + 1);
  localparam int unsigned OutDepth  = 6;  // what a word per cycle needs, from `fetch` to `left` and back
  typedef logic [AddrBits-1:0] addr_t;
  typedef logic [AddrBits:0] count_t;

  if (Kb < 1 || Kb > 63) begin : g_bad_size
    $fatal(1, "nic_rx_buf: Kb must be 1..63");
  end

  function automatic addr_t wrap(count_t sum, count_t words);
    return addr_t'(sum >= words ? sum - words : sum);
  endfunction

  logic [127:0] mem[Words];
  addr_t wr_q, start_q, rd_q;  // next word to fill; first of the frame under way: end of the kept ones; next to leave
  count_t held_q, here_q, fill_q;  // words of kept frames; those of them still in the memory; of the frame under way
  logic in_frame_q, lost_q;  // between a first and a last beat; its frame cannot be kept

  // -------------------------------------------------------------- share
  count_t share, words_q;
  logic resize;
  assign share  = buf_kb_i > 6'(Kb) ? count_t'(Words) : count_t'({buf_kb_i, 6'd0});
  assign resize = share != words_q && held_q == '0 && !in_frame_q && !valid_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || resize) words_q <= share;
  end

  // -------------------------------------------------------------- in
  logic last, lost, wanted, keep, frame_ready;
  addr_t frame_end;
  count_t frame_words;

  assign last        = valid_i && beat_i.last;
  assign lost        = lost_q || held_q + fill_q == words_q;
  assign wanted      = verdict_i.accept && verdict_i.bytes != '0;
  assign keep        = last && wanted && !lost && frame_ready;
  assign frame_words = count_t'(nic_dma_pkg::beats_of(verdict_i.bytes[14:0]));
  assign frame_end   = wrap(count_t'(start_q) + frame_words, words_q);
  assign stored_o    = keep;
  assign level_o     = 16'({held_q + fill_q, 4'd0});

  always_ff @(posedge clk_i) begin
    if (valid_i && !lost) mem[wr_q] <= beat_i.data;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || resize) begin
      wr_q       <= '0;
      start_q    <= '0;
      fill_q     <= '0;
      lost_q     <= 1'b0;
      in_frame_q <= 1'b0;
    end else if (valid_i) begin
      in_frame_q <= !beat_i.last;
      lost_q     <= !beat_i.last && lost;
      if (last) begin
        wr_q   <= keep ? frame_end : start_q;
        fill_q <= '0;
        if (keep) start_q <= frame_end;
      end else if (!lost) begin
        wr_q   <= wrap(count_t'(wr_q) + 1'b1, words_q);
        fill_q <= fill_q + 1'b1;
      end
    end
  end

  rx_frame_t frame_in;
  logic [LevelBits-1:0] unused_frames;
  assign frame_in = '{
      bytes:      verdict_i.bytes[14:0],
      crc_err:    verdict_i.crc_err,
      symbol_err: verdict_i.symbol_err,
      len_err:    verdict_i.len_err,
      pif:        verdict_i.pif,
      tag:        tag_i,
      srpd:       srpd_i
  };
  nic_fifo #(
      .Width($bits(rx_frame_t)),
      .Depth(Frames)
  ) u_frames (
      .clk_i,
      .rst_ni,
      .in_valid_i (keep),
      .in_ready_o (frame_ready),
      .in_data_i  (frame_in),
      .out_valid_o(frame_valid_o),
      .out_ready_i(frame_ready_i),
      .out_data_o (frame_o),
      .level_o    (unused_frames)
  );

  // -------------------------------------------------------------- statistics
  always_ff @(posedge clk_i) begin
    if (last) begin
      stat_o <= verdict_i.stat;
      if (wanted && !keep) begin
        stat_o.good   <= 1'b0;
        stat_o.missed <= 1'b1;
      end
    end
    if (!rst_ni || !last) stat_o.valid <= 1'b0;
    overrun_o <= rst_ni && last && wanted && !keep;
  end

  // -------------------------------------------------------------- out
  logic fetch, left, out_ready;   // left: a word has gone out
  logic [1:0] fetched_q;          // a word comes out of the memory; it has come through the multiplexers behind it
  logic [127:0] read_q, word_q;
  logic [$clog2(OutDepth+1)-1:0] out_level;

  assign fetch = here_q != '0 && 4'(out_level) + 4'(fetched_q[0]) + 4'(fetched_q[1]) < 4'(OutDepth);
  assign left  = data_valid_o && data_ready_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || resize) begin
      rd_q      <= '0;
      held_q    <= '0;
      here_q    <= '0;
      fetched_q <= '0;
    end else begin
      fetched_q <= {fetched_q[0], fetch};
      if (fetch) rd_q <= wrap(count_t'(rd_q) + 1'b1, words_q);
      if (keep || fetch) here_q <= here_q + (keep ? frame_words : '0) - count_t'(fetch);
      if (keep || left) held_q <= held_q + (keep ? frame_words : '0) - count_t'(left);
    end
  end
  always_ff @(posedge clk_i) begin
    if (fetch) read_q <= mem[rd_q];
    if (fetched_q[0]) word_q <= read_q;
  end

  nic_fifo #(
      .Width(128),
      .Depth(OutDepth)
  ) u_out (
      .clk_i,
      .rst_ni,
      .in_valid_i (fetched_q[1]),
      .in_ready_o (out_ready),
      .in_data_i  (word_q),
      .out_valid_o(data_valid_o),
      .out_ready_i(data_ready_i),
      .out_data_o (data_o),
      .level_o    (out_level)
  );
  assign idle_o = !in_frame_q && !resize && !fetch && fetched_q == '0 && !stat_o.valid && !overrun_o;

  // -------------------------------------------------------------- promises
  always_ff @(posedge clk_i) begin
    if (rst_ni && (held_q != '0 || fill_q != '0)) begin
      a_room : assert (held_q + fill_q <= words_q && here_q <= held_q) else $error("nic_rx_buf: fuller than full");
    end
    if (rst_ni && fetched_q[1]) begin
      a_out : assert (out_ready) else $error("nic_rx_buf: a beat without room in the output queue");
    end
    if (rst_ni && keep) begin
      a_bytes : assert (frame_words <= fill_q + 1'b1 && !verdict_i.bytes[15])
        else $error("nic_rx_buf: told to keep more than came");
    end
    if (rst_ni && valid_i) begin
      a_full_beats : assert (beat_i.last || beat_i.bytes == 5'd16)
        else $error("nic_rx_buf: a short beat inside a frame");
      a_some : assert (!last || (beat_i.bytes != '0 && beat_i.bytes <= 5'd16))
        else $error("nic_rx_buf: an empty last beat");
    end
  end
endmodule
