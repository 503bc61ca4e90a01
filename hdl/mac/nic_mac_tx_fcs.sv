// SPDX-License-Identifier: MIT
// Transmit, first stage: pad a frame with zeros to 60 bytes and append its FCS.
//
// Words in and out are valid/ready streams. `in_fcs_i` and `in_pad_i` hold for the whole frame; padding without an FCS
// does not exist (`in_pad_i` implies `in_fcs_i`). Bytes beyond the end of a frame come out as zeros.
// Latency: 6 cycles. One word per cycle, plus one cycle where the FCS does not fit in the frame's last word.
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

  // All stages move together: what is in them is whole frames without holes, so that nothing is gained by closing up.
  logic go;

  // -------------------------------------------------------------- stage p: padding
  mac_word_t p_word_q, p_word_d;
  logic p_valid_q, p_first_q, p_fcs_q;
  logic padding_q, pad_more, pad_last;
  logic [3:0] index_q;  // of the word in the frame; 8 stands for all later ones

  assign in_ready_o = go && !padding_q;
  assign pad_more   = padding_q ? index_q != PadIndex : in_pad_i && in_word_i.last && index_q < PadIndex;
  assign pad_last   = padding_q || (in_pad_i && in_word_i.last && index_q == PadIndex && in_word_i.bytes < PadBytes);

  always_comb begin
    p_word_d      = in_word_i;
    p_word_d.data = padding_q ? '0 : in_word_i.data & ~(64'hffff_ffff_ffff_ffff << {in_word_i.bytes, 3'b000});
    p_word_d.err  = in_word_i.err && !padding_q;
    if (pad_more) begin
      p_word_d.bytes = 4'd8;
      p_word_d.last  = 1'b0;
    end else if (pad_last) begin
      p_word_d.bytes = PadBytes;
      p_word_d.last  = 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      padding_q <= 1'b0;
      index_q   <= '0;
    end else if (go && (in_valid_i || padding_q)) begin
      padding_q <= pad_more;
      if (p_word_d.last) index_q <= '0;
      else if (!index_q[3]) index_q <= index_q + 4'd1;
    end
  end
  always_ff @(posedge clk_i) begin
    if (go && (in_valid_i || padding_q)) begin
      p_word_q  <= p_word_d;
      p_first_q <= index_q == '0;
      p_fcs_q   <= padding_q || in_fcs_i;
    end
  end

  // -------------------------------------------------------------- stage d: what this word adds to the sum
  mac_word_t d_word_q;
  logic d_valid_q, d_first_q, d_fcs_q;
  nic_crc32_pkg::crc32_t d_sum_q;

  always_ff @(posedge clk_i) begin
    if (go && p_valid_q) begin
      d_word_q  <= p_word_q;
      d_first_q <= p_first_q;
      d_fcs_q   <= p_fcs_q;
      d_sum_q   <= nic_crc32_pkg::contribution(p_word_q.data);
    end
  end

  // -------------------------------------------------------------- stage c: the sum over everything up to this word
  mac_word_t c_word_q;
  logic c_valid_q, c_fcs_q;
  nic_crc32_pkg::crc32_t crc_q;

  always_ff @(posedge clk_i) begin
    if (go && d_valid_q) begin
      c_word_q <= d_word_q;
      c_fcs_q  <= d_fcs_q;
      crc_q    <= d_sum_q ^ nic_crc32_pkg::advance(d_first_q ? nic_crc32_pkg::Init : crc_q);
    end
  end

  // -------------------------------------------------------------- stage r: the sum before the zeros, half the way
  mac_word_t r_word_q;
  logic r_valid_q, r_fcs_q;
  nic_crc32_pkg::crc32_t r_sum_q;

  always_ff @(posedge clk_i) begin
    if (go && c_valid_q) begin
      r_word_q <= c_word_q;
      r_fcs_q  <= c_fcs_q;
      if (c_word_q.last) r_sum_q <= nic_crc32_pkg::rewind(crc_q, c_word_q.bytes);
    end
  end

  // -------------------------------------------------------------- stage f: FCS
  mac_word_t f_word_q;
  mac_word_t f_out;
  logic f_valid_q, f_taken;
  logic append_q;          // the FCS belongs behind this word
  logic spill_q, rest_q;   // and needs a word of its own; this is it
  logic [31:0] sum_q;      // with a frame's last word

  assign go = !f_valid_q || (f_taken && (!spill_q || rest_q));

  always_comb begin
    f_out = f_word_q;
    if (rest_q) begin
      f_out.data  = {32'h0, sum_q >> {4'd8 - f_word_q.bytes, 3'b000}};
      f_out.bytes = f_word_q.bytes - 4'd4;
    end else if (append_q) begin
      f_out.data  = f_word_q.data | {32'h0, sum_q} << {f_word_q.bytes, 3'b000};
      f_out.bytes = spill_q ? 4'd8 : f_word_q.bytes + 4'd4;
      f_out.last  = !spill_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {p_valid_q, d_valid_q, c_valid_q, r_valid_q, f_valid_q} <= '0;
      rest_q <= 1'b0;
    end else begin
      if (go) begin
        {p_valid_q, d_valid_q, c_valid_q, r_valid_q, f_valid_q} <=
            {in_valid_i || padding_q, p_valid_q, d_valid_q, c_valid_q, r_valid_q};
      end
      if (f_valid_q && f_taken) rest_q <= spill_q && !rest_q;
    end
  end
  always_ff @(posedge clk_i) begin
    if (go && r_valid_q) begin
      f_word_q <= r_word_q;
      append_q <= r_word_q.last && r_fcs_q;
      spill_q  <= r_word_q.last && r_fcs_q && r_word_q.bytes > 4'd4;
      if (r_word_q.last) sum_q <= nic_crc32_pkg::fcs(r_sum_q, r_word_q.bytes);
    end
  end

  // -------------------------------------------------------------- out: readiness ends here
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
