// SPDX-License-Identifier: MIT
// The card's time: one counter, and every timer's deadline compared with it.
//
// `now_o` advances by one a cycle, by 1 + time_skip_i where the world outside leaps over idle time. A leap to the
// earliest deadline or short of it changes nothing that anyone can see. Deadlines are absolute; `expired_o[i]` is
// combinational and stays while deadline i is valid and due. Latency: none.
module nic_time
  import nic_csr_pkg::*;
#(
  parameter int unsigned Timers = 1
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  /// cycles to leap over, besides this one
  input  logic      [31:0]       time_skip_i,
  /// core clock cycles since reset
  output logic      [63:0]       now_o,
  input  deadline_t              deadline_i[Timers],
  output logic      [Timers-1:0] expired_o,
  /// the earliest of all deadlines; may be in the past for a cycle or two
  output logic                   deadline_valid_o,
  output logic      [63:0]       deadline_o
);

  logic [63:0] now_q;
  assign now_o = now_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) now_q <= '0;
    else now_q <= now_q + 64'(time_skip_i) + 64'd1;
  end

  always_comb begin
    deadline_valid_o = 1'b0;
    deadline_o       = '1;
    for (int unsigned i = 0; i < Timers; i++) begin
      expired_o[i] = 1'b0;
      if (deadline_i[i].valid) begin
        expired_o[i]     = now_q >= deadline_i[i].at;
        deadline_valid_o = 1'b1;
        if (deadline_i[i].at < deadline_o) deadline_o = deadline_i[i].at;
      end
    end
  end

endmodule
