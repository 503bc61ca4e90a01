// SPDX-License-Identifier: MIT
// The least that keeps both rings busy: what the simulation could do if driver, kernel and stack cost nothing.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "shared.h"

namespace nicosim {

// Traffic of one round. direction: tx, rx, both, or loopback (each frame goes out, comes back, and counts once).
struct FillerConfig {
    std::string direction = "tx";
    unsigned frame_bytes = 64;  // with FCS
    unsigned frames = 2000;     // each way
    unsigned ring = 1024;
    unsigned buffer = 2048;     // bytes a receive descriptor has
    unsigned latency_ns = 300;
    unsigned interrupts = 50000;  // a second at most; 0: no limit
    unsigned rounds = 1;
    unsigned spoil = 0;  // a bit of this frame (from 1 on) is wrong where the card finds it: the filler must notice

    // "direction=tx,frame_bytes=64,..."; exits with a message when a word is not known.
    static FillerConfig parse(const std::string& text);
};

class RingFiller {
public:
    explicit RingFiller(const FillerConfig& config);

    // Program the card; the first round begins when it has a link.
    void begin();
    // Something has happened, or `Shared::urgent` was set.
    void pump();
    bool done() const { return round_ == config_.rounds; }

private:
    using Bytes = std::vector<uint8_t>;

    void start_round();
    void end_round();
    void happened(const Event& event);
    void interrupt();
    void fill_transmit();
    void clean_transmit();
    void give_receive();
    void clean_receive();
    void came_from_card(const uint8_t* data, size_t count, bool good, Ps time);
    uint8_t* at(uint64_t physical);
    void fail(const std::string& what) const;
    bool sends() const { return config_.direction != "rx"; }
    bool receives() const { return config_.direction != "tx"; }

    FillerConfig config_;
    std::vector<uint8_t> host_;
    std::vector<Bytes> out_, in_;  // the frames, without FCS
    unsigned round_ = 0;
    bool linked_ = false, reading_status_ = false;
    // transmit: descriptors [clean, use) are the card's
    unsigned tx_use_ = 0, tx_clean_ = 0, tx_next_ = 0, tx_seen_ = 0;
    // receive: descriptors [clean, use) are the card's
    unsigned rx_use_ = 0, rx_clean_ = 0, rx_seen_ = 0, rx_offset_ = 0, wire_sent_ = 0;
    double wall_begin_ = 0;
    Ps first_out_ = 0, last_out_ = 0, first_in_ = 0, last_in_ = 0;
    uint64_t cycles_begin_ = 0;
};

}  // namespace nicosim
