// SPDX-License-Identifier: MIT
// The host's register accesses and interrupt line, compiled: an AXI4-Lite master fed from the queue in registers.cpp.
//
// One access at a time, in the order in which Python asked. A write offers address and data together and ends with B. Changes
// of the interrupt level are told before the read that completes with them.
module native_registers (
  input  logic        clk_i,
  input  logic        rst_ni,
  output logic [16:0] awaddr_o,
  output logic        awvalid_o,
  input  logic        awready_i,
  output logic [31:0] wdata_o,
  output logic [ 3:0] wstrb_o,
  output logic        wvalid_o,
  input  logic        wready_i,
  input  logic [ 1:0] bresp_i,
  input  logic        bvalid_i,
  output logic        bready_o,
  output logic [16:0] araddr_o,
  output logic        arvalid_o,
  input  logic        arready_i,
  input  logic [31:0] rdata_i,
  input  logic [ 1:0] rresp_i,
  input  logic        rvalid_i,
  output logic        rready_o,
  input  logic        intx_i
);
  // The next access: [0] a write, [1] a read, none of both if there is none.
  import "DPI-C" function void nicosim_registers_next(
    output bit [1:0] kind, output bit [16:0] addr, output bit [31:0] data, output bit [3:0] strobes);
  // The data of the write that was next has been accepted.
  import "DPI-C" function void nicosim_registers_accepted();
  // The access that was next is done.
  import "DPI-C" function void nicosim_registers_done(input int unsigned data, input int unsigned response);
  import "DPI-C" function void nicosim_registers_interrupt(input bit level);

  logic intx_q, busy_q;
  logic done;
  assign done     = (bvalid_i && bready_o) || (rvalid_i && rready_o);
  assign bready_o = 1'b1;
  assign rready_o = 1'b1;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    automatic bit [1:0] kind;
    automatic bit [16:0] addr;
    automatic bit [31:0] data;
    automatic bit [3:0] strobes;
    if (!rst_ni) begin
      awvalid_o <= 1'b0;
      wvalid_o  <= 1'b0;
      arvalid_o <= 1'b0;
      intx_q    <= 1'b0;
      busy_q    <= 1'b0;
    end else begin
      intx_q <= intx_i;
      if (intx_i != intx_q) nicosim_registers_interrupt(intx_i);
      if (awready_i) awvalid_o <= 1'b0;
      if (wvalid_o && wready_i) nicosim_registers_accepted();
      if (wready_i) wvalid_o <= 1'b0;
      if (arready_i) arvalid_o <= 1'b0;
      if (done) nicosim_registers_done(rdata_i, 32'(bvalid_i ? bresp_i : rresp_i));
      if (done || !busy_q) begin
        nicosim_registers_next(kind, addr, data, strobes);
        busy_q <= kind != '0;
        if (kind[0]) begin
          awvalid_o <= 1'b1;
          wvalid_o  <= 1'b1;
          awaddr_o  <= addr;
          wdata_o   <= data;
          wstrb_o   <= strobes;
        end
        if (kind[1]) begin
          arvalid_o <= 1'b1;
          araddr_o  <= addr;
        end
      end
    end
  end
endmodule
