// SPDX-License-Identifier: MIT
// The card's registers and what lives behind them: AXI4-Lite slave, device and queue registers, address filters, interrupts,
// statistics, NVM, MDIO with the PHY, reset and time. The registers themselves are described in nic.rdl.
//
// Every block sees each access (csr_req_t) and answers those that are its own. While a reset is under way reads are answered
// and writes ignored. `idle_o` is this block and `dma_idle_i`: nothing will change by itself before `deadline_o`.
// Latency: access to effect 3 cycles, to B 4, to R 6, event to INTx 2 cycles (RXT0 and TXDW 3), one more for each access just then.
module nic_csr
  import nic_pkg::*;
  import nic_regs_pkg::*;
  import nic_csr_pkg::*;
#(
  /// MDIO operation, core clock cycles
  parameter int unsigned MdioCycles    = 32,
  /// cable to link, core clock cycles
  parameter int unsigned AutonegCycles = 1600
) (
  input  logic               clk_i,
  input  logic               rst_ni,

  // ---- AXI4-Lite
  input  logic        [16:0] s_axil_awaddr,
  input  logic        [ 2:0] s_axil_awprot,
  input  logic               s_axil_awvalid,
  output logic               s_axil_awready,
  input  logic        [31:0] s_axil_wdata,
  input  logic        [ 3:0] s_axil_wstrb,
  input  logic               s_axil_wvalid,
  output logic               s_axil_wready,
  output logic        [ 1:0] s_axil_bresp,
  output logic               s_axil_bvalid,
  input  logic               s_axil_bready,
  input  logic        [16:0] s_axil_araddr,
  input  logic        [ 2:0] s_axil_arprot,
  input  logic               s_axil_arvalid,
  output logic               s_axil_arready,
  output logic        [31:0] s_axil_rdata,
  output logic        [ 1:0] s_axil_rresp,
  output logic               s_axil_rvalid,
  input  logic               s_axil_rready,

  // ---- data path: configuration
  output rx_cfg_t            rx_cfg_o,
  output tx_cfg_t            tx_cfg_o,
  output flow_cfg_t          flow_cfg_o,
  output ring_cfg_t          rx_ring_o,
  output ring_cfg_t          tx_ring_o,
  /// load a head with head_value_o, one cycle
  output logic               rx_head_load_o,
  output logic               tx_head_load_o,
  output logic        [15:0] head_value_o,
  input  logic        [15:0] rx_head_i,
  input  logic        [15:0] tx_head_i,
  output mac_filter_t [15:0] filter_o,
  input  logic               mta_en_i,
  input  logic        [11:0] mta_index_i,
  /// one cycle after mta_en_i
  output logic               mta_bit_o,

  // ---- data path: what happened
  input  dma_event_t         event_i,
  input  rx_stat_t           rx_stat_i,
  /// a frame had to wait for a descriptor, one cycle
  input  logic               rnbc_i,
  input  tx_stat_t           tx_stat_i,
  input  flow_event_t        flow_event_i,
  /// a pause frame holds the transmitter (STATUS.TXOFF)
  input  logic               paused_i,
  /// the next pause frame to send
  input  deadline_t          flow_deadline_i,
  output logic               flow_expired_o,
  /// nothing is under way in the data path
  input  logic               dma_idle_i,

  // ---- NVM: 16-bit words, data one cycle after nvm_en_o
  output logic               nvm_en_o,
  output logic        [11:0] nvm_addr_o,
  input  logic        [15:0] nvm_data_i,

  // ---- link
  /// a cable with a live partner is plugged in; asynchronous
  input  logic               phy_link_i,
  /// STATUS.LU
  output logic               link_o,

  /// INTA, level
  output logic               intx_o,

  // ---- reset of the data path
  output logic               stop_o,
  output logic               dp_rst_no,
  input  logic               engines_idle_i,

  // ---- time, core clock cycles
  /// cycles to leap over, besides this one
  input  logic        [31:0] time_skip_i,
  output logic        [63:0] time_now_o,
  output logic               idle_o,
  output logic               deadline_valid_o,
  output logic        [63:0] deadline_o
);

  typedef enum logic [2:0] {
    TimerThrottle, TimerRxPacket, TimerRxAbsolute, TimerTxPacket, TimerTxAbsolute, TimerMdio, TimerPhy, TimerFlow
  } timer_e;
  localparam int unsigned Timers = 8;

  // ---------------------------------------------------------------- accesses
  csr_req_t    access, req;
  logic        late_q;  // what is read a cycle later is there
  logic [31:0] rdata_q[2], late_rdata_q, mta_rdata, store_rdata;
  logic [31:0] dev_rdata, queue_rdata, flow_rdata, addr_rdata, intr_rdata, rx_delay_rdata, tx_delay_rdata;
  logic [31:0] stats_rdata, nvm_rdata, mdio_rdata;
  logic        axil_idle;

  nic_csr_axil u_axil (
    .clk_i,
    .rst_ni,
    .s_axil_awaddr,
    .s_axil_awprot,
    .s_axil_awvalid,
    .s_axil_awready,
    .s_axil_wdata,
    .s_axil_wstrb,
    .s_axil_wvalid,
    .s_axil_wready,
    .s_axil_bresp,
    .s_axil_bvalid,
    .s_axil_bready,
    .s_axil_araddr,
    .s_axil_arprot,
    .s_axil_arvalid,
    .s_axil_arready,
    .s_axil_rdata,
    .s_axil_rresp,
    .s_axil_rvalid,
    .s_axil_rready,
    .req_o  (access),
    .rdata_i(rdata_q[0] | rdata_q[1] | late_rdata_q),
    .idle_o (axil_idle)
  );

  always_ff @(posedge clk_i) begin
    if (access.rd) begin
      rdata_q[0] <= dev_rdata | queue_rdata | flow_rdata | nvm_rdata;
      rdata_q[1] <= addr_rdata | intr_rdata | rx_delay_rdata | tx_delay_rdata | mdio_rdata;
    end
    late_q <= access.rd;
    if (late_q) late_rdata_q <= mta_rdata | stats_rdata | store_rdata;
  end

  // ---------------------------------------------------------------- reset
  logic reset_request, resetting, master_disable, stopped, reg_rst_n, init;
  logic mta_clearing, store_clearing, nvm_loading, init_q, init_done;

  nic_reset u_reset (
    .clk_i,
    .rst_ni,
    .request_i       (reset_request),
    .master_disable_i(master_disable),
    .engines_idle_i,
    .init_done_i     (init_done),
    .stop_o,
    .stopped_o       (stopped),
    .dp_rst_no,
    .reg_rst_no      (reg_rst_n),
    .init_o          (init),
    .busy_o          (resetting)
  );

  // The NVM is read once the registers are out of reset.
  always_ff @(posedge clk_i) init_q <= rst_ni && init;
  assign init_done = !init_q && !mta_clearing && !store_clearing && !nvm_loading;

  // While a reset is under way writes are ignored, but for what outlives it: the stock driver gives EXTCNF_CTRL back
  // right behind CTRL.RST.
  logic outlives;
  always_comb begin
    outlives = access.sel.extcnf_ctrl || access.sel.swsm || access.sel.status;
    req      = access;
    req.wr   = access.wr && (!resetting || outlives);
  end

  // ---------------------------------------------------------------- time
  deadline_t         deadline[Timers];
  logic [Timers-1:0] expired;

  nic_time #(
    .Timers(Timers)
  ) u_time (
    .clk_i,
    .rst_ni,
    .time_skip_i,
    .now_o     (time_now_o),
    .deadline_i(deadline),
    .expired_o (expired),
    .deadline_valid_o,
    .deadline_o
  );

  // ---------------------------------------------------------------- device, queues, filters
  logic       phy_reset, iame, nvm_reload, phy_link, phy_loopback, mac_loopback, lsc, dev_idle;
  logic       rfce, tfce, dpf, pmcf;
  logic [5:0] rx_kb, tx_kb;

  nic_csr_dev u_dev (
    .clk_i,
    .por_ni          (rst_ni),
    .rst_ni          (reg_rst_n),
    .req_i           (req),
    .rdata_o         (dev_rdata),
    .reset_o         (reset_request),
    .resetting_i     (resetting),
    .master_disable_o(master_disable),
    .stopped_i       (stopped),
    .phy_reset_o     (phy_reset),
    .iame_o          (iame),
    .nvm_load_o      (nvm_reload),
    .nvm_loading_i   (nvm_loading),
    .rfce_o          (rfce),
    .tfce_o          (tfce),
    .paused_i,
    .phy_link_i      (phy_link),
    .mac_loopback_i  (mac_loopback),
    .link_o,
    .lsc_o           (lsc),
    .idle_o          (dev_idle)
  );

  nic_csr_queue u_queue (
    .clk_i,
    .rst_ni        (reg_rst_n),
    .req_i         (req),
    .rdata_o       (queue_rdata),
    .rx_kb_i       (rx_kb),
    .tx_kb_i       (tx_kb),
    .phy_loopback_i(phy_loopback),
    .mac_loopback_o(mac_loopback),
    .dpf_o         (dpf),
    .pmcf_o        (pmcf),
    .rx_cfg_o,
    .tx_cfg_o,
    .rx_ring_o,
    .tx_ring_o,
    .rx_head_load_o,
    .tx_head_load_o,
    .head_value_o,
    .rx_head_i,
    .tx_head_i
  );

  logic        mac_valid;
  logic [47:0] mac;

  nic_csr_addr u_addr (
    .clk_i,
    .rst_ni     (reg_rst_n),
    .req_i      (req),
    .rdata_o    (addr_rdata),
    .mta_rdata_o(mta_rdata),
    .mac_valid_i(mac_valid),
    .mac_i      (mac),
    .filter_o,
    .mta_en_i,
    .mta_index_i,
    .mta_bit_o,
    .clearing_o (mta_clearing)
  );

  assign deadline[TimerFlow] = flow_deadline_i;
  assign flow_expired_o      = expired[TimerFlow];

  nic_csr_flow u_flow (
    .clk_i,
    .por_ni (rst_ni),
    .rst_ni (reg_rst_n),
    .req_i  (req),
    .rdata_o(flow_rdata),
    .rfce_i (rfce),
    .tfce_i (tfce),
    .dpf_i  (dpf),
    .pmcf_i (pmcf),
    .flow_cfg_o,
    .rx_kb_o(rx_kb),
    .tx_kb_o(tx_kb)
  );

  nic_csr_store u_store (
    .clk_i,
    .rst_ni    (reg_rst_n),
    .req_i     (req),
    .rdata_o   (store_rdata),
    .clearing_o(store_clearing)
  );

  // ---------------------------------------------------------------- interrupts
  icr_t       cause;
  intr_stat_t intr_stat;
  logic       rxt0, txdw, mdac, fired, intr_idle, rx_delay_idle, tx_delay_idle;
  logic       rx_packet_ended, rx_absolute_ended, tx_packet_ended, tx_absolute_ended;

  always_comb begin
    cause         = '0;
    cause.txdw    = txdw;
    cause.txqe    = event_i.txqe;
    cause.txd_low = event_i.txd_low;
    cause.lsc     = lsc;
    cause.rxdmt0  = event_i.rxdmt0;
    cause.rxo     = event_i.rxo;
    cause.rxt0    = rxt0;
    cause.srpd    = event_i.srpd;
    cause.mdac    = mdac;
  end

  always_comb begin
    intr_stat = '{
        fired: fired, rx_packet: rx_packet_ended, rx_absolute: rx_absolute_ended,
        tx_packet: tx_packet_ended, tx_absolute: tx_absolute_ended,
        txqe: event_i.txqe, txd_low: event_i.txd_low, rxdmt0: event_i.rxdmt0, rxo: event_i.rxo};
  end

  // A small frame does not wait, nor does a write-back without IDE; what waits goes with them.
  nic_intr_delay u_rx_delay (
    .clk_i,
    .rst_ni            (reg_rst_n),
    .req_i             (req),
    .packet_sel_i      (req.sel.rdtr),
    .absolute_sel_i    (req.sel.radv),
    .rdata_o           (rx_delay_rdata),
    .event_i           (event_i.rxt0),
    .urgent_i          (event_i.srpd),
    .event_o           (rxt0),
    .packet_ended_o    (rx_packet_ended),
    .absolute_ended_o  (rx_absolute_ended),
    .now_i             (time_now_o),
    .packet_o          (deadline[TimerRxPacket]),
    .packet_expired_i  (expired[TimerRxPacket]),
    .absolute_o        (deadline[TimerRxAbsolute]),
    .absolute_expired_i(expired[TimerRxAbsolute]),
    .idle_o            (rx_delay_idle)
  );

  nic_intr_delay u_tx_delay (
    .clk_i,
    .rst_ni            (reg_rst_n),
    .req_i             (req),
    .packet_sel_i      (req.sel.tidv),
    .absolute_sel_i    (req.sel.tadv),
    .rdata_o           (tx_delay_rdata),
    .event_i           (event_i.txdw_ide),
    .urgent_i          (event_i.txdw),
    .event_o           (txdw),
    .packet_ended_o    (tx_packet_ended),
    .absolute_ended_o  (tx_absolute_ended),
    .now_i             (time_now_o),
    .packet_o          (deadline[TimerTxPacket]),
    .packet_expired_i  (expired[TimerTxPacket]),
    .absolute_o        (deadline[TimerTxAbsolute]),
    .absolute_expired_i(expired[TimerTxAbsolute]),
    .idle_o            (tx_delay_idle)
  );

  nic_intr u_intr (
    .clk_i,
    .rst_ni            (reg_rst_n),
    .req_i             (req),
    .rdata_o           (intr_rdata),
    .cause_i           (cause),
    .iame_i            (iame),
    .now_i             (time_now_o),
    .throttle_o        (deadline[TimerThrottle]),
    .throttle_expired_i(expired[TimerThrottle]),
    .intx_o,
    .fired_o           (fired),
    .idle_o            (intr_idle)
  );

  // ---------------------------------------------------------------- statistics
  nic_stats u_stats (
    .clk_i,
    .rst_ni    (reg_rst_n),
    .req_i     (req),
    .rdata_o   (stats_rdata),
    .rx_i      (rx_stat_i),
    .rnbc_i,
    .tx_i      (tx_stat_i),
    .flow_i    (flow_event_i),
    .intr_i    (intr_stat)
  );

  // ---------------------------------------------------------------- NVM, PHY
  logic nvm_idle;

  nic_nvm u_nvm (
    .clk_i,
    .rst_ni     (reg_rst_n),
    .req_i      (req),
    .rdata_o    (nvm_rdata),
    .load_i     (init_q || nvm_reload),
    .mac_valid_o(mac_valid),
    .mac_o      (mac),
    .loading_o  (nvm_loading),
    .idle_o     (nvm_idle),
    .nvm_en_o,
    .nvm_addr_o,
    .nvm_data_i
  );

  logic        phy_rd, phy_wr, phy_idle, mdio_idle;
  logic [ 4:0] phy_reg;
  logic [15:0] phy_wdata, phy_rdata;

  nic_mdio #(
    .AccessCycles(MdioCycles)
  ) u_mdio (
    .clk_i,
    .rst_ni     (reg_rst_n),
    .req_i      (req),
    .rdata_o    (mdio_rdata),
    .now_i      (time_now_o),
    .deadline_o (deadline[TimerMdio]),
    .expired_i  (expired[TimerMdio]),
    .phy_rd_o   (phy_rd),
    .phy_wr_o   (phy_wr),
    .phy_reg_o  (phy_reg),
    .phy_wdata_o(phy_wdata),
    .phy_rdata_i(phy_rdata),
    .mdac_o     (mdac),
    .idle_o     (mdio_idle)
  );

  nic_phy #(
    .AutonegCycles(AutonegCycles)
  ) u_phy (
    .clk_i,
    .rst_ni,
    .hard_reset_i(phy_reset),
    .cable_i     (phy_link_i),
    .link_o      (phy_link),
    .loopback_o  (phy_loopback),
    .rd_i        (phy_rd),
    .wr_i        (phy_wr),
    .reg_i       (phy_reg),
    .wdata_i     (phy_wdata),
    .rdata_o     (phy_rdata),
    .now_i       (time_now_o),
    .deadline_o  (deadline[TimerPhy]),
    .expired_i   (expired[TimerPhy]),
    .idle_o      (phy_idle)
  );

  assign idle_o = axil_idle && !resetting && dev_idle && intr_idle && rx_delay_idle && tx_delay_idle && nvm_idle
      && phy_idle && mdio_idle && event_i == '0 && flow_event_i == '0 && !rx_stat_i.valid && !tx_stat_i.valid && !rnbc_i
      && dma_idle_i;

endmodule
