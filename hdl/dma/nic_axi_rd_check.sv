// SPDX-License-Identifier: MIT
// Watches the AXI4 read channels of a master: its own promises, and those of the slave it relies on.
//
// AR holds and is stable until taken, stays inside 4 KiB, at most MaxReads bursts outstanding; R comes only for an ID with
// a burst outstanding, RLAST exactly in the burst's last beat, R holds and is stable. No outputs, no function.
module nic_axi_rd_check #(
    parameter int unsigned MaxReads = 32,
    parameter int unsigned BusBits  = 4,                  // log2 of the bus width in bytes
    localparam int unsigned DataBits = 8 * 2 ** BusBits
) (
    input logic                clk_i,
    input logic                rst_ni,
    input logic [3:0]          arid_i,
    input logic [63:0]         araddr_i,
    input logic [7:0]          arlen_i,
    input logic                arvalid_i,
    input logic                arready_i,
    input logic [3:0]          rid_i,
    input logic [DataBits-1:0] rdata_i,
    input logic [1:0]          rresp_i,
    input logic                rlast_i,
    input logic                rvalid_i,
    input logic                rready_i
);
  localparam int unsigned PtrBits = MaxReads > 1 ? $clog2(MaxReads) : 1;

  logic [7:0] len_mem[2**(4+PtrBits)];         // ARLEN of what is outstanding, a ring per ID
  logic [PtrBits:0] wr_q[16], rd_q[16];
  logic [7:0] beat_q[16];                      // beats seen of the ID's oldest burst
  logic [PtrBits:0] outstanding_q;
  logic ar, r, r_end;
  logic ar_wait_q, r_wait_q;
  logic [75:0] ar_q;
  logic [DataBits+6:0] r_q;

  assign ar    = arvalid_i && arready_i;
  assign r     = rvalid_i && rready_i;
  assign r_end = r && rlast_i;

  always_ff @(posedge clk_i) begin
    if (ar) len_mem[{arid_i, wr_q[arid_i][PtrBits-1:0]}] <= arlen_i;
    ar_wait_q <= rst_ni && arvalid_i && !arready_i;
    r_wait_q  <= rst_ni && rvalid_i && !rready_i;
    if (arvalid_i && !arready_i) ar_q <= {arid_i, arlen_i, araddr_i};
    if (rvalid_i && !rready_i) r_q <= {rid_i, rresp_i, rlast_i, rdata_i};
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      for (int id = 0; id < 16; id++) begin
        wr_q[id]   <= '0;
        rd_q[id]   <= '0;
        beat_q[id] <= '0;
      end
      outstanding_q <= '0;
    end else begin
      if (ar) wr_q[arid_i] <= wr_q[arid_i] + 1'b1;
      if (r) beat_q[rid_i] <= rlast_i ? '0 : beat_q[rid_i] + 1'b1;
      if (r_end) rd_q[rid_i] <= rd_q[rid_i] + 1'b1;
      if (ar != r_end) outstanding_q <= ar ? outstanding_q + 1'b1 : outstanding_q - 1'b1;
    end
  end

  logic [16:0] end_in_page;  // offset in its 4 KiB page of the byte after the burst
  assign end_in_page = 17'({araddr_i[11:BusBits], {BusBits{1'b0}}}) + ((17'(arlen_i) + 17'd1) << BusBits);

  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      if (ar_wait_q) begin
        a_ar_holds : assert (arvalid_i && {arid_i, arlen_i, araddr_i} == ar_q)
          else $error("nic_axi_rd_check: AR changed before it was taken");
      end
      if (arvalid_i) begin
        a_ar_4k : assert (end_in_page <= 17'd4096)
          else $error("nic_axi_rd_check: burst crosses 4 KiB: %h + %0d beats", araddr_i, arlen_i + 9'd1);
      end
      if (outstanding_q != '0) begin
        a_outstanding : assert (32'(outstanding_q) <= MaxReads)
          else $error("nic_axi_rd_check: more than %0d reads outstanding", MaxReads);
      end
      if (r_wait_q) begin
        a_r_holds : assert (rvalid_i && {rid_i, rresp_i, rlast_i, rdata_i} == r_q)
          else $error("nic_axi_rd_check: R changed before it was taken");
      end
      if (rvalid_i) begin
        a_r_wanted : assert (wr_q[rid_i] != rd_q[rid_i])
          else $error("nic_axi_rd_check: R for ID %0d, which has nothing outstanding", rid_i);
        a_r_last : assert (rlast_i == (beat_q[rid_i] == len_mem[{rid_i, rd_q[rid_i][PtrBits-1:0]}]))
          else $error("nic_axi_rd_check: RLAST of ID %0d is wrong in beat %0d", rid_i, beat_q[rid_i]);
      end
    end
  end
endmodule
