// SPDX-License-Identifier: MIT
// Interrupts: ICR, ICS, IMS, IMC, IAM, ITR and the INTx level (82574L datasheet, interrupts).
//
// A cause that arrives in the cycle in which software clears it stays. `intx_o` (ICR.INT_ASSERTED) rises when an enabled
// cause is there and ITR lets it, and falls when none of the causes it stood for is left; a cause that came with the
// acknowledgement makes it fall for at least one cycle, so that it is a new interrupt and ITR counts it.
// Reading ICR clears it if an interrupt is asserted or none is enabled. With CTRL_EXT.IAME, reading or writing ICR while an
// interrupt is asserted clears the bits of IAM in IMS.
// Latency: cause to level 2 cycles, or 3 when a register is read or written just then; acknowledgement to level 1 cycle,
// before the bus answers the read.
// Left out: MSI-X (IVAR, EIAC, EITR).
module nic_intr
  import nic_regs_pkg::*;
  import nic_csr_pkg::*;
(
  input  logic             clk_i,
  input  logic             rst_ni,
  input  csr_req_t         req_i,
  output logic      [31:0] rdata_o,
  /// causes, one cycle each, in ICR's positions; RXQ0, TXQ0, OTHER and INT_ASSERTED are made here
  input  icr_t             cause_i,
  /// CTRL_EXT.IAME
  input  logic             iame_i,
  input  logic      [63:0] now_i,
  /// end of the throttling interval
  output deadline_t        throttle_o,
  input  logic             throttle_expired_i,
  /// INTA
  output logic             intx_o,
  /// it rises, one cycle
  output logic             fired_o,
  /// nothing is about to happen
  output logic             idle_o
);

  logic [31:0] icr_d, icr_q, ims_d, ims_q, iam_q, kept, set, clear;
  logic [15:0] itr_q;
  logic        asserted_d, asserted_q, fire;
  deadline_t   hold_q;

  logic icr_rd, icr_wr, imc_wr, acknowledged;
  assign icr_rd       = req_i.rd && req_i.sel.icr;
  assign icr_wr       = req_i.wr && req_i.sel.icr;
  assign imc_wr       = req_i.wr && req_i.sel.imc;
  assign acknowledged = (icr_rd || icr_wr) && asserted_q;

  icr_t event_set;
  always_comb begin
    event_set       = cause_i;
    event_set.rxq0  = cause_i.rxt0 || cause_i.rxdmt0;
    event_set.txq0  = cause_i.txdw;
    event_set.other = cause_i.lsc || cause_i.rxo || cause_i.mdac || cause_i.srpd;
  end

  always_comb begin
    set = event_set & ICS_FIELDS;
    if (req_i.wr && req_i.sel.ics) set |= req_i.wdata & ICS_FIELDS;
    clear = '0;
    if (icr_wr) clear = req_i.wdata;
    if (icr_rd && (asserted_q || ims_q == '0)) clear = '1;
    kept  = icr_q & ~clear;
    icr_d = kept | set;

    ims_d = ims_q;
    if (req_i.wr && req_i.sel.ims) ims_d |= req_i.wdata & IMS_FIELDS;
    if (imc_wr) ims_d &= ~req_i.wdata;
    if (acknowledged && iame_i) ims_d &= ~iam_q;
  end

  // The level, and the interval that it starts. It does not rise in the cycle of an access, which may take its cause away.
  // Its causes grow but for a few accesses; what each of these leaves is looked at beside the decoder, not behind it.
  logic left_by_icr, left_by_imc, left;
  assign fire = !asserted_q && (icr_q & ims_q) != '0 && !req_i.rd && !req_i.wr
      && !hold_q.valid;
  assign left_by_icr = (icr_q & ims_q & ~req_i.wdata & ~(iame_i ? iam_q : '0)) != '0;
  assign left_by_imc = (icr_q & ims_q & ~req_i.wdata) != '0;
  assign left = !icr_rd && (!icr_wr || left_by_icr) && (!imc_wr || left_by_imc);
  assign asserted_d = fire || (asserted_q && left);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      icr_q      <= '0;
      ims_q      <= '0;
      iam_q      <= IAM_RESET;
      itr_q      <= '0;
      asserted_q <= 1'b0;
      hold_q     <= '0;
    end else begin
      icr_q      <= icr_d;
      ims_q      <= ims_d;
      asserted_q <= asserted_d;
      // It is over a cycle early, so that the line rises by what a register says.
      if (fire) hold_q <= '{valid: itr_q != '0, at: now_i + 64'(cycles_of_256ns(itr_q)) - 64'd1};
      else if (throttle_expired_i) hold_q.valid <= 1'b0;
      if (req_i.wr && req_i.sel.iam) iam_q <= req_i.wdata & IAM_WRITABLE;
      if (req_i.wr && req_i.sel.itr) itr_q <= req_i.wdata[15:0];
    end
  end

  always_comb begin
    rdata_o = '0;
    if (req_i.rd) begin
      if (req_i.sel.icr) rdata_o |= icr_q | (32'(asserted_q) << 31);
      if (req_i.sel.ims) rdata_o |= ims_q;
      if (req_i.sel.iam) rdata_o |= iam_q;
      if (req_i.sel.itr) rdata_o |= 32'(itr_q);
    end
  end

  assign throttle_o = hold_q;
  assign intx_o     = asserted_q;
  assign fired_o    = fire;
  assign idle_o     = asserted_q || hold_q.valid || (icr_q & ims_q) == '0;

  logic unused;
  assign unused = ^{req_i.sel, req_i.store, req_i.addr};

  // ---------------------------------------------------------------- promises
  logic [31:0] set_q;
  logic        fired_q, must_hold_q;
  always_ff @(posedge clk_i) begin
    set_q   <= rst_ni ? set : '0;
    fired_q <= rst_ni && fire;
    if (fire) must_hold_q <= itr_q != '0;
    if (rst_ni && set_q != '0) begin
      a_no_event_lost : assert ((icr_q & set_q) == set_q) else $error("nic_intr: an event was lost");
    end
    if (rst_ni && fired_q) begin
      a_throttled : assert (hold_q.valid == must_hold_q)
      else $error("nic_intr: an interrupt did not start the interval that ITR asks for");
    end
  end

endmodule
