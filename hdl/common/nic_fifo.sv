// SPDX-License-Identifier: MIT
// Synchronous FIFO, first word falls through.
//
// Holds exactly `Depth` words (any depth >= 1). Both sides are valid/ready streams: valid never waits for ready, payload
// is stable until taken. `in_ready_o` is a register, so a depth of 2 also serves as a pipeline cut at full
// rate; a depth of 1 passes a word every second cycle.
// Latency: a word put into an empty FIFO is at the output in the next cycle, or, above `RegisterDepth` words, where the
// memory is a block RAM with a synchronous read, one cycle later. One word per cycle sustained either way.
// Left out: almost-full flags (compare `level_o`).
module nic_fifo #(
    parameter int unsigned Width = 8,
    parameter int unsigned Depth = 16,
    parameter int unsigned RegisterDepth = 32,  // up to here a memory with an asynchronous read (LUT RAM)
    localparam int unsigned LevelBits = $clog2(Depth + 1)
) (
    input  logic                 clk_i,
    input  logic                 rst_ni,
    /// Words in.
    input  logic                 in_valid_i,
    output logic                 in_ready_o,
    input  logic [Width-1:0]     in_data_i,
    /// Words out, in order.
    output logic                 out_valid_o,
    input  logic                 out_ready_i,
    output logic [Width-1:0]     out_data_o,
    /// Words held, 0..Depth.
    output logic [LevelBits-1:0] level_o
);
  localparam int unsigned AddrBits = Depth > 1 ? $clog2(Depth) : 1;
  typedef logic [AddrBits-1:0] addr_t;

  if (Depth < 1) begin : g_bad_depth
    $fatal(1, "nic_fifo: Depth must be at least 1");
  end

  function automatic addr_t next(addr_t a);
    return a == addr_t'(Depth - 1) ? '0 : a + 1'b1;
  endfunction

  logic [Width-1:0] mem[Depth];
  addr_t wr_addr_q, rd_addr_q;
  logic [LevelBits-1:0] level_q;
  logic some_q, room_q;    // the level is not 0, not Depth
  logic push, pop, fetch;  // fetch: a word leaves the memory

  assign in_ready_o = room_q;
  assign level_o    = level_q;
  assign push       = in_valid_i && in_ready_o;
  assign pop        = out_valid_o && out_ready_i;

  always_ff @(posedge clk_i) begin
    if (push) mem[wr_addr_q] <= in_data_i;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_addr_q <= '0;
      rd_addr_q <= '0;
      level_q   <= '0;
      some_q    <= 1'b0;
      room_q    <= 1'b1;
    end else begin
      if (push) wr_addr_q <= next(wr_addr_q);
      if (fetch) rd_addr_q <= next(rd_addr_q);
      if (push != pop) begin
        level_q <= push ? level_q + 1'b1 : level_q - 1'b1;
        some_q  <= push || level_q != LevelBits'(1);
        room_q  <= pop || level_q != LevelBits'(Depth - 1);
      end
    end
  end

  if (Depth <= RegisterDepth) begin : g_shallow
    assign out_valid_o = some_q;
    assign out_data_o  = mem[rd_addr_q];
    assign fetch       = pop;
  end else begin : g_deep
    // The RAM's output register is the last word of the FIFO.
    logic out_valid_q, more_q;  // more_q: words besides that one
    logic [Width-1:0] out_data_q;

    assign out_valid_o = out_valid_q;
    assign out_data_o  = out_data_q;
    assign fetch       = more_q && (!out_valid_q || out_ready_i);

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        out_valid_q <= 1'b0;
        more_q      <= 1'b0;
      end else begin
        if (fetch) out_valid_q <= 1'b1;
        else if (out_ready_i) out_valid_q <= 1'b0;
        if (push) more_q <= 1'b1;
        else if (fetch) more_q <= level_q > LevelBits'(1) + LevelBits'(out_valid_q);
      end
    end
    always_ff @(posedge clk_i) begin
      if (rst_ni) begin
        a_more : assert (more_q == (level_q != LevelBits'(out_valid_q)))
          else $error("nic_fifo: what it says of its memory is wrong");
      end
    end
    always_ff @(posedge clk_i) begin
      if (fetch) out_data_q <= mem[rd_addr_q];
    end
  end

  // -------------------------------------------------------------- promises of the neighbours, and ours
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      a_flags : assert (some_q == (level_q != '0) && room_q == (level_q != LevelBits'(Depth)))
        else $error("nic_fifo: what it says of its level is wrong");
    end
  end

  logic in_wait_q, out_wait_q;
  logic [Width-1:0] in_data_q, out_data_prev_q;  // what waits, as it was when its wait began
  always_ff @(posedge clk_i) begin
    if (in_valid_i || in_wait_q) begin
      in_wait_q <= rst_ni && in_valid_i && !in_ready_o;
      if (!in_wait_q) in_data_q <= in_data_i;
      if (rst_ni && in_wait_q) begin
        a_input_holds : assert (in_valid_i && in_data_i == in_data_q) else $error("nic_fifo: a waiting input changed");
      end
    end
    if (out_valid_o || out_wait_q) begin
      out_wait_q <= rst_ni && out_valid_o && !out_ready_i;
      if (!out_wait_q) out_data_prev_q <= out_data_o;
      if (rst_ni && out_wait_q) begin
        a_output_holds : assert (out_valid_o && out_data_o == out_data_prev_q)
        else $error("nic_fifo: a waiting output changed");
      end
    end
  end
endmodule
