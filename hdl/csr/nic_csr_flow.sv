// SPDX-License-Identifier: MIT
// Packet memory and flow control: PBA, FCAL, FCAH, FCT, FCTTV, FCRTL, FCRTH, and what of CTRL and RCTL belongs to them.
//
// PBA keeps the receiver's share within what both directions can work with, and shows the transmitter the rest. It outlives
// CTRL.RST (`rst_ni`): drivers write it and then reset the card, with which it takes effect.
// Latency: a write is out after 1 cycle.
module nic_csr_flow
  import nic_pkg::*;
  import nic_regs_pkg::*;
  import nic_csr_pkg::*;
(
  input  logic             clk_i,
  input  logic             por_ni,
  input  logic             rst_ni,
  input  csr_req_t         req_i,
  output logic      [31:0] rdata_o,
  /// CTRL.RFCE, CTRL.TFCE
  input  logic             rfce_i,
  input  logic             tfce_i,
  /// RCTL.DPF, RCTL.PMCF
  input  logic             dpf_i,
  input  logic             pmcf_i,
  output flow_cfg_t        flow_cfg_o,
  /// shares of the packet memory, KB
  output logic      [ 5:0] rx_kb_o,
  output logic      [ 5:0] tx_kb_o
);

  localparam logic [5:0] TotalKb = 6'(PacketMemoryKb);
  localparam logic [5:0] LeastKb = 6'd4;

  if (PBA_RESET[15:0] + PBA_RESET[31:16] != 16'(PacketMemoryKb)) begin : g_bad_split
    $fatal(1, "nic_csr_flow: PBA's reset value does not share out the packet memory");
  end

  function automatic logic [5:0] share(input logic [15:0] kb);
    if (kb < 16'(LeastKb)) return LeastKb;
    if (kb > 16'(TotalKb - LeastKb)) return TotalKb - LeastKb;
    return kb[5:0];
  endfunction

  fcah_t       fcah_q;
  fct_t        fct_q;
  fcttv_t      fcttv_q;
  fcrtl_t      fcrtl_q;
  fcrth_t      fcrth_q;
  logic [31:0] fcal_q;
  logic [ 5:0] rx_kb_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      fcal_q  <= FCAL_RESET;
      fcah_q  <= FCAH_RESET;
      fct_q   <= FCT_RESET;
      fcttv_q <= FCTTV_RESET;
      fcrtl_q <= FCRTL_RESET;
      fcrth_q <= FCRTH_RESET;
    end else if (req_i.wr) begin
      if (req_i.sel.fcal)  fcal_q <= req_i.wdata;
      if (req_i.sel.fcah)  fcah_q <= req_i.wdata & FCAH_WRITABLE;
      if (req_i.sel.fct)   fct_q <= req_i.wdata & FCT_WRITABLE;
      if (req_i.sel.fcttv) fcttv_q <= req_i.wdata & FCTTV_WRITABLE;
      if (req_i.sel.fcrtl) fcrtl_q <= req_i.wdata & FCRTL_WRITABLE;
      if (req_i.sel.fcrth) fcrth_q <= req_i.wdata & FCRTH_WRITABLE;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!por_ni) rx_kb_q <= PBA_RESET[5:0];
    else if (req_i.wr && req_i.sel.pba) rx_kb_q <= share(req_i.wdata[15:0]);
  end

  assign rx_kb_o = rx_kb_q;
  assign tx_kb_o = TotalKb - rx_kb_q;

  always_comb begin
    rdata_o = '0;
    if (req_i.rd) begin
      if (req_i.sel.pba)   rdata_o |= {16'(tx_kb_o), 16'(rx_kb_o)};
      if (req_i.sel.fcal)  rdata_o |= fcal_q;
      if (req_i.sel.fcah)  rdata_o |= fcah_q;
      if (req_i.sel.fct)   rdata_o |= fct_q;
      if (req_i.sel.fcttv) rdata_o |= fcttv_q;
      if (req_i.sel.fcrtl) rdata_o |= fcrtl_q;
      if (req_i.sel.fcrth) rdata_o |= fcrth_q;
    end
  end

  always_comb begin
    flow_cfg_o = '{
        rx_en: rfce_i, tx_en: tfce_i, discard: dpf_i, pass: pmcf_i, xon: fcrtl_q.xone,
        low: {fcrtl_q.rtl, 3'd0}, high: {fcrth_q.rth, 3'd0}, quanta: fcttv_q.ttv, ethertype: fct_q[15:0],
        addr: {fcah_q.addr, fcal_q}};
  end

  logic unused;
  assign unused = ^{req_i.sel, req_i.store, req_i.addr};

endmodule
