// SPDX-License-Identifier: MIT
// Registers of receiver, transmitter and their rings, and the configuration they give the data path.
//
// RCTL, RXDCTL, RSRPD, RDBAL..RDT and TCTL, TIPG, TXDCTL, TDBAL..TDT. Heads live in the data path: writing one loads it
// (`*_head_load_o`, one cycle, with `head_value_o`), reading one shows it. Latency: a write is out after 1 cycle.
module nic_csr_queue
  import nic_pkg::*;
  import nic_regs_pkg::*;
  import nic_csr_pkg::*;
(
  input  logic             clk_i,
  input  logic             rst_ni,
  input  csr_req_t         req_i,
  output logic      [31:0] rdata_o,
  /// shares of the packet memory, KB
  input  logic      [ 5:0] rx_kb_i,
  input  logic      [ 5:0] tx_kb_i,
  /// the PHY's loopback
  input  logic             phy_loopback_i,
  /// RCTL.LBM: the MAC's
  output logic             mac_loopback_o,
  /// RCTL.DPF, RCTL.PMCF
  output logic             dpf_o,
  output logic             pmcf_o,
  output rx_cfg_t          rx_cfg_o,
  output tx_cfg_t          tx_cfg_o,
  output ring_cfg_t        rx_ring_o,
  output ring_cfg_t        tx_ring_o,
  output logic             rx_head_load_o,
  output logic             tx_head_load_o,
  output logic      [15:0] head_value_o,
  input  logic      [15:0] rx_head_i,
  input  logic      [15:0] tx_head_i
);

  localparam logic [1:0] LbmMac = 2'd1;

  rctl_t       rctl_q;
  tctl_t       tctl_q;
  tipg_t       tipg_q;
  rsrpd_t      rsrpd_q;
  txdctl_t     txdctl_q;
  logic [31:0] rxdctl_q;
  logic [31:0] rdbal_q, rdbah_q, tdbal_q, tdbah_q;
  rdlen_t      rdlen_q, tdlen_q;
  logic [15:0] rdt_q, tdt_q, head_value_q;
  logic        rx_head_load_q, tx_head_load_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      rctl_q         <= RCTL_RESET;
      tctl_q         <= TCTL_RESET;
      tipg_q         <= TIPG_RESET;
      rxdctl_q       <= RXDCTL_RESET;
      rsrpd_q        <= RSRPD_RESET;
      txdctl_q       <= TXDCTL_RESET;
      rdbal_q        <= '0;
      rdbah_q        <= '0;
      rdlen_q        <= '0;
      rdt_q          <= '0;
      tdbal_q        <= '0;
      tdbah_q        <= '0;
      tdlen_q        <= '0;
      tdt_q          <= '0;
      rx_head_load_q <= 1'b0;
      tx_head_load_q <= 1'b0;
      head_value_q   <= '0;
    end else begin
      rx_head_load_q <= req_i.wr && req_i.sel.rdh;
      tx_head_load_q <= req_i.wr && req_i.sel.tdh;
      if (req_i.wr) begin
        head_value_q <= req_i.wdata[15:0];
        if (req_i.sel.rctl)   rctl_q <= req_i.wdata & RCTL_WRITABLE;
        if (req_i.sel.tctl)   tctl_q <= req_i.wdata & TCTL_WRITABLE;
        if (req_i.sel.tipg)   tipg_q <= req_i.wdata & TIPG_WRITABLE;
        if (req_i.sel.rxdctl) rxdctl_q <= req_i.wdata & RXDCTL_WRITABLE;
        if (req_i.sel.rsrpd)  rsrpd_q <= req_i.wdata & RSRPD_WRITABLE;
        if (req_i.sel.txdctl) txdctl_q <= req_i.wdata & TXDCTL_WRITABLE;
        if (req_i.sel.rdbal)  rdbal_q <= req_i.wdata & RDBAL_WRITABLE;
        if (req_i.sel.rdbah)  rdbah_q <= req_i.wdata;
        if (req_i.sel.rdlen)  rdlen_q <= req_i.wdata & RDLEN_WRITABLE;
        if (req_i.sel.rdt)    rdt_q <= req_i.wdata[15:0];
        if (req_i.sel.tdbal)  tdbal_q <= req_i.wdata & TDBAL_WRITABLE;
        if (req_i.sel.tdbah)  tdbah_q <= req_i.wdata;
        if (req_i.sel.tdlen)  tdlen_q <= req_i.wdata & TDLEN_WRITABLE;
        if (req_i.sel.tdt)    tdt_q <= req_i.wdata[15:0];
      end
    end
  end

  always_comb begin
    rdata_o = '0;
    if (req_i.rd) begin
      if (req_i.sel.rctl)   rdata_o |= rctl_q;
      if (req_i.sel.tctl)   rdata_o |= tctl_q;
      if (req_i.sel.tipg)   rdata_o |= tipg_q;
      if (req_i.sel.rxdctl) rdata_o |= rxdctl_q;
      if (req_i.sel.rsrpd)  rdata_o |= rsrpd_q;
      if (req_i.sel.txdctl) rdata_o |= txdctl_q;
      if (req_i.sel.rdbal)  rdata_o |= rdbal_q;
      if (req_i.sel.rdbah)  rdata_o |= rdbah_q;
      if (req_i.sel.rdlen)  rdata_o |= rdlen_q;
      if (req_i.sel.rdh)    rdata_o |= 32'(rx_head_i);
      if (req_i.sel.rdt)    rdata_o |= 32'(rdt_q);
      if (req_i.sel.tdbal)  rdata_o |= tdbal_q;
      if (req_i.sel.tdbah)  rdata_o |= tdbah_q;
      if (req_i.sel.tdlen)  rdata_o |= tdlen_q;
      if (req_i.sel.tdh)    rdata_o |= 32'(tx_head_i);
      if (req_i.sel.tdt)    rdata_o |= 32'(tdt_q);
    end
  end

  // ---------------------------------------------------------------- for the data path
  logic [14:0] size, buf_bytes;
  always_comb begin
    size = 15'd2048 >> rctl_q.bsize;
    if (rctl_q.flxbuf != '0) buf_bytes = 15'(rctl_q.flxbuf) << 10;
    else if (rctl_q.bsex && rctl_q.bsize != 2'd0) buf_bytes = size << 4;
    else buf_bytes = size;
  end

  always_comb begin
    rx_cfg_o = '{
        en: rctl_q.en, sbp: rctl_q.sbp, upe: rctl_q.upe, mpe: rctl_q.mpe, lpe: rctl_q.lpe, bam: rctl_q.bam,
        secrc: rctl_q.secrc, mo: rctl_q.mo, rdmts: rctl_q.rdmts,
        small_bytes: rsrpd_q.size, buf_kb: rx_kb_i, buf_bytes: buf_bytes};
    tx_cfg_o  = '{
        en: tctl_q.en, psp: tctl_q.psp, loopback: mac_loopback_o || phy_loopback_i, low: txdctl_q.lwthresh,
        buf_kb: tx_kb_i, ipgt: tipg_q.ipgt};
    // LEN counts eight descriptors of 16 bytes.
    rx_ring_o = '{en: rctl_q.en, base: {rdbah_q, rdbal_q}, count: {rdlen_q.len, 3'd0}, tail: rdt_q};
    tx_ring_o = '{en: tctl_q.en, base: {tdbah_q, tdbal_q}, count: {tdlen_q.len, 3'd0}, tail: tdt_q};
  end

  assign mac_loopback_o = rctl_q.lbm == LbmMac;
  assign dpf_o          = rctl_q.dpf;
  assign pmcf_o         = rctl_q.pmcf;
  assign rx_head_load_o = rx_head_load_q;
  assign tx_head_load_o = tx_head_load_q;
  assign head_value_o   = head_value_q;

  logic unused;
  assign unused = ^{req_i.sel, req_i.store, req_i.addr};

endmodule
