// SPDX-License-Identifier: MIT
// Registers of the device as a whole: CTRL, STATUS, CTRL_EXT, EECD, EXTCNF_CTRL, SWSM, FWSM, MANC.
//
// `rst_ni` is the register reset (power-on and CTRL.RST), `por_ni` the power-on reset alone: ownership of MDIO and the software
// semaphore outlive CTRL.RST, as does what STATUS says of the PHY. The link that MAC and software see is the PHY's,
// or MAC loopback's own, once CTRL.SLU lets it through. Latency: PHY link to `link_o` 1 cycle, to `lsc_o` 2.
module nic_csr_dev
  import nic_regs_pkg::*;
  import nic_csr_pkg::*;
(
  input  logic            clk_i,
  input  logic            por_ni,
  input  logic            rst_ni,
  input  csr_req_t        req_i,
  output logic     [31:0] rdata_o,
  /// CTRL.RST was written, one cycle
  output logic            reset_o,
  /// a reset is under way
  input  logic            resetting_i,
  output logic            master_disable_o,
  /// master disable was asked for and no burst is outstanding
  input  logic            stopped_i,
  output logic            phy_reset_o,
  output logic            iame_o,
  /// read the MAC address from the NVM, one cycle
  output logic            nvm_load_o,
  input  logic            nvm_loading_i,
  /// CTRL.RFCE, CTRL.TFCE
  output logic            rfce_o,
  output logic            tfce_o,
  /// STATUS.TXOFF
  input  logic            paused_i,
  input  logic            phy_link_i,
  input  logic            mac_loopback_i,
  output logic            link_o,
  /// link status change, one cycle
  output logic            lsc_o,
  output logic            idle_o
);

  ctrl_t        ctrl_q, ctrl_written;
  ctrl_ext_t    ctrl_ext_q, ctrl_ext_written;
  eecd_t        eecd_q;
  extcnf_ctrl_t extcnf_q;
  swsm_t        swsm_q;
  status_t      status_written;
  logic         phyra_q, link, link_q, link_prev_q;

  assign ctrl_written     = req_i.wdata;
  assign ctrl_ext_written = req_i.wdata;
  assign status_written   = req_i.wdata;

  logic ctrl_wr, ctrl_ext_wr;
  assign ctrl_wr     = req_i.wr && req_i.sel.ctrl;
  assign ctrl_ext_wr = req_i.wr && req_i.sel.ctrl_ext;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      ctrl_q     <= CTRL_RESET;
      ctrl_ext_q <= CTRL_EXT_RESET;
      eecd_q     <= EECD_RESET;
    end else if (req_i.wr) begin
      if (req_i.sel.ctrl)     ctrl_q <= req_i.wdata & CTRL_WRITABLE;
      if (req_i.sel.ctrl_ext) ctrl_ext_q <= req_i.wdata & CTRL_EXT_WRITABLE;
      if (req_i.sel.eecd)     eecd_q <= (req_i.wdata & EECD_WRITABLE) | (EECD_RESET & ~EECD_WRITABLE);
    end
  end

  always_ff @(posedge clk_i) begin
    if (!por_ni) begin
      extcnf_q <= EXTCNF_CTRL_RESET;
      swsm_q   <= SWSM_RESET;
      phyra_q  <= 1'b1;
    end else begin
      if (req_i.wr && req_i.sel.extcnf_ctrl) extcnf_q <= req_i.wdata & EXTCNF_CTRL_WRITABLE;
      if (req_i.wr && req_i.sel.swsm) swsm_q <= req_i.wdata & SWSM_FIELDS;
      else if (req_i.rd && req_i.sel.swsm) swsm_q.smbi <= 1'b1;
      if (ctrl_q.phy_rst) phyra_q <= 1'b1;
      else if (req_i.wr && req_i.sel.status && !status_written.phyra) phyra_q <= 1'b0;
    end
  end

  assign link = ctrl_q.slu && (phy_link_i || mac_loopback_i);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      link_q      <= 1'b0;
      link_prev_q <= 1'b0;
    end else begin
      link_q      <= link;
      link_prev_q <= link_q;
    end
  end

  // ---------------------------------------------------------------- reads
  ctrl_t        ctrl;
  status_t      status;
  eecd_t        eecd;
  extcnf_ctrl_t extcnf;
  always_comb begin
    ctrl     = ctrl_q;
    ctrl.rst = resetting_i;
    status                   = STATUS_RESET;
    status.lu                = link_q;
    status.txoff             = paused_i;
    status.phyra             = phyra_q;
    status.gio_master_enable = !(ctrl_q.gio_master_disable && stopped_i);
    eecd         = eecd_q;
    eecd.ee_gnt  = eecd_q.ee_req;
    eecd.auto_rd = !resetting_i && !nvm_loading_i;
    extcnf                   = extcnf_q;
    extcnf.mdio_hw_ownership = resetting_i;
    rdata_o                  = '0;
    if (req_i.rd) begin
      if (req_i.sel.ctrl)        rdata_o |= ctrl;
      if (req_i.sel.status)      rdata_o |= status;
      if (req_i.sel.ctrl_ext)    rdata_o |= ctrl_ext_q;
      if (req_i.sel.eecd)        rdata_o |= eecd;
      if (req_i.sel.extcnf_ctrl) rdata_o |= extcnf;
      if (req_i.sel.swsm)        rdata_o |= swsm_q;
      if (req_i.sel.fwsm)        rdata_o |= FWSM_RESET;
      if (req_i.sel.manc)        rdata_o |= MANC_RESET;
    end
  end

  assign reset_o          = ctrl_wr && ctrl_written.rst;
  assign nvm_load_o       = ctrl_ext_wr && ctrl_ext_written.ee_rst;
  assign master_disable_o = ctrl_q.gio_master_disable;
  assign phy_reset_o      = ctrl_q.phy_rst;
  assign iame_o           = ctrl_ext_q.iame;
  assign rfce_o           = ctrl_q.rfce;
  assign tfce_o           = ctrl_q.tfce;
  assign link_o           = link_q;
  assign lsc_o            = link_q != link_prev_q;
  assign idle_o           = link_q == link_prev_q && link_q == link;

  logic unused;
  assign unused = ^{req_i.sel, req_i.store, req_i.addr, ctrl_written, ctrl_ext_written, status_written};

endmodule
