// SPDX-License-Identifier: MIT
// Reset of the card by CTRL.RST, and the tail of the power-on reset.
//
// CTRL.RST: `stop_o` rises, the AXI engines finish what the bus has been promised; when they are idle, the data path
// and the registers are reset for ResetCycles, then the memories are cleared and the NVM is read (`init_o`, one cycle,
// until `init_done_i`). A power-on reset enters after the stop. `busy_o` is CTRL.RST as software reads it.
// CTRL.GIO_MASTER_DISABLE also stops the engines, and resets nothing.
module nic_reset #(
  parameter int unsigned ResetCycles = 8  // long enough for the data path's clock crossings to notice
) (
  input  logic clk_i,
  input  logic rst_ni,
  /// CTRL.RST was written, one cycle
  input  logic request_i,
  /// CTRL.GIO_MASTER_DISABLE
  input  logic master_disable_i,
  /// no burst is outstanding on AXI
  input  logic engines_idle_i,
  /// what init_o started has ended
  input  logic init_done_i,
  /// take no new work to the bus
  output logic stop_o,
  /// stopped, and the last burst has ended
  output logic stopped_o,
  /// data path reset, active low
  output logic dp_rst_no,
  /// register reset, active low
  output logic reg_rst_no,
  output logic init_o,
  output logic busy_o
);

  typedef enum logic [1:0] {StStop, StReset, StInit, StRun} state_e;

  // The engines may take a cycle to see the stop, and another to show what they had just accepted.
  localparam int unsigned SettleCycles = 4;
  localparam int unsigned CountBits = $clog2(ResetCycles + 1);

  if (ResetCycles < 1) begin : g_bad_cycles
    $fatal(1, "nic_reset: ResetCycles must be at least 1");
  end

  state_e                 state_d, state_q;
  logic   [CountBits-1:0] count_d, count_q;
  logic   [          2:0] settle_q;
  logic                   settled;

  assign stop_o     = state_q != StRun || master_disable_i;
  assign settled    = settle_q == 3'(SettleCycles);
  assign stopped_o  = stop_o && settled && engines_idle_i;
  assign dp_rst_no  = rst_ni && state_q != StReset;
  assign reg_rst_no = rst_ni && state_q != StReset;
  assign busy_o     = state_q != StRun;

  always_comb begin
    state_d = state_q;
    count_d = CountBits'(ResetCycles);
    init_o  = 1'b0;
    case (state_q)
      StRun:   if (request_i) state_d = StStop;
      StStop:  if (stopped_o) state_d = StReset;
      StReset: begin
        count_d = count_q - 1'b1;
        if (count_q == CountBits'(1)) begin
          state_d = StInit;
          init_o  = 1'b1;
        end
      end
      StInit:  if (init_done_i) state_d = StRun;
      default: state_d = StReset;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q  <= StReset;
      count_q  <= CountBits'(ResetCycles);
      settle_q <= '0;
    end else begin
      state_q <= state_d;
      count_q <= count_d;
      if (!stop_o) settle_q <= '0;
      else if (!settled) settle_q <= settle_q + 1'b1;
    end
  end

  // ---------------------------------------------------------------- promise: stopped engines stay idle under the reset
  always_ff @(posedge clk_i) begin
    if (rst_ni && state_q == StReset && settled) begin
      a_no_reset_under_a_burst : assert (engines_idle_i)
      else $error("nic_reset: data path reset while a burst is outstanding");
    end
  end

endmodule
