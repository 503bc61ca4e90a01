// SPDX-License-Identifier: MIT
// Address filter registers: RAL/RAH[16] in flops, for the filter compares with all of them; MTA[128] in a memory.
//
// `mac_valid_i` loads the NVM's MAC address into entry 0. A reset clears the MTA
// in MTA_COUNT cycles (`clearing_o`). Latency: register reads none, but MTA 1 cycle, on `mta_rdata_o`; the filter's look-up 1 cycle.
module nic_csr_addr
  import nic_pkg::*;
  import nic_regs_pkg::*;
  import nic_csr_pkg::*;
(
  input  logic               clk_i,
  input  logic               rst_ni,
  input  csr_req_t           req_i,
  output logic        [31:0] rdata_o,
  /// one cycle after req_i.rd, 0 when it was not for the MTA
  output logic        [31:0] mta_rdata_o,
  input  logic               mac_valid_i,
  input  logic        [47:0] mac_i,
  output mac_filter_t [15:0] filter_o,
  input  logic               mta_en_i,
  /// bit of the 4096
  input  logic        [11:0] mta_index_i,
  /// one cycle after mta_en_i
  output logic               mta_bit_o,
  output logic               clearing_o
);

  localparam int unsigned EntryBits = $clog2(RAL_COUNT);
  localparam int unsigned WordBits = $clog2(MTA_COUNT);

  // RAL and RAH take turns; generate.py takes care that arrays are aligned to their size.
  if (RAL_STRIDE != 8 || RAH_STRIDE != 8 || RAL_COUNT != 16 || RAH_COUNT != 16 || MTA_STRIDE != 4) begin : g_bad_layout
    $fatal(1, "nic_csr_addr: RAL and RAH are not where this decoder looks");
  end

  // ---------------------------------------------------------------- RAL, RAH
  mac_filter_t [RAL_COUNT-1:0] filter_q;

  logic [EntryBits-1:0] entry;
  assign entry = req_i.addr[3+:EntryBits];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      filter_q <= '0;
    end else begin
      if (req_i.wr && req_i.sel.ral) filter_q[entry][31:0] <= req_i.wdata;
      if (req_i.wr && req_i.sel.rah) filter_q[entry][63:32] <= req_i.wdata & RAH_WRITABLE;
      if (mac_valid_i) filter_q[0] <= '{valid: 1'b1, reserved: '0, select: '0, addr: mac_i};
    end
  end

  assign filter_o = filter_q;

  always_comb begin
    rdata_o = '0;
    if (req_i.rd && req_i.sel.ral) rdata_o = filter_q[entry][31:0];
    if (req_i.rd && req_i.sel.rah) rdata_o = filter_q[entry][63:32];
  end

  // ---------------------------------------------------------------- MTA
  logic [31:0] mta[MTA_COUNT];

  logic                clearing_q, write;
  logic [WordBits-1:0] word, clear_word_q;
  logic [        31:0] mta_rdata_q;
  logic                mta_bit_q;
  assign word   = clearing_q ? clear_word_q : req_i.addr[2+:WordBits];
  assign write  = clearing_q || (req_i.wr && req_i.sel.mta);

  always_ff @(posedge clk_i) begin
    if (write) mta[word] <= clearing_q ? '0 : req_i.wdata;
    mta_rdata_q <= req_i.rd && req_i.sel.mta && !clearing_q ? mta[word] : '0;
    if (mta_en_i) mta_bit_q <= mta[mta_index_i[11:5]][mta_index_i[4:0]];
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      clearing_q   <= 1'b1;
      clear_word_q <= '0;
    end else if (clearing_q) begin
      clear_word_q <= clear_word_q + 1'b1;
      if (clear_word_q == '1) clearing_q <= 1'b0;
    end
  end

  assign mta_rdata_o = mta_rdata_q;
  assign mta_bit_o   = mta_bit_q;
  assign clearing_o  = clearing_q;

  logic unused;
  assign unused = ^{req_i.sel, req_i.store, req_i.addr};

endmodule
