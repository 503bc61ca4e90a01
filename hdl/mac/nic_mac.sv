// SPDX-License-Identifier: MIT
// The 10G Ethernet MAC: frames of 128-bit beats in the core clock, XGMII on the other side.
//
// Transmit: valid/ready; the source is store-and-forward: valid stays high from a frame's first beat to its last, so
// that the wire never runs dry inside a frame for any core clock above 2/3 of the XGMII clock. A source that lets valid
// fall inside a frame (its reset) gives that frame up: it ends in error characters, and the far end drops it.
// `tx_fcs_i` counts with the first beat: append the FCS, after padding to 60 bytes if `tx_cfg_i.psp`.
// Receive: no back-pressure; FCS included; `rx_status_o` is valid with the last beat.
// `link_i` low: no new frame is taken, and frames whose beginning arrives are dropped; what is under way is finished.
// `tx_cfg_i.loopback`: frames go to the receiver instead of the wire, link or not, and the pins are ignored (nic_mac_loop).
// Latency, equal clocks: 9 cycles from a frame's first beat to its start character, 10 from the pins to the beat they fill.
// Resets: `rst_ni` resets all of it (8 cycles of the slower clock at least; a frame on the wire is cut). The XGMII resets
// are not for use on their own. Left out: pause frames, link fault signalling.
module nic_mac
  import nic_pkg::*;
