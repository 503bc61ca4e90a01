// SPDX-License-Identifier: MIT
// Two-flop synchroniser for signals that are single bits, Gray coded, or quasi-static.
//
// Every bit is synchronised on its own: a bus that changes freely does not belong here (nic_fifo_async).
// Latency: 2 to 3 cycles of `clk_i`. No reset: what comes out follows what goes in.
module nic_sync #(
    parameter int unsigned Width = 1
) (
    input  logic             clk_i,
    /// From a register of another clock domain.
    input  logic [Width-1:0] d_i,
    output logic [Width-1:0] q_o
);
  logic [Width-1:0] meta_q, sync_q;

  assign q_o = sync_q;

  always_ff @(posedge clk_i) begin
    meta_q <= d_i;
    sync_q <= meta_q;
  end
endmodule
