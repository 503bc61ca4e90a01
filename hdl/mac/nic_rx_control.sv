// SPDX-License-Identifier: MIT
// Finds MAC control frames among the received ones (IEEE 802.3 clause 31): by ethertype, and pause frames by their opcode.
//
// Looks at a frame's first two beats as they pass. What it says of them holds from the cycle after to the next frame's
// first beat.
module nic_rx_control
  import nic_pkg::*;
(
    input  logic         clk_i,
    input  flow_cfg_t    cfg_i,
    /// A beat passes, the first of its frame; its data.
    input  logic         valid_i,
    input  logic         first_i,
    input  logic [127:0] data_i,
    /// Ethertype of MAC control; sent to the flow control address; opcode of a pause; time that one gives.
    output logic         control_o,
    output logic         addressed_o,
    output logic         pause_o,
    output logic [15:0]  quanta_o
);
  logic second_q;
  logic [15:0] ethertype, opcode;
  assign ethertype = {data_i[103:96], data_i[111:104]};
  assign opcode    = {data_i[119:112], data_i[127:120]};

  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      second_q <= first_i;
      if (first_i) begin
        control_o   <= cfg_i.rx_en && ethertype == cfg_i.ethertype;
        addressed_o <= data_i[47:0] == cfg_i.addr;
        pause_o     <= opcode == PauseOpcode;
      end else if (second_q) begin
        quanta_o <= {data_i[7:0], data_i[15:8]};
      end
    end
  end

  logic unused;
  assign unused = ^{data_i[95:48], cfg_i.tx_en, cfg_i.discard, cfg_i.pass, cfg_i.xon, cfg_i.low, cfg_i.high,
      cfg_i.quanta};
endmodule
