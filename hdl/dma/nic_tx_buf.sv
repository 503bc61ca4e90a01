// SPDX-License-Identifier: MIT
// Transmit packet buffer: frames are put together byte lane by byte lane, then sent whole.
//
// The owner writes words with lane strobes anywhere in the room it has allocated; frames lie one after the other in a
// ring of `words_i` words, each from lane 0 of a new word. A frame record, given when all of the frame's bytes are there,
// sends it, or (`drop`) just frees its room. `freed_o` says how many words become free.
// Out: valid stays high from a frame's first beat to its last. `hold_i`: offer no further frame.
// `stat_o`: one record per frame, when the MAC has taken its last beat, with the bytes as they will be on the wire.
// Latency: frame record to first beat out seven cycles. Rate: one beat per cycle, one idle cycle between frames.
module nic_tx_buf
  import nic_dma_pkg::tx_frame_t;
#(
    parameter int unsigned Words = 64 * nic_pkg::PacketMemoryKb,
    localparam int unsigned AddrBits = $clog2(Words)
) (
    input  logic                 clk_i,
    input  logic                 rst_ni,
    /// Short frames that get an FCS are padded to 60 bytes before it (for the statistics only; the MAC does it).
    input  logic                 pad_i,
    input  logic                 hold_i,
    /// Words in use, 0..Words; `restart_i`: begin at word 0 again. It changes, and this is said, only while nothing is held.
    input  logic [AddrBits:0]    words_i,
    input  logic                 restart_i,
    /// Words in.
    input  logic                 wr_valid_i,
    input  logic [AddrBits-1:0]  wr_addr_i,
    input  logic [127:0]         wr_data_i,
    input  logic [15:0]          wr_strb_i,
    /// Complete frames.
    input  logic                 frame_valid_i,
    output logic                 frame_ready_o,
    input  tx_frame_t            frame_i,
    /// Next word to fetch; words that became free in the cycle before: one taken, or a frame dropped.
    output logic [AddrBits-1:0]  rd_ptr_o,
    output logic [10:0]          freed_o,
    /// To the MAC; `tx_fcs_o` is valid with all beats of a frame.
    output logic                 tx_valid_o,
    input  logic                 tx_ready_i,
    output nic_pkg::frame_beat_t tx_beat_o,
    output logic                 tx_fcs_o,
    output nic_pkg::tx_stat_t    stat_o,
    /// The MAC is not inside a frame; while held it stays so.
    output logic                 between_o,
    output logic                 idle_o
);
  localparam int unsigned FrameDepth = 64;
  localparam int unsigned OutDepth   = 6;  // what a word per cycle needs, from `fetch` to `take` and back
  typedef logic [AddrBits-1:0] addr_t;
  typedef logic [AddrBits:0] count_t;

  logic [127:0] mem[Words];
  always_ff @(posedge clk_i) begin
    for (int unsigned lane = 0; lane < 16; lane++) begin
      if (wr_valid_i && wr_strb_i[lane]) mem[wr_addr_i][8*lane+:8] <= wr_data_i[8*lane+:8];
    end
  end

  // -------------------------------------------------------------- frames
  tx_frame_t frame;
  logic frame_valid, frame_pop;
  logic [$clog2(FrameDepth+1)-1:0] frames;
  logic some_frames;
  nic_fifo #(
      .Width($bits(tx_frame_t)),
      .Depth(FrameDepth)
  ) u_frames (
      .clk_i,
      .rst_ni,
      .in_valid_i (frame_valid_i),
      .in_ready_o (frame_ready_o),
      .in_data_i  (frame_i),
      .out_valid_o(frame_valid),
      .out_ready_i(frame_pop),
      .out_data_o (frame),
      .level_o    (frames)
  );
  assign some_frames = frames != '0;

  // -------------------------------------------------------------- fetch the words of the present frame
  typedef struct packed {
    logic       fcs;
    logic       last;
    logic [4:0] bytes;
  } mark_t;

  addr_t rd_q;
  count_t rd_next;
  logic [10:0] passed;      // words that rd_q moves on by
  logic [10:0] dropped;
  logic [10:0] left_q;      // words of the present frame still to fetch
  logic [4:0] last_bytes_q; // in its last word
  logic fcs_q;
  logic fetch;
  logic [1:0] fetched_q;  // a word comes out of the memory; it has come through the multiplexers behind it
  mark_t mark, read_mark_q, mark_q;
  logic [127:0] read_q, word_q;
  logic [$clog2(OutDepth+1)-1:0] out_level;

  assign frame_pop = frame_valid && left_q == '0;
  assign fetch     = left_q != '0 && 4'(out_level) + 4'(fetched_q[0]) + 4'(fetched_q[1]) < 4'(OutDepth);
  assign mark      = '{fcs: fcs_q, last: left_q == 11'd1, bytes: left_q == 11'd1 ? last_bytes_q : 5'd16};
  assign dropped   = frame_pop && frame.drop ? nic_dma_pkg::beats_of(frame.bytes) : '0;
  assign passed    = dropped + 11'(fetch);
  assign rd_next   = count_t'(rd_q) + count_t'(passed);
  assign rd_ptr_o  = rd_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      rd_q      <= '0;
      left_q    <= '0;
      fetched_q <= '0;
    end else begin
      fetched_q <= {fetched_q[0], fetch};
      if (restart_i) rd_q <= '0;
      else if (passed != '0) rd_q <= addr_t'(rd_next >= words_i ? rd_next - words_i : rd_next);
      if (fetch) left_q <= left_q - 1'b1;
      else if (frame_pop && !frame.drop) left_q <= nic_dma_pkg::beats_of(frame.bytes);
    end
  end
  always_ff @(posedge clk_i) begin
    if (fetch) begin
      read_q      <= mem[rd_q];
      read_mark_q <= mark;
    end
    if (fetched_q[0]) {mark_q, word_q} <= {read_mark_q, read_q};
    if (frame_pop) begin
      last_bytes_q <= frame.bytes[3:0] == '0 ? 5'd16 : {1'b0, frame.bytes[3:0]};
      fcs_q        <= frame.fcs;
    end
  end

  // -------------------------------------------------------------- out
  mark_t out_mark;
  logic out_ready, out_valid, take;
  logic inside_q;  // the MAC has a frame's first beat but not its last
  nic_fifo #(
      .Width($bits(mark_t) + 128),
      .Depth(OutDepth)
  ) u_out (
      .clk_i,
      .rst_ni,
      .in_valid_i (fetched_q[1]),
      .in_ready_o (out_ready),
      .in_data_i  ({mark_q, word_q}),
      .out_valid_o(out_valid),
      .out_ready_i(take),
      .out_data_o ({out_mark, tx_beat_o.data}),
      .level_o    (out_level)
  );
  assign tx_beat_o.bytes = out_mark.bytes;
  assign tx_beat_o.last  = out_mark.last;
  assign tx_fcs_o        = out_mark.fcs;
  assign take            = tx_valid_o && tx_ready_i;
  // A frame that the MAC has not begun waits while held: behind a dead link it would wait for ever.
  assign tx_valid_o      = out_valid && (inside_q || !hold_i);
  assign between_o       = !inside_q;
  assign idle_o          = left_q == '0 && fetched_q == '0 && !out_valid && !some_frames && !stat_o.valid
      && freed_o == '0;

  always_ff @(posedge clk_i) begin
    inside_q <= rst_ni && (take ? !out_mark.last : inside_q);
    freed_o  <= rst_ni ? dropped + 11'(take) : '0;
  end

  // -------------------------------------------------------------- statistics
  logic [10:0] beats_q;  // taken of the frame under way
  logic multicast_q, broadcast_q, multicast, broadcast;
  logic [15:0] bytes, wire_bytes;

  assign multicast  = beats_q == '0 ? tx_beat_o.data[0] : multicast_q;
  assign broadcast  = beats_q == '0 ? &tx_beat_o.data[47:0] && out_mark.bytes >= 5'd6 : broadcast_q;
  assign bytes      = {1'b0, beats_q, 4'b0} + 16'(out_mark.bytes);
  assign wire_bytes = !out_mark.fcs ? bytes : (pad_i && bytes < 16'd60) ? 16'd64 : bytes + 16'd4;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) beats_q <= '0;
    else if (take) beats_q <= out_mark.last ? '0 : beats_q + 1'b1;
  end
  always_ff @(posedge clk_i) begin
    if (take) begin
      multicast_q <= multicast;
      broadcast_q <= broadcast;
    end
    if (take && out_mark.last) begin
      stat_o <= '{valid: rst_ni, bytes: wire_bytes, multicast: multicast && !broadcast, broadcast: broadcast};
    end else begin
      stat_o.valid <= 1'b0;
    end
  end

  // -------------------------------------------------------------- promises
  always_ff @(posedge clk_i) begin
    if (rst_ni && inside_q) begin
      a_gapless : assert (tx_valid_o) else $error("nic_tx_buf: a gap inside a frame");
    end
    if (rst_ni && fetched_q[1]) begin
      a_out : assert (out_ready) else $error("nic_tx_buf: a word without room in the output queue");
    end
    if (rst_ni && restart_i) begin
      a_empty : assert (left_q == '0 && !out_valid && fetched_q == '0 && (!frame_valid || frame.drop))
        else $error("nic_tx_buf: restarted with a frame in it");
    end
    if (rst_ni && frame_valid_i) begin
      a_frame : assert (frame_i.drop || frame_i.bytes != '0) else $error("nic_tx_buf: an empty frame");
      a_fits : assert (count_t'(nic_dma_pkg::beats_of(frame_i.bytes)) <= words_i)
        else $error("nic_tx_buf: a frame larger than the buffer");
    end
  end
endmodule