(
    input logic clk_i,
    input logic rst_ni,
    input logic xgmii_tx_clk_i,
    input logic xgmii_tx_rst_ni,
    input logic xgmii_rx_clk_i,
    input logic xgmii_rx_rst_ni,

    /// Quasi-static.
    input  tx_cfg_t tx_cfg_i,
    /// The link is up.
    input  logic    link_i,

    input  logic        tx_valid_i,
    output logic        tx_ready_o,
    input  frame_beat_t tx_beat_i,
    input  logic        tx_fcs_i,

    output logic           rx_valid_o,
    output frame_beat_t    rx_beat_o,
    output rx_mac_status_t rx_status_o,

    /// 0 only if nothing is in flight; what starts on the receive pins shows within 6 cycles.
    output logic tx_busy_o,
    output logic rx_busy_o,

    output logic [63:0] xgmii_txd_o,
    output logic [7:0]  xgmii_txc_o,
    input  logic [63:0] xgmii_rxd_i,
    input  logic [7:0]  xgmii_rxc_i
);
  localparam int unsigned FifoBeats = 16;
  // Cycles for which a busy flag outlasts its cause: longer than anything takes to cross between the clocks.
  localparam int unsigned BusyHold = 8;

  // -------------------------------------------------------------- what the loopback sits between
  logic framed_valid, framed_ready, wire_valid, wire_ready;
  logic rx_wire_idle, rx_block, loop_valid;
  nic_xgmii_pkg::mac_word_t framed_word, loop_word;
  logic link, loop_tx_busy, loop_rx_busy;
  assign link = link_i || tx_cfg_i.loopback;

  // -------------------------------------------------------------- transmit
  typedef struct packed {
    logic        give_up;
    logic        pad;
    logic        fcs;
    frame_beat_t beat;
  } tx_item_t;

  tx_item_t tx_in, tx_out;
  logic tx_rst_n, tx_run, tx_inside_q, tx_fcs_q, tx_pad_q, tx_abort_q, tx_abort, tx_push;
  logic tx_room, tx_out_valid, tx_out_ready, tx_wire_busy;
  logic [$clog2(FifoBeats):0] tx_level;
  nic_xgmii_pkg::xgmii_t tx_pins;

  assign tx_abort   = tx_abort_q || (tx_inside_q && !tx_valid_i);
  assign tx_ready_o = tx_room && !tx_abort_q && (tx_inside_q || link);
  assign tx_push    = (tx_valid_i && tx_ready_o) || (tx_room && tx_abort);  // with room only: a waiting beat may vanish

  always_comb begin
    tx_in.beat  = tx_abort ? '{data: '0, bytes: 5'd1, last: 1'b1} : tx_beat_i;
    tx_in.fcs   = tx_inside_q ? tx_fcs_q : tx_fcs_i;
    tx_in.pad   = tx_inside_q ? tx_pad_q : tx_fcs_i && tx_cfg_i.psp;
    tx_in.give_up = tx_abort;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      tx_inside_q <= 1'b0;
      tx_abort_q  <= 1'b0;
    end else begin
      if (tx_push) tx_inside_q <= !tx_in.beat.last;
      tx_abort_q <= tx_abort && !tx_room;
    end
  end
  always_ff @(posedge clk_i) begin
    tx_fcs_q <= tx_in.fcs;
    tx_pad_q <= tx_in.pad;
  end

  nic_sync u_tx_rst (
      .clk_i(xgmii_tx_clk_i),
      .d_i  (rst_ni),
      .q_o  (tx_run)
  );
  assign tx_rst_n = xgmii_tx_rst_ni && tx_run;

  nic_fifo_async #(
      .Width($bits(tx_item_t)),
      .Depth(FifoBeats)
  ) u_tx_fifo (
      .in_clk_i   (clk_i),
      .in_rst_ni  (rst_ni),
      .in_valid_i (tx_push),
      .in_ready_o (tx_room),
      .in_data_i  (tx_in),
      .in_level_o (tx_level),
      .out_clk_i  (xgmii_tx_clk_i),
      .out_rst_ni (xgmii_tx_rst_ni),
      .out_valid_o(tx_out_valid),
      .out_ready_i(tx_out_ready),
      .out_data_o (tx_out)
  );

  nic_mac_tx u_tx (
      .clk_i         (xgmii_tx_clk_i),
      .rst_ni        (tx_rst_n),
      .in_valid_i    (tx_out_valid),
      .in_ready_o    (tx_out_ready),
      .in_beat_i     (tx_out.beat),
      .in_fcs_i      (tx_out.fcs),
      .in_pad_i      (tx_out.pad),
      .in_abort_i    (tx_out.give_up),
      .ipgt_i        (tx_cfg_i.ipgt),
      .framed_valid_o(framed_valid),
      .framed_ready_i(framed_ready),
      .framed_word_o (framed_word),
      .wire_valid_i  (wire_valid),
      .wire_ready_o  (wire_ready),
      .busy_o        (tx_wire_busy),
      .xgmii_o       (tx_pins)
  );
  assign xgmii_txd_o = tx_pins.data;
  assign xgmii_txc_o = tx_pins.ctrl;

  // -------------------------------------------------------------- receive
  typedef struct packed {
    rx_mac_status_t status;
    frame_beat_t    beat;
  } rx_item_t;

  rx_item_t rx_in, rx_out;
  logic rx_rst_n, rx_run, rx_in_valid, rx_room, rx_out_valid, rx_wire_busy;
  logic rx_inside_q, rx_keep, rx_keep_q;
  logic [$clog2(FifoBeats):0] rx_level;

  nic_sync u_rx_rst (
      .clk_i(xgmii_rx_clk_i),
      .d_i  (rst_ni),
      .q_o  (rx_run)
  );
  assign rx_rst_n = xgmii_rx_rst_ni && rx_run;

  nic_mac_rx u_rx (
      .clk_i       (xgmii_rx_clk_i),
      .rst_ni      (rx_rst_n),
      .xgmii_i     ({xgmii_rxc_i, xgmii_rxd_i}),
      .block_i     (rx_block),
      .wire_idle_o (rx_wire_idle),
      .loop_valid_i(loop_valid),
      .loop_word_i (loop_word),
      .out_valid_o (rx_in_valid),
      .out_beat_o  (rx_in.beat),
      .out_status_o(rx_in.status),
      .busy_o      (rx_wire_busy)
  );

  nic_fifo_async #(
      .Width($bits(rx_item_t)),
      .Depth(FifoBeats)
  ) u_rx_fifo (
      .in_clk_i   (xgmii_rx_clk_i),
      .in_rst_ni  (xgmii_rx_rst_ni),
      .in_valid_i (rx_in_valid),
      .in_ready_o (rx_room),
      .in_data_i  (rx_in),
      .in_level_o (rx_level),
      .out_clk_i  (clk_i),
      .out_rst_ni (rst_ni),
      .out_valid_o(rx_out_valid),
      .out_ready_i(1'b1),
      .out_data_o (rx_out)
  );

  assign rx_keep     = rx_inside_q ? rx_keep_q : link;
  assign rx_valid_o  = rx_out_valid && rx_keep;
  assign rx_beat_o   = rx_out.beat;
  assign rx_status_o = rx_out.status;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) rx_inside_q <= 1'b0;
    else if (rx_out_valid) rx_inside_q <= !rx_out.beat.last;
  end
  always_ff @(posedge clk_i) begin
    if (rx_out_valid) rx_keep_q <= rx_keep;
  end

  // -------------------------------------------------------------- loopback
  nic_mac_loop u_loop (
      .tx_clk_i    (xgmii_tx_clk_i),
      .tx_rst_ni   (tx_rst_n),
      .loop_i      (tx_cfg_i.loopback),
      .in_valid_i  (framed_valid),
      .in_ready_o  (framed_ready),
      .in_word_i   (framed_word),
      .wire_valid_o(wire_valid),
      .wire_ready_i(wire_ready),
      .tx_busy_o   (loop_tx_busy),
      .rx_clk_i    (xgmii_rx_clk_i),
      .rx_rst_ni   (rx_rst_n),
      .wire_idle_i (rx_wire_idle),
      .block_o     (rx_block),
      .out_valid_o (loop_valid),
      .out_word_o  (loop_word),
      .rx_busy_o   (loop_rx_busy)
  );

  // -------------------------------------------------------------- busy, as the core sees it
  // The flags of the wire side are registered before they cross, and held on both sides for longer than a beat takes to
  // cross, so that there is no moment between "in the FIFO" and "out of it" when nobody is busy.
  logic tx_wire_hold, rx_wire_hold, tx_wire_core, rx_wire_core, tx_here;
  logic [BusyHold-1:0] tx_hold_q, tx_wire_q, rx_wire_q;

  assign tx_here   = tx_valid_i || tx_level != '0;
  assign tx_busy_o = tx_here || tx_hold_q != '0 || tx_wire_core;
  assign rx_busy_o = rx_out_valid || rx_inside_q || rx_wire_core;

  always_ff @(posedge clk_i) tx_hold_q <= rst_ni ? {tx_hold_q[BusyHold-2:0], tx_here} : '0;
  always_ff @(posedge xgmii_tx_clk_i) begin
    tx_wire_q    <= tx_rst_n ? {tx_wire_q[BusyHold-2:0], tx_wire_busy || loop_tx_busy} : '0;
    tx_wire_hold <= tx_wire_busy || loop_tx_busy || tx_wire_q != '0;
  end
  always_ff @(posedge xgmii_rx_clk_i) begin
    rx_wire_q    <= rx_rst_n ? {rx_wire_q[BusyHold-2:0], rx_wire_busy || loop_rx_busy || rx_level != '0} : '0;
    rx_wire_hold <= rx_wire_busy || loop_rx_busy || rx_level != '0 || rx_wire_q != '0;
  end
  nic_sync u_tx_busy (
      .clk_i,
      .d_i(tx_wire_hold),
      .q_o(tx_wire_core)
  );
  nic_sync u_rx_busy (
      .clk_i,
      .d_i(rx_wire_hold),
      .q_o(rx_wire_core)
  );

  logic unused_tx_cfg;  // the queue's concern
  assign unused_tx_cfg = ^{tx_cfg_i.en, tx_cfg_i.low, tx_cfg_i.buf_kb};

  // -------------------------------------------------------------- promises
  always_ff @(posedge xgmii_rx_clk_i) begin
    if (rx_rst_n && rx_in_valid) begin
      a_rx_room : assert (rx_room || rx_level == '0) else $error("nic_mac: receive FIFO overrun");
    end
  end
endmodule
