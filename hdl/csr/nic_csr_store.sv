// SPDX-License-Identifier: MIT
// Registers that are storage: what software writes is kept and read back, and nothing else looks at it.
//
// nic.rdl says which (`storage`), what of each is kept and what a reset makes of it; nic_regs_pkg says where. One memory,
// one word an access. After a reset the words are set back in STORE_WORDS cycles (`clearing_o`); what is read meanwhile is
// the reset value. Nothing is written meanwhile: req_i.wr has to wait. Latency: memory is written one cycle after req_i.wr
// and read with req_i.rd, which does not come in the cycle after req_i.wr; a read's data one cycle after req_i.rd.
module nic_csr_store
  import nic_regs_pkg::*;
  import nic_csr_pkg::*;
(
  input  logic            clk_i,
  input  logic            rst_ni,
  input  csr_req_t        req_i,
  /// one cycle after req_i.rd, 0 when it was for another block
  output logic     [31:0] rdata_o,
  output logic            clearing_o
);

  logic [31:0] words[STORE_WORDS];

  // What of a word is kept in one cycle, then the memory.
  logic                  write, read, clearing_q, was_clearing_q, keep_q;
  logic [STORE_BITS-1:0] clear_index_q, kept_index_q;
  logic [          31:0] written_q, writable_q, clear_word_q, kept;
  assign write = req_i.wr && req_i.store.hit;
  assign read  = req_i.rd && req_i.store.hit;

  always_ff @(posedge clk_i) begin
    was_clearing_q <= rst_ni && clearing_q;
    keep_q         <= rst_ni && (clearing_q || write);
    kept_index_q   <= clearing_q ? clear_index_q : req_i.store.index;
    if (clearing_q) clear_word_q <= store_reset(clear_index_q);
    if (write) begin
      written_q  <= req_i.wdata;
      writable_q <= store_writable(req_i.store.index);
    end
  end
  assign kept = was_clearing_q ? clear_word_q : written_q & writable_q;

  logic        answer_q, reset_q;  // it is to be given; what the reset makes of it
  logic [31:0] word_q, reset_word_q;
  always_ff @(posedge clk_i) begin
    if (keep_q) words[kept_index_q] <= kept;
    if (read) word_q <= words[req_i.store.index];
  end
  always_ff @(posedge clk_i) begin
    answer_q <= read;
    if (read) begin
      reset_q      <= clearing_q || was_clearing_q;
      reset_word_q <= store_reset(req_i.store.index);
    end
  end

  always_comb begin
    rdata_o = '0;
    if (answer_q) rdata_o = reset_q ? reset_word_q : word_q;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      clearing_q    <= 1'b1;
      clear_index_q <= '0;
    end else if (clearing_q) begin
      clear_index_q <= clear_index_q + 1'b1;
      if (clear_index_q == STORE_BITS'(STORE_WORDS - 1)) clearing_q <= 1'b0;
    end
  end

  assign clearing_o = clearing_q;

  logic unused;
  assign unused = ^{req_i.sel, req_i.addr};

  // ---------------------------------------------------------------- promises
  logic wrote_q;
  always_ff @(posedge clk_i) begin
    wrote_q <= rst_ni && write;
    if (rst_ni && clearing_q) begin
      a_no_write : assert (!write) else $error("nic_csr_store: a write while the words are set back");
    end
    if (rst_ni && wrote_q) begin
      a_read_waits : assert (!req_i.rd) else $error("nic_csr_store: a read in the cycle after a write");
    end
  end

endmodule
