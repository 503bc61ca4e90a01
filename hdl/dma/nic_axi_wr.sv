// SPDX-License-Identifier: MIT
// AXI4 write engine: commands and packed data of several clients to bursts, shifted to the alignment of their address.
//
// A command writes `bytes` to any address; its data is ceil(bytes/16) beats, packed from byte lane 0, on the client's data
// stream, in the order of its commands. A client presents a command only when all its data can be delivered without
// waiting for anything else: other clients' bursts wait behind it.
// Clients interleave burst by burst. No more than MaxAhead bursts are issued before their data has gone, so that a
// descriptor write-back waits for few bursts of payload, not for a frame. W follows AW in order, and may be ahead of it.
// AWID = client. MaxWrites bursts outstanding in all; B may come in any order between IDs.
// `done_o`: pulse per command and client, in order, after the B of its last burst; `done_err_o` with it: some B was not
// OKAY; `err_o` for each such burst.
// Latency: command to AWVALID 3 cycles, to WVALID 5, B to done 2. Rate: a burst per cycle, a beat per cycle.
// `stop_i`: takes no new command, finishes those taken; `idle_o`: nothing is left to do.
// AXI attributes: INCR, full width, see nic_axi_pkg. Left out: narrow transfers, exclusive access, QoS, regions.
module nic_axi_wr #(
    parameter int unsigned AxiDataBits   = 128,
    parameter int unsigned Clients       = 3,
    parameter int unsigned MaxWrites     = 32,
    parameter int unsigned MaxBurstBytes = 512,
    parameter int unsigned MaxAhead      = 4
) (
    input  logic                            clk_i,
    input  logic                            rst_ni,
    input  logic                            stop_i,
    output logic                            idle_o,
    /// Commands, per client.
    input  logic              [Clients-1:0] cmd_valid_i,
    output logic              [Clients-1:0] cmd_ready_o,
    input  nic_pkg::wr_cmd_t  [Clients-1:0] cmd_i,
    /// Data, per client: beats of 128 bit, byte lane 0 first.
    input  logic       [Clients-1:0]        data_valid_i,
    output logic       [Clients-1:0]        data_ready_o,
    input  logic       [Clients-1:0][127:0] data_i,
    /// A command is finished (pulse), and not well.
    output logic       [Clients-1:0]        done_o,
    output logic       [Clients-1:0]        done_err_o,
    /// A burst failed (pulse).
    output nic_pkg::dma_err_t               err_o,
    /// AXI4 write channels.
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
    output logic                     m_axi_bready
);
  localparam int unsigned BusBits = $clog2(AxiDataBits / 8);  // address bits inside a bus beat

  if (AxiDataBits != 64 && AxiDataBits != 128 && AxiDataBits != 256) begin : g_bad_width
    $fatal(1, "nic_axi_wr: AxiDataBits must be 64, 128 or 256");
  end

  // -------------------------------------------------------------- commands to bursts to AW
  logic bursts_idle, cut_valid, cut_ready, burst_valid, burst_ready, issue, room, none_outstanding;
  nic_axi_pkg::burst_t cut, burst;
  nic_pkg::rd_cmd_t [Clients-1:0] cmd;

  always_comb begin
    for (int unsigned c = 0; c < Clients; c++) begin
      cmd[c] = '{addr: cmd_i[c].addr, bytes: cmd_i[c].bytes, lane: cmd_i[c].addr[3:0]};
    end
  end

  nic_axi_bursts #(
      .Clients      (Clients),
      .MaxBurstBytes(MaxBurstBytes)
  ) u_bursts (
      .clk_i,
      .rst_ni,
      .stop_i,
      .idle_o       (bursts_idle),
      .cmd_valid_i,
      .cmd_ready_o,
      .cmd_i        (cmd),
      .burst_valid_o(cut_valid),
      .burst_ready_i(cut_ready),
      .burst_o      (cut)
  );

  logic [1:0] unused_cut_level;
  nic_fifo #(
      .Width($bits(nic_axi_pkg::burst_t)),
      .Depth(2)
  ) u_cut (
      .clk_i,
      .rst_ni,
      .in_valid_i (cut_valid && cut_ready),  // what waits may change
      .in_ready_o (cut_ready),
      .in_data_i  (cut),
      .out_valid_o(burst_valid),
      .out_ready_i(burst_ready),
      .out_data_o (burst),
      .level_o    (unused_cut_level)
  );

  logic data_room;
  assign burst_ready = room && data_room && (!m_axi_awvalid || m_axi_awready);
  assign issue       = burst_valid && burst_ready;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) m_axi_awvalid <= 1'b0;
    else if (issue) m_axi_awvalid <= 1'b1;
    else if (m_axi_awready) m_axi_awvalid <= 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (issue) begin
      m_axi_awid   <= burst.client;
      m_axi_awaddr <= burst.addr;
      m_axi_awlen  <= nic_axi_pkg::axlen(burst.addr[11:0], burst.bytes, BusBits);
    end
  end
  assign m_axi_awsize  = 3'(BusBits);
  assign m_axi_awburst = nic_axi_pkg::BurstIncr;
  assign m_axi_awlock  = 1'b0;
  assign m_axi_awcache = nic_axi_pkg::Cache;
  assign m_axi_awprot  = nic_axi_pkg::Prot;

  // -------------------------------------------------------------- their data
  nic_axi_wdata #(
      .AxiDataBits  (AxiDataBits),
      .Clients      (Clients),
      .MaxBurstBytes(MaxBurstBytes),
      .MaxAhead     (MaxAhead)
  ) u_data (
      .clk_i,
      .rst_ni,
      .stop_i,
      .burst_valid_i(issue),
      .burst_ready_o(data_room),
      .burst_i      (burst),
      .data_valid_i,
      .data_ready_o,
      .data_i,
      .wdata_o      (m_axi_wdata),
      .wstrb_o      (m_axi_wstrb),
      .wlast_o      (m_axi_wlast),
      .wvalid_o     (m_axi_wvalid),
      .wready_i     (m_axi_wready)
  );

  // -------------------------------------------------------------- B to done
  typedef struct packed {
    logic        last;  // of its command
    logic [63:0] addr;
  } info_t;

  typedef struct packed {
    logic [3:0] id;
    logic       err;
  } b_t;

  info_t info;
  b_t b_q;
  logic b_valid_q, known, pop;

  nic_axi_track #(
      .Clients       (Clients),
      .MaxOutstanding(MaxWrites),
      .Width         ($bits(info_t))
  ) u_track (
      .clk_i,
      .rst_ni,
      .push_i     (issue),
      .push_id_i  (burst.client),
      .push_data_i({burst.last, burst.addr}),
      .room_o     (room),
      .empty_o    (none_outstanding),
      .id_i       (b_q.id),
      .pop_i      (pop),
      .known_o    (known),
      .data_o     (info)
  );

  assign m_axi_bready = 1'b1;
  assign pop          = b_valid_q && known;  // what nobody asked for is thrown away

  always_ff @(posedge clk_i) begin
    if (!rst_ni) b_valid_q <= 1'b0;
    else b_valid_q <= m_axi_bvalid;
  end
  always_ff @(posedge clk_i) begin
    if (m_axi_bvalid) b_q <= '{id: m_axi_bid, err: m_axi_bresp[1]};
  end

  logic [Clients-1:0] mine, failed, cmd_err_q;  // cmd_err_q: an earlier burst of the client's oldest command failed
  assign mine   = Clients'(1) << b_q.id;
  assign failed = b_q.err ? mine : mine & cmd_err_q;

  always_ff @(posedge clk_i) begin
    done_o      <= '0;
    done_err_o  <= '0;
    err_o.valid <= rst_ni && pop && b_q.err;
    if (!rst_ni) begin
      cmd_err_q <= '0;
    end else if (pop) begin
      if (info.last) begin
        done_o     <= mine;
        done_err_o <= failed;
      end
      cmd_err_q <= (cmd_err_q & ~mine) | (info.last ? '0 : failed);
    end
  end
  assign err_o.write = 1'b1;
  always_ff @(posedge clk_i) begin
    if (pop) err_o.addr <= info.addr;
  end

  assign idle_o = bursts_idle && !burst_valid && none_outstanding && done_o == '0;

  nic_axi_wr_check #(
      .MaxWrites(MaxWrites),
      .BusBits  (BusBits)
  ) u_check (
      .clk_i,
      .rst_ni,
      .awid_i   (m_axi_awid),
      .awaddr_i (m_axi_awaddr),
      .awlen_i  (m_axi_awlen),
      .awvalid_i(m_axi_awvalid),
      .awready_i(m_axi_awready),
      .wdata_i  (m_axi_wdata),
      .wstrb_i  (m_axi_wstrb),
      .wlast_i  (m_axi_wlast),
      .wvalid_i (m_axi_wvalid),
      .wready_i (m_axi_wready),
      .bid_i    (m_axi_bid),
      .bresp_i  (m_axi_bresp),
      .bvalid_i (m_axi_bvalid),
      .bready_i (m_axi_bready)
  );
endmodule
