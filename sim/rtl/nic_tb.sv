// SPDX-License-Identifier: MIT
// The card on a bench: nic_top with its NVM, and one or several clocks.
//
// The ports are nic_top's but for the NVM, which is a memory here, loaded from the file that +nvm=FILE names ($readmemh,
// 16-bit words; all ones where it says nothing). SharedClock: all of the card runs on clk_i, which simulates fastest;
// otherwise the XGMII clocks are ports of their own. NativeHost, NativeWire: the compiled models are at the card's
// buses, or at its XGMII, and the input ports there are not used. `wake_i` moves when the models have something for Python.
module nic_tb #(
  parameter int unsigned AxiDataBits = 128,
  parameter bit          SharedClock = 1'b1,
  parameter bit          NativeHost  = 1'b0,
  parameter bit          NativeWire  = 1'b0
) (
  input  logic                     clk_i,
  // The models use it asynchronously, the eyes look at it on clock edges.
  // verilator lint_off SYNCASYNCNET
  input  logic                     rst_ni,
  // verilator lint_on SYNCASYNCNET
  input  logic                     xgmii_tx_clk_i,
  input  logic                     xgmii_rx_clk_i,
  input  logic                     wake_i,
  // registers
  input  logic [             16:0] s_axil_awaddr,
  input  logic [              2:0] s_axil_awprot,
  input  logic                     s_axil_awvalid,
  output logic                     s_axil_awready,
  input  logic [             31:0] s_axil_wdata,
  input  logic [              3:0] s_axil_wstrb,
  input  logic                     s_axil_wvalid,
  output logic                     s_axil_wready,
  output logic [              1:0] s_axil_bresp,
  output logic                     s_axil_bvalid,
  input  logic                     s_axil_bready,
  input  logic [             16:0] s_axil_araddr,
  input  logic [              2:0] s_axil_arprot,
  input  logic                     s_axil_arvalid,
  output logic                     s_axil_arready,
  output logic [             31:0] s_axil_rdata,
  output logic [              1:0] s_axil_rresp,
  output logic                     s_axil_rvalid,
  input  logic                     s_axil_rready,
  // host memory
  output logic [              3:0] m_axi_awid,
  output logic [             63:0] m_axi_awaddr,
  output logic [              7:0] m_axi_awlen,
  output logic [              2:0] m_axi_awsize,
  output logic [              1:0] m_axi_awburst,
  output logic                     m_axi_awlock,
  output logic [              3:0] m_axi_awcache,
  output logic [              2:0] m_axi_awprot,
  output logic                     m_axi_awvalid,
  input  logic                     m_axi_awready,
  output logic [  AxiDataBits-1:0] m_axi_wdata,
  output logic [AxiDataBits/8-1:0] m_axi_wstrb,
  output logic                     m_axi_wlast,
  output logic                     m_axi_wvalid,
  input  logic                     m_axi_wready,
  input  logic [              3:0] m_axi_bid,
  input  logic [              1:0] m_axi_bresp,
  input  logic                     m_axi_bvalid,
  output logic                     m_axi_bready,
  output logic [              3:0] m_axi_arid,
  output logic [             63:0] m_axi_araddr,
  output logic [              7:0] m_axi_arlen,
  output logic [              2:0] m_axi_arsize,
  output logic [              1:0] m_axi_arburst,
  output logic                     m_axi_arlock,
  output logic [              3:0] m_axi_arcache,
  output logic [              2:0] m_axi_arprot,
  output logic                     m_axi_arvalid,
  input  logic                     m_axi_arready,
  input  logic [              3:0] m_axi_rid,
  input  logic [  AxiDataBits-1:0] m_axi_rdata,
  input  logic [              1:0] m_axi_rresp,
  input  logic                     m_axi_rlast,
  input  logic                     m_axi_rvalid,
  output logic                     m_axi_rready,
  // wire
  output logic [             63:0] xgmii_txd,
  output logic [              7:0] xgmii_txc,
  input  logic [             63:0] xgmii_rxd,
  input  logic [              7:0] xgmii_rxc,
  // beside them
  input  logic                     phy_link_i,
  output logic                     intx_o,
  output logic                     dma_err_valid_o,
  output logic                     dma_err_write_o,
  output logic [             63:0] dma_err_addr_o,
  input  logic [             31:0] time_skip_i,
  output logic [             63:0] time_now_o,
  output logic                     idle_o,
  output logic                     deadline_valid_o,
  output logic [             63:0] deadline_o
);
  localparam int unsigned NvmWords = 4096;

  // ---------------------------------------------------------------- clocks
  logic tx_clk, rx_clk;
  if (SharedClock) begin : gen_shared
    logic unused;
    assign tx_clk = clk_i;
    assign rx_clk = clk_i;
    assign unused = &{1'b0, xgmii_tx_clk_i, xgmii_rx_clk_i};
  end else begin : gen_separate
    assign tx_clk = xgmii_tx_clk_i;
    assign rx_clk = xgmii_rx_clk_i;
  end

  // ---------------------------------------------------------------- NVM
  logic [15:0] nvm [NvmWords];
  logic        nvm_en;
  logic [11:0] nvm_addr;
  logic [15:0] nvm_data;

  initial begin
    string file;
    foreach (nvm[i]) nvm[i] = 16'hffff;
    if ($value$plusargs("nvm=%s", file)) $readmemh(file, nvm);
  end
  always_ff @(posedge clk_i) begin
    if (nvm_en) nvm_data <= nvm[nvm_addr];
  end

  // ---------------------------------------------------------------- the host: compiled models, or whoever drives the ports
  logic [             16:0] axil_awaddr, axil_araddr;
  logic [             31:0] axil_wdata;
  logic [              3:0] axil_wstrb;
  logic                     axil_awvalid, axil_wvalid, axil_bready, axil_arvalid, axil_rready;
  logic                     axi_awready, axi_wready, axi_bvalid, axi_arready, axi_rlast, axi_rvalid;
  logic [              3:0] axi_bid, axi_rid;
  logic [              1:0] axi_bresp, axi_rresp;
  logic [  AxiDataBits-1:0] axi_rdata;

  if (NativeHost) begin : gen_native_host
    native_registers u_registers (
      .clk_i,
      .rst_ni,
      .awaddr_o (axil_awaddr),
      .awvalid_o(axil_awvalid),
      .awready_i(s_axil_awready),
      .wdata_o  (axil_wdata),
      .wstrb_o  (axil_wstrb),
      .wvalid_o (axil_wvalid),
      .wready_i (s_axil_wready),
      .bresp_i  (s_axil_bresp),
      .bvalid_i (s_axil_bvalid),
      .bready_o (axil_bready),
      .araddr_o (axil_araddr),
      .arvalid_o(axil_arvalid),
      .arready_i(s_axil_arready),
      .rdata_i  (s_axil_rdata),
      .rresp_i  (s_axil_rresp),
      .rvalid_i (s_axil_rvalid),
      .rready_o (axil_rready),
      .intx_i   (intx_o)
    );
    native_axi_memory #(
      .DataBits(AxiDataBits)
    ) u_memory (
      .clk_i,
      .rst_ni,
      .awid_i   (m_axi_awid),
      .awaddr_i (m_axi_awaddr),
      .awlen_i  (m_axi_awlen),
      .awsize_i (m_axi_awsize),
      .awburst_i(m_axi_awburst),
      .awvalid_i(m_axi_awvalid),
      .awready_o(axi_awready),
      .wdata_i  (m_axi_wdata),
      .wstrb_i  (m_axi_wstrb),
      .wlast_i  (m_axi_wlast),
      .wvalid_i (m_axi_wvalid),
      .wready_o (axi_wready),
      .bid_o    (axi_bid),
      .bresp_o  (axi_bresp),
      .bvalid_o (axi_bvalid),
      .bready_i (m_axi_bready),
      .arid_i   (m_axi_arid),
      .araddr_i (m_axi_araddr),
      .arlen_i  (m_axi_arlen),
      .arsize_i (m_axi_arsize),
      .arburst_i(m_axi_arburst),
      .arvalid_i(m_axi_arvalid),
      .arready_o(axi_arready),
      .rid_o    (axi_rid),
      .rdata_o  (axi_rdata),
      .rresp_o  (axi_rresp),
      .rlast_o  (axi_rlast),
      .rvalid_o (axi_rvalid),
      .rready_i (m_axi_rready)
    );
  end else begin : gen_port_host
    assign axil_awaddr  = s_axil_awaddr;
    assign axil_awvalid = s_axil_awvalid;
    assign axil_wdata   = s_axil_wdata;
    assign axil_wstrb   = s_axil_wstrb;
    assign axil_wvalid  = s_axil_wvalid;
    assign axil_bready  = s_axil_bready;
    assign axil_araddr  = s_axil_araddr;
    assign axil_arvalid = s_axil_arvalid;
    assign axil_rready  = s_axil_rready;
    assign axi_awready  = m_axi_awready;
    assign axi_wready   = m_axi_wready;
    assign axi_bid      = m_axi_bid;
    assign axi_bresp    = m_axi_bresp;
    assign axi_bvalid   = m_axi_bvalid;
    assign axi_arready  = m_axi_arready;
    assign axi_rid      = m_axi_rid;
    assign axi_rdata    = m_axi_rdata;
    assign axi_rresp    = m_axi_rresp;
    assign axi_rlast    = m_axi_rlast;
    assign axi_rvalid   = m_axi_rvalid;
  end

  // ---------------------------------------------------------------- the wire, likewise
  logic [63:0] wire_rxd;
  logic [ 7:0] wire_rxc;

  if (NativeWire) begin : gen_native_wire
    native_xgmii u_xgmii (
      .tx_clk_i(tx_clk),
      .rx_clk_i(rx_clk),
      .txd_i   (xgmii_txd),
      .txc_i   (xgmii_txc),
      .rxd_o   (wire_rxd),
      .rxc_o   (wire_rxc)
    );
  end else begin : gen_port_wire
    assign wire_rxd = xgmii_rxd;
    assign wire_rxc = xgmii_rxc;
  end

  // Which ports are used depends on the models.
  logic unused_ports;
  assign unused_ports = &{
    1'b0, wake_i, s_axil_awaddr, s_axil_awprot, s_axil_awvalid, s_axil_wdata, s_axil_wstrb, s_axil_wvalid,
    s_axil_bready, s_axil_araddr, s_axil_arprot, s_axil_arvalid, s_axil_rready, m_axi_awready, m_axi_wready, m_axi_bid,
    m_axi_bresp, m_axi_bvalid, m_axi_arready, m_axi_rid, m_axi_rdata, m_axi_rresp, m_axi_rlast, m_axi_rvalid,
    xgmii_rxd, xgmii_rxc
  };

  nic_top #(
    .AxiDataBits(AxiDataBits)
  ) u_nic (
    .clk_i,
    .rst_ni,
    .s_axil_awaddr(axil_awaddr),
    .s_axil_awprot(3'b000),
    .s_axil_awvalid(axil_awvalid),
    .s_axil_awready,
    .s_axil_wdata(axil_wdata),
    .s_axil_wstrb(axil_wstrb),
    .s_axil_wvalid(axil_wvalid),
    .s_axil_wready,
    .s_axil_bresp,
    .s_axil_bvalid,
    .s_axil_bready(axil_bready),
    .s_axil_araddr(axil_araddr),
    .s_axil_arprot(3'b000),
    .s_axil_arvalid(axil_arvalid),
    .s_axil_arready,
    .s_axil_rdata,
    .s_axil_rresp,
    .s_axil_rvalid,
    .s_axil_rready(axil_rready),
    .m_axi_awid,
    .m_axi_awaddr,
    .m_axi_awlen,
    .m_axi_awsize,
    .m_axi_awburst,
    .m_axi_awlock,
    .m_axi_awcache,
    .m_axi_awprot,
    .m_axi_awvalid,
    .m_axi_awready(axi_awready),
    .m_axi_wdata,
    .m_axi_wstrb,
    .m_axi_wlast,
    .m_axi_wvalid,
    .m_axi_wready(axi_wready),
    .m_axi_bid(axi_bid),
    .m_axi_bresp(axi_bresp),
    .m_axi_bvalid(axi_bvalid),
    .m_axi_bready,
    .m_axi_arid,
    .m_axi_araddr,
    .m_axi_arlen,
    .m_axi_arsize,
    .m_axi_arburst,
    .m_axi_arlock,
    .m_axi_arcache,
    .m_axi_arprot,
    .m_axi_arvalid,
    .m_axi_arready(axi_arready),
    .m_axi_rid(axi_rid),
    .m_axi_rdata(axi_rdata),
    .m_axi_rresp(axi_rresp),
    .m_axi_rlast(axi_rlast),
    .m_axi_rvalid(axi_rvalid),
    .m_axi_rready,
    .xgmii_tx_clk_i  (tx_clk),
    .xgmii_txd,
    .xgmii_txc,
    .xgmii_rx_clk_i  (rx_clk),
    .xgmii_rxd       (wire_rxd),
    .xgmii_rxc       (wire_rxc),
    .nvm_en_o        (nvm_en),
    .nvm_addr_o      (nvm_addr),
    .nvm_data_i      (nvm_data),
    .phy_link_i,
    .intx_o,
    .dma_err_valid_o,
    .dma_err_write_o,
    .dma_err_addr_o,
    .time_skip_i,
    .time_now_o,
    .idle_o,
    .deadline_valid_o,
    .deadline_o
  );
endmodule
