// SPDX-License-Identifier: MIT
// The card: an Intel 82574L to software, with a 10G XGMII MAC and an AXI host side.
//
// Host side: s_axil is BAR0 (128 KiB of registers), m_axi reads descriptors and frames and writes them, intx_o is
// INTA. Wire side: XGMII, 64 bit, each direction with its own clock. Beside them: the NVM as a synchronous 16-bit
// memory, the cable (phy_link_i), a report of failed DMA, and time: time_skip_i lets a simulation leap over idle
// cycles (0 in hardware), idle_o and deadline_o say how far it may.
// All ports are flat, so that any tool or language can drive them.
module nic_top #(
  parameter int unsigned AxiDataBits = 128  // 64, 128 or 256
) (
  /// core clock, 156.25 MHz; every port without another clock belongs to it
  input  logic        clk_i,
  /// reset, active low; synchronised inside, to each clock
  input  logic        rst_ni,

  // ---- registers: AXI4-Lite slave
  input  logic [16:0] s_axil_awaddr,
  input  logic [ 2:0] s_axil_awprot,
  input  logic        s_axil_awvalid,
  output logic        s_axil_awready,
  input  logic [31:0] s_axil_wdata,
  input  logic [ 3:0] s_axil_wstrb,
  input  logic        s_axil_wvalid,
  output logic        s_axil_wready,
  output logic [ 1:0] s_axil_bresp,
  output logic        s_axil_bvalid,
  input  logic        s_axil_bready,
  input  logic [16:0] s_axil_araddr,
  input  logic [ 2:0] s_axil_arprot,
  input  logic        s_axil_arvalid,
  output logic        s_axil_arready,
  output logic [31:0] s_axil_rdata,
  output logic [ 1:0] s_axil_rresp,
  output logic        s_axil_rvalid,
  input  logic        s_axil_rready,

  // ---- host memory: AXI4 master
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

  // ---- wire: XGMII
  input  logic        xgmii_tx_clk_i,
  output logic [63:0] xgmii_txd,
  output logic [ 7:0] xgmii_txc,
  input  logic        xgmii_rx_clk_i,
  input  logic [63:0] xgmii_rxd,
  input  logic [ 7:0] xgmii_rxc,

  // ---- beside the data path
  /// NVM: word address, data one cycle after nvm_en_o
  output logic        nvm_en_o,
  output logic [11:0] nvm_addr_o,
  input  logic [15:0] nvm_data_i,
  /// a cable with a live partner is plugged in
  input  logic        phy_link_i,
  /// INTA, level
  output logic        intx_o,
  /// a DMA response was not OKAY: one-cycle pulse, direction, start of the burst
  output logic        dma_err_valid_o,
  output logic        dma_err_write_o,
  output logic [63:0] dma_err_addr_o,

  // ---- time, in core clock cycles
  /// leap: now advances by 1 + time_skip_i in this cycle
  input  logic [31:0] time_skip_i,
  output logic [63:0] time_now_o,
  /// nothing will change by itself before deadline_o (or ever, when that is not valid)
  output logic        idle_o,
  output logic        deadline_valid_o,
  output logic [63:0] deadline_o
);

  import nic_pkg::*;

  // ---------------------------------------------------------------- resets
  logic core_rst_n, xgmii_tx_rst_n, xgmii_rx_rst_n;
  nic_rst_sync u_rst_core (.clk_i, .rst_ni, .rst_no(core_rst_n));
  nic_rst_sync u_rst_xgmii_tx (.clk_i(xgmii_tx_clk_i), .rst_ni, .rst_no(xgmii_tx_rst_n));
  nic_rst_sync u_rst_xgmii_rx (.clk_i(xgmii_rx_clk_i), .rst_ni, .rst_no(xgmii_rx_rst_n));

  // ---------------------------------------------------------------- registers, interrupts, statistics, time
  rx_cfg_t            rx_cfg;
  tx_cfg_t            tx_cfg;
  flow_cfg_t          flow_cfg;
  flow_event_t        flow_event;
  logic               paused, flow_expired;
  nic_csr_pkg::deadline_t flow_deadline;
  ring_cfg_t          rx_ring, tx_ring;
  logic               rx_head_load, tx_head_load;
  logic        [15:0] head_value, rx_head, tx_head;
  mac_filter_t [15:0] exact_filter;
  logic               mta_en, mta_bit;
  logic        [11:0] mta_index;
  dma_event_t         dma_event;
  rx_stat_t           rx_stat;
  tx_stat_t           tx_stat;
  logic               rnbc;
  logic               link, stop, dp_rst_n;
  logic               engines_idle, dma_idle, data_path_idle;

  nic_csr u_csr (
    .clk_i,
    .rst_ni          (core_rst_n),
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
    .rx_cfg_o        (rx_cfg),
    .tx_cfg_o        (tx_cfg),
    .flow_cfg_o      (flow_cfg),
    .rx_ring_o       (rx_ring),
    .tx_ring_o       (tx_ring),
    .rx_head_load_o  (rx_head_load),
    .tx_head_load_o  (tx_head_load),
    .head_value_o    (head_value),
    .rx_head_i       (rx_head),
    .tx_head_i       (tx_head),
    .filter_o        (exact_filter),
    .mta_en_i        (mta_en),
    .mta_index_i     (mta_index),
    .mta_bit_o       (mta_bit),
    .event_i         (dma_event),
    .rx_stat_i       (rx_stat),
    .rnbc_i          (rnbc),
    .tx_stat_i       (tx_stat),
    .flow_event_i    (flow_event),
    .paused_i        (paused),
    .flow_deadline_i (flow_deadline),
    .flow_expired_o  (flow_expired),
    .dma_idle_i      (data_path_idle),
    .nvm_en_o,
    .nvm_addr_o,
    .nvm_data_i,
    .phy_link_i,
    .link_o          (link),
    .intx_o,
    .stop_o          (stop),
    .dp_rst_no       (dp_rst_n),
    .engines_idle_i  (engines_idle),
    .time_skip_i,
    .time_now_o,
    .idle_o,
    .deadline_valid_o,
    .deadline_o
  );

  // ---------------------------------------------------------------- wire
  logic           tx_valid, tx_ready, tx_fcs, tx_busy, rx_busy;
  frame_beat_t    tx_beat, mac_rx_beat;
  logic           mac_rx_valid;
  rx_mac_status_t mac_rx_status;

  nic_mac u_mac (
    .clk_i,
    .rst_ni         (core_rst_n),
    .xgmii_tx_clk_i,
    .xgmii_tx_rst_ni(xgmii_tx_rst_n),
    .xgmii_rx_clk_i,
    .xgmii_rx_rst_ni(xgmii_rx_rst_n),
    .tx_cfg_i       (tx_cfg),
    .link_i         (link),
    .tx_valid_i     (tx_valid),
    .tx_ready_o     (tx_ready),
    .tx_beat_i      (tx_beat),
    .tx_fcs_i       (tx_fcs),
    .rx_valid_o     (mac_rx_valid),
    .rx_beat_o      (mac_rx_beat),
    .rx_status_o    (mac_rx_status),
    .tx_busy_o      (tx_busy),
    .rx_busy_o      (rx_busy),
    .xgmii_txd_o    (xgmii_txd),
    .xgmii_txc_o    (xgmii_txc),
    .xgmii_rxd_i    (xgmii_rxd),
    .xgmii_rxc_i    (xgmii_rxc)
  );

  logic        rx_valid, front_busy;
  frame_beat_t rx_beat;
  rx_verdict_t rx_verdict;
  logic        pause_valid, unsupported;
  logic [15:0] pause_quanta;

  // Reset with the data path: after a reset in mid frame it gives out nothing of that frame's rest.
  nic_rx_front u_rx_front (
    .clk_i,
    .rst_ni        (core_rst_n && dp_rst_n),
    .cfg_i         (rx_cfg),
    .flow_cfg_i    (flow_cfg),
    .filter_i      (exact_filter),
    .mta_en_o      (mta_en),
    .mta_index_o   (mta_index),
    .mta_bit_i     (mta_bit),
    .valid_i       (mac_rx_valid),
    .beat_i        (mac_rx_beat),
    .status_i      (mac_rx_status),
    .valid_o       (rx_valid),
    .beat_o        (rx_beat),
    .verdict_o     (rx_verdict),
    .pause_valid_o (pause_valid),
    .pause_quanta_o(pause_quanta),
    .unsupported_o (unsupported),
    .busy_o        (front_busy)
  );

  // ---------------------------------------------------------------- pause frames
  logic        queue_valid, queue_ready, queue_fcs;
  frame_beat_t queue_beat;
  logic        xon_sent, xoff_sent, flow_sending, flow_idle, dma_engines_idle;
  logic [15:0] rx_level;

  nic_flow u_flow (
    .clk_i,
    .rst_ni          (core_rst_n && dp_rst_n),
    .cfg_i           (flow_cfg),
    .en_i            (rx_cfg.en && link && !tx_cfg.loopback),
    .stop_i          (stop),
    .source_i        (exact_filter[0].addr),
    .now_i           (time_now_o),
    .pause_valid_i   (pause_valid),
    .pause_quanta_i  (pause_quanta),
    .level_i         (rx_level),
    .in_valid_i      (queue_valid),
    .in_ready_o      (queue_ready),
    .in_beat_i       (queue_beat),
    .in_fcs_i        (queue_fcs),
    .out_valid_o     (tx_valid),
    .out_ready_i     (tx_ready),
    .out_beat_o      (tx_beat),
    .out_fcs_o       (tx_fcs),
    .paused_o        (paused),
    .xon_o           (xon_sent),
    .xoff_o          (xoff_sent),
    .sending_o       (flow_sending),
    .deadline_valid_o(flow_deadline.valid),
    .deadline_o      (flow_deadline.at),
    .expired_i       (flow_expired),
    .idle_o          (flow_idle)
  );
  assign flow_event = '{
      xon_rx:  pause_valid && pause_quanta == '0,
      xoff_rx: pause_valid && pause_quanta != '0,
      xon_tx: xon_sent, xoff_tx: xoff_sent, unsupported: unsupported
  };
  assign engines_idle = dma_engines_idle && !flow_sending;

  // ---------------------------------------------------------------- rings and buffers
  dma_err_t dma_err;

  // Without a link the transmit queue takes no descriptor, as the 82574L's: by what is left in the ring the stock driver
  // knows that it must reset the card to get rid of it.
  ring_cfg_t tx_ring_linked;
  logic tx_on, tx_on_q;
  assign tx_on = tx_ring.en && (link || tx_cfg.loopback);
  always_ff @(posedge clk_i) tx_on_q <= core_rst_n && tx_on;
  always_comb begin
    tx_ring_linked    = tx_ring;
    tx_ring_linked.en = tx_on_q;
  end

  nic_dma #(
    .AxiDataBits(AxiDataBits)
  ) u_dma (
    .clk_i,
    .rst_ni        (core_rst_n),
    .dp_rst_ni     (dp_rst_n),
    .stop_i        (stop),
    .engines_idle_o(dma_engines_idle),
    .idle_o        (dma_idle),
    .rx_cfg_i      (rx_cfg),
    .tx_cfg_i      (tx_cfg),
    .rx_ring_i     (rx_ring),
    .tx_ring_i     (tx_ring_linked),
    .rx_head_load_i(rx_head_load),
    .tx_head_load_i(tx_head_load),
    .head_value_i  (head_value),
    .rx_head_o     (rx_head),
    .tx_head_o     (tx_head),
    .rx_valid_i    (rx_valid),
    .rx_beat_i     (rx_beat),
    .rx_verdict_i  (rx_verdict),
    .tx_valid_o    (queue_valid),
    .tx_ready_i    (queue_ready),
    .tx_beat_o     (queue_beat),
    .tx_fcs_o      (queue_fcs),
    .event_o       (dma_event),
    .rx_stat_o     (rx_stat),
    .rnbc_o        (rnbc),
    .rx_level_o    (rx_level),
    .tx_stat_o     (tx_stat),
    .err_o         (dma_err),
    .m_axi_awid,
    .m_axi_awaddr,
    .m_axi_awlen,
    .m_axi_awsize,
    .m_axi_awburst,
    .m_axi_awlock,
    .m_axi_awcache,
    .m_axi_awprot,
    .m_axi_awvalid,
    .m_axi_awready,
    .m_axi_wdata,
    .m_axi_wstrb,
    .m_axi_wlast,
    .m_axi_wvalid,
    .m_axi_wready,
    .m_axi_bid,
    .m_axi_bresp,
    .m_axi_bvalid,
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
    .m_axi_arready,
    .m_axi_rid,
    .m_axi_rdata,
    .m_axi_rresp,
    .m_axi_rlast,
    .m_axi_rvalid,
    .m_axi_rready
  );

  assign data_path_idle = dma_idle && tx_on_q == tx_on && engines_idle && !tx_busy && !rx_busy && !front_busy
      && flow_idle;
  assign dma_err_valid_o = dma_err.valid;
  assign dma_err_write_o = dma_err.write;
  assign dma_err_addr_o  = dma_err.addr;

endmodule
