// SPDX-License-Identifier: MIT
// AXI4-Lite slave in front of the registers: turns the five channels into one register access at a time.
//
// Always OKAY. A write takes effect only with all four byte enables, as the 82574L has no narrower registers. Of a read and a write
// that wait together the write goes first, the read two cycles later. `rdata_i` is sampled in the second cycle after a read's `req_o`.
// Latency, from VALID on an idle bus: `req_o` after 3 cycles, B after 4, R after 6. Addresses are aligned and canonical in `req_o`.
module nic_csr_axil
  import nic_regs_pkg::*;
  import nic_csr_pkg::*;
(
  input  logic            clk_i,
  input  logic            rst_ni,
  input  logic     [16:0] s_axil_awaddr,
  input  logic     [ 2:0] s_axil_awprot,
  input  logic            s_axil_awvalid,
  output logic            s_axil_awready,
  input  logic     [31:0] s_axil_wdata,
  input  logic     [ 3:0] s_axil_wstrb,
  input  logic            s_axil_wvalid,
  output logic            s_axil_wready,
  output logic     [ 1:0] s_axil_bresp,
  output logic            s_axil_bvalid,
  input  logic            s_axil_bready,
  input  logic     [16:0] s_axil_araddr,
  input  logic     [ 2:0] s_axil_arprot,
  input  logic            s_axil_arvalid,
  output logic            s_axil_arready,
  output logic     [31:0] s_axil_rdata,
  output logic     [ 1:0] s_axil_rresp,
  output logic            s_axil_rvalid,
  input  logic            s_axil_rready,
  /// one register access, one cycle
  output csr_req_t        req_o,
  input  logic     [31:0] rdata_i,
  output logic            idle_o
);

  // One address, one datum each way wait in registers; none is taken in reset, which outlasts the pin's.
  logic        running_q;
  logic        aw_full_q, w_full_q, ar_full_q;
  logic [16:0] aw_q, ar_q;
  logic [31:0] wdata_q;
  logic [ 3:0] wstrb_q;
  logic        b_full_q, r_full_q;
  logic [31:0] rdata_q;

  // An access is chosen, its register found in the next cycle, and takes effect in the one after. A datum is there until then.
  logic        wr_q, rd_q;
  logic [16:0] addr_q;
  csr_req_t    req_q;
  logic [ 3:0] reading_q;  // [1]: the access; [3]: rdata_i is valid
  logic [ 1:0] writing_q;  // [1]: the write takes effect in this cycle; B follows
  logic        write_go, read_go;

  assign write_go = aw_full_q && w_full_q && writing_q == '0 && !b_full_q;
  assign read_go  = ar_full_q && !write_go && !writing_q[0] && !r_full_q && reading_q == '0;

  always_ff @(posedge clk_i) begin
    running_q <= rst_ni;
    if (!rst_ni) begin
      aw_full_q <= 1'b0;
      w_full_q  <= 1'b0;
      ar_full_q <= 1'b0;
      b_full_q  <= 1'b0;
      r_full_q  <= 1'b0;
      reading_q <= '0;
      writing_q <= '0;
      req_q     <= '0;
      {wr_q, rd_q} <= '0;
    end else begin
      aw_full_q <= s_axil_awready ? s_axil_awvalid : aw_full_q && !write_go;
      w_full_q  <= s_axil_wready ? s_axil_wvalid : w_full_q && !write_go;
      ar_full_q <= s_axil_arready ? s_axil_arvalid : ar_full_q && !read_go;
      writing_q <= {writing_q[0], write_go};
      if (writing_q[1]) b_full_q <= 1'b1;
      else if (s_axil_bready) b_full_q <= 1'b0;
      if (reading_q[3]) r_full_q <= 1'b1;
      else if (s_axil_rready) r_full_q <= 1'b0;
      reading_q <= {reading_q[2:0], read_go};
      wr_q      <= write_go && wstrb_q == '1;
      rd_q      <= read_go;
      req_q.wr  <= wr_q;
      req_q.rd  <= rd_q;
      if (wr_q || rd_q) begin
        req_q.sel   <= reg_sel(addr_q);
        req_q.store <= store_place(addr_q);
        req_q.addr  <= addr_q;
        req_q.wdata <= wdata_q;
      end
    end
    if (write_go || read_go) addr_q <= write_go ? canonical({aw_q[16:2], 2'b00}) : canonical({ar_q[16:2], 2'b00});
    if (s_axil_awready) aw_q <= s_axil_awaddr;
    if (s_axil_wready) {wdata_q, wstrb_q} <= {s_axil_wdata, s_axil_wstrb};
    if (s_axil_arready) ar_q <= s_axil_araddr;
    if (reading_q[3]) rdata_q <= rdata_i;
  end

  assign s_axil_awready = running_q && !aw_full_q;
  assign s_axil_wready  = running_q && !w_full_q;
  assign s_axil_arready = running_q && !ar_full_q;
  assign s_axil_bvalid  = b_full_q;
  assign s_axil_bresp   = 2'b00;
  assign s_axil_rvalid  = r_full_q;
  assign s_axil_rresp   = 2'b00;
  assign s_axil_rdata   = rdata_q;

  assign req_o  = req_q;
  assign idle_o = !aw_full_q && !w_full_q && !ar_full_q && reading_q == '0 && writing_q == '0 && !b_full_q && !r_full_q
      && !s_axil_awvalid && !s_axil_wvalid && !s_axil_arvalid;

  logic unused;
  assign unused = ^{s_axil_awprot, s_axil_arprot, aw_q[1:0], ar_q[1:0]};

  // ---------------------------------------------------------------- promises
  logic r_wait_q, b_wait_q;
  logic [31:0] rdata_prev_q;
  always_ff @(posedge clk_i) begin
    r_wait_q     <= rst_ni && s_axil_rvalid && !s_axil_rready;
    b_wait_q     <= rst_ni && s_axil_bvalid && !s_axil_bready;
    if (s_axil_rvalid && !s_axil_rready) rdata_prev_q <= s_axil_rdata;
    if (rst_ni && r_wait_q) begin
      a_r_holds : assert (s_axil_rvalid && s_axil_rdata == rdata_prev_q)
      else $error("nic_csr_axil: a waiting R changed");
    end
    if (rst_ni) begin
      a_one_register : assert ($onehot0({req_q.sel, req_q.store.hit}))
      else $error("nic_csr_axil: an access of two registers");
    end
    if (rst_ni && b_wait_q) begin
      a_b_holds : assert (s_axil_bvalid) else $error("nic_csr_axil: a waiting B went away");
    end
  end

endmodule
