// SPDX-License-Identifier: MIT
// Takes the commands of several clients and cuts them into bursts, round robin among clients, burst by burst.
//
// A burst ends at the next multiple of MaxBurstBytes (a power of two up to 4096) or at the end of its command: no burst
// crosses 4 KiB, and all but a command's first start aligned.
// Commands: valid/ready; a client may have two waiting, so one-burst commands follow each other without a gap.
// `stop_i`: no further command is taken (a client may then withdraw what it offered); taken ones are finished.
// Bursts: taken when `burst_valid_o && burst_ready_i`; until then `burst_o` may change to another client's.
// Latency: a command taken is a burst in the next cycle. Rate: one burst per cycle.
module nic_axi_bursts #(
    parameter int unsigned Clients       = 3,
    parameter int unsigned MaxBurstBytes = 512
) (
    input  logic                                clk_i,
    input  logic                                rst_ni,
    input  logic                                stop_i,
    /// No command is held.
    output logic                                idle_o,
    /// Commands, per client.
    input  logic                  [Clients-1:0] cmd_valid_i,
    output logic                  [Clients-1:0] cmd_ready_o,
    input  nic_pkg::rd_cmd_t      [Clients-1:0] cmd_i,
    /// Bursts.
    output logic                                burst_valid_o,
    input  logic                                burst_ready_i,
    output nic_axi_pkg::burst_t                 burst_o
);
  localparam int unsigned OffsetBits = $clog2(MaxBurstBytes);
  localparam int unsigned SelBits    = Clients > 1 ? $clog2(Clients) : 1;
  typedef logic [SelBits-1:0] sel_t;

  if (Clients < 1 || Clients > 2 ** nic_axi_pkg::IdBits) begin : g_bad_clients
    $fatal(1, "nic_axi_bursts: Clients must be 1..16");
  end
  if (MaxBurstBytes != 2 ** OffsetBits || MaxBurstBytes < 64 || MaxBurstBytes > 4096) begin : g_bad_burst
    $fatal(1, "nic_axi_bursts: MaxBurstBytes must be a power of two, 64..4096");
  end

  // `cur` is being cut; `next` waits behind it.
  nic_pkg::rd_cmd_t [Clients-1:0] cur_q, next_q;
  logic [Clients-1:0] cur_valid_q, next_valid_q, first_q;

  // -------------------------------------------------------------- whose turn it is
  // The lowest client above the last one served, else the lowest.
  function automatic sel_t pick(logic [Clients-1:0] want, sel_t served);
    sel_t chosen;
    chosen = '0;
    for (int c = int'(Clients) - 1; c >= 0; c--) begin
      if (want[c]) chosen = sel_t'(c);
    end
    for (int c = int'(Clients) - 1; c >= 0; c--) begin
      if (want[c] && sel_t'(c) > served) chosen = sel_t'(c);
    end
    return chosen;
  endfunction

  sel_t sel, served_q;
  logic take;
  assign sel           = pick(cur_valid_q, served_q);
  assign burst_valid_o = |cur_valid_q;
  assign take          = burst_valid_o && burst_ready_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) served_q <= '0;
    else if (take) served_q <= sel;
  end

  // -------------------------------------------------------------- its next burst, and what is left of its command
  nic_pkg::rd_cmd_t cmd;
  logic [12:0] room;  // bytes up to the next multiple of MaxBurstBytes
  logic is_last;
  nic_pkg::rd_cmd_t rest;

  assign cmd     = cur_q[sel];
  assign room    = 13'(MaxBurstBytes) - 13'(cmd.addr[OffsetBits-1:0]);
  assign is_last = cmd.bytes <= 16'(room);

  always_comb begin
    burst_o = '{
        client: nic_axi_pkg::IdBits'(sel),
        addr:   cmd.addr,
        bytes:  is_last ? cmd.bytes[12:0] : room,
        lane:   cmd.lane,
        first:  first_q[sel],
        last:   is_last
    };
    rest = '{
        addr:  {cmd.addr[63:OffsetBits] + 1'b1, {OffsetBits{1'b0}}},
        bytes: cmd.bytes - 16'(room),
        lane:  cmd.lane
    };
  end

  // -------------------------------------------------------------- commands in
  logic [Clients-1:0] accept, taken, free;
  assign cmd_ready_o = stop_i ? '0 : ~next_valid_q;
  assign accept      = cmd_valid_i & cmd_ready_o;
  assign idle_o      = cur_valid_q == '0;

  always_comb begin
    for (int unsigned c = 0; c < Clients; c++) begin
      taken[c] = take && sel == sel_t'(c);
      free[c]  = !cur_valid_q[c] || (taken[c] && is_last);
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      cur_valid_q  <= '0;
      next_valid_q <= '0;
    end else begin
      cur_valid_q  <= (~free & cur_valid_q) | (free & (next_valid_q | accept));
      next_valid_q <= ~free & (next_valid_q | accept);
    end
  end

  always_ff @(posedge clk_i) begin
    for (int unsigned c = 0; c < Clients; c++) begin
      if (accept[c]) next_q[c] <= cmd_i[c];
      if (free[c]) begin
        cur_q[c]   <= next_valid_q[c] ? next_q[c] : cmd_i[c];
        first_q[c] <= 1'b1;
      end else if (taken[c]) begin
        cur_q[c]   <= rest;
        first_q[c] <= 1'b0;
      end
    end
  end

  // -------------------------------------------------------------- the clients' promises
  for (genvar c = 0; c < Clients; c++) begin : g_promises
    logic waiting_q;
    nic_pkg::rd_cmd_t offered_q;
    always_ff @(posedge clk_i) begin
      waiting_q <= rst_ni && cmd_valid_i[c] && !cmd_ready_o[c];
      offered_q <= cmd_i[c];
      if (rst_ni) begin
        a_cmd_holds : assert (!waiting_q || stop_i || (cmd_valid_i[c] && cmd_i[c] == offered_q))
          else $error("nic_axi_bursts: a waiting command of client %0d changed", c);
        a_cmd_bytes : assert (!accept[c] || (cmd_i[c].bytes != '0 && cmd_i[c].bytes < 16'd16384))
          else $error("nic_axi_bursts: client %0d asked for %0d bytes", c, cmd_i[c].bytes);
      end
    end
  end
endmodule
