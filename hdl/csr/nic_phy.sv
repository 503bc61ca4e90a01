// SPDX-License-Identifier: MIT
// The PHY of the 82574L as software sees it through MDIC, and the link it reports.
//
// The link comes up AutonegCycles after the cable, a reset, a restart of autonegotiation or the end of power down, and goes down
// with any of them at once. In loopback it is up at once, cable or not. BMSR.LINK holds a loss of link until it is read.
// CTRL.RST does not reach the PHY, CTRL.PHY_RST (`hard_reset_i`) sets every register back and keeps the link down. BMCR.RESET
// keeps the registers: on this PHY it is what makes settings take effect. Registers are read combinationally, written in one cycle.
// Left out: register pages other than 0 (read 0, ignore writes).
module nic_phy
  import nic_regs_pkg::*;
  import nic_csr_pkg::*;
#(
  parameter int unsigned AutonegCycles = 1600  // 10.24 us; seconds on copper
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  /// CTRL.PHY_RST
  input  logic             hard_reset_i,
  /// a cable with a live partner is plugged in; asynchronous
  input  logic             cable_i,
  output logic             link_o,
  /// what the MAC sends comes back, and does not reach the wire
  output logic             loopback_o,
  input  logic             rd_i,
  input  logic             wr_i,
  input  logic      [ 4:0] reg_i,
  input  logic      [15:0] wdata_i,
  output logic      [15:0] rdata_o,
  input  logic      [63:0] now_i,
  output deadline_t        deadline_o,
  input  logic             expired_i,
  output logic             idle_o
);

  logic cable;
  nic_sync u_cable (.clk_i, .d_i(cable_i), .q_o(cable));

  // ---------------------------------------------------------------- what software writes
  phy_bmcr_t bmcr_written, bmcr_q;
  logic [15:0] anar_q, gbcr_q, pscr_q, page_q, power_q, gen_index_q, gen_data_q;
  logic page0, restart, soft_reset;

  assign bmcr_written = wdata_i;
  assign page0        = page_q == '0;
  assign soft_reset   = wr_i && reg_i == PHY_BMCR_ADDR && bmcr_written.reset;
  assign restart      = wr_i && reg_i == PHY_BMCR_ADDR && bmcr_written.restart_an;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || hard_reset_i) begin
      bmcr_q      <= PHY_BMCR_RESET;
      anar_q      <= PHY_ANAR_RESET;
      gbcr_q      <= PHY_GBCR_RESET;
      pscr_q      <= PHY_PSCR_RESET;
      page_q      <= PHY_PAGE_RESET;
      power_q     <= PHY_POWER_RESET;
      gen_index_q <= PHY_GEN_INDEX_RESET;
      gen_data_q  <= PHY_GEN_DATA_RESET;
    end else if (wr_i) begin
      case (reg_i)
        PHY_BMCR_ADDR:      bmcr_q <= wdata_i & PHY_BMCR_WRITABLE;
        PHY_ANAR_ADDR:      anar_q <= wdata_i;
        PHY_GBCR_ADDR:      gbcr_q <= wdata_i;
        PHY_PAGE_ADDR:      page_q <= wdata_i;
        PHY_PSCR_ADDR:      if (page0) pscr_q <= wdata_i;
        PHY_POWER_ADDR:     if (page0) power_q <= wdata_i;
        PHY_GEN_INDEX_ADDR: if (page0) gen_index_q <= wdata_i;
        PHY_GEN_DATA_ADDR:  if (page0) gen_data_q <= wdata_i;
        default: ;
      endcase
    end
  end

  // ---------------------------------------------------------------- link
  logic      link_q, held_low_q, up_wanted, down, looped, looped_q;
  deadline_t timer_q;

  assign looped    = bmcr_q.loopback && !bmcr_q.power_down && !hard_reset_i;
  assign up_wanted = cable && !bmcr_q.power_down && !hard_reset_i;
  assign down      = !looped && (!up_wanted || soft_reset || restart || looped_q);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      link_q     <= 1'b0;
      timer_q    <= '0;
      held_low_q <= 1'b0;
      looped_q   <= 1'b0;
    end else begin
      looped_q <= looped;
      if (looped) begin
        link_q        <= 1'b1;
        timer_q.valid <= 1'b0;
      end else if (down) begin
        link_q        <= 1'b0;
        timer_q.valid <= 1'b0;
      end else if (expired_i) begin
        link_q        <= 1'b1;
        timer_q.valid <= 1'b0;
      end else if (!link_q) begin
        timer_q.valid <= 1'b1;
      end
      if (!timer_q.valid) timer_q.at <= now_i + 64'(AutonegCycles);
      if (link_q && down) held_low_q <= 1'b1;
      else if (rd_i && reg_i == PHY_BMSR_ADDR) held_low_q <= 1'b0;
    end
  end

  assign link_o     = link_q;
  assign loopback_o = looped_q;
  assign deadline_o = timer_q;
  assign idle_o     = cable == cable_i && looped == looped_q && (looped || up_wanted) == (link_q || timer_q.valid);

  // ---------------------------------------------------------------- what software reads
  // The partner: everything up to 1000BASE-T full duplex, pause, acknowledged.
  localparam logic [15:0] PartnerAbility = 16'h45e1;

  logic partner;
  assign partner = link_q && !looped_q;

  phy_bmsr_t bmsr;
  phy_aner_t aner;
  phy_gbsr_t gbsr;
  phy_pssr_t pssr;
  always_comb begin
    bmsr             = PHY_BMSR_RESET;
    bmsr.link        = link_q && !held_low_q;
    bmsr.an_complete = partner && bmcr_q.an_enable;
    aner               = PHY_ANER_RESET;
    aner.lp_an_able    = partner;
    aner.page_received = partner;
    gbsr = '0;
    pssr = '0;
    if (partner) begin
      gbsr.lp_half   = 1'b1;
      gbsr.lp_full   = 1'b1;
      gbsr.remote_ok = 1'b1;
      gbsr.local_ok  = 1'b1;
      gbsr.master    = 1'b1;
    end
    if (link_q) begin
      pssr.rx_pause    = 1'b1;
      pssr.link        = 1'b1;
      pssr.resolved    = 1'b1;
      pssr.full_duplex = 1'b1;
      pssr.speed       = 2'd2;
    end
  end

  always_comb begin
    rdata_o = '0;
    if (rd_i) case (reg_i)
      PHY_BMCR_ADDR:      rdata_o = bmcr_q;
      PHY_BMSR_ADDR:      rdata_o = bmsr;
      PHY_ID1_ADDR:       rdata_o = PHY_ID1_RESET;
      PHY_ID2_ADDR:       rdata_o = PHY_ID2_RESET;
      PHY_ANAR_ADDR:      rdata_o = anar_q;
      PHY_ANLPAR_ADDR:    rdata_o = partner ? PartnerAbility : '0;
      PHY_ANER_ADDR:      rdata_o = aner;
      PHY_GBCR_ADDR:      rdata_o = gbcr_q;
      PHY_GBSR_ADDR:      rdata_o = gbsr;
      PHY_ESR_ADDR:       rdata_o = PHY_ESR_RESET;
      PHY_PAGE_ADDR:      rdata_o = page_q;
      PHY_PSCR_ADDR:      rdata_o = page0 ? pscr_q : '0;
      PHY_PSSR_ADDR:      rdata_o = page0 ? pssr : '0;
      PHY_POWER_ADDR:     rdata_o = page0 ? power_q : '0;
      PHY_GEN_INDEX_ADDR: rdata_o = page0 ? gen_index_q : '0;
      PHY_GEN_DATA_ADDR:  rdata_o = page0 ? gen_data_q : '0;
      default: ;
    endcase
  end

  logic unused;
  assign unused = ^bmcr_written;

endmodule
