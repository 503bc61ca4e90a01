// SPDX-License-Identifier: MIT
// AXI4 read engine: commands of several clients to bursts, responses back to byte-aligned 128-bit beats.
//
// A command asks for `bytes` from any address; the answer's first byte is in byte lane `lane` of the first beat, the rest
// follows without gaps, `last` ends it. Commands of a client complete in order; clients interleave, beat by beat.
// There is no ready on the beats: a client asks only for what it has room for, and RREADY falls only when the bus runs
// ahead of the one shared 128-bit beat port (a wider bus, or a beat more out than in), never for a client.
// ARID = client. MaxReads bursts outstanding in all; R of different IDs may come interleaved and in any order.
// An answer that is not OKAY: `err` with the command's last beat (its data is worthless), and `err_o` for each such burst.
// Latency: command to ARVALID 3 cycles, R to beat 5 cycles. Rate: a burst per cycle, a beat per cycle at any alignment.
// `stop_i`: takes no new command, finishes those taken; `idle_o`: nothing is left to come.
// AXI attributes: INCR, full width, see nic_axi_pkg. Left out: narrow transfers, exclusive access, QoS, regions.
module nic_axi_rd #(
    parameter int unsigned AxiDataBits   = 128,
    parameter int unsigned Clients       = 3,
    parameter int unsigned MaxReads      = 32,
    parameter int unsigned MaxBurstBytes = 512
) (
    input  logic                            clk_i,
    input  logic                            rst_ni,
    input  logic                            stop_i,
    output logic                            idle_o,
    /// Commands, per client.
    input  logic              [Clients-1:0] cmd_valid_i,
    output logic              [Clients-1:0] cmd_ready_o,
    input  nic_pkg::rd_cmd_t  [Clients-1:0] cmd_i,
    /// Answers: `beat_o` is for the client whose bit is set.
    output logic              [Clients-1:0] beat_valid_o,
    output nic_pkg::rd_beat_t               beat_o,
    /// A burst failed (pulse).
    output nic_pkg::dma_err_t               err_o,
    /// AXI4 read channels.
    output logic [3:0]             m_axi_arid,
    output logic [63:0]            m_axi_araddr,
    output logic [7:0]             m_axi_arlen,
    output logic [2:0]             m_axi_arsize,
    output logic [1:0]             m_axi_arburst,
    output logic                   m_axi_arlock,
    output logic [3:0]             m_axi_arcache,
    output logic [2:0]             m_axi_arprot,
    output logic                   m_axi_arvalid,
    input  logic                   m_axi_arready,
    input  logic [3:0]             m_axi_rid,
    input  logic [AxiDataBits-1:0] m_axi_rdata,
    input  logic [1:0]             m_axi_rresp,
    input  logic                   m_axi_rlast,
    input  logic                   m_axi_rvalid,
    output logic                   m_axi_rready
);
  localparam int unsigned BusBits = $clog2(AxiDataBits / 8);  // address bits inside a bus beat
  localparam int unsigned SelBits = Clients > 1 ? $clog2(Clients) : 1;
  localparam logic [4:0] LaneMask = 5'(AxiDataBits / 8 - 1);
  typedef logic [SelBits-1:0] sel_t;

  if (AxiDataBits != 64 && AxiDataBits != 128 && AxiDataBits != 256) begin : g_bad_width
    $fatal(1, "nic_axi_rd: AxiDataBits must be 64, 128 or 256");
  end

  // -------------------------------------------------------------- commands to bursts to AR
  logic bursts_idle, cut_valid, cut_ready, burst_valid, burst_ready, issue, room, none_outstanding;
  nic_axi_pkg::burst_t cut, burst;

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
      .cmd_i,
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

  assign burst_ready = room && (!m_axi_arvalid || m_axi_arready);
  assign issue       = burst_valid && burst_ready;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) m_axi_arvalid <= 1'b0;
    else if (issue) m_axi_arvalid <= 1'b1;
    else if (m_axi_arready) m_axi_arvalid <= 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (issue) begin
      m_axi_arid   <= burst.client;
      m_axi_araddr <= burst.addr;
      m_axi_arlen  <= nic_axi_pkg::axlen(burst.addr[11:0], burst.bytes, BusBits);
    end
  end
  assign m_axi_arsize  = 3'(BusBits);
  assign m_axi_arburst = nic_axi_pkg::BurstIncr;
  assign m_axi_arlock  = 1'b0;
  assign m_axi_arcache = nic_axi_pkg::Cache;
  assign m_axi_arprot  = nic_axi_pkg::Prot;

  // -------------------------------------------------------------- what must be known of a burst when its data comes
  typedef struct packed {
    logic [4:0]  end_addr;  // low address bits of its last byte
    logic [3:0]  lane;
    logic        first;
    logic        last;
    logic [63:0] addr;
  } info_t;

  typedef struct packed {
    logic [3:0]             id;
    logic                   err;
    logic                   last;
    logic [AxiDataBits-1:0] data;
  } r_t;

  info_t issued, info_d;
  r_t r_in, r_d;  // r_d, info_d: the beat that waits, and what is known of it
  logic [1:0] unused_level;
  logic r_valid, r_pop, known;

  assign issued = '{
      addr:     burst.addr,
      end_addr: burst.addr[4:0] + burst.bytes[4:0] - 5'd1,
      lane:     burst.lane,
      first:    burst.first,
      last:     burst.last
  };

  nic_axi_track #(
      .Clients       (Clients),
      .MaxOutstanding(MaxReads),
      .Width         ($bits(info_t))
  ) u_track (
      .clk_i,
      .rst_ni,
      .push_i     (issue),
      .push_id_i  (burst.client),
      .push_data_i(issued),
      .room_o     (room),
      .empty_o    (none_outstanding),
      .id_i       (r_d.id),
      .pop_i      (r_valid && r_pop && known && r_d.last),
      .known_o    (known),
      .data_o     (info_d)
  );

  assign r_in = '{id: m_axi_rid, data: m_axi_rdata, err: m_axi_rresp[1], last: m_axi_rlast};

  nic_fifo #(
      .Width($bits(r_t)),
      .Depth(2)
  ) u_r (
      .clk_i,
      .rst_ni,
      .in_valid_i (m_axi_rvalid),
      .in_ready_o (m_axi_rready),
      .in_data_i  (r_in),
      .out_valid_o(r_valid),
      .out_ready_i(r_pop),
      .out_data_o (r_d),
      .level_o    (unused_level)
  );

  // -------------------------------------------------------------- what is known of a beat has come out of the memory
  r_t a_r_q;
  info_t a_info_q;
  logic a_valid_q, a_begins_q;  // a_begins_q: the first beat of its burst
  logic a_free, free;
  logic [Clients-1:0] mid_burst_q;  // beats of the client's burst have come already

  assign a_free = !a_valid_q || free;
  assign r_pop  = !known || a_free;  // what nobody asked for is thrown away

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      a_valid_q   <= 1'b0;
      mid_burst_q <= '0;
    end else if (a_free) begin
      a_valid_q <= r_valid && known;
      if (r_valid && known) mid_burst_q[sel_t'(r_d.id)] <= !r_d.last;
    end
  end
  always_ff @(posedge clk_i) begin
    if (a_free && r_valid) begin
      {a_r_q, a_info_q} <= {r_d, info_d};
      a_begins_q        <= !mid_burst_q[sel_t'(r_d.id)];
    end
  end

  // -------------------------------------------------------------- bus beats to chunks of at most 16 bytes
  r_t r;
  info_t info;
  logic begins;
  logic chunk_valid, chunk_ready, bus_beat_done;
  logic [3:0] chunk_lo, chunk_hi;
  logic [127:0] chunk_data;
  logic chunk_starts, chunk_ends;  // first and last chunk of a command
  logic [4:0] lo, hi;              // first and last byte of the command in this bus beat
  sel_t sel;
  logic done;                      // with this bus beat

  logic unused_info;  // it has become `hi`
  assign unused_info = ^info.end_addr;

  assign sel  = sel_t'(r.id);
  assign done = chunk_ready && bus_beat_done;
  assign free = !chunk_valid || done;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) chunk_valid <= 1'b0;
    else if (free) chunk_valid <= a_valid_q;
  end
  always_ff @(posedge clk_i) begin
    if (free && a_valid_q) begin
      {r, info} <= {a_r_q, a_info_q};
      begins    <= a_begins_q;
      lo        <= a_begins_q ? a_info_q.addr[4:0] & LaneMask : '0;
      hi        <= a_r_q.last ? a_info_q.end_addr & LaneMask : LaneMask;
    end
  end

  if (AxiDataBits == 256) begin : g_halves
    logic upper, more, upper_q;  // upper_q: the lower half has been passed on
    assign upper         = upper_q || lo[4];
    assign more          = !upper && hi[4];
    assign chunk_data    = upper ? r.data[255:128] : r.data[127:0];
    assign chunk_lo      = upper_q ? '0 : lo[3:0];
    assign chunk_hi      = more ? 4'd15 : hi[3:0];
    assign chunk_starts  = info.first && begins && !upper_q;
    assign chunk_ends    = info.last && r.last && !more;
    assign bus_beat_done = !more;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) upper_q <= 1'b0;
      else if (chunk_valid && chunk_ready) upper_q <= more;
    end
  end else begin : g_whole
    always_comb begin
      chunk_data                  = '0;
      chunk_data[AxiDataBits-1:0] = r.data;
    end
    assign chunk_lo      = lo[3:0];
    assign chunk_hi      = hi[3:0];
    assign chunk_starts  = info.first && begins;
    assign chunk_ends    = info.last && r.last;
    assign bus_beat_done = 1'b1;
    logic unused;
    assign unused = lo[4] ^ hi[4];
  end

  // -------------------------------------------------------------- errors, and what is remembered between the beats
  logic [Clients-1:0] burst_err_q, cmd_err_q;
  logic burst_err, cmd_err;
  assign burst_err = r.err || burst_err_q[sel];
  assign cmd_err   = r.err || cmd_err_q[sel];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      burst_err_q <= '0;
      cmd_err_q   <= '0;
    end else if (chunk_valid && done) begin
      burst_err_q[sel] <= burst_err && !r.last;
      cmd_err_q[sel]   <= cmd_err && !(r.last && info.last);
    end
  end

  assign err_o.write = 1'b0;
  always_ff @(posedge clk_i) begin
    err_o.valid <= rst_ni && chunk_valid && done && r.last && burst_err;
    err_o.addr  <= info.addr;
  end

  // -------------------------------------------------------------- chunks to aligned beats
  logic realign_busy;

  nic_axi_realign #(
      .Clients(Clients)
  ) u_realign (
      .clk_i,
      .rst_ni,
      .busy_o       (realign_busy),
      .chunk_valid_i(chunk_valid),
      .chunk_ready_o(chunk_ready),
      .sel_i        (sel),
      .data_i       (chunk_data),
      .lo_i         (chunk_lo),
      .hi_i         (chunk_hi),
      .lane_i       (info.lane),
      .first_i      (chunk_starts),
      .last_i       (chunk_ends),
      .err_i        (cmd_err),
      .beat_valid_o,
      .beat_o
  );

  assign idle_o = bursts_idle && !burst_valid && none_outstanding && !a_valid_q && !realign_busy;

  nic_axi_rd_check #(
      .MaxReads(MaxReads),
      .BusBits (BusBits)
  ) u_check (
      .clk_i,
      .rst_ni,
      .arid_i   (m_axi_arid),
      .araddr_i (m_axi_araddr),
      .arlen_i  (m_axi_arlen),
      .arvalid_i(m_axi_arvalid),
      .arready_i(m_axi_arready),
      .rid_i    (m_axi_rid),
      .rdata_i  (m_axi_rdata),
      .rresp_i  (m_axi_rresp),
      .rlast_i  (m_axi_rlast),
      .rvalid_i (m_axi_rvalid),
      .rready_i (m_axi_rready)
  );
endmodule
