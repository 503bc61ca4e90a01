// SPDX-License-Identifier: MIT
// Host memory behind the card's AXI4 master: bursts in, responses out (sim/host/axi_memory.py says the same in Python).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <vector>

#include "shared.h"

namespace nicosim {

enum Response : unsigned { kOkay = 0, kSlvErr = 2, kDecErr = 3 };

// The bits of what `cycle` returns.
enum Channel : unsigned { kR, kB, kAr, kAw, kW, kChannels };

constexpr unsigned kPage = 4096, kBeatBytesMax = 32;

// What sim/config.py's HostConfig says, and where things are. Python fills it once.
struct MemoryConfig {
    uint64_t host;         // where host memory is in this process
    uint64_t base;         // physical address of its first byte
    uint64_t size;         // bytes
    uint64_t iova_base;    // of the IOMMU's window
    uint64_t table;        // physical address of its table
    uint64_t slots;        // 0: there is no IOMMU, every bus address is physical
    uint64_t table_beat;   // bytes of a beat as the IOMMU's rule for reads knows it
    uint64_t latency_ps;
    uint64_t spread_ps;    // each burst waits up to this much longer
    uint64_t reorder;      // 0 or 1
    uint64_t stall_2_32;   // share of busy cycles in which a handshake is withheld, times 2^32
    uint64_t ps_per_beat;  // bandwidth: of each direction; 0: what the bus carries
    uint64_t seed;
};

struct Burst {
    unsigned id;
    bool write;
    uint64_t first, last;  // bytes it touches, as bus addresses, `last` exclusive
    unsigned beats;
    Ps begin, ready;
    std::vector<uint8_t> data;      // a write's, beat by beat
    std::vector<uint32_t> strobes;  // a word for each beat, a bit for each byte
};
using BurstPtr = std::unique_ptr<Burst>;

// One direction's bursts that wait for their answer, in the order of their arrival.
class Waiting {
public:
    void add(BurstPtr burst) { bursts_.push_back(std::move(burst)); }
    bool empty() const { return bursts_.empty(); }
    size_t size() const { return bursts_.size(); }
    void clear() { bursts_.clear(); }
    // Those that may be answered now: the first, or with `reorder` the first of each ID, in random order.
    void ready(Ps now, bool reorder, std::mt19937_64& random, std::vector<size_t>& found) const;
    BurstPtr take(size_t index);
    const Burst& at(size_t index) const { return *bursts_[index]; }

private:
    std::deque<BurstPtr> bursts_;
};

struct Beat {
    uint8_t data[kBeatBytesMax];
    unsigned id, response;
    bool last;
    // of the whole burst, for an observer
    uint64_t address, bytes;
    Ps begin;
};

// Counts that Python reads.
struct MemoryCounts {
    uint64_t reads, writes, read_bytes, write_bytes, faults, most_reads, most_writes, busy;
    uint64_t cycles;                      // of which the following are sums
    uint64_t read_bursts, write_bursts;   // outstanding, address to last response
    uint64_t beats[5], stalls[5];         // per Channel: handshakes, and cycles in which valid waited for ready
};

class Memory {
public:
    MemoryConfig config{};
    MemoryCounts counts{};
    bool bus_master = false;
    bool held[2] = {false, false};  // reads, writes: nothing is answered
    // Error responses that a test has planned: asked for each burst while there are any (0: answer it normally).
    unsigned (*planned[2])(unsigned id, uint64_t first, uint64_t last, unsigned beats) = {nullptr, nullptr};

    void configure(const MemoryConfig& wanted);
    unsigned beat_bytes() const { return beat_bytes_; }
    void reset(unsigned beat_bytes);
    void address(bool write, unsigned id, uint64_t addr, unsigned len, unsigned size, unsigned burst);
    void data(const uint8_t* bytes, uint32_t strobes, bool last);
    unsigned cycle(bool r_free, bool b_free, unsigned waits);
    Beat read_beat();
    Beat response();
    bool busy() const;

private:
    bool parse(Burst& burst, unsigned len, unsigned size, unsigned kind);
    Ps delay();
    bool stalled(Channel channel) const;
    uint8_t* physical(uint64_t addr, uint64_t count) const;
    uint8_t* translate(uint64_t iova, uint64_t nbytes, bool write, uint64_t reach);
    void match();
    void serve_reads();
    void serve_write();
    void read_beats(const Burst& burst, std::deque<Beat>& beats);
    void perform(const Burst& burst, Beat& answer);
    unsigned plan(const Burst& burst) const;
    void observe(bool write, const Beat& answer) const;

    unsigned beat_bytes_ = 16;
    std::mt19937_64 random_{1};
    Waiting reads_, writes_;
    std::deque<BurstPtr> addressed_;   // writes whose data has not all come
    std::deque<BurstPtr> collected_;   // complete write data whose address has not come
    BurstPtr collecting_;
    std::deque<Beat> r_;
    std::deque<Beat> b_;
    Ps r_pace_ = 0, b_pace_ = 0;
    uint64_t reads_open_ = 0, writes_open_ = 0;
    std::vector<size_t> found_;
};

extern Memory memory;

}  // namespace nicosim
