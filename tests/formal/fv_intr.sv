// SPDX-License-Identifier: MIT
// What nic_intr promises: ICR holds every cause that came and that nobody cleared, and nothing else; the interrupt line
// rises for an enabled cause, never sooner after the last time than ITR says, and then without delay.
//
// The register block is driven freely: any access, any causes, in any cycle. Time is nic_time's; it leaps at most to the
// deadline.
module fv_intr
  import nic_regs_pkg::*;
  import nic_csr_pkg::*;
(
    input logic        clk_i,
    input logic        rst_ni,
    input csr_req_t    req_i,
    input icr_t        cause_i,
    input logic        iame_i,
    input logic [ 9:0] time_skip_i
);
  logic intx, fired, idle, soonest_valid;
  logic [31:0] rdata;
  logic [63:0] now, soonest;
  deadline_t throttle;
  deadline_t deadlines[1];
  logic [0:0] expired;

  // Time is small here (below), and the solver need not find out that its upper bits are 0.
  logic [10:0] time_now;
  assign time_now     = now[10:0];
  assign deadlines[0] = throttle;

  nic_time #(
      .Timers(1)
  ) u_time (
      .clk_i,
      .rst_ni,
      .time_skip_i     (32'(time_skip_i)),
      .now_o           (now),
      .deadline_i      (deadlines),
      .expired_o       (expired),
      .deadline_valid_o(soonest_valid),
      .deadline_o      (soonest)
  );
  nic_intr u_intr (
      .clk_i,
      .rst_ni,
      .req_i,
      .rdata_o           (rdata),
      .cause_i,
      .iame_i,
      .now_i             (64'(time_now)),
      .throttle_o        (throttle),
      .throttle_expired_i(expired[0]),
      .intx_o            (intx),
      .fired_o           (fired),
      .idle_o            (idle)
  );

  logic rd_icr, wr_icr, wr_ics, wr_ims, wr_imc, wr_iam, wr_itr;
  assign rd_icr = req_i.rd && req_i.sel.icr;
  assign wr_icr = req_i.wr && req_i.sel.icr;
  assign wr_ics = req_i.wr && req_i.sel.ics;
  assign wr_ims = req_i.wr && req_i.sel.ims;
  assign wr_imc = req_i.wr && req_i.sel.imc;
  assign wr_iam = req_i.wr && req_i.sel.iam;
  assign wr_itr = req_i.wr && req_i.sel.itr;

  // -------------------------------------------------------------- the start, and what never happens
  logic started_q = 1'b0;
  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    assume (started_q || !rst_ni);
    assume (!(req_i.rd && req_i.wr));
    assume ($onehot0(req_i.sel));
    // What nic_intr makes itself, no block raises.
    assume (!cause_i.rxq0 && !cause_i.txq0 && !cause_i.other && !cause_i.int_asserted);
    assume (time_skip_i == '0 || (rst_ni && idle && !req_i.wr && !req_i.rd && cause_i == '0));
    if (soonest_valid) assume (time_skip_i == '0 || (now < soonest && 64'(time_skip_i) < soonest - now));
    // Small numbers, for the solver's sake: intervals up to 15 x 256 ns, time up to 2^10 cycles.
    assume (!wr_itr || req_i.wdata[15:4] == '0);
    assume (now < 64'h400);
  end

  // -------------------------------------------------------------- the model
  icr_t came;
  logic [31:0] pending_q, enabled_q, auto_q, raised, named;
  logic [15:0] itr_q;

  always_comb begin
    came       = cause_i;
    came.rxq0  = cause_i.rxt0 || cause_i.rxdmt0;
    came.txq0  = cause_i.txdw;
    came.other = cause_i.lsc || cause_i.rxo || cause_i.mdac || cause_i.srpd;
    raised     = (came | (wr_ics ? req_i.wdata : '0)) & ICS_FIELDS;
    named      = wr_icr ? req_i.wdata : rd_icr && (intx || enabled_q == '0) ? '1 : '0;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      pending_q <= '0;
      enabled_q <= '0;
      auto_q    <= IAM_RESET;
      itr_q     <= '0;
    end else begin
      pending_q <= (pending_q & ~named) | raised;
      if (wr_ims) enabled_q <= enabled_q | (req_i.wdata & IMS_FIELDS);
      if (wr_imc) enabled_q <= enabled_q & ~req_i.wdata;
      if ((rd_icr || wr_icr) && intx && iame_i) enabled_q <= enabled_q & ~auto_q;
      if (wr_iam) auto_q <= req_i.wdata & IAM_WRITABLE;
      if (wr_itr) itr_q <= req_i.wdata[15:0];
    end
  end

  // As it was in the cycle before, in which the line decided what it is now.
  logic intx_q, quiet_q, reason_q, again_q, fired_q, rose;
  logic [15:0] ruling_itr_q;
  logic [10:0] then_q;
  // From the last time the line rose.
  logic throttled_q;
  logic [10:0] free_at_q;

  assign rose = intx && !intx_q;
  always_ff @(posedge clk_i) begin
    intx_q       <= rst_ni && intx;
    quiet_q      <= rst_ni && !req_i.wr && !req_i.rd;
    fired_q      <= rst_ni && fired;
    reason_q     <= rst_ni && (pending_q & enabled_q) != '0;
    again_q      <= rst_ni && (again_q || (intx_q && !intx));
    ruling_itr_q <= itr_q;
    then_q       <= time_now;
    if (!rst_ni) throttled_q <= 1'b0;
    else if (rose) begin
      throttled_q <= ruling_itr_q != '0;
      free_at_q   <= then_q + 11'(cycles_of_256ns(ruling_itr_q));
    end
  end

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      if (rd_icr) begin
        p_causes : assert (rdata[30:0] == pending_q[30:0]);
        p_asserted : assert (rdata[31] == intx);
      end
      if (req_i.rd && req_i.sel.ims) begin
        p_mask : assert (rdata == enabled_q);
      end
      p_fired : assert (rose == fired_q);
      p_has_a_reason : assert (!intx || (pending_q & enabled_q) != '0);
      p_not_early : assert (!rose || !throttled_q || then_q >= free_at_q);
      p_not_late : assert (intx || !quiet_q || !reason_q || (throttled_q && then_q < free_at_q));
      // An interval is over when it ends, and does not hold up the leaps of time that come after.
      p_ends : assert (!throttle.valid || 64'(then_q) < throttle.at);
      // Time may leap only where nothing is about to happen, or to where it does.
      p_wakes : assert (intx || (pending_q & enabled_q) == '0 || !idle || soonest_valid);
      c_throttled : cover (rose && throttled_q && then_q > 11'd100);
      c_again_at_once : cover (rose && !throttled_q && again_q);
    end
  end
endmodule
