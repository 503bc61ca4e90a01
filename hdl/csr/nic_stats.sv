// SPDX-License-Identifier: MIT
// Statistics registers (82574L datasheet, statistics): which counters a frame moves, and how software reads them.
//
// A received frame, one that had to wait and a transmitted one can be counted in every cycle: nothing on the wire, legal
// or not, comes closer (a received frame takes at least two cycles, a transmitted one 2.6 on average). Reads clear, and
// lose nothing to an increment. Latency: counted in the cycle after next; a read's data one cycle after req_i.rd.
// Counters that nothing here can move (collisions, management, TCP segmentation) are not here: they read 0 as every address
// that no block answers.
module nic_stats
  import nic_pkg::*;
  import nic_regs_pkg::*;
  import nic_csr_pkg::*;
(
  input  logic            clk_i,
  input  logic            rst_ni,
  input  csr_req_t        req_i,
  /// one cycle after req_i.rd, 0 when it was for another block
  output logic     [31:0] rdata_o,
  input  rx_stat_t        rx_i,
  /// a frame had to wait for a descriptor, one cycle
  input  logic            rnbc_i,
  input  tx_stat_t        tx_i,
  input  flow_event_t     flow_i,
  input  intr_stat_t      intr_i
);

  // ---------------------------------------------------------------- which counters a frame moves
  function automatic logic [2:0] size_class(input logic [15:0] octets);
    if (octets <= 16'd64) return 3'd0;
    if (octets <= 16'd127) return 3'd1;
    if (octets <= 16'd255) return 3'd2;
    if (octets <= 16'd511) return 3'd3;
    if (octets <= 16'd1023) return 3'd4;
    return 3'd5;
  endfunction

  localparam logic [15:0] PauseOctets = 16'd64;

  logic [RxRows-1:0] rx_rows;
  logic [TxRows-1:0] tx_rows;
  logic [EventRows-1:0] event_rows;
  logic tx_pause;
  logic [1:0] tx_frames;
  logic [15:0] tx_octets;
  // A cycle later, beside the counters: what tells of it is spread over the card.
  logic [RxRows-1:0] rx_rows_q;
  logic [TxRows-1:0] tx_rows_q;
  logic [EventRows-1:0] event_rows_q;
  logic [1:0] tx_frames_q;
  logic [15:0] rx_octets_q, tx_octets_q, tx_all_octets_q;
  always_comb begin
    rx_rows = '0;
    if (rx_i.valid) begin
      rx_rows[RxTotal]     = 1'b1;
      rx_rows[RxGood]      = rx_i.good;
      rx_rows[RxBroadcast] = rx_i.good && rx_i.broadcast;
      rx_rows[RxMulticast] = rx_i.good && rx_i.multicast && !rx_i.broadcast;
      rx_rows[5'(Rx64)+5'(size_class(rx_i.bytes))] = rx_i.good;
      rx_rows[RxCrcErrs]   = rx_i.crc_err;
      rx_rows[RxRxErrC]    = rx_i.sym_err;
      rx_rows[RxMissed]    = rx_i.missed;
      rx_rows[RxUndersize] = rx_i.undersize;
      rx_rows[RxFragment]  = rx_i.fragment;
      rx_rows[RxOversize]  = rx_i.oversize;
      rx_rows[RxJabber]    = rx_i.jabber;
      rx_rows[RxLengthErr] = rx_i.undersize || rx_i.fragment || rx_i.oversize || rx_i.jabber;
    end
    rx_rows[RxNoBuffer] = rnbc_i;

    tx_rows = '0;
    if (tx_i.valid) begin
      tx_rows[TxGood]      = 1'b1;
      tx_rows[TxBroadcast] = tx_i.broadcast;
      tx_rows[TxMulticast] = tx_i.multicast && !tx_i.broadcast;
      tx_rows[4'(Tx64)+4'(size_class(tx_i.bytes))] = 1'b1;
    end

    // The totals have the pause frames, too, which may be told of together with a frame.
    tx_pause  = flow_i.xon_tx || flow_i.xoff_tx;
    tx_frames = 2'(tx_i.valid) + 2'(tx_pause);
    tx_octets = (tx_i.valid ? tx_i.bytes : '0) + (tx_pause ? PauseOctets : '0);

    event_rows                  = '0;
    event_rows[XonRx]           = flow_i.xon_rx;
    event_rows[XonTx]           = flow_i.xon_tx;
    event_rows[XoffRx]          = flow_i.xoff_rx;
    event_rows[XoffTx]          = flow_i.xoff_tx;
    event_rows[FlowUnknown]     = flow_i.unsupported;
    event_rows[Interrupt]       = intr_i.fired;
    event_rows[RxPacketTimer]   = intr_i.rx_packet;
    event_rows[RxAbsoluteTimer] = intr_i.rx_absolute;
    event_rows[TxPacketTimer]   = intr_i.tx_packet;
    event_rows[TxAbsoluteTimer] = intr_i.tx_absolute;
    event_rows[TxQueueEmpty]    = intr_i.txqe;
    event_rows[TxQueueLow]      = intr_i.txd_low;
    event_rows[RxDescLow]       = intr_i.rxdmt0;
    event_rows[RxOverrun]       = intr_i.rxo;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) {rx_rows_q, tx_rows_q, event_rows_q, tx_frames_q} <= '0;
    else {rx_rows_q, tx_rows_q, event_rows_q, tx_frames_q} <= {rx_rows, tx_rows, event_rows, tx_frames};
    {rx_octets_q, tx_octets_q, tx_all_octets_q} <= {rx_i.bytes, tx_i.bytes, tx_octets};
  end

  // ---------------------------------------------------------------- which counter software reads
  typedef enum logic [2:0] {SideNone, SideRx, SideTx, SideEvent, SideTotal} side_e;
  typedef struct packed {
    side_e      side;
    logic [4:0] row;
  } place_t;

  function automatic place_t of_rx(input rx_row_e row);
    return '{side: SideRx, row: row};
  endfunction
  function automatic place_t of_tx(input tx_row_e row);
    return '{side: SideTx, row: 5'(row)};
  endfunction
  function automatic place_t of_event(input event_row_e row);
    return '{side: SideEvent, row: 5'(row)};
  endfunction

  place_t place, place_q;  // place_q: what is read, a cycle after it was asked for
  logic [7:0] octets_rd_q;  // the same of octet counts, which are read in halves
  always_comb begin
    place = '{side: SideNone, row: '0};
    if (req_i.rd) begin
      if (req_i.sel.crcerrs)  place |= of_rx(RxCrcErrs);
      if (req_i.sel.rxerrc)   place |= of_rx(RxRxErrC);
      if (req_i.sel.mpc)      place |= of_rx(RxMissed);
      if (req_i.sel.prc64)    place |= of_rx(Rx64);
      if (req_i.sel.prc127)   place |= of_rx(Rx127);
      if (req_i.sel.prc255)   place |= of_rx(Rx255);
      if (req_i.sel.prc511)   place |= of_rx(Rx511);
      if (req_i.sel.prc1023)  place |= of_rx(Rx1023);
      if (req_i.sel.prc1522)  place |= of_rx(Rx1522);
      if (req_i.sel.gprc)     place |= of_rx(RxGood);
      if (req_i.sel.bprc)     place |= of_rx(RxBroadcast);
      if (req_i.sel.mprc)     place |= of_rx(RxMulticast);
      if (req_i.sel.rnbc)     place |= of_rx(RxNoBuffer);
      if (req_i.sel.ruc)      place |= of_rx(RxUndersize);
      if (req_i.sel.rfc)      place |= of_rx(RxFragment);
      if (req_i.sel.roc)      place |= of_rx(RxOversize);
      if (req_i.sel.rjc)      place |= of_rx(RxJabber);
      if (req_i.sel.tpr)      place |= of_rx(RxTotal);
      if (req_i.sel.rlec)     place |= of_rx(RxLengthErr);
      if (req_i.sel.gptc)     place |= of_tx(TxGood);
      if (req_i.sel.ptc64)    place |= of_tx(Tx64);
      if (req_i.sel.ptc127)   place |= of_tx(Tx127);
      if (req_i.sel.ptc255)   place |= of_tx(Tx255);
      if (req_i.sel.ptc511)   place |= of_tx(Tx511);
      if (req_i.sel.ptc1023)  place |= of_tx(Tx1023);
      if (req_i.sel.ptc1522)  place |= of_tx(Tx1522);
      if (req_i.sel.mptc)     place |= of_tx(TxMulticast);
      if (req_i.sel.bptc)     place |= of_tx(TxBroadcast);
      if (req_i.sel.xonrxc)   place |= of_event(XonRx);
      if (req_i.sel.xontxc)   place |= of_event(XonTx);
      if (req_i.sel.xoffrxc)  place |= of_event(XoffRx);
      if (req_i.sel.xofftxc)  place |= of_event(XoffTx);
      if (req_i.sel.fcruc)    place |= of_event(FlowUnknown);
      if (req_i.sel.iac)      place |= of_event(Interrupt);
      if (req_i.sel.icrxptc)  place |= of_event(RxPacketTimer);
      if (req_i.sel.icrxatc)  place |= of_event(RxAbsoluteTimer);
      if (req_i.sel.ictxptc)  place |= of_event(TxPacketTimer);
      if (req_i.sel.ictxatc)  place |= of_event(TxAbsoluteTimer);
      if (req_i.sel.ictxqec)  place |= of_event(TxQueueEmpty);
      if (req_i.sel.ictxqmtc) place |= of_event(TxQueueLow);
      if (req_i.sel.icrxdmtc) place |= of_event(RxDescLow);
      if (req_i.sel.icrxoc)   place |= of_event(RxOverrun);
      if (req_i.sel.tpt)      place |= place_t'{side: SideTotal, row: '0};
    end
  end
  always_ff @(posedge clk_i) begin
    place_q     <= rst_ni ? place : '{side: SideNone, row: '0};
    octets_rd_q <= !rst_ni || !req_i.rd ? '0 : {
        req_i.sel.toth, req_i.sel.totl, req_i.sel.gotch, req_i.sel.gotcl,
        req_i.sel.torh, req_i.sel.torl, req_i.sel.gorch, req_i.sel.gorcl};
  end

  // ---------------------------------------------------------------- the counters
  logic [31:0] rx_rdata, tx_rdata, event_rdata, total_rdata, octets_rdata[4];

  nic_stats_bank #(
    .Rows(RxRows)
  ) u_rx (
    .clk_i,
    .rst_ni,
    .bump_rows_i(rx_rows_q),
    .rd_i       (place_q.side == SideRx),
    .rd_row_i   (place_q.row),
    .rdata_o    (rx_rdata)
  );

  nic_stats_bank #(
    .Rows(TxRows)
  ) u_tx (
    .clk_i,
    .rst_ni,
    .bump_rows_i(tx_rows_q),
    .rd_i       (place_q.side == SideTx),
    .rd_row_i   (place_q.row[3:0]),
    .rdata_o    (tx_rdata)
  );

  nic_stats_bank #(
    .Rows(EventRows)
  ) u_event (
    .clk_i,
    .rst_ni,
    .bump_rows_i(event_rows_q),
    .rd_i       (place_q.side == SideEvent),
    .rd_row_i   (place_q.row[3:0]),
    .rdata_o    (event_rdata)
  );

  nic_stats_total u_tpt (
    .clk_i,
    .rst_ni,
    .bump_i (tx_frames_q),
    .rd_i   (place_q.side == SideTotal),
    .rdata_o(total_rdata)
  );

  nic_stats_octets u_gorc (
    .clk_i,
    .rst_ni,
    .bump_i   (rx_rows_q[RxGood]),
    .octets_i (rx_octets_q),
    .rd_low_i (octets_rd_q[0]),
    .rd_high_i(octets_rd_q[1]),
    .rdata_o  (octets_rdata[0])
  );

  nic_stats_octets u_tor (
    .clk_i,
    .rst_ni,
    .bump_i   (rx_rows_q[RxTotal]),
    .octets_i (rx_octets_q),
    .rd_low_i (octets_rd_q[2]),
    .rd_high_i(octets_rd_q[3]),
    .rdata_o  (octets_rdata[1])
  );

  nic_stats_octets u_gotc (
    .clk_i,
    .rst_ni,
    .bump_i   (tx_rows_q[TxGood]),
    .octets_i (tx_octets_q),
    .rd_low_i (octets_rd_q[4]),
    .rd_high_i(octets_rd_q[5]),
    .rdata_o  (octets_rdata[2])
  );

  nic_stats_octets u_tot (
    .clk_i,
    .rst_ni,
    .bump_i   (tx_frames_q != '0),
    .octets_i (tx_all_octets_q),
    .rd_low_i (octets_rd_q[6]),
    .rd_high_i(octets_rd_q[7]),
    .rdata_o  (octets_rdata[3])
  );

  assign rdata_o = rx_rdata | tx_rdata | event_rdata | total_rdata
      | octets_rdata[0] | octets_rdata[1] | octets_rdata[2] | octets_rdata[3];

  logic unused;
  assign unused = ^{req_i.wr, req_i.sel, req_i.store, req_i.addr, req_i.wdata, rx_i.filtered};

endmodule
