// SPDX-License-Identifier: MIT
// Synchronous FIFO, first word falls through.
//
// Holds exactly `Depth` words (any depth >= 1). Both sides are valid/ready streams: valid never waits for ready, payload
// is stable until taken. `in_ready_o` is a register, so a depth of 2 also serves as a pipeline cut at full
// rate; a depth of 1 passes a word every second cycle.
// What it is made of: up to two words are registers. More are a memory with an asynchronous read (LUT RAM), or, with
// `OutRegisters`, a memory with a synchronous read (block RAM where it is large) whose last words are in registers:
// the read's, and, with two of them, one more that hides the block RAM's long way from clock to output.
// Latency: a word put into an empty FIFO is at the output in the next cycle, `OutRegisters` cycles later if the words are in
// a memory. One word per cycle sustained either way, which is why such a FIFO is at least two words deeper than that.
// Left out: almost-full flags (compare `level_o`).
module nic_fifo #(
    parameter int unsigned Width = 8,
    parameter int unsigned Depth = 16,
    parameter int unsigned OutRegisters = Depth > 32 ? 2 : 0,  // 0 to 2; of no meaning up to Depth 2
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
  if (Depth < 1) begin : g_bad_depth
    $fatal(1, "nic_fifo: Depth must be at least 1");
  end
  if (OutRegisters > 2 || (Depth > 2 && Depth < OutRegisters + 2)) begin : g_bad_registers
    $fatal(1, "nic_fifo: OutRegisters must be 0 to 2, and at least 2 less than Depth");
  end

  logic [LevelBits-1:0] level_q;
  logic some_q, room_q;  // the level is not 0, not Depth
  logic push, pop;

  assign in_ready_o = room_q;
  assign level_o    = level_q;
  assign push       = in_valid_i && in_ready_o;
  assign pop        = out_valid_o && out_ready_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      level_q <= '0;
      some_q  <= 1'b0;
      room_q  <= 1'b1;
    end else if (push != pop) begin
      level_q <= push ? level_q + 1'b1 : level_q - 1'b1;
      some_q  <= push || level_q != LevelBits'(1);
      room_q  <= pop || level_q != LevelBits'(Depth - 1);
    end
  end

  if (Depth <= 2) begin : g_registers
    logic [Width-1:0] first_q, second_q;

    assign out_valid_o = some_q;
    assign out_data_o  = first_q;
    always_ff @(posedge clk_i) begin
      if (push) second_q <= in_data_i;  // of no meaning unless the first stays
      if (!some_q || pop) first_q <= room_q ? in_data_i : second_q;
    end
  end else begin : g_memory
    typedef logic [$clog2(Depth)-1:0] addr_t;
    function automatic addr_t next(addr_t a);
      return a == addr_t'(Depth - 1) ? '0 : a + 1'b1;
    endfunction

    logic [Width-1:0] mem[Depth];
    addr_t wr_addr_q, rd_addr_q;
    logic fetch;  // a word leaves the memory

    always_ff @(posedge clk_i) begin
      if (push) mem[wr_addr_q] <= in_data_i;
    end
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        wr_addr_q <= '0;
        rd_addr_q <= '0;
      end else begin
        if (push) wr_addr_q <= next(wr_addr_q);
        if (fetch) rd_addr_q <= next(rd_addr_q);
      end
    end

    if (OutRegisters == 0) begin : g_direct
      assign out_valid_o = some_q;
      assign out_data_o  = mem[rd_addr_q];
      assign fetch       = pop;
    end else begin : g_registered
      // Words on their way out: [0] is what was read, the highest is the output. `go`: a place is free, or is about to be.
      logic [OutRegisters-1:0] valid_q, go;
      logic [OutRegisters-1:0][Width-1:0] data_q;
      logic [LevelBits-1:0] stored_q;  // words in the memory
      logic stored_some_q;             // not 0

      assign out_valid_o = valid_q[OutRegisters-1];
      assign out_data_o  = data_q[OutRegisters-1];
      assign fetch       = stored_some_q && go[0];
      for (genvar i = 0; i < OutRegisters; i++) begin : g_go
        assign go[i] = !(&valid_q[OutRegisters-1:i]) || out_ready_i;
      end

      always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
          valid_q       <= '0;
          stored_q      <= '0;
          stored_some_q <= 1'b0;
        end else begin
          if (go[0]) valid_q[0] <= fetch;
          for (int i = 1; i < OutRegisters; i++) if (go[i]) valid_q[i] <= valid_q[i-1];
          if (push != fetch) begin
            stored_q      <= push ? stored_q + 1'b1 : stored_q - 1'b1;
            stored_some_q <= push || stored_q != LevelBits'(1);
          end
        end
      end
      always_ff @(posedge clk_i) begin
        if (fetch) data_q[0] <= mem[rd_addr_q];
        for (int i = 1; i < OutRegisters; i++) if (go[i]) data_q[i] <= data_q[i-1];
      end
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
