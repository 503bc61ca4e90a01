// SPDX-License-Identifier: MIT
// Types inside the register block.
package nic_csr_pkg;

  // One register access, in the cycle it takes effect; none in the cycle after a write. Blocks answer a read combinationally in
  // that cycle, or in the next one when they say so, with 0 when the register is not theirs; nic_csr ORs the answers.
  typedef struct packed {
    logic                       wr;
    logic                       rd;
    nic_regs_pkg::reg_sel_t     sel;    // the register, at most one
    nic_regs_pkg::store_place_t store;  // or the word of nic_csr_store
    logic [16:0]                addr;   // bytes, aligned, aliases resolved
    logic [31:0]                wdata;
  } csr_req_t;

  // A timer: when `valid`, it wants to be told as soon as now >= at.
  typedef struct packed {
    logic        valid;
    logic [63:0] at;  // core clock cycles
  } deadline_t;

  // Units of the 82574L's timers in core clock cycles of 6.4 ns, exact: 40 and 160 of them.
  function automatic logic [23:0] cycles_of_256ns(input logic [15:0] n);
    return {3'd0, n, 5'd0} + {5'd0, n, 3'd0};
  endfunction
  function automatic logic [23:0] cycles_of_1024ns(input logic [15:0] n);
    return {1'd0, n, 7'd0} + {3'd0, n, 5'd0};
  endfunction

  // Rows of the counters (nic_stats_bank).
  typedef enum logic [4:0] {
    RxTotal, RxGood, RxBroadcast, RxMulticast,
    Rx64, Rx127, Rx255, Rx511, Rx1023, Rx1522,
    RxCrcErrs, RxRxErrC, RxMissed, RxNoBuffer, RxUndersize, RxFragment, RxOversize, RxJabber,
    RxLengthErr
  } rx_row_e;
  localparam int unsigned RxRows = 19;

  typedef enum logic [3:0] {
    TxGood, TxBroadcast, TxMulticast,
    Tx64, Tx127, Tx255, Tx511, Tx1023, Tx1522
  } tx_row_e;
  localparam int unsigned TxRows = 9;

  typedef enum logic [3:0] {
    XonRx, XonTx, XoffRx, XoffTx, FlowUnknown,
    Interrupt, RxPacketTimer, RxAbsoluteTimer, TxPacketTimer, TxAbsoluteTimer,
    TxQueueEmpty, TxQueueLow, RxDescLow, RxOverrun
  } event_row_e;
  localparam int unsigned EventRows = 14;

  // What the interrupt logic did, for the statistics; one-cycle each.
  typedef struct packed {
    logic fired;        // the line rose
    logic rx_packet;    // RDTR's delay ended
    logic rx_absolute;  // RADV ended it
    logic tx_packet;    // TIDV's
    logic tx_absolute;  // TADV
    logic txqe;
    logic txd_low;
    logic rxdmt0;
    logic rxo;
  } intr_stat_t;

endpackage
