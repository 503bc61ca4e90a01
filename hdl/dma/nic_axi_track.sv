// SPDX-License-Identifier: MIT
// Remembers the bursts that are outstanding: a queue per client (AXI answers in order within an ID), one count for all.
//
// Push when a burst is issued (only while `room_o`). `data_o` is what was pushed with the oldest burst of `id_i`, in the
// same cycle; `known_o` says whether there is one. `pop_i` forgets that one.
module nic_axi_track #(
    parameter int unsigned Clients        = 3,
    parameter int unsigned MaxOutstanding = 32,
    parameter int unsigned Width          = 64
) (
    input  logic                           clk_i,
    input  logic                           rst_ni,
    input  logic                           push_i,
    input  logic [nic_axi_pkg::IdBits-1:0] push_id_i,
    input  logic [Width-1:0]               push_data_i,
    /// Fewer than MaxOutstanding bursts are outstanding; none is.
    output logic                           room_o,
    output logic                           empty_o,
    /// The oldest burst of `id_i`.
    input  logic [nic_axi_pkg::IdBits-1:0] id_i,
    input  logic                           pop_i,
    output logic                           known_o,
    output logic [Width-1:0]               data_o
);
  localparam int unsigned SelBits   = Clients > 1 ? $clog2(Clients) : 1;
  localparam int unsigned PtrBits   = MaxOutstanding > 1 ? $clog2(MaxOutstanding) : 1;
  localparam int unsigned CountBits = $clog2(MaxOutstanding + 1);
  typedef logic [SelBits-1:0] sel_t;

  if (MaxOutstanding < 1) begin : g_bad_max
    $fatal(1, "nic_axi_track: MaxOutstanding must be at least 1");
  end

  logic [Width-1:0] mem[2**(SelBits+PtrBits)];
  logic [PtrBits:0] wr_q[Clients], rd_q[Clients];  // a bit more than an index, so that full and empty differ
  logic [CountBits-1:0] count_q;
  sel_t push_sel, sel;

  assign push_sel = sel_t'(push_id_i);
  assign sel      = known_id(id_i) ? sel_t'(id_i) : '0;
  assign room_o   = count_q != CountBits'(MaxOutstanding);
  assign empty_o  = count_q == '0;
  assign known_o  = known_id(id_i) && wr_q[sel] != rd_q[sel];
  assign data_o   = mem[{sel, rd_q[sel][PtrBits-1:0]}];

  function automatic logic known_id(logic [nic_axi_pkg::IdBits-1:0] id);
    return {1'b0, id} < 5'(Clients);
  endfunction

  always_ff @(posedge clk_i) begin
    if (push_i) mem[{push_sel, wr_q[push_sel][PtrBits-1:0]}] <= push_data_i;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      for (int c = 0; c < int'(Clients); c++) begin
        wr_q[c] <= '0;
        rd_q[c] <= '0;
      end
      count_q <= '0;
    end else begin
      if (push_i) wr_q[push_sel] <= wr_q[push_sel] + 1'b1;
      if (pop_i) rd_q[sel] <= rd_q[sel] + 1'b1;
      if (push_i != pop_i) count_q <= push_i ? count_q + 1'b1 : count_q - 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni && push_i) begin
      a_push_room : assert (room_o) else $error("nic_axi_track: more than MaxOutstanding bursts");
      a_push_id : assert (known_id(push_id_i)) else $error("nic_axi_track: burst of no client");
    end
    if (rst_ni && pop_i) begin
      a_pop_known : assert (known_o) else $error("nic_axi_track: nothing outstanding to forget");
    end
  end
endmodule
