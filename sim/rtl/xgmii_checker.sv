// SPDX-License-Identifier: MIT
// One direction of a 64-bit XGMII, held to IEEE 802.3 clause 46 as a transmitting RS must keep it. Every word is looked at.
//
// Two 32-bit columns a word: what belongs into lane 0 (start, sequence) is legal in lanes 0 and 4. The gap counts from the
// terminate character, itself included, to the next start (4.4.2: 12 octets). To start in lane 0 of a column an RS may send up
// to 3 less if it sent more before (46.3.1.4, deficit idle count): never below 9, and the deficit never above 3, which makes the
// average 12. Error characters inside a frame are how an RS says that it is bad: legal, counted in `errors_o`.
//
// A broken rule is a pulse at its bit of `broken_o` (the n-th of rule_e) in the cycle after, and an error that says rule and time;
// Stop and `strict_i` together end the simulation there. Left out: what is in a frame, its length and FCS (the scoreboards').
module xgmii_checker #(
  parameter bit Stop = 1'b1
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  /// low: look away
  input  logic        enable_i,
  /// low: illegal words are sent on purpose, so they are counted, and nothing else
  input  logic        strict_i,
  input  logic [63:0] data_i,
  input  logic [ 7:0] ctrl_i,
  output logic [15:0] broken_o,
  output int unsigned illegal_o,
  output int unsigned errors_o
);
  typedef enum logic [3:0] {
    CONTROL,    // a control code that is reserved
    START,      // /S/ not in lane 0 of a column, or inside a frame
    PREAMBLE,   // not six octets of 55 and one of D5 after /S/
    IDLE,       // a frame that ends without /T/
    TERMINATE,  // /T/ outside a frame
    DATA,       // data octets outside frames and ordered sets
    SEQUENCE,   // /Q/ not in lane 0 of a column, inside a frame, or not followed by three data octets
    ERROR,      // /E/ outside frames
    GAP,        // fewer than 9 octets between frames
    DEFICIT     // fewer than 12 on average
  } rule_e;
  localparam int unsigned Rules = 32'(DEFICIT) + 1;
  localparam logic [7:0] Idle = 8'h07, Start = 8'hfb, Terminate = 8'hfd, Error = 8'hfe, Sequence = 8'h9c;
  localparam int Gap = 12, MaxDeficit = 3;

  typedef enum logic [1:0] {Between, Preamble, Frame, OrderedSet} state_e;

  function automatic string name(logic [3:0] rule);
    rule_e named = rule_e'(rule);
    return named.name();
  endfunction

  // A program, not hardware: each lane sees what the one before did.
  // verilator lint_off BLKSEQ
  state_e           state;
  int unsigned      count;    // octets of the preamble, or of the ordered set
  int               gap;      // octets since the last frame; more than Gap + MaxDeficit are as good as any
  int               deficit;
  logic [Rules-1:0] broken;

  function automatic void restart();
    state   = Between;
    gap     = Gap + MaxDeficit;
    deficit = 0;
  endfunction

  // A frame starts: was the gap before it long enough?
  function automatic void gap_rules();
    deficit = deficit + Gap - gap;
    if (deficit < 0) deficit = 0;
    broken[GAP]     |= gap < Gap - MaxDeficit;
    broken[DEFICIT] |= deficit > MaxDeficit;
    if (deficit > MaxDeficit) deficit = MaxDeficit;
  endfunction

  function automatic void control(int unsigned lane, logic [7:0] code);
    logic inside_frame = state == Preamble || state == Frame;
    logic first_lane   = lane % 4 == 0;
    broken[PREAMBLE] |= state == Preamble && code != Error;
    broken[SEQUENCE] |= state == OrderedSet;
    unique case (code)
      Idle: begin
        broken[IDLE] |= inside_frame;
        if (inside_frame) gap = 0;
        state = Between;
      end
      Start: begin
        broken[START] |= inside_frame || !first_lane;
        if (!inside_frame) gap_rules();
        state = Preamble;
        count = 0;
      end
      Terminate: begin
        broken[TERMINATE] |= !inside_frame;
        state = Between;
        gap   = 0;
      end
      Error: begin
        broken[ERROR] |= !inside_frame;
        if (inside_frame) errors_o = errors_o + 1;
        if (state == Preamble) state = Frame;
      end
      Sequence: begin
        broken[SEQUENCE] |= inside_frame || !first_lane;
        state = OrderedSet;
        count = 0;
      end
      default: broken[CONTROL] = 1'b1;
    endcase
  endfunction

  function automatic void octet(logic [7:0] value);
    unique case (state)
      Between: broken[DATA] = 1'b1;
      Preamble: begin
        count = count + 1;
        broken[PREAMBLE] |= value != (count == 7 ? 8'hd5 : 8'h55);
        if (count == 7) state = Frame;
      end
      OrderedSet: begin
        count = count + 1;
        if (count == 3) state = Between;
      end
      default: ;
    endcase
  endfunction

  initial begin
    restart();
    {broken_o, illegal_o, errors_o} = '0;
  end

  always @(posedge clk_i) begin
    broken = '0;
    if (!rst_ni) begin
      restart();
    end else if (enable_i && !(state == Frame && ctrl_i == '0)) begin
      if (ctrl_i == '1 && data_i == {8{Idle}} && state == Between) begin
        gap = gap + 8;
      end else begin
        for (int unsigned lane = 0; lane < 8; ++lane) begin
          if (ctrl_i[lane]) control(lane, data_i[8*lane+:8]);
          else octet(data_i[8*lane+:8]);
          if (state == Between || state == OrderedSet) gap = gap + 1;
        end
      end
      if (gap > Gap + MaxDeficit) gap = Gap + MaxDeficit;
      if (broken != '0) begin
        illegal_o = illegal_o + 1;
        for (int unsigned rule = 0; strict_i && rule < Rules; ++rule) begin
          if (broken[rule]) $display("xgmii_checker: rule %s broken at %0t ps, in %m", name(4'(rule)), $time);
        end
        if (Stop && strict_i) $error("xgmii_checker: stopped");
      end
    end
    broken_o <= 16'(broken);
  end
  // verilator lint_on BLKSEQ

  final begin
    if (errors_o != 0 || illegal_o != 0) begin
      $display("xgmii_checker: %0d error characters in frames, %0d illegal words, in %m", errors_o, illegal_o);
    end
  end
endmodule
