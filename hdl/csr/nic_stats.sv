// SPDX-License-Identifier: MIT
// Statistics registers (82574L datasheet, statistics): which counters a frame moves, and how software reads them.
//
// A received frame, one that had to wait and a transmitted one can be counted in every cycle: nothing on the wire, legal
// or not, comes closer (a received frame takes at least two cycles, a transmitted one 2.6 on average). Reads clear, and
// lose nothing to an increment. Latency: counted in the next cycle.
// Left out: counters of what this card does not have (collisions, pause frames, management, TCP segmentation).
module nic_stats
  import nic_pkg::*;
  import nic_regs_pkg::*;
  import nic_csr_pkg::*;
(
  input  logic            clk_i,
  input  logic            rst_ni,
  input  csr_req_t        req_i,
  output logic     [31:0] rdata_o,
  input  rx_stat_t        rx_i,
  /// a frame had to wait for a descriptor, one cycle
  input  logic            rnbc_i,
  input  tx_stat_t        tx_i
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

  logic [RxRows-1:0] rx_rows;
  logic [TxRows-1:0] tx_rows;
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
    end
    rx_rows[RxNoBuffer] = rnbc_i;

    tx_rows = '0;
    if (tx_i.valid) begin
      tx_rows[TxTotal]     = 1'b1;
      tx_rows[TxGood]      = 1'b1;
      tx_rows[TxBroadcast] = tx_i.broadcast;
      tx_rows[TxMulticast] = tx_i.multicast && !tx_i.broadcast;
      tx_rows[4'(Tx64)+4'(size_class(tx_i.bytes))] = 1'b1;
    end
  end

  // ---------------------------------------------------------------- which counter software reads
  typedef struct packed {
    logic       rx;
    logic       tx;
    logic [4:0] row;
    stat_part_e part;
  } place_t;

  function automatic place_t of_rx(input rx_row_e row, input stat_part_e part);
    return '{rx: 1'b1, tx: 1'b0, row: row, part: part};
  endfunction
  function automatic place_t of_tx(input tx_row_e row, input stat_part_e part);
    return '{rx: 1'b0, tx: 1'b1, row: 5'(row), part: part};
  endfunction

  place_t place;
  always_comb begin
    place = '{rx: 1'b0, tx: 1'b0, row: '0, part: PartCount};
    if (req_i.rd) case (req_i.addr)
      CRCERRS_ADDR: place = of_rx(RxCrcErrs, PartCount);
      RXERRC_ADDR:  place = of_rx(RxRxErrC, PartCount);
      MPC_ADDR:     place = of_rx(RxMissed, PartCount);
      PRC64_ADDR:   place = of_rx(Rx64, PartCount);
      PRC127_ADDR:  place = of_rx(Rx127, PartCount);
      PRC255_ADDR:  place = of_rx(Rx255, PartCount);
      PRC511_ADDR:  place = of_rx(Rx511, PartCount);
      PRC1023_ADDR: place = of_rx(Rx1023, PartCount);
      PRC1522_ADDR: place = of_rx(Rx1522, PartCount);
      GPRC_ADDR:    place = of_rx(RxGood, PartCount);
      BPRC_ADDR:    place = of_rx(RxBroadcast, PartCount);
      MPRC_ADDR:    place = of_rx(RxMulticast, PartCount);
      GORCL_ADDR:   place = of_rx(RxGood, PartOctetsLow);
      GORCH_ADDR:   place = of_rx(RxGood, PartOctetsHigh);
      RNBC_ADDR:    place = of_rx(RxNoBuffer, PartCount);
      RUC_ADDR:     place = of_rx(RxUndersize, PartCount);
      RFC_ADDR:     place = of_rx(RxFragment, PartCount);
      ROC_ADDR:     place = of_rx(RxOversize, PartCount);
      RJC_ADDR:     place = of_rx(RxJabber, PartCount);
      TPR_ADDR:     place = of_rx(RxTotal, PartCount);
      TORL_ADDR:    place = of_rx(RxTotal, PartOctetsLow);
      TORH_ADDR:    place = of_rx(RxTotal, PartOctetsHigh);
      GPTC_ADDR:    place = of_tx(TxGood, PartCount);
      GOTCL_ADDR:   place = of_tx(TxGood, PartOctetsLow);
      GOTCH_ADDR:   place = of_tx(TxGood, PartOctetsHigh);
      TPT_ADDR:     place = of_tx(TxTotal, PartCount);
      TOTL_ADDR:    place = of_tx(TxTotal, PartOctetsLow);
      TOTH_ADDR:    place = of_tx(TxTotal, PartOctetsHigh);
      PTC64_ADDR:   place = of_tx(Tx64, PartCount);
      PTC127_ADDR:  place = of_tx(Tx127, PartCount);
      PTC255_ADDR:  place = of_tx(Tx255, PartCount);
      PTC511_ADDR:  place = of_tx(Tx511, PartCount);
      PTC1023_ADDR: place = of_tx(Tx1023, PartCount);
      PTC1522_ADDR: place = of_tx(Tx1522, PartCount);
      MPTC_ADDR:    place = of_tx(TxMulticast, PartCount);
      BPTC_ADDR:    place = of_tx(TxBroadcast, PartCount);
      default: ;
    endcase
  end

  // ---------------------------------------------------------------- the two sides
  logic [31:0] rx_rdata, tx_rdata;

  nic_stats_bank #(
    .Rows(RxRows)
  ) u_rx (
    .clk_i,
    .rst_ni,
    .bump_rows_i  (rx_rows),
    .bump_octets_i(rx_i.bytes),
    .rd_i         (place.rx),
    .rd_row_i     (place.row),
    .rd_part_i    (place.part),
    .rdata_o      (rx_rdata)
  );

  nic_stats_bank #(
    .Rows(TxRows)
  ) u_tx (
    .clk_i,
    .rst_ni,
    .bump_rows_i  (tx_rows),
    .bump_octets_i(tx_i.bytes),
    .rd_i         (place.tx),
    .rd_row_i     (place.row[3:0]),
    .rd_part_i    (place.part),
    .rdata_o      (tx_rdata)
  );

  assign rdata_o = rx_rdata | tx_rdata;

  logic unused;
  assign unused = ^{req_i.wr, req_i.wdata, rx_i.filtered};

endmodule
