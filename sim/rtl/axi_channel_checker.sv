// SPDX-License-Identifier: MIT
// What AXI promises of any one channel (IHI 0022, A3.1.2, A3.2.1): reset, and that an offer stands until it is taken.
//
// `offered_o`: an offer that counts, `taken_o`: it is taken at this edge, `waited_o`: it was there at the last edge, so its payload
// must be the same, which whoever instantiates this compares. `slow_o` rises once for an offer that has waited `SlowCycles`,
// which is no error. All outputs are combinational.
module axi_channel_checker #(
  parameter int unsigned SlowCycles  = 1024,
  /// cycles of reset that a synchronous reset may take to arrive
  parameter int unsigned ResetCycles = 8
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic valid_i,
  input  logic ready_i,
  output logic offered_o,
  output logic taken_o,
  output logic waited_o,
  output logic in_reset_o,
  output logic withdrawn_o,
  output logic slow_o
);
  logic        waits_q, reset_q;
  int unsigned waited_q, reset_cycles_q;

  initial begin
    waits_q        = 1'b0;
    reset_q        = 1'b1;
    waited_q       = 0;
    reset_cycles_q = 0;
  end

  assign offered_o   = rst_ni && valid_i;
  assign taken_o     = offered_o && ready_i;
  // A valid may rise at the first edge that sees the reset released: that edge itself must still see it low.
  assign in_reset_o  = valid_i && (rst_ni ? reset_q : reset_cycles_q == ResetCycles);
  assign withdrawn_o = rst_ni && waits_q && !valid_i;
  assign waited_o    = waits_q && offered_o;
  assign slow_o      = waits_q && waited_q == SlowCycles;

  always_ff @(posedge clk_i) begin
    reset_q <= !rst_ni;
    if (rst_ni) begin
      waits_q <= valid_i && !ready_i;
      if (reset_q) reset_cycles_q <= 0;
      if (valid_i && !ready_i) waited_q <= waits_q ? waited_q + 1 : 1;
    end else begin
      waits_q <= 1'b0;
      if (reset_cycles_q != ResetCycles) reset_cycles_q <= reset_cycles_q + 1;
    end
  end
endmodule
