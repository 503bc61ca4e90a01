// SPDX-License-Identifier: MIT
// Registers that are storage: what software writes is kept and read back, and nothing else looks at it.
//
// nic.rdl says which (`storage`), what of each is kept and what a reset makes of it; nic_regs_pkg says where. One memory,
// one word an access. After a reset the words are set back in STORE_WORDS cycles (`clearing_o`); what is read meanwhile is
// the reset value. Nothing is written meanwhile: req_i.wr has to wait. Latency: memory is written two cycles after req_i.wr
// and read one after req_i.rd, which does not come in the cycle after req_i.wr; a read's data two cycles after req_i.rd.
module nic_csr_store
  import nic_regs_pkg::*;
  import nic_csr_pkg::*;
(
  input  logic            clk_i,
  input  logic            rst_ni,
  input  csr_req_t        req_i,
  /// two cycles after req_i.rd, 0 when it was for another block
  output logic     [31:0] rdata_o,
  output logic            clearing_o
);

  logic [31:0] words[STORE_WORDS];

  // The decoder of the address in one cycle, what of the word is kept in the next, then the memory.
  store_place_t          place;
  logic                  clearing_q, was_clearing_q, write_q, read_q, keep_q;
  logic [STORE_BITS-1:0] clear_index_q, index_q, kept_index_q;
  logic [          31:0] data_q, kept_q;

  always_comb begin
    place = '0;
    if (req_i.wr || req_i.rd) place = store_place(req_i.addr);
  end

  always_ff @(posedge clk_i) begin
    write_q <= rst_ni && req_i.wr && place.hit;
    read_q  <= req_i.rd && place.hit;
    if (place.hit) index_q <= place.index;
    if (req_i.wr) data_q <= req_i.wdata;
  end

  always_ff @(posedge clk_i) begin
    was_clearing_q <= rst_ni && clearing_q;
    keep_q         <= rst_ni && (clearing_q || write_q);
    kept_index_q   <= clearing_q ? clear_index_q : index_q;
    kept_q         <= clearing_q ? store_reset(clear_index_q) : data_q & store_writable(index_q);
  end

  logic        answer_q, reset_q;  // it is to be given; what the reset makes of it
  logic [31:0] word_q, reset_word_q;
  always_ff @(posedge clk_i) begin
    if (keep_q) words[kept_index_q] <= kept_q;
    if (read_q) word_q <= words[index_q];
  end
  always_ff @(posedge clk_i) begin
    answer_q <= read_q;
    if (read_q) begin
      reset_q      <= clearing_q || was_clearing_q;
      reset_word_q <= store_reset(index_q);
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

  // ---------------------------------------------------------------- promises
  always_ff @(posedge clk_i) begin
    if (rst_ni && clearing_q) begin
      a_no_write : assert (!write_q) else $error("nic_csr_store: a write while the words are set back");
    end
    if (rst_ni && write_q) begin
      a_read_waits : assert (!req_i.rd) else $error("nic_csr_store: a read in the cycle after a write");
    end
  end

endmodule
