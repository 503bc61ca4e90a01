// SPDX-License-Identifier: MIT
// What the two queues work with: the legacy descriptors as they lie in host memory (little endian, the first byte is
// bits [7:0]), and the records that accompany frames through the packet buffers.
package nic_dma_pkg;

  typedef struct packed {
    logic ide;   // delay the interrupt
    logic vle;   // insert a VLAN tag: accepted, ignored
    logic dext;  // not a legacy descriptor: retired without effect
    logic rsvd;
    logic rs;    // report status
    logic ic;    // insert a checksum: accepted, ignored
    logic ifcs;  // append the FCS; meaningful with eop
    logic eop;   // last descriptor of the frame
  } tx_cmd_t;

  typedef struct packed {
    logic [15:0] special;
    logic [7:0]  css;
    logic [3:0]  rsvd;
    logic [2:0]  status;  // collisions: never
    logic        dd;
    tx_cmd_t     cmd;
    logic [7:0]  cso;
    logic [15:0] length;
    logic [63:0] addr;
  } tx_desc_t;

  typedef struct packed {
    logic       pif;   // passed an inexact filter
    logic       ipcs;
    logic       tcpcs;
    logic       udpcs;
    logic       vp;
    logic       ixsm;  // ignore the checksum bits
    logic       eop;
    logic       dd;
  } rx_status_t;

  typedef struct packed {
    logic rxe;   // receive data error
    logic ipe;
    logic tcpe;
    logic cxe;
    logic rsvd;
    logic seq;
    logic se;    // symbol error
    logic ce;    // CRC error
  } rx_errors_t;

  typedef struct packed {
    logic [15:0] special;
    rx_errors_t  errors;
    rx_status_t  status;
    logic [15:0] checksum;
    logic [15:0] length;
    logic [63:0] addr;
  } rx_desc_t;

  // A frame in the receive packet buffer.
  typedef struct packed {
    logic [14:0] bytes;
    logic        crc_err;
    logic        symbol_err;
    logic        len_err;
    logic        pif;
    logic        tag;    // RNBC has counted it
    logic        srpd;   // raises SRPD
  } rx_frame_t;

  // A frame in the transmit packet buffer.
  typedef struct packed {
    logic [14:0] bytes;
    logic        fcs;   // append the FCS
    logic        drop;  // free its room, send nothing
  } tx_frame_t;

  // Beats that `bytes` bytes take up, from lane 0.
  function automatic logic [10:0] beats_of(logic [14:0] bytes);
    return bytes[14:4] + 11'(bytes[3:0] != '0);
  endfunction

endpackage
