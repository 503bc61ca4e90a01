// SPDX-License-Identifier: MIT
// For the tests of the memory models: an AXI4 master that is nothing but pins, so that a test can break any rule with it.
module axi_pins (
  input  logic clk_i,
  input  logic rst_ni,
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
  output logic [3:0]   m_axi_awid,
  output logic [63:0]  m_axi_awaddr,
  output logic [7:0]   m_axi_awlen,
  output logic [2:0]   m_axi_awsize,
  output logic [1:0]   m_axi_awburst,
  output logic         m_axi_awvalid,
  output logic [127:0] m_axi_wdata,
  output logic [15:0]  m_axi_wstrb,
  output logic         m_axi_wlast,
  output logic         m_axi_wvalid,
  output logic         m_axi_bready,
  output logic [3:0]   m_axi_arid,
  output logic [63:0]  m_axi_araddr,
  output logic [7:0]   m_axi_arlen,
  output logic [2:0]   m_axi_arsize,
  output logic [1:0]   m_axi_arburst,
  output logic         m_axi_arvalid,
  output logic         m_axi_rready,
  input  logic         m_axi_awready,
  input  logic         m_axi_wready,
  input  logic [3:0]   m_axi_bid,
  input  logic [1:0]   m_axi_bresp,
  input  logic         m_axi_bvalid,
  input  logic         m_axi_arready,
  input  logic [3:0]   m_axi_rid,
  input  logic [127:0] m_axi_rdata,
  input  logic [1:0]   m_axi_rresp,
  input  logic         m_axi_rlast,
  input  logic         m_axi_rvalid
);
  assign m_axi_awid     = awid_i;
  assign m_axi_awaddr   = awaddr_i;
  assign m_axi_awlen    = awlen_i;
  assign m_axi_awsize   = awsize_i;
  assign m_axi_awburst  = awburst_i;
  assign m_axi_awvalid  = awvalid_i;
  assign m_axi_wdata    = wdata_i;
  assign m_axi_wstrb    = wstrb_i;
  assign m_axi_wlast    = wlast_i;
  assign m_axi_wvalid   = wvalid_i;
  assign m_axi_bready   = bready_i;
  assign m_axi_arid     = arid_i;
  assign m_axi_araddr   = araddr_i;
  assign m_axi_arlen    = arlen_i;
  assign m_axi_arsize   = arsize_i;
  assign m_axi_arburst  = arburst_i;
  assign m_axi_arvalid  = arvalid_i;
  assign m_axi_rready   = rready_i;

  logic unused;
  assign unused = &{
    1'b0, clk_i, rst_ni, m_axi_awready, m_axi_wready, m_axi_bid, m_axi_bresp, m_axi_bvalid,
    m_axi_arready, m_axi_rid, m_axi_rdata, m_axi_rresp, m_axi_rlast, m_axi_rvalid
  };
endmodule
