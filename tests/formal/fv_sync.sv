// SPDX-License-Identifier: MIT
// nic_sync as a proof must fear it: a bit that changes as it is sampled is seen new or old, each bit for itself.
//
// `early_q` holds the input as it was one step of the solver's time ago: the proof's script takes its clock away.
module nic_sync #(
    parameter int unsigned Width = 1
) (
    input  logic             clk_i,
    input  logic [Width-1:0] d_i,
    output logic [Width-1:0] q_o
);
  logic [Width-1:0] torn;  // driven by nobody: free
  (* keep *) logic [Width-1:0] early_q;
  logic [Width-1:0] meta_q, sync_q;

  assign q_o = sync_q;

  always_ff @(posedge clk_i) early_q <= d_i;
  always_ff @(posedge clk_i) begin
    meta_q <= (d_i & ~torn) | (early_q & torn);
    sync_q <= meta_q;
  end
endmodule
