// SPDX-License-Identifier: MIT
// FIFO between two clocks, first word falls through. Gray-coded pointers, any ratio and phase of the clocks.
//
// Both sides are valid/ready streams: valid never waits for ready, payload is stable until taken. Depth is a power of
// two; the memory is written by one clock and read asynchronously (LUT RAM) into a register, which holds the first word.
// Reset: either reset empties the FIFO on both sides (what was in flight is lost) and holds `in_ready_o` and
// `out_valid_o` low; it must last 8 cycles of the slower clock so that each side has seen it before the other resumes.
// Latency: a word is at the output 3 to 4 cycles of `out_clk_i` after it was taken. One word per cycle sustained.
// Both ready and valid are registers: a reset of the other side shows in them one cycle late.
module nic_fifo_async #(
    parameter int unsigned Width = 8,
    parameter int unsigned Depth = 16,
    localparam int unsigned AddrBits = $clog2(Depth)
) (
    input  logic              in_clk_i,
    input  logic              in_rst_ni,
    input  logic              in_valid_i,
    output logic              in_ready_o,
    input  logic [Width-1:0]  in_data_i,
    /// Words held as the input side knows it: never less than there are.
    output logic [AddrBits:0] in_level_o,

    input  logic             out_clk_i,
    input  logic             out_rst_ni,
    output logic             out_valid_o,
    input  logic             out_ready_i,
    output logic [Width-1:0] out_data_o
);
  typedef logic [AddrBits:0] ptr_t;  // one bit more than the address: full and empty differ

  if (Depth < 4 || Depth != 2 ** AddrBits) begin : g_bad_depth
    $fatal(1, "nic_fifo_async: Depth must be a power of two, at least 4");
  end

  function automatic ptr_t to_gray(ptr_t binary);
    return binary ^ (binary >> 1);
  endfunction

  function automatic ptr_t to_binary(ptr_t gray);
    ptr_t binary;  // each bit is the parity of the Gray bits from it up
    binary = gray;
    for (int unsigned by = 1; by <= AddrBits; by *= 2) binary ^= binary >> by;
    return binary;
  endfunction

  logic [Width-1:0] mem[Depth];
  ptr_t wr_gray_q, rd_gray_q;  // what crosses

  // -------------------------------------------------------------- input side
  logic in_run, in_sees_out_run, in_push, room_q;
  ptr_t wr_q, wr_next, rd_gray_in;
  ptr_t rd_in_q;     // words taken out, as known here
  ptr_t wr_at_full;  // where the next word would go if there were no room

  nic_sync u_out_rst_in (
      .clk_i(in_clk_i),
      .d_i  (out_rst_ni),
      .q_o  (in_sees_out_run)
  );
  nic_sync #(
      .Width(AddrBits + 1)
  ) u_rd_in (
      .clk_i(in_clk_i),
      .d_i  (rd_gray_q),
      .q_o  (rd_gray_in)
  );

  assign in_run     = in_rst_ni && in_sees_out_run;
  assign in_level_o = wr_q - rd_in_q;
  assign in_ready_o = room_q;
  assign wr_at_full = rd_in_q ^ ptr_t'(Depth);
  assign in_push    = in_valid_i && in_ready_o;
  assign wr_next    = wr_q + 1'b1;

  always_ff @(posedge in_clk_i) begin
    if (in_push) mem[wr_q[AddrBits-1:0]] <= in_data_i;
  end
  always_ff @(posedge in_clk_i) begin
    if (!in_run) begin
      wr_q      <= '0;
      wr_gray_q <= '0;
      rd_in_q   <= '0;
      room_q    <= 1'b0;
    end else begin
      if (in_push) begin
        wr_q      <= wr_next;
        wr_gray_q <= to_gray(wr_next);
      end
      rd_in_q <= to_binary(rd_gray_in);
      room_q  <= (in_push ? wr_next : wr_q) != wr_at_full;
    end
  end

  // -------------------------------------------------------------- output side
  logic out_run, out_sees_in_run, fetch, full_q;
  logic [Width-1:0] data_q;
  ptr_t fetched_q, fetched_next, fetched_gray_q;  // words that left the memory: those taken out and the one in `data_q`
  ptr_t wr_gray_out;

  nic_sync u_in_rst_out (
      .clk_i(out_clk_i),
      .d_i  (in_rst_ni),
      .q_o  (out_sees_in_run)
  );
  nic_sync #(
      .Width(AddrBits + 1)
  ) u_wr_out (
      .clk_i(out_clk_i),
      .d_i  (wr_gray_q),
      .q_o  (wr_gray_out)
  );

  assign out_run      = out_rst_ni && out_sees_in_run;
  assign out_valid_o  = full_q;
  assign out_data_o   = data_q;
  assign fetch        = wr_gray_out != fetched_gray_q && (!full_q || out_ready_i);
  assign fetched_next = fetched_q + 1'b1;

  always_ff @(posedge out_clk_i) begin
    if (!out_run) begin
      full_q         <= 1'b0;
      fetched_q      <= '0;
      fetched_gray_q <= '0;
      rd_gray_q      <= '0;
    end else begin
      if (fetch) begin
        fetched_q      <= fetched_next;
        fetched_gray_q <= to_gray(fetched_next);
      end
      full_q <= fetch || (full_q && !out_ready_i);
      if (full_q && out_ready_i) rd_gray_q <= fetched_gray_q;
    end
  end
  always_ff @(posedge out_clk_i) begin
    if (fetch) data_q <= mem[fetched_q[AddrBits-1:0]];
  end

  // -------------------------------------------------------------- promises
  logic in_wait_q, out_wait_q;
  logic [Width-1:0] in_data_q, out_data_q;  // what waits, as it was when its wait began
  always_ff @(posedge in_clk_i) begin
    if (in_run && in_level_o != '0) begin
      a_level : assert (in_level_o <= ptr_t'(Depth)) else $error("nic_fifo_async: level beyond depth");
    end
    if (in_valid_i || in_wait_q) begin
      in_wait_q <= in_run && in_valid_i && !in_ready_o;
      if (!in_wait_q) in_data_q <= in_data_i;
      if (in_run && in_wait_q) begin
        a_input_holds : assert (in_valid_i && in_data_i == in_data_q)
        else $error("nic_fifo_async: a waiting input changed");
      end
    end
  end
  always_ff @(posedge out_clk_i) begin
    if (out_valid_o || out_wait_q) begin
      out_wait_q <= out_run && out_valid_o && !out_ready_i;
      if (!out_wait_q) out_data_q <= out_data_o;
      if (out_run && out_wait_q) begin
        a_output_holds : assert (out_valid_o && out_data_o == out_data_q)
        else $error("nic_fifo_async: a waiting output changed");
      end
    end
  end
endmodule
