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
  nic_pkg::rd_cmd_t cur_q[Clients], next_q[Clients];
  logic [Clients-1:0] cur_valid_q, next_valid_q, first_q;

  // -------------------------------------------------------------- whose turn it is
  // The lowest client above the last one served, else the lowest.
  function automatic sel_t pick(logic [Clients-1:0] want, sel_t served);
    logic [Clients-1:0] above, from;
    sel_t chosen;
    above  = want & ~((Clients'(2) << served) - 1'b1);
    from   = above != '0 ? above : want;
    chosen = '0;
    for (int c = int'(Clients) - 1; c > 0; c--) begin
      if (from[c]) chosen = sel_t'(c);
    end
    return from[0] ? '0 : chosen;
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
  logic [Clients-1:0] lasts;  // of each client: what is left goes in one burst
  logic is_last;

  always_comb begin
    for (int unsigned c = 0; c < Clients; c++) begin
      lasts[c] = 17'(cur_q[c].addr[OffsetBits-1:0]) + {1'b0, cur_q[c].bytes} <= 17'(MaxBurstBytes);
    end
  end
  assign cmd     = cur_q[sel];
  assign room    = 13'(MaxBurstBytes) - 13'(cmd.addr[OffsetBits-1:0]);
  assign is_last = lasts[sel];

  always_comb begin
    burst_o = '{
        client: nic_axi_pkg::IdBits'(sel),
        addr:   cmd.addr,
        bytes:  is_last ? cmd.bytes[12:0] : room,
        lane:   cmd.lane,
        first:  first_q[sel],
        last:   is_last
    };
  end

  function automatic nic_pkg::rd_cmd_t rest_of(nic_pkg::rd_cmd_t whole, logic [12:0] gone);
    return '{
        addr:  {whole.addr[63:OffsetBits] + 1'b1, {OffsetBits{1'b0}}},
        bytes: whole.bytes - 16'(gone),
        lane:  whole.lane
    };
  endfunction

  // -------------------------------------------------------------- commands in
  logic [Clients-1:0] accept, taken, free, load;
  assign cmd_ready_o = stop_i ? '0 : ~next_valid_q;
  assign accept      = cmd_valid_i & cmd_ready_o;
  assign idle_o      = cur_valid_q == '0;

  assign taken       = Clients'(take) << sel;
  assign free        = ~cur_valid_q | (lasts & taken);
  assign load        = free & (next_valid_q | accept);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      cur_valid_q  <= '0;
      next_valid_q <= '0;
    end else begin
      cur_valid_q  <= ~free | load;
      next_valid_q <= ~free & (next_valid_q | accept);
    end
  end

  for (genvar c = 0; c < Clients; c++) begin : g_commands
    nic_pkg::rd_cmd_t offer;
    assign offer = cmd_i[c];

    always_ff @(posedge clk_i) begin
      if (accept[c]) next_q[c] <= offer;
      if (load[c]) begin
        cur_q[c]   <= next_valid_q[c] ? next_q[c] : offer;
        first_q[c] <= 1'b1;
      end else if (taken[c]) begin
        cur_q[c]   <= rest_of(cmd, room);
        first_q[c] <= 1'b0;
      end
    end

    // The client's promises.
    logic waiting_q;
    nic_pkg::rd_cmd_t offered_q;
    always_ff @(posedge clk_i) begin
      if (cmd_valid_i[c] || waiting_q) begin
        waiting_q <= rst_ni && cmd_valid_i[c] && !cmd_ready_o[c];
        offered_q <= offer;
      end
      if (rst_ni && waiting_q && !stop_i) begin
        a_cmd_holds : assert (cmd_valid_i[c] && offer == offered_q)
          else $error("nic_axi_bursts: a waiting command of client %0d changed", c);
      end
      if (rst_ni && accept[c]) begin
        a_cmd_bytes : assert (offer.bytes != '0 && offer.bytes < 16'd16384)
          else $error("nic_axi_bursts: client %0d asked for %0d bytes", c, offer.bytes);
      end
    end
  end
endmodule
