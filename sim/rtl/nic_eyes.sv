// SPDX-License-Identifier: MIT
// Independent eyes on the pins of a card: its AXI4 and AXI4-Lite buses, and both directions of its XGMII.
//
// Bound into nic_top, so that whoever simulates the card with this file has them; the ports are the card's. What they find ends
// the simulation. +verilator+noassert (how a simulation is run without assertions) closes them; +xgmii_faults says that
// the wire sends illegal words to the card on purpose.
module nic_eyes #(
  parameter int unsigned AxiDataBits = 128
) (
  input logic                     clk_i,
  input logic                     rst_ni,
  input logic [             16:0] s_axil_awaddr,
  input logic [              2:0] s_axil_awprot,
  input logic                     s_axil_awvalid,
  input logic                     s_axil_awready,
  input logic [             31:0] s_axil_wdata,
  input logic [              3:0] s_axil_wstrb,
  input logic                     s_axil_wvalid,
  input logic                     s_axil_wready,
  input logic [              1:0] s_axil_bresp,
  input logic                     s_axil_bvalid,
  input logic                     s_axil_bready,
  input logic [             16:0] s_axil_araddr,
  input logic [              2:0] s_axil_arprot,
  input logic                     s_axil_arvalid,
  input logic                     s_axil_arready,
  input logic [             31:0] s_axil_rdata,
  input logic [              1:0] s_axil_rresp,
  input logic                     s_axil_rvalid,
  input logic                     s_axil_rready,
  input logic [              3:0] m_axi_awid,
  input logic [             63:0] m_axi_awaddr,
  input logic [              7:0] m_axi_awlen,
  input logic [              2:0] m_axi_awsize,
  input logic [              1:0] m_axi_awburst,
  input logic                     m_axi_awlock,
  input logic [              3:0] m_axi_awcache,
  input logic [              2:0] m_axi_awprot,
  input logic                     m_axi_awvalid,
  input logic                     m_axi_awready,
  input logic [  AxiDataBits-1:0] m_axi_wdata,
  input logic [AxiDataBits/8-1:0] m_axi_wstrb,
  input logic                     m_axi_wlast,
  input logic                     m_axi_wvalid,
  input logic                     m_axi_wready,
  input logic [              3:0] m_axi_bid,
  input logic [              1:0] m_axi_bresp,
  input logic                     m_axi_bvalid,
  input logic                     m_axi_bready,
  input logic [              3:0] m_axi_arid,
  input logic [             63:0] m_axi_araddr,
  input logic [              7:0] m_axi_arlen,
  input logic [              2:0] m_axi_arsize,
  input logic [              1:0] m_axi_arburst,
  input logic                     m_axi_arlock,
  input logic [              3:0] m_axi_arcache,
  input logic [              2:0] m_axi_arprot,
  input logic                     m_axi_arvalid,
  input logic                     m_axi_arready,
  input logic [              3:0] m_axi_rid,
  input logic [  AxiDataBits-1:0] m_axi_rdata,
  input logic [              1:0] m_axi_rresp,
  input logic                     m_axi_rlast,
  input logic                     m_axi_rvalid,
  input logic                     m_axi_rready,
  input logic                     xgmii_tx_clk_i,
  input logic [             63:0] xgmii_txd,
  input logic [              7:0] xgmii_txc,
  input logic                     xgmii_rx_clk_i,
  input logic [             63:0] xgmii_rxd,
  input logic [              7:0] xgmii_rxc
);
  logic open, strict;
  initial begin
    open   = !$test$plusargs("verilator+noassert");  // verilog_lint: waive plusarg-assignment
    strict = !$test$plusargs("xgmii_faults");  // verilog_lint: waive plusarg-assignment
  end

  // What they count is told by themselves, at the end; what they find ends the simulation.
  logic [63:0] axi_broken;
  logic [31:0] axil_broken;
  logic [15:0] tx_broken, rx_broken;
  int unsigned axi_slow, axil_slow, tx_illegal, tx_errors, rx_illegal, rx_errors;
  logic unused;
  assign unused = &{
    1'b0, axi_broken, axil_broken, tx_broken, rx_broken, axi_slow, axil_slow, tx_illegal, tx_errors, rx_illegal,
    rx_errors
  };

  axi4_checker #(
    .DataBits(AxiDataBits)
  ) u_axi (
    .clk_i,
    .rst_ni,
    .enable_i (open),
    .awid_i   (m_axi_awid),
    .awaddr_i (m_axi_awaddr),
    .awlen_i  (m_axi_awlen),
    .awsize_i (m_axi_awsize),
    .awburst_i(m_axi_awburst),
    .awlock_i (m_axi_awlock),
    .awcache_i(m_axi_awcache),
    .awprot_i (m_axi_awprot),
    .awvalid_i(m_axi_awvalid),
    .awready_i(m_axi_awready),
    .wdata_i  (m_axi_wdata),
    .wstrb_i  (m_axi_wstrb),
    .wlast_i  (m_axi_wlast),
    .wvalid_i (m_axi_wvalid),
    .wready_i (m_axi_wready),
    .bid_i    (m_axi_bid),
    .bresp_i  (m_axi_bresp),
    .bvalid_i (m_axi_bvalid),
    .bready_i (m_axi_bready),
    .arid_i   (m_axi_arid),
    .araddr_i (m_axi_araddr),
    .arlen_i  (m_axi_arlen),
    .arsize_i (m_axi_arsize),
    .arburst_i(m_axi_arburst),
    .arlock_i (m_axi_arlock),
    .arcache_i(m_axi_arcache),
    .arprot_i (m_axi_arprot),
    .arvalid_i(m_axi_arvalid),
    .arready_i(m_axi_arready),
    .rid_i    (m_axi_rid),
    .rdata_i  (m_axi_rdata),
    .rresp_i  (m_axi_rresp),
    .rlast_i  (m_axi_rlast),
    .rvalid_i (m_axi_rvalid),
    .rready_i (m_axi_rready),
    .broken_o (axi_broken),
    .slow_o   (axi_slow)
  );
  axi4_lite_checker u_axil (
    .clk_i,
    .rst_ni,
    .enable_i (open),
    .awaddr_i (s_axil_awaddr),
    .awprot_i (s_axil_awprot),
    .awvalid_i(s_axil_awvalid),
    .awready_i(s_axil_awready),
    .wdata_i  (s_axil_wdata),
    .wstrb_i  (s_axil_wstrb),
    .wvalid_i (s_axil_wvalid),
    .wready_i (s_axil_wready),
    .bresp_i  (s_axil_bresp),
    .bvalid_i (s_axil_bvalid),
    .bready_i (s_axil_bready),
    .araddr_i (s_axil_araddr),
    .arprot_i (s_axil_arprot),
    .arvalid_i(s_axil_arvalid),
    .arready_i(s_axil_arready),
    .rdata_i  (s_axil_rdata),
    .rresp_i  (s_axil_rresp),
    .rvalid_i (s_axil_rvalid),
    .rready_i (s_axil_rready),
    .broken_o (axil_broken),
    .slow_o   (axil_slow)
  );
  xgmii_checker u_xgmii_tx (
    .clk_i    (xgmii_tx_clk_i),
    .rst_ni,
    .enable_i (open),
    .strict_i (1'b1),
    .data_i   (xgmii_txd),
    .ctrl_i   (xgmii_txc),
    .broken_o (tx_broken),
    .illegal_o(tx_illegal),
    .errors_o (tx_errors)
  );
  xgmii_checker u_xgmii_rx (
    .clk_i    (xgmii_rx_clk_i),
    .rst_ni,
    .enable_i (open),
    .strict_i (strict),
    .data_i   (xgmii_rxd),
    .ctrl_i   (xgmii_rxc),
    .broken_o (rx_broken),
    .illegal_o(rx_illegal),
    .errors_o (rx_errors)
  );
endmodule

bind nic_top nic_eyes #(.AxiDataBits(AxiDataBits)) u_eyes (.*);
