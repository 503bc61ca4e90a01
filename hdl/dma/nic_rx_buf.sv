// SPDX-License-Identifier: MIT
// Receive packet buffer: stores frames whole, forgets the ones that are not wanted.
//
// In: beats without back-pressure; the verdict with a frame's last beat decides whether it stays. A frame that meets a
// full buffer is dropped whole: if it was wanted, `overrun_o` pulses and its
// statistics record says missed instead of good.
// Out: a record per frame kept, and the beats of all kept frames one after the other, each frame from lane 0 of a new
// beat. A beat's room is free once it has moved to the small output queue.
// Latency: last beat in to record out three cycles, to first beat out three.
module nic_rx_buf
  import nic_dma_pkg::rx_frame_t;
#(
    parameter int unsigned Bytes = 32768  // a power of two
) (
    input  logic                 clk_i,
    input  logic                 rst_ni,
    /// From the front end.
    input  logic                 valid_i,
    input  nic_pkg::frame_beat_t beat_i,
    input  nic_pkg::rx_verdict_t verdict_i,
    /// Kept with the frame that is stored in this cycle.
    input  logic                 tag_i,
    output logic                 stored_o,
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
  localparam int unsigned Words     = Bytes / 16;
  localparam int unsigned AddrBits  = $clog2(Words);
  localparam int unsigned Frames    = Words / 4;  // frames of 64 bytes that fit
  localparam int unsigned LevelBits = $clog2(Frames + 1);
  localparam int unsigned OutDepth  = 4;
  typedef logic [AddrBits:0] ptr_t;  // one bit more than an index, so that full and empty differ

  if (Bytes != 16 * 2 ** AddrBits || Words < 16) begin : g_bad_bytes
    $fatal(1, "nic_rx_buf: Bytes must be a power of two, at least 256");
  end

  logic [127:0] mem[Words];
  ptr_t wr_q, start_q, rd_q;  // next word to fill; first of the frame under way, so end of the kept ones; next to leave

  // -------------------------------------------------------------- in
  logic in_frame_q, lost_q;  // between a first and a last beat; its frame cannot be kept
  logic last, lost, wanted, keep, frame_ready;
  ptr_t frame_end;

  assign last      = valid_i && beat_i.last;
  assign lost      = lost_q || wr_q - rd_q == ptr_t'(Words);
  assign wanted    = verdict_i.accept && verdict_i.bytes != '0;
  assign keep      = last && wanted && !lost && frame_ready;
  assign frame_end = start_q + ptr_t'(nic_dma_pkg::beats_of(verdict_i.bytes[14:0]));
  assign stored_o  = keep;

  always_ff @(posedge clk_i) begin
    if (valid_i && !lost) mem[wr_q[AddrBits-1:0]] <= beat_i.data;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_q       <= '0;
      start_q    <= '0;
      lost_q     <= 1'b0;
      in_frame_q <= 1'b0;
    end else if (valid_i) begin
      in_frame_q <= !beat_i.last;
      lost_q     <= !beat_i.last && lost;
      if (last) begin
        wr_q <= keep ? frame_end : start_q;
        if (keep) start_q <= frame_end;
      end else if (!lost) begin
        wr_q <= wr_q + 1'b1;
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
      tag:        tag_i
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
      if (wanted && !keep && verdict_i.stat.good) begin
        stat_o.good   <= 1'b0;
        stat_o.missed <= 1'b1;
      end
    end
    if (!rst_ni || !last) stat_o.valid <= 1'b0;
    overrun_o <= rst_ni && last && wanted && !keep;
  end

  // -------------------------------------------------------------- out
  logic fetch, fetched_q, out_ready;
  logic [127:0] word_q;
  logic [$clog2(OutDepth+1)-1:0] out_level;

  assign fetch = rd_q != start_q && 4'(out_level) + 4'(fetched_q) < 4'(OutDepth);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      rd_q      <= '0;
      fetched_q <= 1'b0;
    end else begin
      fetched_q <= fetch;
      if (fetch) rd_q <= rd_q + 1'b1;
    end
  end
  always_ff @(posedge clk_i) begin
    if (fetch) word_q <= mem[rd_q[AddrBits-1:0]];
  end

  nic_fifo #(
      .Width(128),
      .Depth(OutDepth)
  ) u_out (
      .clk_i,
      .rst_ni,
      .in_valid_i (fetched_q),
      .in_ready_o (out_ready),
      .in_data_i  (word_q),
      .out_valid_o(data_valid_o),
      .out_ready_i(data_ready_i),
      .out_data_o (data_o),
      .level_o    (out_level)
  );
  assign idle_o = !in_frame_q && !fetch && !fetched_q && !stat_o.valid && !overrun_o;

  // -------------------------------------------------------------- promises
  always_ff @(posedge clk_i) begin
    if (rst_ni && wr_q != rd_q) begin
      a_room : assert (wr_q - rd_q <= ptr_t'(Words)) else $error("nic_rx_buf: fuller than full");
    end
    if (rst_ni && fetched_q) begin
      a_out : assert (out_ready) else $error("nic_rx_buf: a beat without room in the output queue");
    end
    if (rst_ni && keep) begin
      a_bytes : assert (frame_end - start_q <= wr_q + 1'b1 - start_q && !verdict_i.bytes[15])
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
