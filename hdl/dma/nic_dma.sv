// SPDX-License-Identifier: MIT
// The card's DMA: the receive and the transmit queue on the two AXI engines.
//
// Read clients: 0 receive descriptors, 1 transmit descriptors, 2 transmit payload. Write clients: 0 receive payload,
// 1 receive write-back, 2 transmit write-back.
// `stop_i`: no new command, no new frame to the MAC; what is under way is finished. When `engines_idle_o` (no access
// outstanding, the MAC not inside a frame) `dp_rst_ni` empties everything but the AXI engines. The front end is reset
// with it: what it gives afterwards begins with a frame's first beat.
// Left out: a counter for transmit frames that were too long (the 82574L has none).
module nic_dma #(
    parameter int unsigned AxiDataBits = 128,
    parameter int unsigned MaxReads    = 32,
    parameter int unsigned MaxWrites   = 32
) (
    input  logic                     clk_i,
    input  logic                     rst_ni,
    input  logic                     dp_rst_ni,
    input  logic                     stop_i,
    output logic                     engines_idle_o,
    /// Nothing queued or in flight: nothing will change by itself.
    output logic                     idle_o,
    /// Configuration; the ring and its parameters are quasi-static but for the tail.
    input  nic_pkg::rx_cfg_t         rx_cfg_i,
    input  nic_pkg::tx_cfg_t         tx_cfg_i,
    input  nic_pkg::ring_cfg_t       rx_ring_i,
    input  nic_pkg::ring_cfg_t       tx_ring_i,
    /// RDH or TDH written with `head_value_i`; legal while the queue is disabled.
    input  logic                     rx_head_load_i,
    input  logic                     tx_head_load_i,
    input  logic [15:0]              head_value_i,
    output logic [15:0]              rx_head_o,
    output logic [15:0]              tx_head_o,
    /// From the receive front end, without back-pressure.
    input  logic                     rx_valid_i,
    input  nic_pkg::frame_beat_t     rx_beat_i,
    input  nic_pkg::rx_verdict_t     rx_verdict_i,
    /// To the MAC.
    output logic                     tx_valid_o,
    input  logic                     tx_ready_i,
    output nic_pkg::frame_beat_t     tx_beat_o,
    output logic                     tx_fcs_o,
    /// Pulses and records.
    output nic_pkg::dma_event_t      event_o,
    output nic_pkg::rx_stat_t        rx_stat_o,
    output logic                     rnbc_o,
    /// Receive packet memory in use, bytes.
    output logic [15:0]              rx_level_o,
    output nic_pkg::tx_stat_t        tx_stat_o,
    output nic_pkg::dma_err_t        err_o,
    /// AXI4 master.
    output logic [3:0]               m_axi_awid,
    output logic [63:0]              m_axi_awaddr,
    output logic [7:0]               m_axi_awlen,
    output logic [2:0]               m_axi_awsize,
    output logic [1:0]               m_axi_awburst,
    output logic                     m_axi_awlock,
    output logic [3:0]               m_axi_awcache,
    output logic [2:0]               m_axi_awprot,
    output logic                     m_axi_awvalid,
    input  logic                     m_axi_awready,
    output logic [AxiDataBits-1:0]   m_axi_wdata,
    output logic [AxiDataBits/8-1:0] m_axi_wstrb,
    output logic                     m_axi_wlast,
    output logic                     m_axi_wvalid,
    input  logic                     m_axi_wready,
    input  logic [3:0]               m_axi_bid,
    input  logic [1:0]               m_axi_bresp,
    input  logic                     m_axi_bvalid,
    output logic                     m_axi_bready,
    output logic [3:0]               m_axi_arid,
    output logic [63:0]              m_axi_araddr,
    output logic [7:0]               m_axi_arlen,
    output logic [2:0]               m_axi_arsize,
    output logic [1:0]               m_axi_arburst,
    output logic                     m_axi_arlock,
    output logic [3:0]               m_axi_arcache,
    output logic [2:0]               m_axi_arprot,
    output logic                     m_axi_arvalid,
    input  logic                     m_axi_arready,
    input  logic [3:0]               m_axi_rid,
    input  logic [AxiDataBits-1:0]   m_axi_rdata,
    input  logic [1:0]               m_axi_rresp,
    input  logic                     m_axi_rlast,
    input  logic                     m_axi_rvalid,
    output logic                     m_axi_rready
);
  localparam int unsigned Clients = 3;

  logic queue_rst_n;
  assign queue_rst_n = rst_ni && dp_rst_ni;

  // -------------------------------------------------------------- engines
  logic [Clients-1:0] rd_cmd_valid, rd_cmd_ready, rd_beat_valid;
  nic_pkg::rd_cmd_t rx_desc_cmd, tx_desc_cmd, tx_data_cmd;
  nic_pkg::rd_beat_t rd_beat;
  logic [Clients-1:0] wr_cmd_valid, wr_cmd_ready, wr_data_valid, wr_data_ready, wr_done, wr_done_err;
  nic_pkg::wr_cmd_t rx_data_cmd, rx_wb_cmd, tx_wb_cmd;
  logic [127:0] rx_data, rx_wb_data, tx_wb_data;
  nic_pkg::dma_err_t rd_err, wr_err;
  logic rd_idle, wr_idle;

  nic_axi_rd #(
      .AxiDataBits(AxiDataBits),
      .Clients    (Clients),
      .MaxReads   (MaxReads)
  ) u_axi_rd (
      .clk_i,
      .rst_ni,
      .stop_i,
      .idle_o      (rd_idle),
      .cmd_valid_i (rd_cmd_valid),
      .cmd_ready_o (rd_cmd_ready),
      .cmd_i       ({tx_data_cmd, tx_desc_cmd, rx_desc_cmd}),
      .beat_valid_o(rd_beat_valid),
      .beat_o      (rd_beat),
      .err_o       (rd_err),
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

  nic_axi_wr #(
      .AxiDataBits(AxiDataBits),
      .Clients    (Clients),
      .MaxWrites  (MaxWrites)
  ) u_axi_wr (
      .clk_i,
      .rst_ni,
      .stop_i,
      .idle_o      (wr_idle),
      .cmd_valid_i (wr_cmd_valid),
      .cmd_ready_o (wr_cmd_ready),
      .cmd_i       ({tx_wb_cmd, rx_wb_cmd, rx_data_cmd}),
      .data_valid_i(wr_data_valid),
      .data_ready_o(wr_data_ready),
      .data_i      ({tx_wb_data, rx_wb_data, rx_data}),
      .done_o      (wr_done),
      .done_err_o  (wr_done_err),
      .err_o       (wr_err),
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
      .m_axi_bready
  );

  // One record per cycle goes out; a write's waits for a read's. Should a second one meet a waiting one, it is lost: the
  // queue stops all the same.
  nic_pkg::dma_err_t waiting_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      err_o.valid     <= 1'b0;
      waiting_q.valid <= 1'b0;
    end else if (err_o.valid || waiting_q.valid || rd_err.valid || wr_err.valid) begin
      err_o     <= rd_err.valid ? rd_err : waiting_q.valid ? waiting_q : wr_err;
      waiting_q <= rd_err.valid ? (waiting_q.valid ? waiting_q : wr_err) : waiting_q.valid ? wr_err : '0;
    end
  end

  // -------------------------------------------------------------- receive
  logic rx_idle, rxt0, srpd, rxdmt0, rxo;
  nic_dma_rx u_rx (
      .clk_i,
      .rst_ni           (queue_rst_n),
      .stop_i,
      .ring_i           (rx_ring_i),
      .buf_bytes_i      (rx_cfg_i.buf_bytes),
      .rdmts_i          (rx_cfg_i.rdmts),
      .small_bytes_i    (rx_cfg_i.small_bytes),
      .buf_kb_i         (rx_cfg_i.buf_kb),
      .load_i           (rx_head_load_i),
      .load_value_i     (head_value_i),
      .head_o           (rx_head_o),
      .valid_i          (rx_valid_i),
      .beat_i           (rx_beat_i),
      .verdict_i        (rx_verdict_i),
      .desc_cmd_valid_o (rd_cmd_valid[0]),
      .desc_cmd_ready_i (rd_cmd_ready[0]),
      .desc_cmd_o       (rx_desc_cmd),
      .desc_beat_valid_i(rd_beat_valid[0]),
      .desc_beat_i      (rd_beat),
      .cmd_valid_o      (wr_cmd_valid[0]),
      .cmd_ready_i      (wr_cmd_ready[0]),
      .cmd_o            (rx_data_cmd),
      .data_valid_o     (wr_data_valid[0]),
      .data_ready_i     (wr_data_ready[0]),
      .data_o           (rx_data),
      .done_i           (wr_done[0]),
      .done_err_i       (wr_done_err[0]),
      .wb_cmd_valid_o   (wr_cmd_valid[1]),
      .wb_cmd_ready_i   (wr_cmd_ready[1]),
      .wb_cmd_o         (rx_wb_cmd),
      .wb_data_valid_o  (wr_data_valid[1]),
      .wb_data_ready_i  (wr_data_ready[1]),
      .wb_data_o        (rx_wb_data),
      .wb_done_i        (wr_done[1]),
      .wb_done_err_i    (wr_done_err[1]),
      .rxt0_o           (rxt0),
      .srpd_o           (srpd),
      .rxdmt0_o         (rxdmt0),
      .rxo_o            (rxo),
      .rnbc_o,
      .level_o          (rx_level_o),
      .stat_o           (rx_stat_o),
      .idle_o           (rx_idle)
  );

  // -------------------------------------------------------------- transmit
  logic tx_idle, tx_between, txdw, txdw_ide, txqe, txd_low;
  nic_dma_tx u_tx (
      .clk_i,
      .rst_ni           (queue_rst_n),
      .stop_i,
      .ring_i           (tx_ring_i),
      .buf_kb_i         (tx_cfg_i.buf_kb),
      .low_i            (tx_cfg_i.low),
      .pad_i            (tx_cfg_i.psp),
      .load_i           (tx_head_load_i),
      .load_value_i     (head_value_i),
      .head_o           (tx_head_o),
      .desc_cmd_valid_o (rd_cmd_valid[1]),
      .desc_cmd_ready_i (rd_cmd_ready[1]),
      .desc_cmd_o       (tx_desc_cmd),
      .desc_beat_valid_i(rd_beat_valid[1]),
      .cmd_valid_o      (rd_cmd_valid[2]),
      .cmd_ready_i      (rd_cmd_ready[2]),
      .cmd_o            (tx_data_cmd),
      .beat_valid_i     (rd_beat_valid[2]),
      .beat_i           (rd_beat),
      .wb_cmd_valid_o   (wr_cmd_valid[2]),
      .wb_cmd_ready_i   (wr_cmd_ready[2]),
      .wb_cmd_o         (tx_wb_cmd),
      .wb_data_valid_o  (wr_data_valid[2]),
      .wb_data_ready_i  (wr_data_ready[2]),
      .wb_data_o        (tx_wb_data),
      .wb_done_i        (wr_done[2]),
      .wb_done_err_i    (wr_done_err[2]),
      .tx_valid_o,
      .tx_ready_i,
      .tx_beat_o,
      .tx_fcs_o,
      .txdw_o           (txdw),
      .txdw_ide_o       (txdw_ide),
      .txd_low_o        (txd_low),
      .txqe_o           (txqe),
      .stat_o           (tx_stat_o),
      .between_o        (tx_between),
      .idle_o           (tx_idle)
  );

  always_comb begin
    event_o = '{
        txdw: txdw, txdw_ide: txdw_ide, txqe: txqe, txd_low: txd_low, rxt0: rxt0, srpd: srpd, rxdmt0: rxdmt0, rxo: rxo
    };
  end
  assign engines_idle_o = rd_idle && wr_idle && tx_between;
  assign idle_o         = rx_idle && tx_idle && rd_idle && wr_idle && !err_o.valid && !waiting_q.valid;

  // Of the configuration, the queues need what is not the front end's or the MAC's.
  logic unused;
  assign unused = &{1'b0, rx_cfg_i, tx_cfg_i};

  // -------------------------------------------------------------- promises
  always_ff @(posedge clk_i) begin
    if (rst_ni && dp_rst_ni) begin
      if (wr_done_err[0]) begin
        a_rx_done : assert (wr_done[0]) else $error("nic_dma: an error without its command");
      end
      if (m_axi_arvalid || m_axi_awvalid || m_axi_wvalid || tx_valid_o || event_o != '0) begin
        a_idle : assert (!idle_o) else $error("nic_dma: idle while something moves");
      end
    end
    if (rst_ni && !dp_rst_ni) begin
      a_reset : assert (rd_idle && wr_idle) else $error("nic_dma: data path reset while an access is outstanding");
    end
  end
endmodule
