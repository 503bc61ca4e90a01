// SPDX-License-Identifier: MIT
// FIFO between two clocks, first word falls through. Gray-coded pointers, any ratio and phase of the clocks.
//
// Both sides are valid/ready streams: valid never waits for ready, payload is stable until taken. Depth is a power of
// two; the memory is written by one clock and read asynchronously (LUT RAM).
// Reset: either reset empties the FIFO on both sides (what was in flight is lost) and holds `in_ready_o` and
// `out_valid_o` low; it must last 8 cycles of the slower clock so that each side has seen it before the other resumes.
// Latency: a word is at the output 2 to 3 cycles of `out_clk_i` after it was taken. One word per cycle sustained.
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
  logic in_run, in_sees_out_run, in_push;
  ptr_t wr_q, wr_next, rd_gray_in;

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
  assign in_level_o = in_run ? wr_q - to_binary(rd_gray_in) : '0;
  assign in_ready_o = in_run && in_level_o != ptr_t'(Depth);
  assign in_push    = in_valid_i && in_ready_o;
  assign wr_next    = wr_q + 1'b1;

  always_ff @(posedge in_clk_i) begin
    if (in_push) mem[wr_q[AddrBits-1:0]] <= in_data_i;
  end
  always_ff @(posedge in_clk_i) begin
    if (!in_run) begin
      wr_q      <= '0;
      wr_gray_q <= '0;
    end else if (in_push) begin
      wr_q      <= wr_next;
      wr_gray_q <= to_gray(wr_next);
    end
  end

  // -------------------------------------------------------------- output side
  logic out_run, out_sees_in_run;
  ptr_t rd_q, rd_next, wr_gray_out;

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

  assign out_run     = out_rst_ni && out_sees_in_run;
  assign out_valid_o = out_run && wr_gray_out != rd_gray_q;
  assign out_data_o  = mem[rd_q[AddrBits-1:0]];
  assign rd_next     = rd_q + 1'b1;

  always_ff @(posedge out_clk_i) begin
    if (!out_run) begin
      rd_q      <= '0;
      rd_gray_q <= '0;
    end else if (out_valid_o && out_ready_i) begin
      rd_q      <= rd_next;
      rd_gray_q <= to_gray(rd_next);
    end
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
