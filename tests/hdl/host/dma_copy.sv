// SPDX-License-Identifier: MIT
// A device for the tests of the host models: four engines, one per AXI ID, each copies up to 32 beats of host memory.
//
// Registers (AXI4-Lite, 32 bit): 0x00/04 source, 0x08/0c destination, 0x10 beats - 1, 0x14 write: start engine `wdata`
// with these; 0x18 read: engines done [3:0], failed [7:4], reads and clears; interrupt while any bit of it is set; 0x1c read:
// writes so far; 0x20 to 0x2c: scratch, by byte strobes.
// It takes responses only in a pseudo-random half of the cycles. Left out: everything else. Starting an engine that is under way is refused.
module dma_copy (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic [16:0]  s_axil_awaddr,
  input  logic [2:0]   s_axil_awprot,
  input  logic         s_axil_awvalid,
  output logic         s_axil_awready,
  input  logic [31:0]  s_axil_wdata,
  input  logic [3:0]   s_axil_wstrb,
  input  logic         s_axil_wvalid,
  output logic         s_axil_wready,
  output logic [1:0]   s_axil_bresp,
  output logic         s_axil_bvalid,
  input  logic         s_axil_bready,
  input  logic [16:0]  s_axil_araddr,
  input  logic [2:0]   s_axil_arprot,
  input  logic         s_axil_arvalid,
  output logic         s_axil_arready,
  output logic [31:0]  s_axil_rdata,
  output logic [1:0]   s_axil_rresp,
  output logic         s_axil_rvalid,
  input  logic         s_axil_rready,
  output logic [3:0]   m_axi_awid,
  output logic [63:0]  m_axi_awaddr,
  output logic [7:0]   m_axi_awlen,
  output logic [2:0]   m_axi_awsize,
  output logic [1:0]   m_axi_awburst,
  output logic         m_axi_awvalid,
  input  logic         m_axi_awready,
  output logic [127:0] m_axi_wdata,
  output logic [15:0]  m_axi_wstrb,
  output logic         m_axi_wlast,
  output logic         m_axi_wvalid,
  input  logic         m_axi_wready,
  input  logic [3:0]   m_axi_bid,
  input  logic [1:0]   m_axi_bresp,
  input  logic         m_axi_bvalid,
  output logic         m_axi_bready,
  output logic [3:0]   m_axi_arid,
  output logic [63:0]  m_axi_araddr,
  output logic [7:0]   m_axi_arlen,
  output logic [2:0]   m_axi_arsize,
  output logic [1:0]   m_axi_arburst,
  output logic         m_axi_arvalid,
  input  logic         m_axi_arready,
  input  logic [3:0]   m_axi_rid,
  input  logic [127:0] m_axi_rdata,
  input  logic [1:0]   m_axi_rresp,
  input  logic         m_axi_rlast,
  input  logic         m_axi_rvalid,
  output logic         m_axi_rready,
  output logic         intx_o
);
  typedef enum logic [2:0] {Idle, Ask, Fill, Full, Drain, Wait} state_e;

  state_e       state_q [4];
  logic [63:0]  src_q [4], dst_q [4];
  logic [4:0]   last_q [4], fill_q [4];
  logic         bad_q [4];
  logic [127:0] data_q [4][32];
  logic [63:0]  src, dst;
  logic [4:0]   last, sent_q;
  logic [3:0]   done_q, failed_q;
  logic [1:0]   ask, drain, rid, bid;
  logic         asking, draining, aw_sent_q, start;
  logic [6:0]   lfsr_q;  // when responses are taken
  logic [31:0]  scratch_q [4], writes_q;

  always_comb begin
    ask = '0;
    drain = '0;
    asking = 1'b0;
    draining = 1'b0;
    for (int i = 0; i < 4; i++) begin
      if (state_q[i] == Ask) begin
        ask = 2'(i);
        asking = 1'b1;
      end
      if (state_q[i] == Drain) begin
        drain = 2'(i);
        draining = 1'b1;
      end
    end
  end
  assign rid = m_axi_rid[1:0];
  assign bid = m_axi_bid[1:0];

  // One read burst at a time is asked for; the request stays until it is taken, because Ask is left only then.
  logic       ar_valid_q;
  logic [1:0] ar_q;
  assign m_axi_arid    = {2'b0, ar_q};
  assign m_axi_araddr  = src_q[ar_q];
  assign m_axi_arlen   = {3'b0, last_q[ar_q]};
  assign m_axi_arsize  = 3'd4;
  assign m_axi_arburst = 2'b01;
  assign m_axi_arvalid = ar_valid_q;
  assign m_axi_rready  = lfsr_q[0];
  assign m_axi_awid    = {2'b0, drain};
  assign m_axi_awaddr  = dst_q[drain];
  assign m_axi_awlen   = {3'b0, last_q[drain]};
  assign m_axi_awsize  = 3'd4;
  assign m_axi_awburst = 2'b01;
  assign m_axi_awvalid = draining && !aw_sent_q;
  assign m_axi_wdata   = data_q[drain][sent_q];
  assign m_axi_wstrb   = sent_q == 0 ? 16'hffff << dst_q[drain][3:0] : 16'hffff;
  assign m_axi_wlast   = sent_q == last_q[drain];
  assign m_axi_wvalid  = draining && aw_sent_q;
  assign m_axi_bready  = lfsr_q[3];
  assign intx_o        = |{done_q, failed_q};

  // Registers: a write is taken when address and data are both there, one response at a time.
  logic take_w, take_r;
  assign take_w = s_axil_awvalid && s_axil_wvalid && !s_axil_bvalid;
  assign take_r = s_axil_arvalid && !s_axil_rvalid;
  assign s_axil_awready = take_w;
  assign s_axil_wready  = take_w;
  assign s_axil_arready = take_r;
  assign s_axil_bresp   = 2'b00;
  assign s_axil_rresp   = 2'b00;
  assign start = take_w && s_axil_awaddr == 17'h14 && state_q[s_axil_wdata[1:0]] == Idle;

  always_ff @(posedge clk_i) begin
    if (take_w) begin
      unique case (s_axil_awaddr)
        17'h00: src[31:0] <= s_axil_wdata;
        17'h04: src[63:32] <= s_axil_wdata;
        17'h08: dst[31:0] <= s_axil_wdata;
        17'h0c: dst[63:32] <= s_axil_wdata;
        17'h10: last <= s_axil_wdata[4:0];
        default: ;
      endcase
    end
    if (start) begin
      src_q[s_axil_wdata[1:0]]  <= src;
      dst_q[s_axil_wdata[1:0]]  <= dst;
      last_q[s_axil_wdata[1:0]] <= last;
    end
    if (m_axi_rvalid && m_axi_rready) data_q[rid][fill_q[rid]] <= m_axi_rdata;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      lfsr_q        <= 7'h5a;
      s_axil_bvalid <= 1'b0;
      s_axil_rvalid <= 1'b0;
      s_axil_rdata  <= '0;
      done_q        <= '0;
      failed_q      <= '0;
      aw_sent_q     <= 1'b0;
      sent_q        <= '0;
      ar_valid_q    <= 1'b0;
      ar_q          <= '0;
      writes_q      <= '0;
      for (int i = 0; i < 4; i++) begin
        state_q[i] <= Idle;
        bad_q[i]   <= 1'b0;
        fill_q[i]  <= '0;
      end
    end else begin
      lfsr_q        <= {lfsr_q[5:0], lfsr_q[6] ^ lfsr_q[5]};
      s_axil_bvalid <= take_w || (s_axil_bvalid && !s_axil_bready);
      s_axil_rvalid <= take_r || (s_axil_rvalid && !s_axil_rready);
      if (take_w) begin
        writes_q <= writes_q + 32'd1;
        for (int i = 0; i < 4; i++) begin
          if (s_axil_awaddr[16:4] == 13'h2 && s_axil_wstrb[i]) begin
            scratch_q[s_axil_awaddr[3:2]][8*i+:8] <= s_axil_wdata[8*i+:8];
          end
        end
      end
      if (take_r) begin
        unique case ({s_axil_araddr[16:2], 2'b00})
          17'h18: s_axil_rdata <= {24'b0, failed_q, done_q};
          17'h1c: s_axil_rdata <= writes_q;
          17'h20, 17'h24, 17'h28, 17'h2c: s_axil_rdata <= scratch_q[s_axil_araddr[3:2]];
          default: s_axil_rdata <= 32'hdead_beef;
        endcase
        if (s_axil_araddr[16:2] == 15'h6) begin
          done_q   <= '0;
          failed_q <= '0;
        end
      end
      if (start) begin
        state_q[s_axil_wdata[1:0]] <= Ask;
        bad_q[s_axil_wdata[1:0]]   <= 1'b0;
        fill_q[s_axil_wdata[1:0]]  <= '0;
      end
      if (!ar_valid_q && asking) begin
        ar_valid_q   <= 1'b1;
        ar_q         <= ask;
        state_q[ask] <= Fill;
      end else if (m_axi_arready) begin
        ar_valid_q <= 1'b0;
      end
      if (m_axi_rvalid && m_axi_rready) begin
        fill_q[rid] <= fill_q[rid] + 5'd1;
        if (m_axi_rresp != 2'b00) bad_q[rid] <= 1'b1;
        if (m_axi_rlast) state_q[rid] <= Full;
      end
      // One engine drains at a time, from its address to its last beat.
      if (!draining) begin
        aw_sent_q <= 1'b0;
        sent_q    <= '0;
        for (int i = 3; i >= 0; i--) begin
          if (state_q[i] == Full) begin
            if (bad_q[i]) begin
              state_q[i]  <= Idle;
              failed_q[i] <= 1'b1;
            end else begin
              state_q[i] <= Drain;
            end
            break;
          end
        end
      end else begin
        if (m_axi_awvalid && m_axi_awready) aw_sent_q <= 1'b1;
        if (m_axi_wvalid && m_axi_wready) begin
          sent_q <= sent_q + 5'd1;
          if (m_axi_wlast) begin
            state_q[drain] <= Wait;
            aw_sent_q      <= 1'b0;
          end
        end
      end
      if (m_axi_bvalid && m_axi_bready) begin
        state_q[bid] <= Idle;
        if (m_axi_bresp == 2'b00) done_q[bid] <= 1'b1;
        else failed_q[bid] <= 1'b1;
      end
    end
  end

  logic unused;
  assign unused = &{1'b0, s_axil_awprot, s_axil_arprot, s_axil_araddr[1:0], m_axi_rid[3:2], m_axi_bid[3:2]};
endmodule
