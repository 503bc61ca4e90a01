// SPDX-License-Identifier: MIT
// For the tests of the wire models: what comes in on one XGMII goes out on the other a clock later.
module xgmii_loop (
  input  logic        clk_i,
  input  logic [63:0] xgmii_rxd,
  input  logic [7:0]  xgmii_rxc,
  output logic [63:0] xgmii_txd,
  output logic [7:0]  xgmii_txc
);
  always_ff @(posedge clk_i) begin
    xgmii_txd <= xgmii_rxd;
    xgmii_txc <= xgmii_rxc;
  end
endmodule
