// SPDX-License-Identifier: MIT
// Interrupt delay of one direction: RDTR and RADV, or TIDV and TADV (82574L datasheet, interrupt moderation timers).
//
// With a delay of 0 a write-back event passes at once. Otherwise each event starts the delay anew, the first one also
// the absolute one (if not 0), and the first of the two to end lets one event through. `urgent_i` is an event that does
// not wait, and takes with it those that do. Writing FPD, or a delay of 0, ends a running delay.
// Latency: 1 cycle without delay.
module nic_intr_delay
  import nic_csr_pkg::*;
(
  input  logic             clk_i,
  input  logic             rst_ni,
  input  csr_req_t         req_i,
  /// it is of RDTR or TIDV, of RADV or TADV
  input  logic             packet_sel_i,
  input  logic             absolute_sel_i,
  output logic      [31:0] rdata_o,
  /// written back, one cycle: may wait, must not wait
  input  logic             event_i,
  input  logic             urgent_i,
  /// one of these, as an interrupt cause
  output logic             event_o,
  /// with event_o: which of the two delays had ended, for the statistics; one cycle
  output logic             packet_ended_o,
  output logic             absolute_ended_o,
  input  logic      [63:0] now_i,
  output deadline_t        packet_o,
  input  logic             packet_expired_i,
  output deadline_t        absolute_o,
  input  logic             absolute_expired_i,
  output logic             idle_o
);

  logic [15:0] delay_q, bound_q;
  deadline_t   packet_q, absolute_q;
  logic        ends, event_q, packet_ended_q, absolute_ended_q, flush;

  logic delay_wr;
  assign delay_wr = req_i.wr && packet_sel_i;
  assign flush    = delay_wr && (req_i.wdata[31] || req_i.wdata[15:0] == '0);

  function automatic logic [63:0] after(input logic [63:0] now, input logic [15:0] delay);
    return now + 64'(cycles_of_1024ns(delay));
  endfunction

  // A delay ends that runs or would begin in this cycle.
  assign ends = packet_expired_i || absolute_expired_i || urgent_i
      || ((packet_q.valid || event_i) && (flush || delay_q == '0));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      delay_q          <= '0;
      bound_q          <= '0;
      packet_q         <= '0;
      absolute_q       <= '0;
      event_q          <= 1'b0;
      packet_ended_q   <= 1'b0;
      absolute_ended_q <= 1'b0;
    end else begin
      if (delay_wr) delay_q <= req_i.wdata[15:0];
      if (req_i.wr && absolute_sel_i) bound_q <= req_i.wdata[15:0];
      event_q          <= ends;
      packet_ended_q   <= packet_expired_i;
      absolute_ended_q <= absolute_expired_i && !packet_expired_i;
      if (ends) begin
        packet_q.valid   <= 1'b0;
        absolute_q.valid <= 1'b0;
      end else if (event_i) begin
        packet_q.valid <= 1'b1;
        if (!packet_q.valid) absolute_q.valid <= bound_q != '0;
      end
      // Of no account where none is running: whether one ends is known late.
      if (event_i) packet_q.at <= after(now_i, delay_q);
      if (event_i && !packet_q.valid) absolute_q.at <= after(now_i, bound_q);
    end
  end

  always_comb begin
    rdata_o = '0;
    if (req_i.rd) begin
      if (packet_sel_i)   rdata_o |= 32'(delay_q);
      if (absolute_sel_i) rdata_o |= 32'(bound_q);
    end
  end

  assign event_o          = event_q;
  assign packet_ended_o   = packet_ended_q;
  assign absolute_ended_o = absolute_ended_q;
  assign packet_o         = packet_q;
  assign absolute_o       = absolute_q;
  assign idle_o           = !event_q;

  logic unused;
  assign unused = ^{req_i.sel, req_i.store, req_i.addr, req_i.wdata[30:16]};

  // ---------------------------------------------------------------- promise: what waits is not forgotten
  logic waited_q;
  always_ff @(posedge clk_i) begin
    waited_q <= rst_ni && (event_i || packet_q.valid);
    if (rst_ni && waited_q) begin
      a_event_kept : assert (event_q || packet_q.valid) else $error("nic_intr_delay: an event was lost");
    end
  end

endmodule
