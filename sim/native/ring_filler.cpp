// SPDX-License-Identifier: MIT
// A driver without a kernel: descriptors written, doorbells rung, interrupts answered, every byte compared.
//
// It works on the same compiled models as Python's NativeHost and NativeWire, by the same events, so that what it reaches is
// the limit of `nicosim bench` for the same traffic. No IOMMU: bus addresses are physical ones.
#include "ring_filler.h"

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <sstream>

#include "axi_memory.h"
#include "nic_regs.h"

extern "C" {
void nicosim_write(unsigned address, unsigned data, unsigned strobes);
void nicosim_read(unsigned address);
void nicosim_wire_send(const uint8_t* data, unsigned count, unsigned flags, int error_at);
void* nicosim_events();
void* nicosim_bytes();
}

namespace nicosim {

namespace {

constexpr uint64_t kTxRing = 0x0, kRxRing = 0x10000, kTxData = 0x100000, kRxData = 0x4000000, kHostBytes = 0x8000000;
constexpr unsigned kDescriptor = 16, kTxStep = 0x4000, kFcs = 4, kAllStrobes = 0xF, kTickNs = 256;
constexpr unsigned kStandardFrame = 1522;
constexpr unsigned kEop = 1, kIfcs = 2, kRs = 8, kDd = 1, kRxEop = 2;  // legacy descriptors

struct Descriptor {
    uint64_t address;
    uint16_t length;
    uint8_t checksum[1];  // transmit: CSO
    uint8_t command;
    uint8_t status;
    uint8_t errors;
    uint16_t special;
};
static_assert(sizeof(Descriptor) == kDescriptor);

void write(size_t offset, uint32_t value) { nicosim_write(offset, value, kAllStrobes); }

double wall() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double per_second(unsigned frames, Ps first, Ps last) { return last > first ? (frames - 1) * 1e12 / (last - first) : 0; }

}  // namespace

FillerConfig FillerConfig::parse(const std::string& text) {
    FillerConfig config;
    std::map<std::string, unsigned*> numbers = {
        {"frame_bytes", &config.frame_bytes}, {"frames", &config.frames}, {"ring", &config.ring},
        {"buffer", &config.buffer}, {"latency_ns", &config.latency_ns}, {"interrupts", &config.interrupts},
        {"rounds", &config.rounds}, {"spoil", &config.spoil}};
    std::istringstream words(text);
    for (std::string word; std::getline(words, word, ',');) {
        const size_t equals = word.find('=');
        const std::string name = word.substr(0, equals), value = equals == word.npos ? "" : word.substr(equals + 1);
        if (name == "direction") {
            config.direction = value;
        } else if (numbers.count(name) && !value.empty() && value.find_first_not_of("0123456789") == value.npos) {
            *numbers[name] = std::strtoul(value.c_str(), nullptr, 10);
        } else {
            std::fprintf(stderr, "nicosim: +filler does not take %s\n", word.c_str());
            std::_Exit(2);
        }
    }
    return config;
}

RingFiller::RingFiller(const FillerConfig& config) : config_(config), host_(kHostBytes) {
    std::mt19937_64 random(1);
    const auto frames = [&](std::vector<Bytes>& list) {
        list.resize(config_.frames);
        for (Bytes& frame : list) {
            frame.resize(config_.frame_bytes - kFcs);
            for (uint8_t& byte : frame) byte = random();
            frame[0] &= 0xFE;  // to somebody
        }
    };
    if (sends()) frames(out_);
    if (config_.direction == "loopback") {
        in_ = out_;
    } else if (receives()) {
        frames(in_);
    }
}

uint8_t* RingFiller::at(uint64_t physical) { return host_.data() + physical; }

void RingFiller::fail(const std::string& what) const {
    std::fprintf(stderr, "nicosim: filler: %s\n", what.c_str());
    std::_Exit(1);
}

void RingFiller::begin() {
    MemoryConfig settings{};
    settings.host = reinterpret_cast<uint64_t>(host_.data());
    settings.size = host_.size();
    settings.latency_ps = config_.latency_ns * 1000ull;
    settings.seed = 1;
    memory.configure(settings);
    memory.bus_master = true;
    shared.batch_ps = 1'000'000;
    write(offsetof(nic_t, CTRL), NIC__CTRL__SLU_bm);
    write(offsetof(nic_t, ITR), config_.interrupts ? 1'000'000'000 / (config_.interrupts * kTickNs) : 0);
    write(offsetof(nic_t, TDBAL), kTxRing);
    write(offsetof(nic_t, TDLEN), config_.ring * kDescriptor);
    write(offsetof(nic_t, RDBAL), kRxRing);
    write(offsetof(nic_t, RDLEN), config_.ring * kDescriptor);
    give_receive();
    const unsigned long_frames = config_.frame_bytes > kStandardFrame ? NIC__RCTL__LPE_bm : 0;
    write(offsetof(nic_t, RCTL),
          NIC__RCTL__EN_bm | NIC__RCTL__UPE_bm | NIC__RCTL__MPE_bm | NIC__RCTL__BAM_bm | NIC__RCTL__SECRC_bm | long_frames);
    write(offsetof(nic_t, TCTL), NIC__TCTL__EN_bm | NIC__TCTL__PSP_bm);
    write(offsetof(nic_t, IMS), NIC__ICR__TXDW_bm | NIC__ICR__RXT0_bm | NIC__ICR__RXDMT0_bm);
    reading_status_ = true;
    nicosim_read(offsetof(nic_t, STATUS));
}

void RingFiller::start_round() {
    tx_next_ = tx_seen_ = rx_seen_ = wire_sent_ = 0;
    wall_begin_ = wall();
    cycles_begin_ = shared.cycles;
    if (config_.direction == "rx" || config_.direction == "both") {
        for (size_t i = 0; i < in_.size(); ++i) {
            Bytes frame = in_[i];
            if (i + 1 == config_.spoil) frame.back() ^= 1;
            nicosim_wire_send(frame.data(), frame.size(), 0, -1);
        }
    }
    fill_transmit();
}

void RingFiller::end_round() {
    const double seconds = wall() - wall_begin_;
    const unsigned count = config_.frames * (config_.direction == "both" ? 2 : 1);
    const uint64_t cycles = shared.cycles - cycles_begin_;
    std::printf("{\"size\": %u, \"direction\": \"%s\", \"frames_per_s\": %.1f, \"cycles_per_s\": %.1f, "
                "\"us_per_frame\": %.3f, \"hardware_frames_per_s\": %.1f}\n",
                config_.frame_bytes, config_.direction.c_str(), count / seconds, cycles / seconds, seconds / count * 1e6,
                (sends() ? per_second(config_.frames, first_out_, last_out_) : 0)
                    + (receives() && config_.direction != "loopback" ? per_second(config_.frames, first_in_, last_in_) : 0));
    std::fflush(stdout);
    if (++round_ < config_.rounds) start_round();
}

// ---------------------------------------------------------------- events
void RingFiller::pump() {
    const auto* events = static_cast<const Event*>(nicosim_events());
    const uint64_t count = shared.events;
    for (uint64_t i = 0; i < count; ++i) happened(events[i]);
    shared.events = shared.bytes = shared.urgent = 0;
    shared.batch_due = kNever;
    const bool sent = !sends() || tx_seen_ == config_.frames, came = !receives() || rx_seen_ == config_.frames;
    if (linked_ && sent && came) end_round();
}

void RingFiller::happened(const Event& event) {
    switch (event.kind) {
        case Kind::kReadDone:
            if (!reading_status_) return interrupt();
            reading_status_ = false;
            if (event.first & NIC__STATUS__LU_bm) {
                linked_ = true;
                return start_round();
            }
            reading_status_ = true;
            return nicosim_read(offsetof(nic_t, STATUS));
        case Kind::kIrq:
            if (event.flag) nicosim_read(offsetof(nic_t, ICR));
            return;
        case Kind::kReceived:
            return came_from_card(static_cast<uint8_t*>(nicosim_bytes()) + event.third, event.first, event.flag,
                                  event.time);
        case Kind::kSent:
            if (!wire_sent_++) first_in_ = event.time;
            last_in_ = event.time;
            return;
        case Kind::kBroken:
            return fail("a protocol was violated");
        case Kind::kDmaFault:
            return fail("a DMA access outside memory");
        default:
            return;
    }
}

void RingFiller::interrupt() {
    clean_transmit();
    fill_transmit();
    clean_receive();
    give_receive();
}

void RingFiller::came_from_card(const uint8_t* data, size_t count, bool good, Ps time) {
    if (tx_seen_ == config_.frames) fail("more frames than were sent");
    const Bytes& frame = out_[tx_seen_];
    if (!good || count < frame.size() || std::memcmp(data, frame.data(), frame.size())) fail("a wrong frame on the wire");
    if (!tx_seen_++) first_out_ = time;
    last_out_ = time;
    if (config_.direction == "loopback") nicosim_wire_send(data, count, 0, -1);
}

// ---------------------------------------------------------------- transmit
void RingFiller::fill_transmit() {
    const unsigned before = tx_use_;
    while (sends() && tx_next_ < out_.size() && (tx_use_ + 1) % config_.ring != tx_clean_) {
        const Bytes& frame = out_[tx_next_++];
        const uint64_t data = kTxData + uint64_t{tx_use_} * kTxStep;
        std::memcpy(at(data), frame.data(), frame.size());
        if (tx_next_ == config_.spoil) at(data)[frame.size() - 1] ^= 1;
        const Descriptor descriptor{data, static_cast<uint16_t>(frame.size()), {0}, kEop | kIfcs | kRs, 0, 0, 0};
        std::memcpy(at(kTxRing + tx_use_ * kDescriptor), &descriptor, sizeof descriptor);
        tx_use_ = (tx_use_ + 1) % config_.ring;
    }
    if (tx_use_ != before) write(offsetof(nic_t, TDT), tx_use_);
}

void RingFiller::clean_transmit() {
    while (tx_clean_ != tx_use_ && at(kTxRing + tx_clean_ * kDescriptor)[offsetof(Descriptor, status)] & kDd) {
        tx_clean_ = (tx_clean_ + 1) % config_.ring;
    }
}

// ---------------------------------------------------------------- receive
void RingFiller::give_receive() {
    const unsigned before = rx_use_;
    while ((rx_use_ + 1) % config_.ring != rx_clean_) {
        const Descriptor descriptor{kRxData + uint64_t{rx_use_} * config_.buffer, 0, {0}, 0, 0, 0, 0};
        std::memcpy(at(kRxRing + rx_use_ * kDescriptor), &descriptor, sizeof descriptor);
        rx_use_ = (rx_use_ + 1) % config_.ring;
    }
    if (rx_use_ != before) write(offsetof(nic_t, RDT), rx_use_);
}

void RingFiller::clean_receive() {
    while (rx_clean_ != rx_use_) {
        Descriptor descriptor;
        std::memcpy(&descriptor, at(kRxRing + rx_clean_ * kDescriptor), sizeof descriptor);
        if (!(descriptor.status & kDd)) return;
        if (rx_seen_ == in_.size()) fail("more frames received than were sent");
        const Bytes& frame = in_[rx_seen_];
        if (descriptor.errors || rx_offset_ + descriptor.length > frame.size()
            || std::memcmp(at(kRxData + uint64_t{rx_clean_} * config_.buffer), frame.data() + rx_offset_, descriptor.length)) {
            fail("a wrong frame received");
        }
        rx_offset_ += descriptor.length;
        if (descriptor.status & kRxEop) {
            if (rx_offset_ != frame.size()) fail("a frame received that was cut");
            rx_offset_ = 0;
            ++rx_seen_;
        }
        rx_clean_ = (rx_clean_ + 1) % config_.ring;
    }
}

}  // namespace nicosim
