// SPDX-License-Identifier: MIT
// XGMII characters (IEEE 802.3 clause 46) and the words of the 64-bit side of the MAC.
package nic_xgmii_pkg;

  localparam logic [7:0] Idle = 8'h07;
  localparam logic [7:0] Start = 8'hFB;
  localparam logic [7:0] Terminate = 8'hFD;
  localparam logic [7:0] Error = 8'hFE;
  localparam logic [7:0] Sfd = 8'hD5;

  // One clock of XGMII: two columns of four lanes. A frame may start in either column.
  typedef struct packed {
    logic [7:0]  ctrl;
    logic [63:0] data;
  } xgmii_t;

  localparam xgmii_t IdleWord = '{ctrl: 8'hFF, data: {8{Idle}}};
  localparam xgmii_t ErrorWord = '{ctrl: 8'hFF, data: {8{Error}}};
  localparam xgmii_t TerminateWord = '{ctrl: 8'hFF, data: {{7{Idle}}, Terminate}};
  localparam xgmii_t StartWord = '{ctrl: 8'h01, data: {Sfd, {6{8'h55}}, Start}};

  // Eight bytes of a frame, lane 0 first.
  typedef struct packed {
    logic        err;    // send error characters instead: the frame was given up
    logic        last;
    logic [3:0]  bytes;  // 1..8 from lane 0; 8 except in the last word
    logic [63:0] data;
  } mac_word_t;

endpackage
