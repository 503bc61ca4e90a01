// SPDX-License-Identifier: MIT
// For the tests of the host models: dma_copy with the compiled models at both of its buses.
module native_copy_tb (
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
  output logic         intx_o
);
  logic axi_awvalid, axi_awready, axi_wlast, axi_wvalid, axi_wready, axi_bvalid;
  logic axi_bready, axi_arvalid, axi_arready, axi_rlast, axi_rvalid, axi_rready;
  logic [1:0] axi_awburst, axi_bresp, axi_arburst, axi_rresp;
  logic [2:0] axi_awsize, axi_arsize;
  logic [3:0] axi_awid, axi_bid, axi_arid, axi_rid;
  logic [7:0] axi_awlen, axi_arlen;
  logic [15:0] axi_wstrb;
  logic [63:0] axi_awaddr, axi_araddr;
  logic [127:0] axi_wdata, axi_rdata;
  logic axil_awvalid, axil_awready, axil_wvalid, axil_wready, axil_bvalid;
  logic axil_bready, axil_arvalid, axil_arready, axil_rvalid, axil_rready;
  logic [1:0] axil_bresp, axil_rresp;
  logic [3:0] axil_wstrb;
  logic [16:0] axil_awaddr, axil_araddr;
  logic [31:0] axil_wdata, axil_rdata;

  dma_copy u_copy (
    .clk_i,
    .rst_ni,
    .s_axil_awprot(3'b000),
    .s_axil_arprot(3'b000),
    .s_axil_awaddr(axil_awaddr),
    .s_axil_awvalid(axil_awvalid),
    .s_axil_awready(axil_awready),
    .s_axil_wdata(axil_wdata),
    .s_axil_wstrb(axil_wstrb),
    .s_axil_wvalid(axil_wvalid),
    .s_axil_wready(axil_wready),
    .s_axil_bresp(axil_bresp),
    .s_axil_bvalid(axil_bvalid),
    .s_axil_bready(axil_bready),
    .s_axil_araddr(axil_araddr),
    .s_axil_arvalid(axil_arvalid),
    .s_axil_arready(axil_arready),
    .s_axil_rdata(axil_rdata),
    .s_axil_rresp(axil_rresp),
    .s_axil_rvalid(axil_rvalid),
    .s_axil_rready(axil_rready),
    .m_axi_awid(axi_awid),
    .m_axi_awaddr(axi_awaddr),
    .m_axi_awlen(axi_awlen),
    .m_axi_awsize(axi_awsize),
    .m_axi_awburst(axi_awburst),
    .m_axi_awvalid(axi_awvalid),
    .m_axi_awready(axi_awready),
    .m_axi_wdata(axi_wdata),
    .m_axi_wstrb(axi_wstrb),
    .m_axi_wlast(axi_wlast),
    .m_axi_wvalid(axi_wvalid),
    .m_axi_wready(axi_wready),
    .m_axi_bid(axi_bid),
    .m_axi_bresp(axi_bresp),
    .m_axi_bvalid(axi_bvalid),
    .m_axi_bready(axi_bready),
    .m_axi_arid(axi_arid),
    .m_axi_araddr(axi_araddr),
    .m_axi_arlen(axi_arlen),
    .m_axi_arsize(axi_arsize),
    .m_axi_arburst(axi_arburst),
    .m_axi_arvalid(axi_arvalid),
    .m_axi_arready(axi_arready),
    .m_axi_rid(axi_rid),
    .m_axi_rdata(axi_rdata),
    .m_axi_rresp(axi_rresp),
    .m_axi_rlast(axi_rlast),
    .m_axi_rvalid(axi_rvalid),
    .m_axi_rready(axi_rready),
    .intx_o
  );
  native_registers u_registers (
    .clk_i,
    .rst_ni,
    .awaddr_o(axil_awaddr),
    .awvalid_o(axil_awvalid),
    .awready_i(axil_awready),
    .wdata_o(axil_wdata),
    .wstrb_o(axil_wstrb),
    .wvalid_o(axil_wvalid),
    .wready_i(axil_wready),
    .bresp_i(axil_bresp),
    .bvalid_i(axil_bvalid),
    .bready_o(axil_bready),
    .araddr_o(axil_araddr),
    .arvalid_o(axil_arvalid),
    .arready_i(axil_arready),
    .rdata_i(axil_rdata),
    .rresp_i(axil_rresp),
    .rvalid_i(axil_rvalid),
    .rready_o(axil_rready),
    .intx_i(intx_o)
  );
  native_axi_memory u_memory (
    .clk_i,
    .rst_ni,
    .awid_i(axi_awid),
    .awaddr_i(axi_awaddr),
    .awlen_i(axi_awlen),
    .awsize_i(axi_awsize),
    .awburst_i(axi_awburst),
    .awvalid_i(axi_awvalid),
    .awready_o(axi_awready),
    .wdata_i(axi_wdata),
    .wstrb_i(axi_wstrb),
    .wlast_i(axi_wlast),
    .wvalid_i(axi_wvalid),
    .wready_o(axi_wready),
    .bid_o(axi_bid),
    .bresp_o(axi_bresp),
    .bvalid_o(axi_bvalid),
    .bready_i(axi_bready),
    .arid_i(axi_arid),
    .araddr_i(axi_araddr),
    .arlen_i(axi_arlen),
    .arsize_i(axi_arsize),
    .arburst_i(axi_arburst),
    .arvalid_i(axi_arvalid),
    .arready_o(axi_arready),
    .rid_o(axi_rid),
    .rdata_o(axi_rdata),
    .rresp_o(axi_rresp),
    .rlast_o(axi_rlast),
    .rvalid_o(axi_rvalid),
    .rready_i(axi_rready)
  );

  // What sim/native/main.cpp expects of a top module: this one is never idle.
  assign idle_o           = 1'b0;
  assign time_now_o       = '0;
  assign deadline_valid_o = 1'b0;
  assign deadline_o       = '0;

  logic unused;
  assign unused = &{1'b0, xgmii_tx_clk_i, xgmii_rx_clk_i, wake_i, phy_link_i, time_skip_i};
endmodule
