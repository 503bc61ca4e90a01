// SPDX-License-Identifier: MIT
// What nic_intr_delay and nic_time promise together: an event that may wait comes out when a delay that began with it
// ends, the cycle after and not before, however time leaps; one that may not, and all with it, at once; none is lost.
//
// A leap goes no further than the earliest deadline, as the card's surroundings hold to.
module fv_intr_delay
  import nic_regs_pkg::*;
  import nic_csr_pkg::*;
(
    input logic        clk_i,
    input logic        rst_ni,
    input csr_req_t    req_i,
    input logic        event_i,
    input logic        urgent_i,
    input logic [31:0] time_skip_i
);
  logic event_out, idle, soonest_valid, packet_ended, absolute_ended;
  logic [31:0] rdata;
  logic [63:0] now, soonest;
  deadline_t packet, absolute;
  deadline_t deadlines[2];
  logic [1:0] expired;

  assign deadlines[0] = packet;
  assign deadlines[1] = absolute;

  nic_time #(
      .Timers(2)
  ) u_time (
      .clk_i,
      .rst_ni,
      .time_skip_i,
      .now_o           (now),
      .deadline_i      (deadlines),
      .expired_o       (expired),
      .deadline_valid_o(soonest_valid),
      .deadline_o      (soonest)
  );
  nic_intr_delay u_delay (
      .clk_i,
      .rst_ni,
      .req_i,
      .packet_sel_i      (req_i.sel.rdtr),
      .absolute_sel_i    (req_i.sel.radv),
      .rdata_o           (rdata),
      .event_i,
      .urgent_i,
      .event_o           (event_out),
      .packet_ended_o    (packet_ended),
      .absolute_ended_o  (absolute_ended),
      .now_i             (now),
      .packet_o          (packet),
      .packet_expired_i  (expired[0]),
      .absolute_o        (absolute),
      .absolute_expired_i(expired[1]),
      .idle_o            (idle)
  );

  // -------------------------------------------------------------- the start, and who makes time leap
  logic started_q = 1'b0;
  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    assume (started_q || !rst_ni);
    assume ($onehot0(req_i.sel));
    assume (time_skip_i == '0 || (rst_ni && idle && !event_i && !urgent_i && !req_i.wr));
    if (soonest_valid) assume (time_skip_i == '0 || (now < soonest && 64'(time_skip_i) < soonest - now));
    assume (now < 64'h100_0000_0000);  // five years
  end

  // -------------------------------------------------------------- the model: when the event that waits is due
  logic [15:0] delay_q, bound_q;
  logic pending_q, bounded_q, due, over;
  logic [63:0] quiet_at_q, latest_at_q;
  logic wr_delay, wr_bound, flush;

  assign wr_delay = req_i.wr && req_i.sel.rdtr;
  assign wr_bound = req_i.wr && req_i.sel.radv;
  assign flush    = wr_delay && (req_i.wdata[31] || req_i.wdata[15:0] == '0);
  assign due      = pending_q && (now >= quiet_at_q || (bounded_q && now >= latest_at_q));
  assign over     = due || urgent_i || ((pending_q || event_i) && (flush || delay_q == '0));

  logic must_come_q;
  always_ff @(posedge clk_i) begin
    must_come_q <= rst_ni && over;
    if (!rst_ni) begin
      delay_q   <= '0;
      bound_q   <= '0;
      pending_q <= 1'b0;
      bounded_q <= 1'b0;
    end else begin
      if (wr_delay) delay_q <= req_i.wdata[15:0];
      if (wr_bound) bound_q <= req_i.wdata[15:0];
      pending_q <= !over && (pending_q || event_i);
      if (event_i && !over) begin
        quiet_at_q <= now + 64'(cycles_of_1024ns(delay_q));
        if (!pending_q) begin
          latest_at_q <= now + 64'(cycles_of_1024ns(bound_q));
          bounded_q   <= bound_q != '0;
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      p_comes_when_due : assert (event_out == must_come_q);
      p_published : assert (soonest_valid == pending_q && packet.valid == pending_q && absolute.valid == (pending_q && bounded_q));
      p_quiet : assert (!pending_q || packet.at == quiet_at_q);
      p_bound : assert (!absolute.valid || absolute.at == latest_at_q);
      p_not_late : assert (!pending_q || now <= quiet_at_q);
      p_never_beyond_the_bound : assert (!pending_q || !bounded_q || now <= latest_at_q);
      p_says_why : assert (event_out || (!packet_ended && !absolute_ended));
      c_by_packet : cover (event_out && !bounded_q && quiet_at_q > 64'd300);
      c_by_bound : cover (event_out && bounded_q && latest_at_q < quiet_at_q && now > 64'd1000);
    end
  end
endmodule
