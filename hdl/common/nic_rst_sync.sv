// SPDX-License-Identifier: MIT
// Reset for one clock domain: asserted at once, released on a clock edge, `HoldCycles` after the source was released.
//
// The hold makes a short pulse long enough for every other domain to have seen it (nic_fifo_async needs 8 cycles of the
// slower clock). `rst_no` is for synchronous use in the domain of `clk_i`.
module nic_rst_sync #(
    parameter int unsigned HoldCycles = 16
) (
    input  logic clk_i,
    /// Asynchronous, active low.
    input  logic rst_ni,
    output logic rst_no
);
  if (HoldCycles < 2) begin : g_bad_hold
    $fatal(1, "nic_rst_sync: HoldCycles must be at least 2");
  end

  logic [HoldCycles-1:0] released_q;

  assign rst_no = released_q[HoldCycles-1];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) released_q <= '0;
    else released_q <= {released_q[HoldCycles-2:0], 1'b1};
  end
endmodule
