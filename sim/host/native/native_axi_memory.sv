// SPDX-License-Identifier: MIT
// Host memory as an AXI4 slave, compiled: the pins are here, everything behind them is in axi_memory.cpp.
//
// The same promises as sim/host/axi_memory.py: bursts are pipelined and answered after a latency; back-pressure, reordering,
// bandwidth, error responses and the IOMMU are as configured there. R and B hold until taken.
module native_axi_memory #(
  parameter int unsigned DataBits = 128
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  input  logic [           3:0] awid_i,
  input  logic [          63:0] awaddr_i,
  input  logic [           7:0] awlen_i,
  input  logic [           2:0] awsize_i,
  input  logic [           1:0] awburst_i,
  input  logic                  awvalid_i,
  output logic                  awready_o,
  input  logic [  DataBits-1:0] wdata_i,
  input  logic [DataBits/8-1:0] wstrb_i,
  input  logic                  wlast_i,
  input  logic                  wvalid_i,
  output logic                  wready_o,
  output logic [           3:0] bid_o,
  output logic [           1:0] bresp_o,
  output logic                  bvalid_o,
  input  logic                  bready_i,
  input  logic [           3:0] arid_i,
  input  logic [          63:0] araddr_i,
  input  logic [           7:0] arlen_i,
  input  logic [           2:0] arsize_i,
  input  logic [           1:0] arburst_i,
  input  logic                  arvalid_i,
  output logic                  arready_o,
  output logic [           3:0] rid_o,
  output logic [  DataBits-1:0] rdata_o,
  output logic [           1:0] rresp_o,
  output logic                  rlast_o,
  output logic                  rvalid_o,
  input  logic                  rready_i
);
  import "DPI-C" function void nicosim_memory_reset(input int unsigned data_bytes);
  // An address was accepted; {write, id, len, size, burst}.
  import "DPI-C" function void nicosim_memory_address(
    input bit write, input int unsigned id, input longint unsigned addr,
    input int unsigned len, input int unsigned size, input int unsigned burst);
  import "DPI-C" function void nicosim_memory_data(
    input bit [DataBits-1:0] data, input int unsigned strobes, input bit last);
  // Once a cycle: [0] a beat of R and [1] a B are due, [2] AR, [3] AW, [4] W are ready in the next cycle. `waits`: on which
  // of these channels valid waits for ready.
  import "DPI-C" function void nicosim_memory_cycle(
    input bit r_free, input bit b_free, input bit [4:0] waits, output bit [4:0] due);
  import "DPI-C" function void nicosim_memory_read_beat(
    output bit [DataBits-1:0] data, output bit [3:0] id, output bit [1:0] response, output bit last);
  import "DPI-C" function void nicosim_memory_response(output bit [3:0] id, output bit [1:0] response);

  logic r_free, b_free;
  assign r_free = !rvalid_o || rready_i;
  assign b_free = !bvalid_o || bready_i;

  logic [4:0] waits;
  assign waits = {wvalid_i && !wready_o, awvalid_i && !awready_o, arvalid_i && !arready_o, !b_free, !r_free};

  always_ff @(posedge clk_i or negedge rst_ni) begin
    automatic bit [DataBits-1:0] data;
    automatic bit [3:0] id;
    automatic bit [1:0] response;
    automatic bit [4:0] due;
    automatic bit last;
    if (!rst_ni) begin
      nicosim_memory_reset(DataBits / 8);
      rvalid_o  <= 1'b0;
      bvalid_o  <= 1'b0;
      arready_o <= 1'b0;
      awready_o <= 1'b0;
      wready_o  <= 1'b0;
    end else begin
      if (arvalid_i && arready_o) begin
        nicosim_memory_address(1'b0, 32'(arid_i), araddr_i, 32'(arlen_i), 32'(arsize_i), 32'(arburst_i));
      end
      if (awvalid_i && awready_o) begin
        nicosim_memory_address(1'b1, 32'(awid_i), awaddr_i, 32'(awlen_i), 32'(awsize_i), 32'(awburst_i));
      end
      if (wvalid_i && wready_o) nicosim_memory_data(wdata_i, 32'(wstrb_i), wlast_i);
      nicosim_memory_cycle(r_free, b_free, waits, due);
      if (due[0]) begin
        nicosim_memory_read_beat(data, id, response, last);
        rdata_o <= data;
        rid_o   <= id;
        rresp_o <= response;
        rlast_o <= last;
      end
      if (due[1]) begin
        nicosim_memory_response(id, response);
        bid_o   <= id;
        bresp_o <= response;
      end
      if (r_free) rvalid_o <= due[0];
      if (b_free) bvalid_o <= due[1];
      arready_o <= due[2];
      awready_o <= due[3];
      wready_o  <= due[4];
    end
  end
endmodule
