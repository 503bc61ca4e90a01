// SPDX-License-Identifier: MIT
// The W channel: takes the clients' packed data burst by burst, shifts it to the alignment of its address, adds strobes.
//
// Bursts come in the order of AW; at most MaxAhead wait. Per word of 16 bytes one beat of the client is taken, except for
// the last word of a command when what the shift held back completes it. What is held back waits per client, since other
// clients' bursts may come between two of a command.
// Latency: burst to WVALID 3 cycles when the data is there. Rate: a word per cycle, no gap between bursts.
module nic_axi_wdata #(
    parameter int unsigned AxiDataBits   = 128,
    parameter int unsigned Clients       = 3,
    parameter int unsigned MaxBurstBytes = 512,
    parameter int unsigned MaxAhead      = 4,
    parameter int unsigned MaxDataWait   = 64    // cycles a client may keep everyone waiting for its data
) (
    input  logic                                  clk_i,
    input  logic                                  rst_ni,
    input  logic                                  stop_i,  // clients may withdraw data of commands not taken
    /// Bursts as they are issued: `burst_valid_i` only with `burst_ready_o`.
    input  logic                                  burst_valid_i,
    output logic                                  burst_ready_o,
    input  nic_axi_pkg::burst_t                   burst_i,
    /// Data, per client.
    input  logic                [Clients-1:0]     data_valid_i,
    output logic                [Clients-1:0]     data_ready_o,
    input  logic     [Clients-1:0][127:0]         data_i,
    /// AXI4 W.
    output logic                [AxiDataBits-1:0]   wdata_o,
    output logic                [AxiDataBits/8-1:0] wstrb_o,
    output logic                                    wlast_o,
    output logic                                    wvalid_o,
    input  logic                                    wready_i
);
  localparam int unsigned SelBits  = Clients > 1 ? $clog2(Clients) : 1;
  localparam int unsigned WordBits = $clog2(MaxBurstBytes / 16);
  typedef logic [SelBits-1:0] sel_t;

  // -------------------------------------------------------------- what is to be sent
  typedef struct packed {
    sel_t                sel;
    logic [3:0]          shift;     // the command's first byte goes to this lane
    logic                upper;     // the first word is the upper half of a 256-bit beat
    logic [3:0]          end_lane;  // lane of the burst's last byte
    logic [WordBits-1:0] words;     // words of 16 bytes, less one
    logic                first;
    logic                rest;      // the last word of the command is what the shift held back
  } plan_t;

  plan_t plan_in, plan;
  logic [3:0] end_lane;
  logic plan_valid, plan_done;
  logic [$clog2(MaxAhead+1)-1:0] unused_plan_level;

  assign end_lane = burst_i.addr[3:0] + burst_i.bytes[3:0] - 4'd1;
  assign plan_in  = '{
      sel:      sel_t'(burst_i.client),
      shift:    burst_i.lane,
      upper:    burst_i.addr[4],
      end_lane: end_lane,
      words:    WordBits'(nic_axi_pkg::axlen(burst_i.addr[11:0], burst_i.bytes, 4)),
      first:    burst_i.first,
      rest:     burst_i.last && end_lane < burst_i.lane
  };

  nic_fifo #(
      .Width       ($bits(plan_t)),
      .Depth       (MaxAhead),
      .OutRegisters(1)
  ) u_plan (
      .clk_i,
      .rst_ni,
      .in_valid_i (burst_valid_i),
      .in_ready_o (burst_ready_o),
      .in_data_i  (plan_in),
      .out_valid_o(plan_valid),
      .out_ready_i(plan_done),
      .out_data_o (plan),
      .level_o    (unused_plan_level)
  );

  // -------------------------------------------------------------- word by word
  logic [WordBits-1:0] word_q;               // words of the burst sent
  logic [127:0] held_q[Clients];             // the client's last beat, shifted
  logic starts, ends_burst, need;            // need: the word takes a beat of the client
  logic have, word_valid, word_ready, word_sent;
  logic [3:0] lo, hi;
  logic [127:0] turned, word_data;
  logic [15:0] word_strb;

  assign starts     = plan.first && word_q == '0;
  assign ends_burst = word_q == plan.words;
  assign lo         = starts ? plan.shift : 4'd0;
  assign hi         = ends_burst ? plan.end_lane : 4'd15;
  assign need       = !(ends_burst && plan.rest);
  assign have       = data_valid_i[plan.sel];
  assign word_valid = plan_valid && (have || !need);
  assign word_sent  = word_valid && word_ready;
  assign plan_done  = word_sent && ends_burst;
  assign word_strb  = 16'(nic_axi_pkg::lanes({1'b0, lo}, {1'b0, hi} + 5'd1));

  always_comb begin
    turned    = '0;
    word_data = '0;
    if (word_valid) begin
      turned    = nic_axi_pkg::rotate(data_i[plan.sel], plan.shift);
      word_data = need ? nic_axi_pkg::splice(held_q[plan.sel], turned, plan.shift) : held_q[plan.sel];
    end
    data_ready_o           = '0;
    data_ready_o[plan.sel] = plan_valid && need && word_ready;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) word_q <= '0;
    else if (word_sent) word_q <= ends_burst ? '0 : word_q + 1'b1;
  end
  always_ff @(posedge clk_i) begin
    if (word_sent) held_q[plan.sel] <= turned;
  end

  // -------------------------------------------------------------- words to bus beats
  typedef struct packed {
    logic                     last;
    logic [AxiDataBits/8-1:0] strb;
    logic [AxiDataBits-1:0]   data;
  } w_t;

  w_t w, w_out;
  logic w_valid, w_ready;
  logic unused_half;

  if (AxiDataBits == 64) begin : g_split
    logic upper, more, upper_q;  // upper_q: the lower half has been sent
    assign upper       = upper_q || word_strb[7:0] == '0;
    assign more        = !upper && word_strb[15:8] != '0;
    assign w           = '{
        data: upper ? word_data[127:64] : word_data[63:0],
        strb: upper ? word_strb[15:8] : word_strb[7:0],
        last: ends_burst && !more
    };
    assign w_valid     = word_valid;
    assign word_ready  = w_ready && !more;
    assign unused_half = plan.upper;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) upper_q <= 1'b0;
      else if (w_valid && w_ready) upper_q <= more;
    end
  end else if (AxiDataBits == 128) begin : g_same
    assign w           = '{data: word_data, strb: word_strb, last: ends_burst};
    assign w_valid     = word_valid;
    assign word_ready  = w_ready;
    assign unused_half = plan.upper;
  end else begin : g_join
    logic upper, keep;  // keep: a lower half that waits for its upper half
    logic [127:0] lower_q;
    logic [15:0] lower_strb_q;
    assign upper       = plan.upper ^ word_q[0];
    assign keep        = !upper && !ends_burst;
    assign w           = '{
        data: {word_data, upper ? lower_q : word_data},
        strb: upper ? {word_strb, lower_strb_q} : {16'd0, word_strb},
        last: ends_burst
    };
    assign w_valid     = word_valid && !keep;
    assign word_ready  = w_ready || keep;
    assign unused_half = 1'b0;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) lower_strb_q <= '0;
      else if (word_sent) lower_strb_q <= keep ? word_strb : '0;
    end
    always_ff @(posedge clk_i) begin
      if (word_sent && keep) lower_q <= word_data;
    end
  end

  logic [1:0] unused_w_level;
  nic_fifo #(
      .Width($bits(w_t)),
      .Depth(2)
  ) u_w (
      .clk_i,
      .rst_ni,
      .in_valid_i (w_valid),
      .in_ready_o (w_ready),
      .in_data_i  (w),
      .out_valid_o(wvalid_o),
      .out_ready_i(wready_i),
      .out_data_o (w_out),
      .level_o    (unused_w_level)
  );
  assign wdata_o = w_out.data;
  assign wstrb_o = w_out.strb;
  assign wlast_o = w_out.last;

  // -------------------------------------------------------------- the clients' promises
  logic [$clog2(MaxDataWait+2)-1:0] wait_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || !plan_valid || !need || have) wait_q <= '0;
    else wait_q <= wait_q + 1'b1;
    if (rst_ni && wait_q != '0) begin
      a_data_comes : assert (32'(wait_q) <= MaxDataWait)
        else $error("nic_axi_wdata: client %0d has no data for the command it gave", plan.sel);
    end
  end

  for (genvar c = 0; c < Clients; c++) begin : g_promises
    logic waiting_q;
    logic [127:0] offered_q;
    always_ff @(posedge clk_i) begin
      if (data_valid_i[c] || waiting_q) begin
        waiting_q <= rst_ni && data_valid_i[c] && !data_ready_o[c];
        offered_q <= data_i[c];
      end
      if (rst_ni && waiting_q && !stop_i) begin
        a_data_holds : assert (data_valid_i[c] && data_i[c] == offered_q)
          else $error("nic_axi_wdata: waiting data of client %0d changed", c);
      end
    end
  end
endmodule
