// SPDX-License-Identifier: MIT
// For the tests of the memory models: axi_pins' pins, with the compiled memory behind them.
module native_pins_tb (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic         xgmii_tx_clk_i,
  input  logic         xgmii_rx_clk_i,
  input  logic         wake_i,
  input  logic         phy_link_i,
  input  logic [31:0]  time_skip_i,
  output logic         idle_o,
  output logic [63:0]  time_now_o,
  output logic         deadline_valid_o,
  output logic [63:0]  deadline_o,
  input  logic [3:0]   awid_i,
  input  logic [63:0]  awaddr_i,
  input  logic [7:0]   awlen_i,
  input  logic [2:0]   awsize_i,
  input  logic [1:0]   awburst_i,
  input  logic         awvalid_i,
  input  logic [127:0] wdata_i,
  input  logic [15:0]  wstrb_i,
  input  logic         wlast_i,
  input  logic         wvalid_i,
  input  logic         bready_i,
  input  logic [3:0]   arid_i,
  input  logic [63:0]  araddr_i,
  input  logic [7:0]   arlen_i,
  input  logic [2:0]   arsize_i,
  input  logic [1:0]   arburst_i,
  input  logic         arvalid_i,
  input  logic         rready_i,
  output logic         m_axi_awready,
  output logic         m_axi_wready,
  output logic [3:0]   m_axi_bid,
  output logic [1:0]   m_axi_bresp,
  output logic         m_axi_bvalid,
  output logic         m_axi_arready,
  output logic [3:0]   m_axi_rid,
  output logic [127:0] m_axi_rdata,
  output logic [1:0]   m_axi_rresp,
  output logic         m_axi_rlast,
  output logic         m_axi_rvalid
);
  native_axi_memory u_memory (
    .clk_i,
    .rst_ni,
    .awid_i,
    .awaddr_i,
    .awlen_i,
    .awsize_i,
    .awburst_i,
    .awvalid_i,
    .wdata_i,
    .wstrb_i,
    .wlast_i,
    .wvalid_i,
    .bready_i,
    .arid_i,
    .araddr_i,
    .arlen_i,
    .arsize_i,
    .arburst_i,
    .arvalid_i,
    .rready_i,
    .awready_o(m_axi_awready),
    .wready_o(m_axi_wready),
    .bid_o(m_axi_bid),
    .bresp_o(m_axi_bresp),
    .bvalid_o(m_axi_bvalid),
    .arready_o(m_axi_arready),
    .rid_o(m_axi_rid),
    .rdata_o(m_axi_rdata),
    .rresp_o(m_axi_rresp),
    .rlast_o(m_axi_rlast),
    .rvalid_o(m_axi_rvalid)
  );

  // What sim/native/main.cpp expects of a top module: this one is never idle.
  assign idle_o           = 1'b0;
  assign time_now_o       = '0;
  assign deadline_valid_o = 1'b0;
  assign deadline_o       = '0;

  logic unused;
  assign unused = &{1'b0, xgmii_tx_clk_i, xgmii_rx_clk_i, wake_i, phy_link_i, time_skip_i};
endmodule
