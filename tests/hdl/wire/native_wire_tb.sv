// SPDX-License-Identifier: MIT
// For the tests of the wire models: the compiled one. Loop: what it sends comes back a clock later. Otherwise it hears the
// XGMII ports as the model under comparison does, and drives ports of its own beside those.
module native_wire_tb #(
  parameter bit Loop = 1'b0
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        xgmii_tx_clk_i,
  input  logic        xgmii_rx_clk_i,
  input  logic        wake_i,
  input  logic        phy_link_i,
  input  logic [31:0] time_skip_i,
  output logic        idle_o,
  output logic [63:0] time_now_o,
  output logic        deadline_valid_o,
  output logic [63:0] deadline_o,
  input  logic [63:0] xgmii_rxd,
  input  logic [7:0]  xgmii_rxc,
  input  logic [63:0] xgmii_txd,
  input  logic [7:0]  xgmii_txc,
  output logic [63:0] native_rxd_o,
  output logic [7:0]  native_rxc_o
);
  logic [63:0] looped_data_q, heard_data;
  logic [7:0]  looped_ctrl_q, heard_ctrl;

  always_ff @(posedge clk_i) begin
    looped_data_q <= native_rxd_o;
    looped_ctrl_q <= native_rxc_o;
  end
  assign heard_data = Loop ? looped_data_q : xgmii_txd;
  assign heard_ctrl = Loop ? looped_ctrl_q : xgmii_txc;

  native_xgmii u_xgmii (
    .tx_clk_i(clk_i),
    .rx_clk_i(clk_i),
    .txd_i   (heard_data),
    .txc_i   (heard_ctrl),
    .rxd_o   (native_rxd_o),
    .rxc_o   (native_rxc_o)
  );

  // What sim/native/main.cpp expects of a top module: this one is never idle.
  assign idle_o           = 1'b0;
  assign time_now_o       = '0;
  assign deadline_valid_o = 1'b0;
  assign deadline_o       = '0;

  logic unused;
  assign unused = &{
    1'b0, rst_ni, xgmii_tx_clk_i, xgmii_rx_clk_i, wake_i, phy_link_i, time_skip_i, xgmii_rxd, xgmii_rxc, xgmii_txd,
    xgmii_txc, looped_data_q, looped_ctrl_q
  };
endmodule
