// SPDX-License-Identifier: MIT
// Types that cross module boundaries inside the card. Register fields are not here: nic_regs_pkg (generated) has those.
// In a struct the wide field is last, so that it begins at bit 0: a simulator then moves it word by word, unshifted.
package nic_pkg;

  // The card's own data path: one beat of frame or descriptor data. The AXI data width is a parameter of the
  // AXI engines only (nic_axi_rd, nic_axi_wr).
  localparam int unsigned BeatBits  = 128;
  localparam int unsigned BeatBytes = BeatBits / 8;

  // Largest frame the card takes with RCTL.LPE set, and without, bytes with FCS (82574L: 9234 and 1522).
  localparam int unsigned MaxJumboBytes = 9234;
  localparam int unsigned MaxFrameBytes = 1522;
  localparam int unsigned MinFrameBytes = 64;

  // Packet memory, split between receive and transmit by PBA.
  localparam int unsigned PacketMemoryKb = 40;

  // ---------------------------------------------------------------- host memory access (clients of the AXI engines)
  // Read: `bytes` from `addr`; the first byte comes back in byte lane `lane` of the first beat.
  typedef struct packed {
    logic [3:0]  lane;
    logic [15:0] bytes;  // 1..16383
    logic [63:0] addr;
  } rd_cmd_t;

  typedef struct packed {
    logic                 err;   // with last: some response of this command was not OKAY
    logic                 last;  // last beat of the command
    logic [BeatBytes-1:0] strb;  // lanes that carry bytes of this command; contiguous
    logic [BeatBits-1:0]  data;
  } rd_beat_t;

  // Write: `bytes` to `addr`; data beats come packed from byte lane 0.
  typedef struct packed {
    logic [15:0] bytes;  // 1..16383
    logic [63:0] addr;
  } wr_cmd_t;

  typedef struct packed {
    logic        valid;
    logic        write;
    logic [63:0] addr;   // start of the burst that failed
  } dma_err_t;

  // ---------------------------------------------------------------- frames
  typedef struct packed {
    logic                last;
    logic [4:0]          bytes;  // valid bytes, from lane 0; 16 except in the last beat
    logic [BeatBits-1:0] data;   // byte lane 0 is first on the wire
  } frame_beat_t;

  // What the MAC says of a received frame, with its last beat.
  typedef struct packed {
    logic [15:0] bytes;       // length with FCS, saturating
    logic        crc_err;     // FCS wrong
    logic        symbol_err;  // an error character inside, or no proper end
  } rx_mac_status_t;

  // One of the 16 exact receive addresses, as RAH and RAL hold it.
  typedef struct packed {
    logic        valid;
    logic [12:0] reserved;
    logic [1:0]  select;  // what the address is compared with: 0 the destination, others nothing
    logic [47:0] addr;    // [7:0] is the first byte on the wire
  } mac_filter_t;

  // ---------------------------------------------------------------- rings
  typedef struct packed {
    logic        en;     // queue enabled (RCTL.EN or TCTL.EN)
    logic [63:0] base;   // bytes, 16-byte aligned
    logic [15:0] count;  // descriptors in the ring; 0: no ring
    logic [15:0] tail;   // first descriptor that software still owns
  } ring_cfg_t;

  // ---------------------------------------------------------------- configuration as the data path needs it
  typedef struct packed {
    logic        en;
    logic        sbp;        // store bad packets
    logic        upe;        // unicast promiscuous
    logic        mpe;        // multicast promiscuous
    logic        lpe;        // long packets
    logic        bam;        // broadcast accept
    logic        secrc;      // strip FCS
    logic [1:0]  mo;         // multicast offset
    logic [1:0]  rdmts;      // minimum threshold: 1/2, 1/4, 1/8 of the ring
    logic [11:0] small_bytes;  // RSRPD.SIZE: frames up to this raise SRPD; 0: none
    logic [5:0]  buf_kb;     // PBA.RXA: the receiver's share of the packet memory
    logic [14:0] buf_bytes;  // receive buffer size, 256..16384
  } rx_cfg_t;

  typedef struct packed {
    logic       en;
    logic       psp;       // pad short packets
    logic       loopback;  // frames go to the card's own receiver, not to the wire (RCTL.LBM or the PHY's loopback)
    logic [6:0] low;       // TXDCTL.LWTHRESH, in eight descriptors: as few left to send raise TXD_LOW; 0: never
    logic [5:0] buf_kb;    // PBA.TXA: the transmitter's share of the packet memory
    logic [9:0] ipgt;      // TIPG.IPGT
  } tx_cfg_t;

  // Flow control by pause frames (IEEE 802.3 annex 31B).
  typedef struct packed {
    logic        rx_en;      // CTRL.RFCE: a pause frame stops the transmitter
    logic        tx_en;      // CTRL.TFCE: the receive buffer's level sends pause frames
    logic        discard;    // RCTL.DPF: pause frames are not stored, though the filter wants them
    logic        pass;       // RCTL.PMCF: other MAC control frames are stored as any frame
    logic        xon;        // FCRTL.XONE: send XON when the level falls to `low`
    logic [15:0] low;        // FCRTL.RTL, bytes
    logic [15:0] high;       // FCRTH.RTH, bytes: send XOFF at this level; 0: never
    logic [15:0] quanta;     // FCTTV: time in the frames sent
    logic [15:0] ethertype;  // FCT
    logic [47:0] addr;       // FCAH, FCAL; [7:0] is the first byte on the wire
  } flow_cfg_t;

  // ---------------------------------------------------------------- events for interrupts and statistics, one-cycle
  typedef struct packed {
    logic txdw;    // transmit descriptors written back (after the B of the write-back), one of them without IDE
    logic txdw_ide;  // the same, one of them with IDE: its interrupt may wait for TIDV and TADV
    logic txqe;    // transmit queue became empty
    logic txd_low; // descriptors left to send fell to tx_cfg_t.low
    logic rxt0;    // received frames written back (after the B of the write-back)
    logic srpd;    // one of them is no longer than rx_cfg_t.small_bytes
    logic rxdmt0;  // free receive descriptors fell to the threshold
    logic rxo;     // receive packet buffer overran
  } dma_event_t;

  // Opcode of a pause frame, the only MAC control frame there is for this card.
  localparam logic [15:0] PauseOpcode = 16'h0001;

  // Pause frames, for the statistics; one-cycle each.
  typedef struct packed {
    logic xon_rx;
    logic xon_tx;
    logic xoff_rx;
    logic xoff_tx;
    logic unsupported;  // a MAC control frame that is no pause frame (FCRUC)
  } flow_event_t;

  // One finished received frame, for the statistics: exactly one of the outcome bits from good to jabber is set, or, when
  // `missed` has taken the place of good, none.
  typedef struct packed {
    logic        valid;
    logic [15:0] bytes;     // with FCS
    logic        good;      // accepted (passed the filter, good FCS, legal length); also when missed follows below
    logic        filtered;  // no filter wanted it, whatever else was wrong with it; no error counter counts it
    logic        crc_err;   // legal length, bad FCS
    logic        sym_err;   // legal length, symbol error
    logic        undersize; // < 64 bytes, good FCS          (RUC)
    logic        fragment;  // < 64 bytes, bad FCS           (RFC)
    logic        oversize;  // too long, good FCS            (ROC)
    logic        jabber;    // too long, bad FCS             (RJC)
    logic        missed;    // to be stored, good or not, no room in the packet buffer (MPC); `good` is clear
    logic        multicast; // not set for broadcast
    logic        broadcast;
  } rx_stat_t;

  // What the receive front end decided of a frame, with its last beat. The error bits are those of the descriptor.
  typedef struct packed {
    logic        accept;      // store it: wanted and good, or bad and RCTL.SBP
    logic [15:0] bytes;       // to store: as received, less 4 when RCTL.SECRC strips the FCS
    logic        crc_err;     // CE
    logic        symbol_err;  // SE
    logic        len_err;     // RXE: too short or too long
    logic        pif;         // passed by an inexact match only (hash, promiscuous)
    rx_stat_t    stat;
  } rx_verdict_t;

  // One transmitted frame, for the statistics.
  typedef struct packed {
    logic        valid;
    logic [15:0] bytes;  // as on the wire, with padding and FCS
    logic        multicast;
    logic        broadcast;
  } tx_stat_t;

endpackage
