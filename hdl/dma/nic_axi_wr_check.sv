// SPDX-License-Identifier: MIT
// Watches the AXI4 write channels of a master: its own promises, and those of the slave it relies on.
//
// AW and W hold and are stable until taken; a burst stays inside 4 KiB; WLAST exactly in the burst's last beat, in the
// order of AW (W may be ahead of AWREADY, not of AWVALID); at most MaxWrites bursts outstanding; B comes only for an ID
// with a burst whose address and data have all been taken, holds and is stable. No outputs, no function.
module nic_axi_wr_check #(
    parameter int unsigned MaxWrites = 32,
    parameter int unsigned BusBits   = 4,                 // log2 of the bus width in bytes
    localparam int unsigned DataBits = 8 * 2 ** BusBits
) (
    input logic                  clk_i,
    input logic                  rst_ni,
    input logic [3:0]            awid_i,
    input logic [63:0]           awaddr_i,
    input logic [7:0]            awlen_i,
    input logic                  awvalid_i,
    input logic                  awready_i,
    input logic [DataBits-1:0]   wdata_i,
    input logic [DataBits/8-1:0] wstrb_i,
    input logic                  wlast_i,
    input logic                  wvalid_i,
    input logic                  wready_i,
    input logic [3:0]            bid_i,
    input logic [1:0]            bresp_i,
    input logic                  bvalid_i,
    input logic                  bready_i
);
  localparam int unsigned PtrBits = MaxWrites > 1 ? $clog2(MaxWrites) : 1;
  typedef logic [PtrBits:0] count_t;

  typedef struct packed {
    logic [3:0] id;
    logic [7:0] len;
  } aw_t;

  aw_t mem[2**PtrBits];               // bursts whose data has not all gone, in the order of AW
  aw_t oldest;
  count_t wr_q, rd_q, outstanding_q;
  count_t aw_taken_q[16], w_taken_q[16], answered_q[16];  // addresses, whole data and responses, per ID
  logic [7:0] beat_q;                 // beats sent of the oldest burst
  logic aw_new, aw, w, w_end, b;
  logic aw_wait_q, w_wait_q, b_wait_q;
  logic [75:0] aw_q;
  logic [DataBits+DataBits/8:0] w_q;
  logic [5:0] b_q;

  assign aw     = awvalid_i && awready_i;
  assign aw_new = awvalid_i && !aw_wait_q;
  assign w      = wvalid_i && wready_i;
  assign w_end  = w && wlast_i;
  assign b      = bvalid_i && bready_i;
  assign oldest = mem[rd_q[PtrBits-1:0]];

  always_ff @(posedge clk_i) begin
    if (aw_new) mem[wr_q[PtrBits-1:0]] <= '{id: awid_i, len: awlen_i};
    aw_wait_q <= rst_ni && awvalid_i && !awready_i;
    w_wait_q  <= rst_ni && wvalid_i && !wready_i;
    b_wait_q  <= rst_ni && bvalid_i && !bready_i;
    if (awvalid_i && !awready_i) aw_q <= {awid_i, awlen_i, awaddr_i};
    if (wvalid_i && !wready_i) w_q <= {wlast_i, wstrb_i, wdata_i};
    if (bvalid_i && !bready_i) b_q <= {bid_i, bresp_i};
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_q          <= '0;
      rd_q          <= '0;
      beat_q        <= '0;
      outstanding_q <= '0;
      for (int id = 0; id < 16; id++) begin
        aw_taken_q[id] <= '0;
        w_taken_q[id]  <= '0;
        answered_q[id] <= '0;
      end
    end else begin
      if (aw_new) wr_q <= wr_q + 1'b1;
      if (w) beat_q <= wlast_i ? '0 : beat_q + 1'b1;
      if (w_end) rd_q <= rd_q + 1'b1;
      if (aw != b) outstanding_q <= aw ? outstanding_q + 1'b1 : outstanding_q - 1'b1;
      if (aw) aw_taken_q[awid_i] <= aw_taken_q[awid_i] + 1'b1;
      if (w_end) w_taken_q[oldest.id] <= w_taken_q[oldest.id] + 1'b1;
      if (b) answered_q[bid_i] <= answered_q[bid_i] + 1'b1;
    end
  end

  logic [16:0] end_in_page;  // offset in its 4 KiB page of the byte after the burst
  assign end_in_page = 17'({awaddr_i[11:BusBits], {BusBits{1'b0}}}) + ((17'(awlen_i) + 17'd1) << BusBits);

  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      if (aw_wait_q) begin
        a_aw_holds : assert (awvalid_i && {awid_i, awlen_i, awaddr_i} == aw_q)
          else $error("nic_axi_wr_check: AW changed before it was taken");
      end
      if (awvalid_i) begin
        a_aw_4k : assert (end_in_page <= 17'd4096)
          else $error("nic_axi_wr_check: burst crosses 4 KiB: %h + %0d beats", awaddr_i, awlen_i + 9'd1);
      end
      if (outstanding_q != '0) begin
        a_outstanding : assert (32'(outstanding_q) <= MaxWrites)
          else $error("nic_axi_wr_check: more than %0d writes outstanding", MaxWrites);
      end
      if (w_wait_q) begin
        a_w_holds : assert (wvalid_i && {wlast_i, wstrb_i, wdata_i} == w_q)
          else $error("nic_axi_wr_check: W changed before it was taken");
      end
      if (b_wait_q) begin
        a_b_holds : assert (bvalid_i && {bid_i, bresp_i} == b_q)
          else $error("nic_axi_wr_check: B changed before it was taken");
      end
      if (wvalid_i) begin
        a_w_wanted : assert (wr_q != rd_q) else $error("nic_axi_wr_check: W before its AW");
        a_w_last : assert (wlast_i == (beat_q == oldest.len))
          else $error("nic_axi_wr_check: WLAST is wrong in beat %0d", beat_q);
      end
      if (bvalid_i) begin
        a_b_wanted : assert (aw_taken_q[bid_i] != answered_q[bid_i] && w_taken_q[bid_i] != answered_q[bid_i])
          else $error("nic_axi_wr_check: B for ID %0d, which has no finished burst outstanding", bid_i);
      end
    end
  end
endmodule
