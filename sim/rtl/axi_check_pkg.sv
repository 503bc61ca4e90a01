// SPDX-License-Identifier: MIT
// AXI4 as the checkers read it (IHI 0022 issue H, chapters A3 and A4): encodings, and rules as functions.
package axi_check_pkg;
  typedef enum logic [1:0] {Fixed, Incr, Wrap, ReservedBurst} burst_e;
  typedef enum logic [1:0] {Okay, ExOkay, SlvErr, DecErr} resp_e;

  // One burst, as its address channel announced it.
  typedef struct packed {
    logic [63:0] addr;
    logic [ 7:0] len;   // beats - 1
    logic [ 2:0] size;  // log2 of the bytes of a beat
    logic [ 1:0] burst;
  } burst_t;

  // Each rule is told all of a burst, and looks at its part.
  // verilator lint_off UNUSEDSIGNAL

  // A3.4.1: how many beats a burst of its type may have.
  function automatic logic len_legal(burst_t burst);
    unique case (burst.burst)
      Fixed:   return burst.len < 16;
      Wrap:    return burst.len inside {1, 3, 7, 15};
      default: return 1'b1;
    endcase
  endfunction

  // A3.4.1: no burst crosses a 4 KiB boundary. Only an incrementing one can.
  function automatic logic within_4k(burst_t burst);
    logic [15:0] first = {4'd0, burst.addr[11:0] >> burst.size << burst.size};
    return burst.burst != Incr || first + ((16'(burst.len) + 1) << burst.size) <= 4096;
  endfunction

  // A3.4.1: a wrapping burst starts at a multiple of its beats' size.
  function automatic logic wrap_aligned(burst_t burst);
    return burst.burst != Wrap || (burst.addr >> burst.size << burst.size) == burst.addr;
  endfunction

  // A4.4: of the encodings without Modifiable (bit 1), those that allocate are reserved.
  function automatic logic cache_legal(logic [3:0] cache);
    return cache[1] || cache[3:2] == 2'b00;
  endfunction

  // A3.4.1: where the beat after one at `addr` is.
  function automatic logic [63:0] next_address(burst_t burst, logic [63:0] addr);
    logic [63:0] bytes = 64'd1 << burst.size;
    logic [63:0] next  = (addr >> burst.size << burst.size) + bytes;
    logic [63:0] span  = bytes * (64'(burst.len) + 1);
    if (burst.burst == Fixed) return addr;
    // A wrap's span is a power of two: the bits above it stay.
    if (burst.burst == Wrap) return (addr & ~(span - 1)) | (next & (span - 1));
    return next;
  endfunction

  // A3.4.3: the byte lanes that a beat at `addr` may use, on a bus of `lanes` bytes (128 at most).
  function automatic logic [127:0] beat_lanes(logic [63:0] addr, logic [2:0] size, int unsigned lanes);
    int unsigned first = int'(addr % 64'(lanes));
    int unsigned last  = int'(((addr >> size << size) % 64'(lanes)) + (64'd1 << size) - 1);
    return (128'd2 << last) - (128'd1 << first);
  endfunction
  // verilator lint_on UNUSEDSIGNAL
endpackage
