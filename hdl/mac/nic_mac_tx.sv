// SPDX-License-Identifier: MIT
// Transmit side of the MAC, all in the XGMII transmit clock: 128-bit beats to padded, checked, framed XGMII.
//
// Beats in: valid/ready; `in_fcs_i` and `in_pad_i` hold for the whole frame. A beat is taken every second cycle at most;
// once the first beat of a frame is there, the next must be there two cycles later and so on (asserted further down).
// Between FCS and framing whole frames may turn off to the loopback (nic_mac_loop): `framed_*_o`/`wire_*_i`.
// Latency: 7 cycles from `in_valid_i` to the start character on the pins.
module nic_mac_tx
  import nic_xgmii_pkg::*;
(
    input  logic                 clk_i,
    input  logic                 rst_ni,
    input  logic                 in_valid_i,
    output logic                 in_ready_o,
    input  nic_pkg::frame_beat_t in_beat_i,
    /// Append the FCS.
    input  logic                 in_fcs_i,
    /// Pad to the minimum length first (implies in_fcs_i).
    input  logic                 in_pad_i,
    /// With the last beat: the frame was given up; error characters go out in place of this beat.
    input  logic                 in_abort_i,
    /// TIPG.IPGT; quasi-static, of any clock domain.
    input  logic [9:0]           ipgt_i,
    /// Padded and with FCS, and what of it comes back to go out.
    output logic                 framed_valid_o,
    input  logic                 framed_ready_i,
    output mac_word_t            framed_word_o,
    input  logic                 wire_valid_i,
    output logic                 wire_ready_o,
    /// Something is in here or on the wire.
    output logic                 busy_o,
    output xgmii_t               xgmii_o
);
  // The 82574L's reset value stands for the standard gap of 12 bytes; less is not given.
  localparam logic [9:0] IpgtDefault = 10'd8;

  // -------------------------------------------------------------- two words out of each beat
  logic upper_q, split, word_ready;
  mac_word_t word;

  assign split      = in_beat_i.bytes > 5'd8;
  assign in_ready_o = word_ready && (!split || upper_q);

  always_comb begin
    word.data  = upper_q ? in_beat_i.data[127:64] : in_beat_i.data[63:0];
    word.bytes = upper_q ? 4'(in_beat_i.bytes - 5'd8) : split ? 4'd8 : in_beat_i.bytes[3:0];
    word.last  = in_beat_i.last && split == upper_q;
    word.err   = in_abort_i;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) upper_q <= 1'b0;
    else if (in_valid_i && word_ready) upper_q <= split && !upper_q;
  end

  // -------------------------------------------------------------- padding and FCS, framing
  logic wire_busy;
  logic [9:0] ipgt, extra_gap_q;

  nic_mac_tx_fcs u_fcs (
      .clk_i,
      .rst_ni,
      .in_valid_i,
      .in_ready_o (word_ready),
      .in_word_i  (word),
      .in_fcs_i,
      .in_pad_i,
      .out_valid_o(framed_valid_o),
      .out_ready_i(framed_ready_i),
      .out_word_o (framed_word_o)
  );

  nic_sync #(
      .Width(10)
  ) u_ipgt (
      .clk_i,
      .d_i(ipgt_i),
      .q_o(ipgt)
  );
  always_ff @(posedge clk_i) extra_gap_q <= ipgt > IpgtDefault ? ipgt - IpgtDefault : '0;

  nic_mac_tx_xgmii u_xgmii (
      .clk_i,
      .rst_ni,
      .in_valid_i (wire_valid_i),
      .in_ready_o (wire_ready_o),
      .in_word_i  (framed_word_o),
      .extra_gap_i(extra_gap_q),
      .busy_o     (wire_busy),
      .xgmii_o
  );

  // Words between the input and the last stage are here for 6 cycles before that stage knows; once it does, it is busy
  // to the frame's end. The pins are one cycle later still.
  logic [7:0] recent_q;
  assign busy_o = in_valid_i || framed_valid_o || wire_busy || recent_q != '0;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) recent_q <= '0;
    else recent_q <= {recent_q[6:0], in_valid_i || framed_valid_o || wire_busy};
  end
endmodule
