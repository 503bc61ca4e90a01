// SPDX-License-Identifier: MIT
// Receive, first stage: find frames on XGMII and hand out their bytes in words (IEEE 802.3 clause 46.3.2).
//
// A frame starts in lane 0 or lane 4, ends at the first control character that is not an error, and needs a gap of at
// least 5 bytes before it. The preamble's seven bytes are counted, not compared; its last byte must be the SFD and none
// may be a control character, else there is no frame. Words come one per cycle without holes.
// Latency: 3 cycles from the pins. Left out: fault sequences are taken for idle; a start inside a frame (no terminate)
// ends that frame with an error, and the frame it would have begun is lost.
module nic_mac_rx_xgmii
  import nic_xgmii_pkg::*;
(
    input  logic        clk_i,
    input  logic        rst_ni,
    input  xgmii_t      xgmii_i,
    /// A word of a frame, after the SFD.
    output logic        valid_o,
    output logic [63:0] data_o,
    /// Bytes in this word, from lane 0: 8, or 0..7 in the last.
    output logic [3:0]  bytes_o,
    output logic        last_o,
    /// An error character in this word, or (with last) an end that is no terminate.
    output logic        err_o,
    /// Between start and end of a frame.
    output logic        busy_o
);
  xgmii_t new_q, old_q;  // two successive cycles of the pins
  xgmii_t unit;          // eight lanes out of them, lane 0 where the frame has it
  logic new_start_q, old_start_q, old_low_q;  // a start character in them; in lane 0
  logic active_q, half_q, half, start;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      new_q       <= IdleWord;
      old_q       <= IdleWord;
      new_start_q <= 1'b0;
      old_start_q <= 1'b0;
    end else begin
      new_q       <= xgmii_i;
      old_q       <= new_q;
      new_start_q <= has_start(xgmii_i);
      old_start_q <= new_start_q;
    end
  end
  always_ff @(posedge clk_i) old_low_q <= new_q.ctrl[0] && new_q.data[7:0] == Start;

  function automatic logic has_start(xgmii_t pins);
    return (pins.ctrl[0] && pins.data[7:0] == Start) || (pins.ctrl[4] && pins.data[39:32] == Start);
  endfunction

  assign start = !active_q && old_start_q;
  assign half  = active_q ? half_q : !old_low_q;
  assign unit  = half ? {new_q.ctrl[3:0], old_q.ctrl[7:4], new_q.data[31:0], old_q.data[63:32]} : old_q;

  // -------------------------------------------------------------- what is in the eight lanes
  typedef struct packed {
    logic       ends;   // a control character that is no error
    logic       err;
    logic [3:0] bytes;  // before the end
  } content_t;

  function automatic content_t content(xgmii_t word);
    content_t out;
    out = '{ends: 1'b0, err: 1'b0, bytes: 4'd8};
    for (int i = 7; i >= 0; i--) begin  // the lowest lane has the last word
      if (word.ctrl[i]) begin
        if (word.data[8*i+:8] == Error) out.err = 1'b1;
        else out = '{ends: 1'b1, err: word.data[8*i+:8] != Terminate, bytes: 4'(i)};
      end
    end
    return out;
  endfunction

  content_t found;
  assign found = unit.ctrl == '0 ? '{ends: 1'b0, err: 1'b0, bytes: 4'd8} : content(unit);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      active_q <= 1'b0;
      valid_o  <= 1'b0;
    end else begin
      if (active_q) active_q <= !found.ends;
      else active_q <= start && unit.ctrl == 8'h01 && unit.data[63:56] == Sfd;
      valid_o <= active_q;
    end
  end
  always_ff @(posedge clk_i) begin
    half_q <= half;
    if (active_q) begin
      data_o  <= unit.data;
      bytes_o <= found.bytes;
      last_o  <= found.ends;
      err_o   <= found.err;
    end
  end

  assign busy_o = active_q || valid_o || new_start_q || old_start_q;
endmodule
