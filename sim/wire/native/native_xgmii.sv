// SPDX-License-Identifier: MIT
// The link partner's end of the XGMII, compiled: the pins are here, frames are made and taken apart in wire.cpp.
module native_xgmii (
  input  logic        tx_clk_i,
  input  logic        rx_clk_i,
  /// what the card sends, in tx_clk_i
  input  logic [63:0] txd_i,
  input  logic [ 7:0] txc_i,
  /// what the card receives, in rx_clk_i
  output logic [63:0] rxd_o,
  output logic [ 7:0] rxc_o
);
  // Once a cycle: the next word for the card; false: the one that is there (idle) stays.
  import "DPI-C" function bit nicosim_wire_source(output bit [63:0] data, output bit [7:0] ctrl);
  // A word with something of a frame in it; returns whether the frame goes on.
  import "DPI-C" function bit nicosim_wire_sink(input bit [63:0] data, input bit [7:0] ctrl);

  localparam logic [63:0] Idle = {8{8'h07}};

  initial begin
    rxd_o = Idle;
    rxc_o = '1;
  end
  always_ff @(posedge rx_clk_i) begin
    automatic bit [63:0] data;
    automatic bit [7:0] ctrl;
    if (nicosim_wire_source(data, ctrl)) begin
      rxd_o <= data;
      rxc_o <= ctrl;
    end
  end

  logic inside_q;
  initial inside_q = 1'b0;
  always_ff @(posedge tx_clk_i) begin
    if (inside_q || txc_i != '1) inside_q <= nicosim_wire_sink(txd_i, txc_i);
  end
endmodule
