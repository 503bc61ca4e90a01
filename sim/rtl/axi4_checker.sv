// SPDX-License-Identifier: MIT
// An AXI4 bus, held to the specification (IHI 0022 issue H, chapters A3 and A4) by somebody who read only that.
//
// It looks at both ends. A broken rule is a pulse at its bit of `broken_o` in the cycle after, and an error that names rule (the
// channel is its first letter), place and time; Stop ends the simulation there. Bit n is the n-th name of rule_e, and
// sim/README.md says what each means. An offer that waits SlowCycles is counted in `slow_o`, and told at the end.
//
// Beyond AXI4, of this card: no exclusive access (xx_LOCK, x_RESP), data accesses only (xx_PROT).
// Left out: X (two-state simulation), ordering between reads and writes, responses that never come (the books miss them).
module axi4_checker
  import axi_check_pkg::*;
#(
  parameter int unsigned AddrBits    = 64,
  parameter int unsigned DataBits    = 128,
  parameter int unsigned IdBits      = 4,
  parameter int unsigned SlowCycles  = 1024,
  parameter bit          Stop        = 1'b1,
  localparam int unsigned StrbBits   = DataBits / 8
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  /// low: look away
  input  logic                enable_i,
  input  logic [  IdBits-1:0] awid_i,
  input  logic [AddrBits-1:0] awaddr_i,
  input  logic [         7:0] awlen_i,
  input  logic [         2:0] awsize_i,
  input  logic [         1:0] awburst_i,
  input  logic                awlock_i,
  input  logic [         3:0] awcache_i,
  input  logic [         2:0] awprot_i,
  input  logic                awvalid_i,
  input  logic                awready_i,
  input  logic [DataBits-1:0] wdata_i,
  input  logic [StrbBits-1:0] wstrb_i,
  input  logic                wlast_i,
  input  logic                wvalid_i,
  input  logic                wready_i,
  input  logic [  IdBits-1:0] bid_i,
  input  logic [         1:0] bresp_i,
  input  logic                bvalid_i,
  input  logic                bready_i,
  input  logic [  IdBits-1:0] arid_i,
  input  logic [AddrBits-1:0] araddr_i,
  input  logic [         7:0] arlen_i,
  input  logic [         2:0] arsize_i,
  input  logic [         1:0] arburst_i,
  input  logic                arlock_i,
  input  logic [         3:0] arcache_i,
  input  logic [         2:0] arprot_i,
  input  logic                arvalid_i,
  input  logic                arready_i,
  input  logic [  IdBits-1:0] rid_i,
  input  logic [DataBits-1:0] rdata_i,
  input  logic [         1:0] rresp_i,
  input  logic                rlast_i,
  input  logic                rvalid_i,
  input  logic                rready_i,
  output logic [        63:0] broken_o,
  output int unsigned         slow_o
);
  typedef enum int unsigned {
    AW_RESET, AW_VALID, AW_PAYLOAD, AW_BURST, AW_LEN, AW_SIZE, AW_4K, AW_WRAP, AW_LOCK, AW_CACHE, AW_PROT,
    W_RESET, W_VALID, W_PAYLOAD, W_LAST, W_STRB,
    B_RESET, B_VALID, B_PAYLOAD, B_ADDRESS, B_DATA, B_RESP,
    AR_RESET, AR_VALID, AR_PAYLOAD, AR_BURST, AR_LEN, AR_SIZE, AR_4K, AR_WRAP, AR_LOCK, AR_CACHE, AR_PROT,
    R_RESET, R_VALID, R_PAYLOAD, R_ADDRESS, R_LAST, R_RESP
  } rule_e;
  localparam int unsigned Rules    = int'(R_RESP) + 1;
  localparam int unsigned Ids      = 1 << IdBits;
  localparam int unsigned Depth    = 256;  // reads under way per ID, and one more
  localparam int unsigned FullSize = $clog2(StrbBits);

  // ---------------------------------------------------------------- each channel by itself
  logic [4:0] offered, taken, waited, in_reset, withdrawn, slow;  // AW W B AR R, from bit 0
  axi_channel_checker #(.SlowCycles(SlowCycles)) u_aw (
    .clk_i, .rst_ni, .valid_i(awvalid_i), .ready_i(awready_i), .offered_o(offered[0]), .taken_o(taken[0]),
    .waited_o(waited[0]), .in_reset_o(in_reset[0]), .withdrawn_o(withdrawn[0]), .slow_o(slow[0])
  );
  axi_channel_checker #(.SlowCycles(SlowCycles)) u_w (
    .clk_i, .rst_ni, .valid_i(wvalid_i), .ready_i(wready_i), .offered_o(offered[1]), .taken_o(taken[1]),
    .waited_o(waited[1]), .in_reset_o(in_reset[1]), .withdrawn_o(withdrawn[1]), .slow_o(slow[1])
  );
  axi_channel_checker #(.SlowCycles(SlowCycles)) u_b (
    .clk_i, .rst_ni, .valid_i(bvalid_i), .ready_i(bready_i), .offered_o(offered[2]), .taken_o(taken[2]),
    .waited_o(waited[2]), .in_reset_o(in_reset[2]), .withdrawn_o(withdrawn[2]), .slow_o(slow[2])
  );
  axi_channel_checker #(.SlowCycles(SlowCycles)) u_ar (
    .clk_i, .rst_ni, .valid_i(arvalid_i), .ready_i(arready_i), .offered_o(offered[3]), .taken_o(taken[3]),
    .waited_o(waited[3]), .in_reset_o(in_reset[3]), .withdrawn_o(withdrawn[3]), .slow_o(slow[3])
  );
  axi_channel_checker #(.SlowCycles(SlowCycles)) u_r (
    .clk_i, .rst_ni, .valid_i(rvalid_i), .ready_i(rready_i), .offered_o(offered[4]), .taken_o(taken[4]),
    .waited_o(waited[4]), .in_reset_o(in_reset[4]), .withdrawn_o(withdrawn[4]), .slow_o(slow[4])
  );

  // What stands at each channel while it waits. Looked at only then: these are wide.
  typedef logic [IdBits+AddrBits+20:0] address_t;
  address_t aw_stands, ar_stands;
  logic [DataBits-1:0] wdata_stands, rdata_stands;
  logic [StrbBits:0] w_stands;
  logic [IdBits+1:0] b_stands;
  logic [IdBits+2:0] r_stands;

  function automatic logic [Rules-1:0] payload_rules();
    logic [Rules-1:0] bad = '0;
    address_t aw_now = {awid_i, awaddr_i, awlen_i, awsize_i, awburst_i, awlock_i, awcache_i, awprot_i};
    address_t ar_now = {arid_i, araddr_i, arlen_i, arsize_i, arburst_i, arlock_i, arcache_i, arprot_i};
    bad[AW_PAYLOAD] = waited[0] && aw_now != aw_stands;
    bad[B_PAYLOAD]  = waited[2] && {bid_i, bresp_i} != b_stands;
    bad[AR_PAYLOAD] = waited[3] && ar_now != ar_stands;
    bad[R_PAYLOAD]  = waited[4] && ({rid_i, rresp_i, rlast_i} != r_stands || rdata_i != rdata_stands);
    if (waited[1]) begin
      bad[W_PAYLOAD] = {wstrb_i, wlast_i} != w_stands;
      for (int unsigned lane = 0; lane < StrbBits; ++lane) begin
        if (wstrb_i[lane] && wdata_i[8*lane+:8] != wdata_stands[8*lane+:8]) bad[W_PAYLOAD] = 1'b1;
      end
    end
    aw_stands = aw_now;
    ar_stands = ar_now;
    b_stands  = {bid_i, bresp_i};
    if (offered[1]) begin
      w_stands     = {wstrb_i, wlast_i};
      wdata_stands = wdata_i;
    end
    if (offered[4]) begin
      r_stands     = {rid_i, rresp_i, rlast_i};
      rdata_stands = rdata_i;
    end
    return bad;
  endfunction

  function automatic logic [Rules-1:0] address_rules(rule_e first, burst_t burst, logic lock, logic [3:0] cache,
                                                     logic instruction);
    // In the order of the names from xx_BURST on.
    logic [7:0] bad = {
      instruction, !cache_legal(cache), lock, !wrap_aligned(burst), !within_4k(burst), 32'(burst.size) > FullSize,
      !len_legal(burst), burst.burst == ReservedBurst
    };
    return Rules'(bad) << first;
  endfunction

  // ---------------------------------------------------------------- what is under way
  typedef struct packed {
    logic [IdBits-1:0] id;
    burst_t burst;
  } write_t;
  typedef struct packed {
    logic [StrbBits-1:0] strb;
    logic last;
  } beat_t;

  // Writes: bursts whose data has not all come, data that came before its address, and what each ID owes.
  write_t      writes[$];
  beat_t       beats[$];
  logic [63:0] beat_addr;
  int unsigned beat;
  int unsigned addressed[Ids], finished[Ids];
  // Reads: the lengths of each ID's bursts, oldest first, and the beat that comes next.
  logic [ 7:0] lens[Ids][Depth];
  logic [ 7:0] oldest[Ids], newest[Ids];
  int unsigned read_beat[Ids];

  function automatic void forget();
    writes.delete();
    beats.delete();
    beat = 0;
    for (int unsigned id = 0; id < Ids; ++id) begin
      addressed[id] = 0;
      finished[id]  = 0;
      oldest[id]    = '0;
      newest[id]    = '0;
      read_beat[id] = 0;
    end
  endfunction

  // One beat of write data, against the oldest burst that lacks some.
  function automatic logic [Rules-1:0] write_beat(beat_t data);
    logic [Rules-1:0] bad = '0;
    write_t write = writes[0];
    if (beat == 0) beat_addr = write.burst.addr;
    bad[W_LAST] = data.last != (beat == 32'(write.burst.len));
    // A whole beat, which most are, may use every lane.
    if (32'(write.burst.size) != FullSize || beat_addr[FullSize-1:0] != '0) begin
      bad[W_STRB] = |(data.strb & ~StrbBits'(beat_lanes(beat_addr, write.burst.size, StrbBits)));
    end
    beat_addr   = next_address(write.burst, beat_addr);
    beat        = beat + 1;
    if (data.last) begin
      beat = 0;
      finished[write.id] = finished[write.id] + 1;
      void'(writes.pop_front());
    end
    return bad;
  endfunction

  // ---------------------------------------------------------------- one clock, responses before what they answer
  function automatic string name(int unsigned rule);
    rule_e named = rule_e'(rule);
    return named.name();
  endfunction

  // A program, not hardware: each step sees what the one before did.
  // verilator lint_off BLKSEQ
  logic [Rules-1:0] broken;
  burst_t aw, ar;
  assign aw = '{addr: 64'(awaddr_i), len: awlen_i, size: awsize_i, burst: awburst_i};
  assign ar = '{addr: 64'(araddr_i), len: arlen_i, size: arsize_i, burst: arburst_i};

  initial begin
    forget();
    slow_o   = 0;
    broken_o = '0;
  end

  always @(posedge clk_i) begin
    broken = '0;
    if (enable_i && |{offered, in_reset, withdrawn}) begin
      broken[AW_RESET+:2] = {withdrawn[0], in_reset[0]};
      broken[W_RESET+:2]  = {withdrawn[1], in_reset[1]};
      broken[B_RESET+:2]  = {withdrawn[2], in_reset[2]};
      broken[AR_RESET+:2] = {withdrawn[3], in_reset[3]};
      broken[R_RESET+:2]  = {withdrawn[4], in_reset[4]};
      // Only an offer that waited, or will, has to stand still.
      if (|waited || |(offered & ~taken)) broken |= payload_rules();
      if (|slow) slow_o <= slow_o + 32'($countones(slow));
      if (offered[2]) begin
        broken[B_ADDRESS] = addressed[bid_i] == 0;
        broken[B_DATA]    = addressed[bid_i] != 0 && finished[bid_i] == 0;
        broken[B_RESP]    = bresp_i == ExOkay;
        if (taken[2] && finished[bid_i] != 0) begin
          addressed[bid_i] = addressed[bid_i] - 1;
          finished[bid_i]  = finished[bid_i] - 1;
        end
      end
      if (offered[4]) begin
        broken[R_ADDRESS] = oldest[rid_i] == newest[rid_i];
        broken[R_LAST]    = !broken[R_ADDRESS] && rlast_i != (read_beat[rid_i] == 32'(lens[rid_i][oldest[rid_i]]));
        broken[R_RESP]    = rresp_i == ExOkay;
        if (taken[4] && !broken[R_ADDRESS]) begin
          read_beat[rid_i] = rlast_i ? 0 : read_beat[rid_i] + 1;
          oldest[rid_i]    = oldest[rid_i] + 8'(rlast_i);
        end
      end
      // As soon as it is offered, and once: what waits must not change.
      if (offered[0] && !waited[0]) broken |= address_rules(AW_BURST, aw, awlock_i, awcache_i, awprot_i[2]);
      if (offered[3] && !waited[3]) broken |= address_rules(AR_BURST, ar, arlock_i, arcache_i, arprot_i[2]);
      if (taken[3]) begin
        lens[arid_i][newest[arid_i]] = arlen_i;
        newest[arid_i] = newest[arid_i] + 1;
        a_room : assert (newest[arid_i] != oldest[arid_i])
        else $error("axi4_checker: lost count: more than %0d reads of one ID are under way", Depth - 1);
      end
      if (taken[0]) begin
        writes.push_back('{id: awid_i, burst: aw});
        addressed[awid_i] = addressed[awid_i] + 1;
      end
      if (taken[1] && beats.size() == 0 && writes.size() != 0) broken |= write_beat('{strb: wstrb_i, last: wlast_i});
      else if (taken[1]) beats.push_back('{strb: wstrb_i, last: wlast_i});
      while (writes.size() != 0 && beats.size() != 0) broken |= write_beat(beats.pop_front());
      for (int unsigned rule = 0; broken != '0 && rule < Rules; ++rule) begin
        if (broken[rule]) $display("axi4_checker: rule %s broken at %0t ps, in %m", name(rule), $time);
      end
      if (Stop && broken != '0) $error("axi4_checker: stopped");
    end
    if (!rst_ni) forget();
    broken_o <= 64'(broken);
  end
  // verilator lint_on BLKSEQ

  final begin
    if (slow_o != 0) $display("axi4_checker: %0d offers waited %0d cycles or longer, in %m", slow_o, SlowCycles);
  end
endmodule
