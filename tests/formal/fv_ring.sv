// SPDX-License-Identifier: MIT
// What nic_desc_fetch promises of its ring: it asks for each descriptor that software has given once, in order, never over
// the end of the ring nor beyond the tail, hands them out in that order, and says when none is left.
//
// The ring's length is free (1..7) and stays, and so is the place where it begins: software writes it, then enables the
// ring. The tail goes forward as software may move it. Host memory answers when it likes; a descriptor's content is its
// index. Left out: a ring disabled meanwhile, a failed read (tests/hdl/dma).
module fv_ring
  import nic_pkg::*;
#(
    parameter int unsigned Depth    = 4,
    parameter int unsigned MaxBurst = 2
) (
    input logic       clk_i,
    input logic       rst_ni,
    input logic [2:0] count_i,
    input logic [2:0] start_i,
    input logic [2:0] given_i,  // descriptors that software gives now
    input logic       stop_i,
    input logic       cmd_ready_i,
    input logic       beat_valid_i,
    input logic       desc_ready_i
);
  logic load, loaded_q;  // software writes the head; it has done so
  logic cmd_valid, desc_valid, none_free, err, quiet, idle, asked, popped;
  logic [127:0] desc;
  rd_cmd_t cmd;
  rd_beat_t beat;
  ring_cfg_t ring;

  function automatic logic [2:0] advance(logic [2:0] index, logic [2:0] by);
    return 3'(({1'b0, index} + {1'b0, by}) % {1'b0, count_i});
  endfunction

  nic_desc_fetch #(
      .Depth     (Depth),
      .MaxBurst  (MaxBurst),
      .EnoughHeld(Depth - MaxBurst)
  ) u_fetch (
      .clk_i,
      .rst_ni,
      .ring_i      (ring),
      .stop_i      (stop_i || load),
      .load_i      (load),
      .load_value_i(16'(start_i)),
      .cmd_valid_o (cmd_valid),
      .cmd_ready_i,
      .cmd_o       (cmd),
      .beat_valid_i,
      .beat_i      (beat),
      .desc_valid_o(desc_valid),
      .desc_ready_i,
      .desc_o      (desc),
      .none_free_o (none_free),
      .err_o       (err),
      .quiet_o     (quiet),
      .idle_o      (idle)
  );
  assign asked  = cmd_valid && cmd_ready_i;
  assign popped = desc_valid && desc_ready_i;

  // -------------------------------------------------------------- software, host memory, and the start
  logic started_q = 1'b0;
  logic [2:0] count_q, start_q, tail_q, ask_q, come_q, use_q;  // places in the ring
  logic [3:0] unasked_q, unused_q;                    // descriptors given but not asked for, not handed out
  logic [Depth-1:0] ends_q;                           // of what is under way, oldest first: it ends a burst
  logic [2:0] under_way_q, n;
  logic none_left_q;                                  // so a cycle ago

  assign n    = 3'(cmd.bytes[6:4]);
  assign load = rst_ni && !loaded_q;
  assign ring = '{en: loaded_q, base: '0, count: 16'(count_i), tail: 16'(tail_q)};
  assign beat = '{err: 1'b0, last: ends_q[0], strb: '1, data: 128'(come_q)};

  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    loaded_q  <= rst_ni;
    count_q   <= count_i;
    start_q   <= start_i;
    assume (started_q || !rst_ni);
    assume (count_i != '0 && (!started_q || count_i == count_q));
    assume (start_i < count_i && (!started_q || start_i == start_q));
    assume (loaded_q || given_i == '0);
    assume (unused_q + 4'(given_i) < 4'(count_i));  // software keeps one back
    assume (!beat_valid_i || under_way_q != '0);
    if (!rst_ni) begin
      {tail_q, ask_q, come_q, use_q} <= {4{start_i}};
      {unasked_q, unused_q}          <= '0;
      {ends_q, under_way_q}          <= '0;
      none_left_q                    <= 1'b0;
    end else begin
      tail_q      <= advance(tail_q, given_i);
      unasked_q   <= unasked_q + 4'(given_i) - (asked ? 4'(n) : '0);
      none_left_q <= loaded_q && unused_q == '0;
      unused_q    <= unused_q + 4'(given_i) - 4'(popped);
      under_way_q <= under_way_q + (asked ? n : '0) - 3'(beat_valid_i);
      ends_q      <= (ends_q | (asked ? Depth'(1) << (under_way_q + n - 3'd1) : '0)) >> beat_valid_i;
      if (asked) ask_q <= advance(ask_q, n);
      if (beat_valid_i) come_q <= advance(come_q, 3'd1);
      if (popped) use_q <= advance(use_q, 3'd1);
    end
  end

  always_ff @(posedge clk_i) begin
    if (started_q && rst_ni) begin
      if (cmd_valid) begin
        p_in_order : assert (cmd.addr == 64'({ask_q, 4'b0}));
        p_whole : assert (cmd.bytes[3:0] == '0 && n != '0 && 32'(n) <= MaxBurst && cmd.bytes[15:7] == '0);
        p_not_over_the_end : assert (4'(ask_q) + 4'(n) <= 4'(count_i));
        p_not_beyond_the_tail : assert (4'(n) <= unasked_q);
      end
      if (desc_valid) begin
        p_given : assert (unused_q != '0);
        p_handed_in_order : assert (desc == 128'(use_q));
      end
      p_none_free : assert (none_free == none_left_q);
      p_room : assert (32'(under_way_q) <= Depth);
      p_quiet : assert (!quiet || under_way_q == '0);
      p_idle : assert (!idle || quiet);
      c_wraps : cover (popped && use_q == 3'd0 && ask_q == 3'd1 && count_i == 3'd3);
    end
  end
endmodule
