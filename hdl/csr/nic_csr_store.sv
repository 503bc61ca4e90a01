// SPDX-License-Identifier: MIT
// Registers that are storage: what software writes is kept and read back, and nothing else looks at it.
//
// nic.rdl says which (`storage`), what of each is kept and what a reset makes of it; nic_regs_pkg says where. One memory,
// one word an access. After a reset the words are set back in STORE_WORDS cycles (`clearing_o`); what is read meanwhile is
// the reset value. Latency: a read's data one cycle after req_i.rd.
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

  store_place_t          place;
  logic                  clearing_q, write;
  logic [STORE_BITS-1:0] clear_index_q, index;
  logic [          31:0] rdata_q, data;

  always_comb begin
    place = '0;
    if (req_i.wr || req_i.rd) place = store_place(req_i.addr);
  end

  always_comb begin
    if (clearing_q) begin
      write = 1'b1;
      index = clear_index_q;
      data  = store_reset(clear_index_q);
    end else begin
      write = req_i.wr && place.hit;
      index = place.index;
      data  = req_i.wdata & store_writable(place.index);
    end
  end

  always_ff @(posedge clk_i) begin
    if (write) words[index] <= data;
    if (req_i.rd && place.hit) rdata_q <= clearing_q ? store_reset(place.index) : words[index];
    else rdata_q <= '0;
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

  assign rdata_o    = rdata_q;
  assign clearing_o = clearing_q;

endmodule
