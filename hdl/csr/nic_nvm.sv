// SPDX-License-Identifier: MIT
// NVM: EERD, and the MAC address that the card reads by itself after a reset (82574L datasheet, NVM words 0 to 2).
//
// The NVM is a synchronous memory outside: data comes the cycle after `nvm_en_o`. `load_i` starts the reading of the MAC
// address, from its first word even while it is read; `mac_valid_o` gives it for one cycle. An EERD read that comes
// meanwhile waits. Latency: EERD 2 cycles, load 5.
// Left out: the serial interface of EECD, EEWR.
module nic_nvm
  import nic_regs_pkg::*;
  import nic_csr_pkg::*;
(
  input  logic            clk_i,
  input  logic            rst_ni,
  input  csr_req_t        req_i,
  output logic     [31:0] rdata_o,
  /// read the MAC address, one cycle
  input  logic            load_i,
  output logic            mac_valid_o,
  /// [7:0] is the first byte on the wire
  output logic     [47:0] mac_o,
  output logic            loading_o,
  output logic            idle_o,
  output logic            nvm_en_o,
  /// 16-bit words
  output logic     [11:0] nvm_addr_o,
  input  logic     [15:0] nvm_data_i
);

  localparam logic [1:0] MacWords = 2'd3;

  logic        start_d, start_q;  // an EERD read waits
  logic        read_q;            // its word comes in this cycle
  logic        done_d, done_q;
  logic [13:0] addr_q;
  logic [15:0] data_q;

  logic        loading_q;
  logic [ 1:0] ask_q;             // word of the MAC address to ask for
  logic [ 1:0] got_q;             // words that have come
  logic        coming_q;
  logic [47:0] mac_q;

  eerd_t written;
  assign written = req_i.wdata;

  logic eerd_wr, eerd_go, ask;
  assign eerd_wr = req_i.wr && req_i.sel.eerd;
  assign ask     = loading_q && ask_q != MacWords;
  assign eerd_go = start_q && !loading_q;

  assign nvm_en_o   = ask || eerd_go;
  assign nvm_addr_o = ask ? 12'(ask_q) : addr_q[11:0];

  always_comb begin
    start_d = start_q && !eerd_go;
    done_d  = done_q || read_q;
    if (eerd_wr && written.start) begin
      start_d = 1'b1;
      done_d  = 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      start_q <= 1'b0;
      read_q  <= 1'b0;
      done_q  <= 1'b0;
      addr_q  <= '0;
      data_q  <= '0;
    end else begin
      start_q <= start_d;
      read_q  <= eerd_go && !(eerd_wr && written.start);
      done_q  <= done_d;
      if (eerd_wr && written.start) addr_q <= written.addr;
      if (read_q) data_q <= nvm_data_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      loading_q <= 1'b0;
      ask_q     <= '0;
      got_q     <= '0;
      coming_q  <= 1'b0;
    end else begin
      if (load_i) loading_q <= 1'b1;
      else if (mac_valid_o) loading_q <= 1'b0;
      coming_q <= ask && !load_i;
      if (load_i || !loading_q) begin
        ask_q <= '0;
        got_q <= '0;
      end else begin
        if (ask) ask_q <= ask_q + 1'b1;
        if (coming_q) got_q <= got_q + 1'b1;
      end
    end
    if (coming_q) mac_q <= {nvm_data_i, mac_q[47:16]};
  end

  assign mac_valid_o = loading_q && got_q == MacWords;
  assign mac_o       = mac_q;
  assign loading_o   = loading_q;
  assign idle_o      = !loading_q && !start_q && !read_q;

  eerd_t eerd;
  assign eerd    = '{data: data_q, addr: addr_q, done: done_q, start: 1'b0};
  assign rdata_o = req_i.rd && req_i.sel.eerd ? eerd : '0;

  logic unused;
  assign unused = ^{req_i.sel, req_i.store, req_i.addr, written.data, written.done};

endmodule
