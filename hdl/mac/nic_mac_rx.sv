// SPDX-License-Identifier: MIT
// Receive side of the MAC, all in the XGMII receive clock: XGMII to 128-bit beats with length and FCS check.
//
// In `block_i` the pins are taken for idle; words of looped frames (nic_mac_loop) come in where those from the pins would,
// while `wire_idle_o`.
// Beats out: no back-pressure; FCS included; `out_status_o` is valid with the last beat. A frame without a single byte
// after its SFD leaves no trace. Bytes beyond the end of a frame are zeros in its last word.
// Latency: 7 cycles from the pins to the beat that holds them (8 for its first half).
module nic_mac_rx
  import nic_xgmii_pkg::*;
  import nic_pkg::*;
(
    input  logic           clk_i,
    input  logic           rst_ni,
    input  xgmii_t         xgmii_i,
    input  logic           block_i,
    output logic           wire_idle_o,
    input  logic           loop_valid_i,
    input  mac_word_t      loop_word_i,
    output logic           out_valid_o,
    output frame_beat_t    out_beat_o,
    output rx_mac_status_t out_status_o,
    /// Something is on the wire or in here.
    output logic           busy_o
);
  logic wire_valid, wire_busy;
  mac_word_t wire_word;

  nic_mac_rx_xgmii u_xgmii (
      .clk_i,
      .rst_ni,
      .xgmii_i(block_i ? IdleWord : xgmii_i),
      .valid_o(wire_valid),
      .data_o (wire_word.data),
      .bytes_o(wire_word.bytes),
      .last_o (wire_word.last),
      .err_o  (wire_word.err),
      .busy_o (wire_busy)
  );
  assign wire_idle_o = !wire_busy;

  logic a_valid, a_last, a_err;
  logic [63:0] a_data;
  logic [3:0] a_bytes;
  assign a_valid = wire_valid || loop_valid_i;
  assign {a_err, a_last, a_bytes, a_data} = loop_valid_i ? loop_word_i : wire_word;

  // -------------------------------------------------------------- stage b: nothing beyond a frame's end but zeros
  logic b_valid_q, b_last_q, b_err_q;
  logic [63:0] b_data_q;
  logic [3:0] b_bytes_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) b_valid_q <= 1'b0;
    else b_valid_q <= a_valid;
  end
  always_ff @(posedge clk_i) begin
    if (a_valid) begin
      b_data_q  <= a_last ? a_data & ~(64'hffff_ffff_ffff_ffff << {a_bytes, 3'b000}) : a_data;
      b_bytes_q <= a_bytes;
      b_last_q  <= a_last;
      b_err_q   <= a_err;
    end
  end

  // -------------------------------------------------------------- stage d: what a word adds to the sum
  logic d_valid_q, d_last_q, d_err_q;
  logic [63:0] d_data_q;
  logic [3:0] d_bytes_q;
  nic_crc32_pkg::crc32_t d_sum_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) d_valid_q <= 1'b0;
    else d_valid_q <= b_valid_q;
  end
  always_ff @(posedge clk_i) begin
    if (b_valid_q) begin
      {d_err_q, d_last_q, d_bytes_q, d_data_q} <= {b_err_q, b_last_q, b_bytes_q, b_data_q};
      d_sum_q <= nic_crc32_pkg::contribution(b_data_q);
    end
  end

  // -------------------------------------------------------------- stage c: a word, and the sums up to it
  // A frame may end in a word without bytes, so a word is last by itself or by what follows it.
  logic c_valid_q, c_ended_q, c_err_q, c_last, d_empty, d_first;
  mac_word_t c_word;
  logic [63:0] c_data_q;
  logic [3:0] c_bytes_q;
  logic [15:0] length_q;
  logic [16:0] length;
  nic_crc32_pkg::crc32_t crc_q;
  rx_mac_status_t status;

  assign d_empty = d_last_q && d_bytes_q == '0;
  assign d_first = !c_valid_q || c_ended_q;
  assign c_last  = c_ended_q || (d_valid_q && d_empty);
  assign length  = (d_first ? '0 : {1'b0, length_q}) + 17'(d_bytes_q);

  always_comb begin
    c_word.data       = c_data_q;
    c_word.bytes      = c_bytes_q;
    c_word.last       = c_last;
    c_word.err        = c_err_q || (!c_ended_q && d_err_q);
    status.bytes      = length_q;
    status.crc_err    = crc_q != nic_crc32_pkg::residue(c_bytes_q);
    status.symbol_err = c_word.err;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) c_valid_q <= 1'b0;
    else c_valid_q <= d_valid_q && !d_empty;
  end
  always_ff @(posedge clk_i) begin
    if (d_valid_q) begin
      c_data_q  <= d_data_q;
      c_bytes_q <= d_bytes_q;
      c_ended_q <= d_last_q;
      c_err_q   <= d_err_q || (!d_first && c_err_q);
      length_q  <= length[16] ? '1 : length[15:0];
      crc_q     <= d_sum_q ^ nic_crc32_pkg::advance(d_first ? nic_crc32_pkg::Init : crc_q);
    end
  end

  // -------------------------------------------------------------- stage p: two words make a beat
  logic upper_q;  // c_word is the upper half
  logic [63:0] lower_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      upper_q     <= 1'b0;
      out_valid_o <= 1'b0;
    end else begin
      out_valid_o <= c_valid_q && (upper_q || c_last);
      if (c_valid_q) upper_q <= !upper_q && !c_last;
    end
  end
  always_ff @(posedge clk_i) begin
    if (c_valid_q) begin
      if (!upper_q) lower_q <= c_word.data;
      out_beat_o.data  <= upper_q ? {c_word.data, lower_q} : {64'h0, c_word.data};
      out_beat_o.bytes <= {1'b0, c_word.bytes} + (upper_q ? 5'd8 : 5'd0);
      out_beat_o.last  <= c_word.last;
      out_status_o     <= status;
    end
  end

  assign busy_o = wire_busy || a_valid || b_valid_q || d_valid_q || c_valid_q || out_valid_o;
endmodule
