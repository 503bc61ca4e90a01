// SPDX-License-Identifier: MIT
// Host memory as an AXI4 slave: what native_axi_memory.sv has no pins for.
//
// Memory is read, or written, at the moment of the answer. Every access goes through the table that driver/host.py's
// DmaTable describes, with the rule of driver/linux/dma_mapping.py for the last beat of a read.
#include "axi_memory.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

#include "svdpi.h"

namespace nicosim {

Memory memory;

constexpr unsigned kIncr = 1, kSlotBits = 17;

// ---------------------------------------------------------------- bursts that wait
void Waiting::ready(Ps now, bool reorder, std::mt19937_64& random, std::vector<size_t>& found) const {
    found.clear();
    uint32_t seen = 0;
    for (size_t i = 0; i < bursts_.size(); ++i) {
        const Burst& burst = *bursts_[i];
        if (seen >> burst.id & 1) continue;
        seen |= 1u << burst.id;
        if (burst.ready <= now) found.push_back(i);
        if (!reorder) break;
    }
    if (found.size() > 1) std::shuffle(found.begin(), found.end(), random);
}

BurstPtr Waiting::take(size_t index) {
    BurstPtr burst = std::move(bursts_[index]);
    bursts_.erase(bursts_.begin() + index);
    return burst;
}

// ---------------------------------------------------------------- what was asked
void Memory::configure(const MemoryConfig& wanted) {
    config = wanted;
    random_.seed(wanted.seed);
}

void Memory::reset(unsigned beat_bytes) {
    beat_bytes_ = beat_bytes;
    reads_.clear();
    writes_.clear();
    addressed_.clear();
    collected_.clear();
    collecting_.reset();
    r_.clear();
    b_.clear();
    reads_open_ = writes_open_ = 0;
}

static std::string text(const char* format, unsigned long long a, unsigned long long b, unsigned long long c = 0) {
    char line[200];
    std::snprintf(line, sizeof line, format, a, b, c);
    return line;
}

bool Memory::parse(Burst& burst, unsigned len, unsigned size, unsigned kind) {
    burst.beats = len + 1;
    burst.last = (burst.first & -uint64_t{beat_bytes_}) + uint64_t{len + 1} * beat_bytes_;
    if (kind != kIncr) {
        broken(text("burst type %llu at %#llx: only INCR is expected", kind, burst.first));
    } else if (1u << size != beat_bytes_) {
        broken(text("burst of %llu-byte beats at %#llx on a %llu-byte bus", 1u << size, burst.first, beat_bytes_));
    } else if (burst.first / kPage != (burst.last - 1) / kPage) {
        broken(text("burst of %llu beats at %#llx crosses a 4 KiB boundary", burst.beats, burst.first));
    } else {
        return true;
    }
    return false;
}

Ps Memory::delay() {
    return config.latency_ps + (config.spread_ps ? random_() % (config.spread_ps + 1) : 0);
}

void Memory::address(bool write, unsigned id, uint64_t addr, unsigned len, unsigned size, unsigned kind) {
    auto burst = std::make_unique<Burst>();
    burst->id = id;
    burst->write = write;
    burst->first = addr;
    burst->begin = shared.now_ps;
    ++counts.beats[write ? kAw : kAr];
    ++(write ? writes_open_ : reads_open_);
    if (!parse(*burst, len, size, kind)) return;
    if (write) {
        addressed_.push_back(std::move(burst));
        match();
        return;
    }
    burst->ready = shared.now_ps + delay();
    reads_.add(std::move(burst));
    counts.most_reads = std::max<uint64_t>(counts.most_reads, reads_.size());
}

void Memory::data(const uint8_t* bytes, uint32_t strobes, bool last) {
    if (!collecting_) collecting_ = std::make_unique<Burst>();
    Burst& burst = *collecting_;
    ++counts.beats[kW];
    ++burst.beats;
    burst.data.insert(burst.data.end(), bytes, bytes + beat_bytes_);
    burst.strobes.push_back(strobes);
    if (last) {
        collected_.push_back(std::move(collecting_));
        match();
    }
}

// Data comes in the order of addresses; either may be first.
void Memory::match() {
    while (!addressed_.empty() && !collected_.empty()) {
        BurstPtr burst = std::move(addressed_.front()), came = std::move(collected_.front());
        addressed_.pop_front();
        collected_.pop_front();
        if (came->beats != burst->beats) {
            broken(text("write at %#llx: AWLEN says %llu beats, WLAST came with beat %llu", burst->first, burst->beats,
                        came->beats));
            continue;
        }
        burst->data = std::move(came->data);
        burst->strobes = std::move(came->strobes);
        burst->ready = shared.now_ps + delay();
        writes_.add(std::move(burst));
        counts.most_writes = std::max<uint64_t>(counts.most_writes, writes_.size());
    }
}

// ---------------------------------------------------------------- memory
uint8_t* Memory::physical(uint64_t addr, uint64_t count) const {
    if (addr < config.base || addr - config.base > config.size || config.size - (addr - config.base) < count) return nullptr;
    return reinterpret_cast<uint8_t*>(config.host) + (addr - config.base);
}

// Where the `nbytes` at `iova` are, if the card may reach them so; nullptr: a fault, which Python records. `reach`: how many
// bytes are wanted of memory, which may be more than those that are checked.
uint8_t* Memory::translate(uint64_t iova, uint64_t nbytes, bool write, uint64_t reach) {
    if (!bus_master) return nullptr;
    if (!config.slots) return physical(iova, reach);
    const uint64_t slot = (iova - config.iova_base) >> kSlotBits;
    if (iova >= config.iova_base && slot < config.slots) {
        uint64_t entry[4];  // physical address, length, direction, generation
        std::memcpy(entry, physical(config.table + slot * sizeof entry, sizeof entry), sizeof entry);
        const uint64_t start = config.iova_base + (slot << kSlotBits) + entry[0] % kPage;
        uint64_t end = iova + nbytes;
        // A read may run over the end of a buffer as far as the bus beat of its last byte reaches.
        const uint64_t limit = start + entry[1], beat = config.table_beat;
        if (end > limit && !write && (end - 1) / beat == (limit - 1) / beat) end = limit;
        if (iova >= start && end <= limit && entry[2] & (write ? 2 : 1)) return physical(entry[0] + (iova - start), reach);
    }
    post({Kind::kDmaFault, write, nbytes, iova, 0, shared.now_ps}, true);
    return nullptr;
}

unsigned Memory::plan(const Burst& burst) const {
    const auto ask = planned[burst.write];
    return ask ? ask(burst.id, burst.first, burst.last, burst.beats) : unsigned{kOkay};
}

// A burst's last beat, or its response, is on the pins.
void Memory::observe(bool write, const Beat& answer) const {
    if (!shared.observed) return;
    post({Kind::kBurst, write, answer.bytes, answer.address, answer.begin, shared.now_ps}, false);
}

// ---------------------------------------------------------------- answers
void Memory::read_beats(const Burst& burst, std::deque<Beat>& beats) {
    const uint64_t width = beat_bytes_, start = burst.first & -width, lead = burst.first - start;
    unsigned response = plan(burst);
    const uint8_t* from = nullptr;
    uint64_t reach = burst.last - start;
    if (response == kOkay) {
        // Without byte enables whole beats are fetched: only the last beat's first byte is surely wanted, so that is as far
        // as the mapping must reach. What lies around it is read if it is memory.
        const uint64_t wanted = std::max(burst.last - width + 1, burst.first + 1) - burst.first;
        from = translate(burst.first, wanted, false, 1);
        if (from) {
            from -= lead;
            const auto* end = reinterpret_cast<uint8_t*>(config.host) + config.size;
            reach = std::min<uint64_t>(reach, end - from);
        } else {
            ++counts.faults;
            response = kDecErr;
        }
    }
    ++counts.reads;
    counts.read_bytes += burst.last - burst.first;
    for (unsigned i = 0; i < burst.beats; ++i) {
        Beat& beat = beats.emplace_back();
        beat.id = burst.id;
        beat.response = response;
        beat.last = i + 1 == burst.beats;
        beat.address = burst.first;
        beat.bytes = burst.last - burst.first;
        beat.begin = burst.begin;
        const uint64_t at = i * width, there = from && reach > at ? std::min(width, reach - at) : 0;
        if (there) std::memcpy(beat.data, from + at, there);
        std::memset(beat.data + there, 0, width - there);
    }
}

void Memory::serve_reads() {
    if (shared.now_ps < r_pace_) return;
    reads_.ready(shared.now_ps, config.reorder, random_, found_);
    if (found_.empty()) return;
    if (!config.reorder || random_() & 1) found_.resize(1);
    std::vector<BurstPtr> taken;
    std::vector<size_t> positions = found_;
    for (size_t index : found_) {
        const size_t before = std::count_if(positions.begin(), positions.begin() + taken.size(),
                                            [index](size_t other) { return other < index; });
        taken.push_back(reads_.take(index - before));
    }
    const size_t already = r_.size();
    if (taken.size() == 1) {
        read_beats(*taken[0], r_);
    } else {  // interleaved: beats of one burst stay in order
        std::vector<std::deque<Beat>> queues(taken.size());
        for (size_t i = 0; i < taken.size(); ++i) read_beats(*taken[i], queues[i]);
        while (!queues.empty()) {
            const size_t chosen = random_() % queues.size();
            r_.push_back(queues[chosen].front());
            queues[chosen].pop_front();
            if (queues[chosen].empty()) queues.erase(queues.begin() + chosen);
        }
    }
    r_pace_ = shared.now_ps + (r_.size() - already) * config.ps_per_beat;
}

// The bytes [first, end) of a burst's beats whose strobes are set; false where there is a hole between them.
static bool strobed(const std::vector<uint32_t>& strobes, unsigned width, uint64_t& first, uint64_t& end) {
    first = end = 0;
    for (size_t beat = 0; beat < strobes.size(); ++beat) {
        const uint32_t bits = strobes[beat];
        if (!bits) continue;
        const unsigned low = __builtin_ctz(bits), high = 32 - __builtin_clz(bits);
        const uint32_t run = ((high == 32 ? 0 : 1u << high) - 1) & ~((1u << low) - 1);
        const bool joins = end == first || end == beat * width + low;
        if (bits != run || !joins) return false;
        if (end == first) first = beat * width + low;
        end = beat * width + high;
    }
    return true;
}

void Memory::perform(const Burst& burst, Beat& answer) {
    uint64_t at, end;
    if (!strobed(burst.strobes, beat_bytes_, at, end)) {
        broken(text("write at %#llx of %llu beats: its strobes have a hole", burst.first, burst.beats));
    }
    const uint64_t address = (burst.first & -uint64_t{beat_bytes_}) + at, count = end - at;
    if (count && address < burst.first) {
        broken(text("write at %#llx of %llu beats: strobe set below the address", burst.first, burst.beats));
    }
    ++counts.writes;
    counts.write_bytes += count;
    answer = {{}, burst.id, plan(burst), true, address, count, burst.begin};
    if (answer.response != kOkay || !count) return;
    if (uint8_t* const to = translate(address, count, true, count)) {
        std::memcpy(to, burst.data.data() + at, count);
    } else {
        ++counts.faults;
        answer.response = kDecErr;
    }
}

void Memory::serve_write() {
    if (shared.now_ps < b_pace_) return;
    writes_.ready(shared.now_ps, config.reorder, random_, found_);
    if (found_.empty()) return;
    const BurstPtr burst = writes_.take(found_[0]);
    perform(*burst, b_.emplace_back());
    b_pace_ = shared.now_ps + burst->beats * config.ps_per_beat;
}

// Is a handshake withheld in this cycle? Random, but a function of the time alone (splitmix64): idle cycles, in which
// nobody asks or all do, may be leapt over.
bool Memory::stalled(Channel channel) const {
    if (!config.stall_2_32) return false;
    uint64_t mixed = config.seed + (shared.now_ps * kChannels + channel) * 0x9E3779B97F4A7C15;
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB;
    return (mixed ^ mixed >> 31) >> 32 < config.stall_2_32;
}

// One clock: [0] a beat of R and [1] a B are due now, [2..4] AR, AW and W are ready in the next. waits: channels on which
// valid waits for ready.
unsigned Memory::cycle(bool r_free, bool b_free, unsigned waits) {
    ++counts.cycles;
    counts.read_bursts += reads_open_;
    counts.write_bursts += writes_open_;
    for (unsigned channel = 0; waits; ++channel, waits >>= 1) counts.stalls[channel] += waits & 1;
    if (!reads_.empty() && r_.size() <= 2 && !held[0]) serve_reads();
    if (!writes_.empty() && b_.size() <= 2 && !held[1]) serve_write();
    unsigned due = 0;
    if (r_free && !r_.empty() && !stalled(kR)) due |= 1u << kR;
    if (b_free && !b_.empty() && !stalled(kB)) due |= 1u << kB;
    for (const Channel channel : {kAr, kAw, kW}) due |= stalled(channel) ? 0 : 1u << channel;
    return due;
}

Beat Memory::read_beat() {
    const Beat beat = r_.front();
    r_.pop_front();
    ++counts.beats[kR];
    if (beat.last) {
        --reads_open_;
        observe(false, beat);
    }
    return beat;
}

Beat Memory::response() {
    const Beat beat = b_.front();
    b_.pop_front();
    ++counts.beats[kB];
    --writes_open_;
    observe(true, beat);
    return beat;
}

bool Memory::busy() const {
    return !(reads_.empty() && writes_.empty() && addressed_.empty() && collected_.empty() && !collecting_ && r_.empty()
             && b_.empty());
}

bool memory_busy() { return memory.busy(); }
void memory_restart() { memory = Memory{}; }

}  // namespace nicosim

