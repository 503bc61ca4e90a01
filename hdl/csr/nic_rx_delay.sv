// SPDX-License-Identifier: MIT
// Receive interrupt delay: RDTR and RADV (82574L datasheet, receive interrupts).
//
// With RDTR.DELAY = 0 a write-back event passes at once. Otherwise each event starts RDTR's delay anew, the first one also
// RADV's (if not 0), and the first of the two to end lets one event through. Writing RDTR.FPD, or a delay of 0, ends a
// running delay. Latency: 1 cycle without delay.
module nic_rx_delay
  import nic_regs_pkg::*;
  import nic_csr_pkg::*;
(
  input  logic             clk_i,
  input  logic             rst_ni,
  input  csr_req_t         req_i,
  output logic      [31:0] rdata_o,
  /// received frames were written back, one cycle
  input  logic             event_i,
  /// the same, as an interrupt cause
  output logic             event_o,
  input  logic      [63:0] now_i,
  output deadline_t        packet_o,
  input  logic             packet_expired_i,
  output deadline_t        absolute_o,
  input  logic             absolute_expired_i,
  output logic             idle_o
);

  logic [15:0] delay_q, bound_q;
  deadline_t   packet_q, absolute_q;
  logic        ends, event_q, flush;

  logic rdtr_wr;
  assign rdtr_wr = req_i.wr && req_i.addr == RDTR_ADDR;
  assign flush   = rdtr_wr && (req_i.wdata[31] || req_i.wdata[15:0] == '0);

  function automatic logic [63:0] after(input logic [63:0] now, input logic [15:0] delay);
    return now + 64'(cycles_of_1024ns(delay));
  endfunction

  // A delay ends that runs or would begin in this cycle.
  assign ends = packet_expired_i || absolute_expired_i
      || ((packet_q.valid || event_i) && (flush || delay_q == '0));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      delay_q    <= '0;
      bound_q    <= '0;
      packet_q   <= '0;
      absolute_q <= '0;
      event_q    <= 1'b0;
    end else begin
      if (rdtr_wr) delay_q <= req_i.wdata[15:0];
      if (req_i.wr && req_i.addr == RADV_ADDR) bound_q <= req_i.wdata[15:0];
      event_q <= ends;
      if (ends) begin
        packet_q.valid   <= 1'b0;
        absolute_q.valid <= 1'b0;
      end else if (event_i) begin
        packet_q <= '{valid: 1'b1, at: after(now_i, delay_q)};
        if (!packet_q.valid) absolute_q <= '{valid: bound_q != '0, at: after(now_i, bound_q)};
      end
    end
  end

  always_comb begin
    rdata_o = '0;
    if (req_i.rd) case (req_i.addr)
      RDTR_ADDR: rdata_o = 32'(delay_q);
      RADV_ADDR: rdata_o = 32'(bound_q);
      default: ;
    endcase
  end

  assign event_o    = event_q;
  assign packet_o   = packet_q;
  assign absolute_o = absolute_q;
  assign idle_o     = !event_q;

  logic unused;
  assign unused = ^req_i.wdata[30:16];

endmodule
