// SPDX-License-Identifier: MIT
// Moves read data from the byte lanes of the bus to those the client asked for; chunks of clients may come interleaved.
//
// A chunk is bytes lo..hi of 16. A command's first chunk starts in `lane` of its first beat; each further one continues
// where the one before ended. What does not fill a beat waits in the client's accumulator. When the last chunk fills
// more than a beat, the rest is flushed in a beat of its own: alongside the next chunk if that one fills no beat (so an
// unaligned stream costs no cycle), else before it.
// Latency: chunk to beat 2 cycles. Rate: a chunk per cycle, but never more than a beat per cycle.
module nic_axi_realign #(
    parameter int unsigned Clients = 3,
    localparam int unsigned SelBits = Clients > 1 ? $clog2(Clients) : 1
) (
    input  logic                                         clk_i,
    input  logic                                         rst_ni,
    /// Something is on its way to a client.
    output logic                                         busy_o,
    /// Chunks.
    input  logic                                         chunk_valid_i,
    output logic                                         chunk_ready_o,
    input  logic              [SelBits-1:0]              sel_i,     // client
    input  logic              [127:0]                    data_i,
    input  logic              [3:0]                      lo_i,
    input  logic              [3:0]                      hi_i,
    input  logic              [3:0]                      lane_i,   // with first
    input  logic                                         first_i,  // of a command
    input  logic                                         last_i,   // of a command
    input  logic                                         err_i,    // with last
    /// Beats, for the client whose bit is set.
    output logic              [Clients-1:0]              beat_valid_o,
    output nic_pkg::rd_beat_t                            beat_o
);
  typedef logic [SelBits-1:0] sel_t;

  // What the second stage does with a chunk; bytes go to positions pos..stop-1, 16 and up are the next beat's.
  typedef struct packed {
    sel_t         sel;
    logic [3:0]   turn;  // rotation
    logic [3:0]   pos;
    logic [4:0]   stop;
    logic         emit;  // completes a beat
    logic         last;  // ... which is the last
    logic         err;
    logic [127:0] data;
  } step_t;

  // -------------------------------------------------------------- first stage: where the bytes go
  sel_t sel;
  logic [3:0] pos_q[Clients];  // where the client's next byte goes
  logic [3:0] pos;
  logic [4:0] stop;
  logic emits, spills, take;
  step_t step_d, step_q;
  logic step_valid_q;
  logic flush_wait_q, flush_wait_err_q;  // a rest is to be flushed: of this client
  sel_t flush_wait_sel_q;
  logic flush_q, flush_err_q;            // ... is being flushed
  sel_t flush_sel_q;

  assign sel    = sel_i;
  assign pos    = first_i ? lane_i : pos_q[sel];
  assign stop   = {1'b0, pos} + {1'b0, hi_i} - {1'b0, lo_i} + 5'd1;
  assign spills = last_i && stop > 5'd16;
  assign emits  = last_i || stop >= 5'd16;
  assign step_d = '{
      sel:  sel,
      data: data_i,
      turn: pos - lo_i,
      pos:  pos,
      stop: stop,
      emit: emits,
      last: last_i && !spills,
      err:  err_i
  };

  assign chunk_ready_o = !(flush_wait_q && emits);
  assign take          = chunk_valid_i && chunk_ready_o;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      step_valid_q <= 1'b0;
      flush_wait_q <= 1'b0;
      flush_q      <= 1'b0;
    end else begin
      step_valid_q <= take;
      flush_wait_q <= take && spills;
      flush_q      <= flush_wait_q;
    end
  end
  always_ff @(posedge clk_i) begin
    if (take) begin
      step_q           <= step_d;
      flush_wait_sel_q <= sel;
      flush_wait_err_q <= err_i;
      pos_q[sel]       <= stop[3:0];
    end
    if (flush_wait_q) begin
      flush_sel_q <= flush_wait_sel_q;
      flush_err_q <= flush_wait_err_q;
    end
  end

  // -------------------------------------------------------------- second stage: rotate, merge, pass on
  logic [127:0] acc_q[Clients];           // the beat that is not full yet
  logic [15:0] acc_strb_q[Clients];       // its bytes so far
  logic [127:0] turned, merged;
  logic [15:0] here, beyond, waiting;     // bytes for this beat, for the next one, and those waiting
  logic acc_flushed;

  assign acc_flushed = flush_q && flush_sel_q == step_q.sel;
  assign waiting     = acc_flushed ? '0 : acc_strb_q[step_q.sel];

  always_comb begin
    turned         = '0;
    merged         = '0;
    {beyond, here} = '0;
    if (step_valid_q) begin
      turned         = nic_axi_pkg::rotate(step_q.data, step_q.turn);
      merged         = nic_axi_pkg::splice(acc_q[step_q.sel], turned, step_q.pos);
      {beyond, here} = nic_axi_pkg::lanes({1'b0, step_q.pos}, step_q.stop);
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      for (int c = 0; c < int'(Clients); c++) acc_strb_q[c] <= '0;
    end else begin
      if (flush_q) acc_strb_q[flush_sel_q] <= '0;
      if (step_valid_q) acc_strb_q[step_q.sel] <= step_q.emit ? beyond : waiting | here;
    end
  end
  always_ff @(posedge clk_i) begin
    if (step_valid_q) acc_q[step_q.sel] <= step_q.emit ? turned : merged;
  end

  // -------------------------------------------------------------- beats out
  logic [Clients-1:0] beat_valid_d;
  nic_pkg::rd_beat_t beat_d;

  always_comb begin
    beat_valid_d = '0;
    if (flush_q) begin
      beat_d = '{data: acc_q[flush_sel_q], strb: acc_strb_q[flush_sel_q], last: 1'b1, err: flush_err_q};
      beat_valid_d[flush_sel_q] = 1'b1;
    end else begin
      beat_d = '{data: merged, strb: waiting | here, last: step_q.last, err: step_q.last && step_q.err};
      beat_valid_d[step_q.sel] = step_valid_q && step_q.emit;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) beat_valid_o <= '0;
    else beat_valid_o <= beat_valid_d;
  end
  always_ff @(posedge clk_i) begin
    if (beat_valid_d != '0) beat_o <= beat_d;
  end

  assign busy_o = chunk_valid_i || step_valid_q || flush_wait_q || flush_q || beat_valid_o != '0;

  // -------------------------------------------------------------- our promises
  always_ff @(posedge clk_i) begin
    if (rst_ni && flush_q) begin
      a_one_beat : assert (!(step_valid_q && step_q.emit)) else $error("nic_axi_realign: two beats at once");
      a_flush_some : assert (acc_strb_q[flush_sel_q] != '0) else $error("nic_axi_realign: empty flush");
    end
    if (rst_ni && take && first_i) begin
      a_fresh : assert (!(step_valid_q && step_q.sel == sel && !step_q.emit))
        else $error("nic_axi_realign: a command starts before the one before it ended");
    end
  end
endmodule
