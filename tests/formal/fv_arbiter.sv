// SPDX-License-Identifier: MIT
// What nic_axi_bursts promises: each command becomes bursts that are exactly its bytes, in order, none across a multiple
// of MaxBurstBytes; and a client that wants to send waits for at most one burst of each other client.
//
// One client, chosen freely and for good, is watched. The other clients' commands are free.
module fv_arbiter
  import nic_pkg::*;
#(
    parameter int unsigned Clients       = 3,
    parameter int unsigned MaxBurstBytes = 64
) (
    input logic                   clk_i,
    input logic                   rst_ni,
    input logic                   stop_i,
    input logic     [Clients-1:0] cmd_valid_i,
    input rd_cmd_t  [Clients-1:0] cmd_i,
    input logic                   burst_ready_i,
    input logic             [1:0] who_i
);
  logic [Clients-1:0] cmd_ready, accept;
  logic idle, burst_valid, taken;
  nic_axi_pkg::burst_t burst;

  nic_axi_bursts #(
      .Clients      (Clients),
      .MaxBurstBytes(MaxBurstBytes)
  ) u_bursts (
      .clk_i,
      .rst_ni,
      .stop_i,
      .idle_o       (idle),
      .cmd_valid_i,
      .cmd_ready_o  (cmd_ready),
      .cmd_i,
      .burst_valid_o(burst_valid),
      .burst_ready_i,
      .burst_o      (burst)
  );
  assign accept = cmd_valid_i & cmd_ready;
  assign taken  = burst_valid && burst_ready_i;

  // -------------------------------------------------------------- the clients, and the start
  logic started_q = 1'b0;
  logic [Clients-1:0] waiting_q = '0;
  rd_cmd_t [Clients-1:0] offered_q;
  logic [1:0] who_q;

  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    waiting_q <= rst_ni ? cmd_valid_i & ~cmd_ready : '0;
    offered_q <= cmd_i;
    who_q     <= who_i;
    assume (started_q || !rst_ni);
    assume (who_i < 2'(Clients) && (!started_q || who_i == who_q));
    for (int c = 0; c < int'(Clients); c++) begin
      if (waiting_q[c]) assume (cmd_valid_i[c] && cmd_i[c] == offered_q[c]);
      // Small numbers, for the solver's sake: commands of up to 255 bytes in the first 4 KiB.
      assume (cmd_i[c].bytes != '0 && cmd_i[c].bytes < 16'd256 && cmd_i[c].addr < 64'd4096);
    end
  end

  // -------------------------------------------------------------- what the watched client has been promised
  typedef struct packed {
    logic        first;
    logic [15:0] bytes;
    logic [63:0] addr;
    logic [3:0]  lane;
  } todo_t;
  todo_t now_q, then_q;
  logic now_valid_q, then_valid_q, mine, done;
  logic [1:0] passed_q;  // bursts of others since it wants to send
  logic [15:0] room;
  todo_t rest, fresh;

  assign mine  = taken && burst.client == 4'(who_i);
  assign done  = mine && now_q.bytes == 16'(burst.bytes);
  assign room  = 16'(MaxBurstBytes) - (now_q.addr[15:0] & 16'(MaxBurstBytes - 1));
  assign rest  = '{first: 1'b0, bytes: now_q.bytes - 16'(burst.bytes), addr: now_q.addr + 64'(burst.bytes), lane: now_q.lane};
  assign fresh = '{first: 1'b1, bytes: cmd_i[who_i].bytes, addr: cmd_i[who_i].addr, lane: cmd_i[who_i].lane};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      now_valid_q  <= 1'b0;
      then_valid_q <= 1'b0;
      passed_q     <= '0;
    end else begin
      if (now_valid_q && !done) begin
        if (mine) now_q <= rest;
        if (accept[who_i]) begin
          then_q       <= fresh;
          then_valid_q <= 1'b1;
        end
      end else begin
        now_q        <= then_valid_q ? then_q : fresh;
        now_valid_q  <= then_valid_q || accept[who_i];
        then_q       <= fresh;
        then_valid_q <= then_valid_q && accept[who_i];
      end
      passed_q <= !now_valid_q || mine ? '0 : passed_q + 2'(taken);
    end
  end

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      p_not_starved : assert (passed_q <= 2'(Clients - 1));
      p_serves : assert (!now_valid_q || (burst_valid && !idle));
      p_one_of_us : assert (!burst_valid || burst.client < 4'(Clients));
      p_room_for_two : assert (!accept[who_i] || !now_valid_q || !then_valid_q);
      if (mine) begin
        p_asked_for : assert (now_valid_q);
        p_place : assert (burst.addr == now_q.addr && burst.lane == now_q.lane);
        p_length : assert (16'(burst.bytes) == (now_q.bytes < room ? now_q.bytes : room));
        p_ends : assert (burst.first == now_q.first && burst.last == done);
      end
      c_longest_wait : cover (passed_q == 2'(Clients - 1) && mine);
      c_two_bursts : cover (mine && burst.last && !burst.first && then_valid_q);
    end
  end
endmodule