// ---------------------------------------------------------------- native_axi_memory.sv's side, and Python's
using nicosim::Beat;
using nicosim::memory;

extern "C" {

void nicosim_memory_reset(unsigned data_bytes) { memory.reset(data_bytes); }

void nicosim_memory_address(svBit write, unsigned id, uint64_t addr, unsigned len, unsigned size, unsigned burst) {
    memory.address(write, id, addr, len, size, burst);
}

void nicosim_memory_data(const svBitVecVal* data, unsigned strobes, svBit last) {
    memory.data(reinterpret_cast<const uint8_t*>(data), strobes, last);
}

void nicosim_memory_cycle(svBit r_free, svBit b_free, const svBitVecVal* waits, svBitVecVal* due) {
    *due = memory.cycle(r_free, b_free, *waits);
}

void nicosim_memory_read_beat(svBitVecVal* data, svBitVecVal* id, svBitVecVal* response, svBit* last) {
    const Beat beat = memory.read_beat();
    std::memcpy(data, beat.data, memory.beat_bytes());
    *id = beat.id;
    *response = beat.response;
    *last = beat.last;
}

void nicosim_memory_response(svBitVecVal* id, svBitVecVal* response) {
    const Beat beat = memory.response();
    *id = beat.id;
    *response = beat.response;
}

void nicosim_memory_configure(const nicosim::MemoryConfig* config) { memory.configure(*config); }

void nicosim_memory_bus_master(int enabled) { memory.bus_master = enabled; }

void nicosim_memory_hold(int write, int held) { memory.held[write] = held; }

void nicosim_memory_plan(int write, unsigned (*ask)(unsigned, uint64_t, uint64_t, unsigned)) { memory.planned[write] = ask; }

const nicosim::MemoryCounts* nicosim_memory_counts() {
    memory.counts.busy = memory.busy();
    return &memory.counts;
}
}
