// SPDX-License-Identifier: MIT
// Transmit, last stage: preamble, terminate and inter-frame gap on XGMII (IEEE 802.3 clauses 4.2.8 and 46.3.1).
//
// Words in: whole frames with FCS. A frame starts in lane 0 or lane 4. The gap, from terminate to the next start, is
// 12 bytes plus `extra_gap_i` on average and at most 3 bytes less for one frame (deficit idle count), so a 64-byte frame
// takes 10.5 cycles. Once a frame has started `in_valid_i` must hold until its last word (asserted); should it not, error
// characters fill the hole, so that the far end drops the frame.
// Latency: start is on the pins 1 cycle after `in_valid_i`, the first data byte 2, half a cycle more in lane 4.
module nic_mac_tx_xgmii
  import nic_xgmii_pkg::*;
(
    input  logic       clk_i,
    input  logic       rst_ni,
    input  logic       in_valid_i,
    output logic       in_ready_o,
    input  mac_word_t  in_word_i,
    /// Bytes that the gap is longer than 12.
    input  logic [9:0] extra_gap_i,
    /// A frame is on its way out, or the gap behind it.
    output logic       busy_o,
    output xgmii_t     xgmii_o
);
  typedef enum logic [1:0] {
    StGap,    // idle; a frame may start when fewer than two columns of gap are left
    StFrame,  // data words
    StEnd,    // terminate in a word of its own
    StFlush   // the second column of a frame's end, for a frame that started in lane 4
  } state_e;

  // Bytes of gap after the column of a terminate in lane 0, which itself is 4 of the 12.
  localparam logic [10:0] GapAfterEnd = 11'd8;

  state_e state_q, state_d;
  logic [8:0] gap_q, gap_d;           // columns still to send before the next start
  logic [1:0] deficit_q, deficit_d;   // bytes by which gaps so far were shorter than 12 on average
  logic half_q, half_d;               // this frame started in lane 4
  logic shift;                        // send `unit` one column late
  xgmii_t unit, xgmii_q;              // the frame as if it had started in lane 0
  logic [31:0] held_data_q;           // the late column of the cycle before
  logic [3:0] held_ctrl_q;
  logic ends;                         // `unit` holds the terminate
  logic [2:0] end_lane;
  logic [10:0] gap_base_q, gap_bytes;

  assign busy_o    = state_q != StGap || gap_q != '0 || in_valid_i;
  assign xgmii_o   = xgmii_q;
  assign gap_bytes = gap_base_q + {9'h0, end_lane[1:0]};

  always_comb begin
    state_d    = state_q;
    gap_d      = gap_q;
    deficit_d  = deficit_q;
    half_d     = half_q;
    shift      = half_q;
    unit       = IdleWord;
    ends       = 1'b0;
    end_lane   = '0;
    in_ready_o = 1'b0;

    unique case (state_q)
      StGap: begin
        shift = gap_q == 9'd1;
        gap_d = gap_q > 9'd1 ? gap_q - 9'd2 : '0;
        if (gap_q <= 9'd1) begin
          if (in_valid_i) begin
            unit    = StartWord;
            half_d  = shift;
            state_d = StFrame;
          end else begin
            deficit_d = '0;  // no frame yet: more idle than any deficit
          end
        end
      end
      StFrame: begin
        in_ready_o = 1'b1;
        unit       = in_valid_i ? frame_word(in_word_i.data, in_word_i.bytes, in_word_i.err) : ErrorWord;
        if (in_valid_i && in_word_i.last) begin
          end_lane = in_word_i.bytes[2:0];
          ends     = !in_word_i.bytes[3];
          state_d  = StEnd;
        end
      end
      StEnd: begin
        unit = TerminateWord;
        ends = 1'b1;
      end
      StFlush: state_d = StGap;
    endcase

    if (ends) begin
      // The terminate is in the first or second column of `unit`; in the second and late, one more cycle is needed, and
      // an idle column comes with it. First and not late: an idle column is behind it already.
      state_d   = half_q && end_lane[2] ? StFlush : StGap;
      gap_d     = gap_bytes[10:2] - (half_q == end_lane[2] ? 9'd1 : 9'd0);
      deficit_d = gap_bytes[1:0];
    end
  end

  function automatic xgmii_t frame_word(logic [63:0] data, logic [3:0] bytes, logic err);
    logic [63:0] behind;  // the lanes without data
    behind = 64'hffff_ffff_ffff_ffff << {bytes, 3'b000};
    return '{
        ctrl: err ? 8'hff : 8'hff << bytes,
        data: ((err ? ErrorWord.data : data) & ~behind) | TerminateWord.data << {bytes, 3'b000}
    };
  endfunction

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q     <= StGap;
      gap_q       <= '0;
      deficit_q   <= '0;
      half_q      <= 1'b0;
      held_ctrl_q <= IdleWord.ctrl[7:4];
      held_data_q <= IdleWord.data[63:32];
      xgmii_q     <= IdleWord;
    end else begin
      state_q     <= state_d;
      gap_q       <= gap_d;
      deficit_q   <= deficit_d;
      half_q      <= half_d;
      held_ctrl_q <= unit.ctrl[7:4];
      held_data_q <= unit.data[63:32];
      xgmii_q     <= shift ? {unit.ctrl[3:0], held_ctrl_q, unit.data[31:0], held_data_q} : unit;
    end
  end

  // The deficit was settled by the end of the frame before.
  always_ff @(posedge clk_i) gap_base_q <= GapAfterEnd + {9'h0, deficit_q} + {1'b0, extra_gap_i};

  // -------------------------------------------------------------- promise of the neighbour
  always_ff @(posedge clk_i) begin
    if (rst_ni && state_q == StFrame) begin
      a_no_underrun : assert (in_valid_i) else $error("nic_mac_tx_xgmii: underrun inside a frame");
    end
  end
endmodule
