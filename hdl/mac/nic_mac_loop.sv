// SPDX-License-Identifier: MIT
// Loopback: frames from the transmit MAC, padded and checked, to its receive MAC instead of the wire.
//
// Transmit side, between FCS and framing: `loop_i` (quasi-static, of any clock domain) is looked at between frames only,
// so every frame goes to one of the two places whole.
// Receive side, between framing and FCS check: a frame's words come one per cycle without holes, as from the wire. For this a
// frame is begun only when `StartWords` of it are there (or could be), which makes good for clocks up to 0.3 % apart. From
// `loop_i` on, and while a looped frame is here, `block_o` says that the pins are to be taken for idle; a frame that it
// cuts is given out to its end before the looped one (`wire_idle_i`).
// Latency: 9 to 10 cycles of the receive clock. Rate: a word per cycle, and at least 5 cycles between frames.
module nic_mac_loop
  import nic_xgmii_pkg::*;
(
    /// Transmit clock.
    input  logic      tx_clk_i,
    input  logic      tx_rst_ni,
    input  logic      loop_i,
    /// From padding and FCS.
    input  logic      in_valid_i,
    output logic      in_ready_o,
    input  mac_word_t in_word_i,
    /// To framing: the same word.
    output logic      wire_valid_o,
    input  logic      wire_ready_i,
    /// Words wait here.
    output logic      tx_busy_o,

    /// Receive clock.
    input  logic      rx_clk_i,
    input  logic      rx_rst_ni,
    /// Nothing of a frame from the pins is on its way.
    input  logic      wire_idle_i,
    output logic      block_o,
    /// To the FCS check.
    output logic      out_valid_o,
    output mac_word_t out_word_o,
    output logic      rx_busy_o
);
  localparam int unsigned Depth = 16;
  localparam logic [2:0] StartWords = 3'd4;

  // -------------------------------------------------------------- transmit: where the frame goes
  logic tx_loop, loop, loop_q, inside_q, push, room;
  logic [$clog2(Depth):0] level;

  nic_sync u_tx_loop (
      .clk_i(tx_clk_i),
      .d_i  (loop_i),
      .q_o  (tx_loop)
  );
  assign loop         = inside_q ? loop_q : tx_loop;
  assign push         = in_valid_i && loop && room;
  assign wire_valid_o = in_valid_i && !loop;
  assign in_ready_o   = loop ? room : wire_ready_i;
  assign tx_busy_o    = level != '0;

  always_ff @(posedge tx_clk_i) begin
    if (!tx_rst_ni) inside_q <= 1'b0;
    else if (in_valid_i && in_ready_o) inside_q <= !in_word_i.last;
    else if (wire_valid_o) inside_q <= 1'b1;  // offered: it stays
  end
  always_ff @(posedge tx_clk_i) begin
    if (in_valid_i) loop_q <= loop;
  end

  // -------------------------------------------------------------- across
  logic word_valid, pop;
  mac_word_t word;

  nic_fifo_async #(
      .Width($bits(mac_word_t)),
      .Depth(Depth)
  ) u_fifo (
      .in_clk_i   (tx_clk_i),
      .in_rst_ni  (tx_rst_ni),
      .in_valid_i (push),
      .in_ready_o (room),
      .in_data_i  (in_word_i),
      .in_level_o (level),
      .out_clk_i  (rx_clk_i),
      .out_rst_ni (rx_rst_ni),
      .out_valid_o(word_valid),
      .out_ready_i(pop),
      .out_data_o (word)
  );

  // -------------------------------------------------------------- receive
  logic rx_loop, rx_inside_q, underrun_q;
  logic [2:0] wait_q;  // cycles for which a frame's first word has been here

  nic_sync u_rx_loop (
      .clk_i(rx_clk_i),
      .d_i  (loop_i),
      .q_o  (rx_loop)
  );
  assign pop         = word_valid && (rx_inside_q || (wait_q == StartWords && wire_idle_i));
  assign block_o     = rx_loop || word_valid || rx_inside_q;
  assign rx_busy_o   = word_valid || rx_inside_q || out_valid_o;

  always_ff @(posedge rx_clk_i) begin
    if (!rx_rst_ni) begin
      rx_inside_q <= 1'b0;
      wait_q      <= '0;
      out_valid_o <= 1'b0;
    end else begin
      out_valid_o <= pop;
      if (pop) rx_inside_q <= !word.last;
      if (pop || !word_valid) wait_q <= '0;
      else if (wait_q != StartWords) wait_q <= wait_q + 1'b1;
    end
  end
  always_ff @(posedge rx_clk_i) begin
    if (pop) begin
      out_word_o     <= word;
      out_word_o.err <= word.err || underrun_q;
    end
  end
  always_ff @(posedge rx_clk_i) underrun_q <= rx_inside_q && !(pop && word.last) && (underrun_q || !word_valid);

  // -------------------------------------------------------------- promise
  always_ff @(posedge rx_clk_i) begin
    if (rx_rst_ni && rx_inside_q) begin
      a_gapless : assert (word_valid) else $error("nic_mac_loop: a hole inside a frame");
    end
  end
endmodule
