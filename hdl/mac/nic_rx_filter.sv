// SPDX-License-Identifier: MIT
// Destination address filter: exact addresses, broadcast, multicast hash, promiscuous (82574L datasheet 7.1.1, RCTL).
//
// Present a frame's destination with `valid_i`; the answer is on `wanted_o`/`pif_o` in the next cycle, and for that
// cycle only. The hash table is read through `mta_*` in between: `mta_bit_i` belongs to the index of the cycle before.
// Broadcast is a multicast address too: multicast promiscuous and the hash table pass it even when RCTL.BAM is clear.
// The hash table is for multicast addresses only. Left out: VLAN filter.
module nic_rx_filter
  import nic_pkg::*;
(
    input  logic               clk_i,
    /// RCTL.UPE, MPE, BAM, MO.
    input  logic               upe_i,
    input  logic               mpe_i,
    input  logic               bam_i,
    input  logic        [ 1:0] mo_i,
    input  mac_filter_t [15:0] filter_i,
    output logic               mta_en_o,
    output logic        [11:0] mta_index_o,
    input  logic               mta_bit_i,

    input  logic        valid_i,
    /// [7:0] is the first byte on the wire.
    input  logic [47:0] destination_i,
    output logic        wanted_o,
    /// Wanted only because of the hash table or a promiscuous mode: software has to look for itself.
    output logic        pif_o,
    output logic        multicast_o,
    output logic        broadcast_o
);
  logic multicast, broadcast, exact;
  logic [15:0] listed_q;  // per exact address
  logic passed_q, multicast_q, broadcast_q, promiscuous_q;  // passed_q: as a broadcast

  assign multicast = destination_i[0];
  assign broadcast = &destination_i;

  function automatic logic [15:0] listed(mac_filter_t [15:0] filters, logic [47:0] destination);
    logic [15:0] found;
    for (int i = 0; i < 16; i++) begin
      found[i] = filters[i].valid && filters[i].select == '0 && filters[i].addr == destination;
    end
    return found;
  endfunction

  assign mta_en_o = valid_i && multicast;
  always_comb begin
    unique case (mo_i)
      2'd0: mta_index_o = destination_i[47:36];
      2'd1: mta_index_o = destination_i[46:35];
      2'd2: mta_index_o = destination_i[45:34];
      2'd3: mta_index_o = destination_i[43:32];
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      listed_q      <= listed(filter_i, destination_i);
      passed_q      <= broadcast && bam_i;
      multicast_q   <= multicast;
      broadcast_q   <= broadcast;
      promiscuous_q <= multicast ? mpe_i : upe_i;
    end
  end

  assign exact       = passed_q || listed_q != '0;
  assign wanted_o    = exact || promiscuous_q || (multicast_q && mta_bit_i);
  assign pif_o       = wanted_o && !exact;
  assign multicast_o = multicast_q;
  assign broadcast_o = broadcast_q;
endmodule
