// SPDX-License-Identifier: MIT
// Transmit, first stage: pad a frame with zeros to 60 bytes and append its FCS.
//
// Words in and out are valid/ready streams. `in_fcs_i` and `in_pad_i` hold for the whole frame; padding without an FCS
// does not exist (`in_pad_i` implies `in_fcs_i`). Bytes beyond the end of a frame come out as zeros.
// Latency: 4 cycles. One word per cycle, plus one cycle where the FCS does not fit in the frame's last word.
module nic_mac_tx_fcs
  import nic_xgmii_pkg::*;
(
    input  logic      clk_i,
    input  logic      rst_ni,
    input  logic      in_valid_i,
    output logic      in_ready_o,
    input  mac_word_t in_word_i,
    /// Append the FCS.
    input  logic      in_fcs_i,
    /// Pad to the minimum length first.
    input  logic      in_pad_i,
    output logic      out_valid_o,
    input  logic      out_ready_i,
    output mac_word_t out_word_o
);
  // The shortest frame is 60 bytes without FCS: 7 words and a half.
  localparam logic [3:0] PadIndex = 4'd7;
  localparam logic [3:0] PadBytes = 4'd4;

  // -------------------------------------------------------------- stage p: padding
  mac_word_t p_word_q, p_word_d;
  logic p_valid_q, p_first_q, p_fcs_q, p_ready, c_ready, f_ready;
  logic padding_q, pad_more;
  logic [3:0] index_q;  // of the word in the frame; 8 stands for all later ones

  assign p_ready    = !p_valid_q || c_ready;
  assign in_ready_o = p_ready && !padding_q;
  assign pad_more   = padding_q ? index_q != PadIndex : in_pad_i && in_word_i.last && index_q < PadIndex;

  always_comb begin
    p_word_d      = in_word_i;
    p_word_d.data = padding_q ? '0 : in_word_i.data & ~(64'hffff_ffff_ffff_ffff << {in_word_i.bytes, 3'b000});
    p_word_d.err  = in_word_i.err && !padding_q;
    if (pad_more) begin
      p_word_d.bytes = 4'd8;
      p_word_d.last  = 1'b0;
    end else if (padding_q || (in_pad_i && in_word_i.last && index_q == PadIndex && in_word_i.bytes < PadBytes)) begin
      p_word_d.bytes = PadBytes;
      p_word_d.last  = 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      p_valid_q <= 1'b0;
      padding_q <= 1'b0;
      index_q   <= '0;
    end else if (p_ready) begin
      p_valid_q <= in_valid_i || padding_q;
      if (in_valid_i || padding_q) begin
        padding_q <= pad_more;
        if (p_word_d.last) index_q <= '0;
        else if (!index_q[3]) index_q <= index_q + 4'd1;
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (p_ready && (in_valid_i || padding_q)) begin
      p_word_q  <= p_word_d;
      p_first_q <= index_q == '0;
      p_fcs_q   <= padding_q || in_fcs_i;
    end
  end

  // -------------------------------------------------------------- stage c: the sum over everything up to this word
  mac_word_t c_word_q;
  logic c_valid_q, c_fcs_q;
  nic_crc32_pkg::crc32_t crc_q;

  assign c_ready = !c_valid_q || f_ready;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) c_valid_q <= 1'b0;
    else if (c_ready) c_valid_q <= p_valid_q;
  end
  always_ff @(posedge clk_i) begin
    if (c_ready && p_valid_q) begin
      c_word_q <= p_word_q;
      c_fcs_q  <= p_fcs_q;
      crc_q    <= nic_crc32_pkg::update(p_first_q ? nic_crc32_pkg::Init : crc_q, p_word_q.data);
    end
  end

  // -------------------------------------------------------------- stage f: FCS
  mac_word_t f_word_q;
  mac_word_t f_out;
  logic f_valid_q, f_fcs_q, f_taken;
  logic append, spill, spill_q;  // spill: the FCS needs a word of its own; spill_q: this is it
  logic [31:0] sum_q;            // with a frame's last word

  assign append      = f_word_q.last && f_fcs_q;
  assign spill       = append && f_word_q.bytes > 4'd4;
  assign f_ready     = !f_valid_q || (f_taken && (!spill || spill_q));

  always_comb begin
    f_out = f_word_q;
    if (spill_q) begin
      f_out.data  = {32'h0, sum_q >> {4'd8 - f_word_q.bytes, 3'b000}};
      f_out.bytes = f_word_q.bytes - 4'd4;
    end else if (append) begin
      f_out.data  = f_word_q.data | {32'h0, sum_q} << {f_word_q.bytes, 3'b000};
      f_out.bytes = spill ? 4'd8 : f_word_q.bytes + 4'd4;
      f_out.last  = !spill;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      f_valid_q <= 1'b0;
      spill_q   <= 1'b0;
    end else begin
      if (f_ready) f_valid_q <= c_valid_q;
      if (f_valid_q && f_taken) spill_q <= spill && !spill_q;
    end
  end
  always_ff @(posedge clk_i) begin
    if (f_ready && c_valid_q) begin
      f_word_q <= c_word_q;
      f_fcs_q  <= c_fcs_q;
      if (c_word_q.last) sum_q <= nic_crc32_pkg::fcs(crc_q, c_word_q.bytes);
    end
  end

  // -------------------------------------------------------------- out: readiness does not run through all stages
  logic [1:0] unused_level;
  nic_fifo #(
      .Width($bits(mac_word_t)),
      .Depth(2)
  ) u_out (
      .clk_i,
      .rst_ni,
      .in_valid_i (f_valid_q),
      .in_ready_o (f_taken),
      .in_data_i  (f_out),
      .out_valid_o(out_valid_o),
      .out_ready_i,
      .out_data_o (out_word_o),
      .level_o    (unused_level)
  );

  // -------------------------------------------------------------- promises of the neighbours
  always_ff @(posedge clk_i) begin
    if (rst_ni && in_valid_i) begin
      a_bytes : assert (in_word_i.bytes inside {[4'd1 : 4'd8]} && (in_word_i.last || in_word_i.bytes == 4'd8))
      else $error("nic_mac_tx_fcs: a word with a hole");
      a_pad_has_fcs : assert (in_fcs_i || !in_pad_i) else $error("nic_mac_tx_fcs: padding without FCS");
    end
  end
endmodule
