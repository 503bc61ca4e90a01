// SPDX-License-Identifier: MIT
// MDIC: software's way to the PHY's registers (82574L datasheet, MDI control).
//
// A write starts an operation; AccessCycles later it is done on the PHY, READY rises and, with IE, MDAC is raised. Another
// PHY address than PhyAddr, or an operation that is neither read nor write, ends with ERROR. A write while an operation is
// under way is ignored. Latency: AccessCycles and one.
module nic_mdio
  import nic_regs_pkg::*;
  import nic_csr_pkg::*;
#(
  parameter int unsigned AccessCycles = 32,  // a real MDIO frame takes 25.6 us; software polls either way
  parameter logic [4:0]  PhyAddr      = 5'd1
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  csr_req_t         req_i,
  output logic      [31:0] rdata_o,
  input  logic      [63:0] now_i,
  output deadline_t        deadline_o,
  input  logic             expired_i,
  /// one cycle at the end of an operation
  output logic             phy_rd_o,
  output logic             phy_wr_o,
  output logic      [ 4:0] phy_reg_o,
  output logic      [15:0] phy_wdata_o,
  /// in the cycle of phy_rd_o
  input  logic      [15:0] phy_rdata_i,
  /// MDI access complete, one cycle
  output logic             mdac_o,
  /// nothing is about to happen
  output logic             idle_o
);

  localparam logic [1:0] OpWrite = 2'd1, OpRead = 2'd2;

  mdic_t     written, mdic_q;
  deadline_t timer_q;
  logic      good, start, mdac_q;
  logic      finish_q;  // the operation's time has ended: it is done on the PHY in this cycle

  assign written = req_i.wdata;
  assign good    = mdic_q.phyadd == PhyAddr && (mdic_q.op == OpWrite || mdic_q.op == OpRead);

  assign phy_rd_o    = finish_q && good && mdic_q.op == OpRead;
  assign phy_wr_o    = finish_q && good && mdic_q.op == OpWrite;
  assign phy_reg_o   = mdic_q.regadd;
  assign phy_wdata_o = mdic_q.data;

  assign start = req_i.wr && req_i.sel.mdic && mdic_q.ready;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      mdic_q   <= MDIC_RESET;
      timer_q  <= '0;
      finish_q <= 1'b0;
      mdac_q   <= 1'b0;
    end else begin
      finish_q <= expired_i;
      mdac_q   <= finish_q && mdic_q.ie;
      if (expired_i) timer_q.valid <= 1'b0;
      if (finish_q) begin
        mdic_q.ready  <= 1'b1;
        mdic_q.error  <= !good;
        if (phy_rd_o) mdic_q.data <= phy_rdata_i;
      end else if (start) begin
        timer_q          <= '{valid: 1'b1, at: now_i + 64'(AccessCycles - 1)};
        mdic_q           <= written;
        mdic_q.reserved0 <= '0;
        mdic_q.ready     <= 1'b0;
        mdic_q.error     <= 1'b0;
      end
    end
  end

  assign deadline_o = timer_q;
  assign mdac_o     = mdac_q;
  assign idle_o     = !finish_q && !mdac_q;
  assign rdata_o    = req_i.rd && req_i.sel.mdic ? mdic_q : '0;

  logic unused;
  assign unused = ^{req_i.sel, req_i.store, req_i.addr, written.reserved0, written.ready, written.error};

  // ---------------------------------------------------------------- promise: software is never left waiting
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      a_busy_ends : assert (mdic_q.ready != (timer_q.valid || finish_q))
      else $error("nic_mdio: not ready, and no end in sight");
    end
  end

endmodule
