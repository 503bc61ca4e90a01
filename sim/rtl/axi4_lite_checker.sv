// SPDX-License-Identifier: MIT
// An AXI4-Lite bus, held to the specification (IHI 0022 issue H, chapters A3 and B1): the sibling of axi4_checker.
//
// Bit n of `broken_o` is the n-th name of rule_e; see there. Every address, strobe and protection is legal here.
module axi4_lite_checker
  import axi_check_pkg::*;
#(
  parameter int unsigned AddrBits   = 17,
  parameter int unsigned SlowCycles = 1024,
  parameter bit          Stop       = 1'b1
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  /// low: look away
  input  logic                enable_i,
  input  logic [AddrBits-1:0] awaddr_i,
  input  logic [         2:0] awprot_i,
  input  logic                awvalid_i,
  input  logic                awready_i,
  input  logic [        31:0] wdata_i,
  input  logic [         3:0] wstrb_i,
  input  logic                wvalid_i,
  input  logic                wready_i,
  input  logic [         1:0] bresp_i,
  input  logic                bvalid_i,
  input  logic                bready_i,
  input  logic [AddrBits-1:0] araddr_i,
  input  logic [         2:0] arprot_i,
  input  logic                arvalid_i,
  input  logic                arready_i,
  input  logic [        31:0] rdata_i,
  input  logic [         1:0] rresp_i,
  input  logic                rvalid_i,
  input  logic                rready_i,
  output logic [        31:0] broken_o,
  output int unsigned         slow_o
);
  typedef enum int unsigned {
    AW_RESET, AW_VALID, AW_PAYLOAD, W_RESET, W_VALID, W_PAYLOAD, B_RESET, B_VALID, B_PAYLOAD, AR_RESET, AR_VALID,
    AR_PAYLOAD, R_RESET, R_VALID, R_PAYLOAD, B_ADDRESS, B_DATA, B_RESP, R_ADDRESS, R_RESP
  } rule_e;
  localparam int unsigned Rules = int'(R_RESP) + 1;

  logic [4:0] offered, taken, waited, in_reset, withdrawn, slow;  // AW W B AR R, from bit 0
  axi_channel_checker #(.SlowCycles(SlowCycles)) u_aw (
    .clk_i, .rst_ni, .valid_i(awvalid_i), .ready_i(awready_i), .offered_o(offered[0]), .taken_o(taken[0]),
    .waited_o(waited[0]), .in_reset_o(in_reset[0]), .withdrawn_o(withdrawn[0]), .slow_o(slow[0])
  );
  axi_channel_checker #(.SlowCycles(SlowCycles)) u_w (
    .clk_i, .rst_ni, .valid_i(wvalid_i), .ready_i(wready_i), .offered_o(offered[1]), .taken_o(taken[1]),
    .waited_o(waited[1]), .in_reset_o(in_reset[1]), .withdrawn_o(withdrawn[1]), .slow_o(slow[1])
  );
  axi_channel_checker #(.SlowCycles(SlowCycles)) u_b (
    .clk_i, .rst_ni, .valid_i(bvalid_i), .ready_i(bready_i), .offered_o(offered[2]), .taken_o(taken[2]),
    .waited_o(waited[2]), .in_reset_o(in_reset[2]), .withdrawn_o(withdrawn[2]), .slow_o(slow[2])
  );
  axi_channel_checker #(.SlowCycles(SlowCycles)) u_ar (
    .clk_i, .rst_ni, .valid_i(arvalid_i), .ready_i(arready_i), .offered_o(offered[3]), .taken_o(taken[3]),
    .waited_o(waited[3]), .in_reset_o(in_reset[3]), .withdrawn_o(withdrawn[3]), .slow_o(slow[3])
  );
  axi_channel_checker #(.SlowCycles(SlowCycles)) u_r (
    .clk_i, .rst_ni, .valid_i(rvalid_i), .ready_i(rready_i), .offered_o(offered[4]), .taken_o(taken[4]),
    .waited_o(waited[4]), .in_reset_o(in_reset[4]), .withdrawn_o(withdrawn[4]), .slow_o(slow[4])
  );

  // What stands at each channel while it waits.
  logic [AddrBits+2:0] aw_stands, ar_stands;
  logic [35:0] w_stands;
  logic [ 1:0] b_stands;
  logic [33:0] r_stands;

  function automatic logic [4:0] changed();
    logic [31:0] used = {{8{wstrb_i[3]}}, {8{wstrb_i[2]}}, {8{wstrb_i[1]}}, {8{wstrb_i[0]}}};
    logic [ 4:0] bad = waited & {
      {rdata_i, rresp_i} != r_stands, {araddr_i, arprot_i} != ar_stands, bresp_i != b_stands,
      {wdata_i & used, wstrb_i} != w_stands, {awaddr_i, awprot_i} != aw_stands
    };
    aw_stands = {awaddr_i, awprot_i};
    w_stands  = {wdata_i & used, wstrb_i};
    b_stands  = bresp_i;
    ar_stands = {araddr_i, arprot_i};
    r_stands  = {rdata_i, rresp_i};
    return bad;
  endfunction

  // Accepted and not answered yet.
  int unsigned addresses, data, reads;

  function automatic string name(int unsigned rule);
    rule_e named = rule_e'(rule);
    return named.name();
  endfunction

  // A program, not hardware: each step sees what the one before did. Responses come before what they answer.
  // verilator lint_off BLKSEQ
  logic [Rules-1:0] broken;
  logic [4:0] stirred;

  initial begin
    {addresses, data, reads} = '0;
    slow_o   = 0;
    broken_o = '0;
  end

  always @(posedge clk_i) begin
    broken = '0;
    if (enable_i && |{offered, in_reset, withdrawn}) begin
      stirred = |waited || |(offered & ~taken) ? changed() : '0;
      for (int unsigned channel = 0; channel < 5; ++channel) begin
        broken[3*channel+:3] = {stirred[channel], withdrawn[channel], in_reset[channel]};
      end
      if (|slow) slow_o <= slow_o + 32'($countones(slow));
      if (offered[2]) begin
        broken[B_ADDRESS] = addresses == 0;
        broken[B_DATA]    = data == 0;
        broken[B_RESP]    = bresp_i == ExOkay;
        if (taken[2] && addresses != 0) addresses = addresses - 1;
        if (taken[2] && data != 0) data = data - 1;
      end
      if (offered[4]) begin
        broken[R_ADDRESS] = reads == 0;
        broken[R_RESP]    = rresp_i == ExOkay;
        if (taken[4] && reads != 0) reads = reads - 1;
      end
      addresses = addresses + 32'(taken[0]);
      data      = data + 32'(taken[1]);
      reads     = reads + 32'(taken[3]);
      for (int unsigned rule = 0; broken != '0 && rule < Rules; ++rule) begin
        if (broken[rule]) $display("axi4_lite_checker: rule %s broken at %0t ps, in %m", name(rule), $time);
      end
      if (Stop && broken != '0) $error("axi4_lite_checker: stopped");
    end
    if (!rst_ni) {addresses, data, reads} = '0;
    broken_o <= 32'(broken);
  end
  // verilator lint_on BLKSEQ

  final begin
    if (slow_o != 0) $display("axi4_lite_checker: %0d offers waited %0d cycles or longer, in %m", slow_o, SlowCycles);
  end
endmodule
