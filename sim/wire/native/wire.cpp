// SPDX-License-Identifier: MIT
// Frames to and from XGMII words (IEEE 802.3 clauses 4.2.8 and 46): what native_xgmii.sv drives and samples.
//
// Towards the card: preamble, FCS, terminate, and a gap with deficit idle count, as sim/wire/xgmii.py makes them. From the card:
// whatever lies between start and the next control character that is no error; a good frame has an intact preamble and FCS.
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <utility>
#include <vector>

#include "shared.h"
#include "svdpi.h"

namespace nicosim {

constexpr unsigned kLanes = 8, kMaxDeficit = 3, kPreamble = 8, kFcs = 4, kMinBytes = 60;
constexpr uint8_t kIdle = 0x07, kStart = 0xFB, kTerminate = 0xFD, kError = 0xFE, kPre = 0x55, kSfd = 0xD5;
constexpr uint64_t kIdleWord = 0x0707070707070707;
constexpr uint8_t kAllControl = 0xFF;

enum FrameFlag : unsigned { kPad = 1, kBadFcs = 2, kTruncated = 4 };

// ---------------------------------------------------------------- towards the card
struct Word {
    uint64_t data;
    uint8_t ctrl;
};

// A frame as it lies on the wire, start character to terminate (or the idle of a truncated one), from lane 0 on.
struct Outgoing {
    std::vector<uint8_t> bytes;
    int error_at;  // an error character instead of this byte; -1: none
};

class Source {
public:
    int gap_bytes = 12;

    void send(const uint8_t* data, unsigned count, unsigned flags, int error_at);
    bool word(Word& out);
    bool busy() const { return !frames_.empty() || inside() || owed_ > 0; }

private:
    bool inside() const { return next_ < words_.size(); }
    bool begin();
    void fill(const Outgoing& frame, unsigned lane);

    std::deque<Outgoing> frames_;
    std::vector<Word> words_;  // of the frame under way
    size_t next_ = 0;          // the first that has not left
    Ps begin_ps_ = 0;
    int owed_ = 0;            // idle bytes still due
    int deficit_ = 0;
    bool idle_ = false;       // an idle word is on the pins
};

void Source::send(const uint8_t* data, unsigned count, unsigned flags, int error_at) {
    Outgoing frame;
    frame.error_at = error_at < 0 ? -1 : error_at + static_cast<int>(kPreamble);
    auto& bytes = frame.bytes;
    bytes.reserve(kPreamble + std::max(count, kMinBytes) + kFcs + 1);
    bytes.push_back(kStart);
    bytes.insert(bytes.end(), kPreamble - 2, kPre);
    bytes.push_back(kSfd);
    bytes.insert(bytes.end(), data, data + count);
    const bool truncated = flags & kTruncated;
    if (flags & kPad && !truncated && count < kMinBytes) bytes.insert(bytes.end(), kMinBytes - count, 0);
    uint32_t fcs = crc32(0, bytes.data() + kPreamble, bytes.size() - kPreamble);
    if (flags & kBadFcs) fcs = ~fcs;
    if (!truncated) {
        for (unsigned i = 0; i < kFcs; ++i) bytes.push_back(fcs >> 8 * i);
    }
    bytes.push_back(truncated ? kIdle : kTerminate);
    frames_.push_back(std::move(frame));
}

// May the next frame start in this cycle? In lane 0 or 4; early by the deficit that is left.
bool Source::begin() {
    for (int lane : {0, 4}) {
        const int early = owed_ - lane;
        if (deficit_ + early > static_cast<int>(kMaxDeficit)) continue;
        deficit_ = std::max(0, deficit_ + early);
        const Outgoing& frame = frames_.front();
        fill(frame, lane);
        owed_ = gap_bytes - static_cast<int>(kLanes - (lane + frame.bytes.size() - 1) % kLanes);
        frames_.pop_front();
        begin_ps_ = shared.now_ps;
        return true;
    }
    return false;
}

void Source::fill(const Outgoing& frame, unsigned lane) {
    const auto& bytes = frame.bytes;
    const unsigned end = lane + bytes.size();
    words_.clear();
    next_ = 0;
    for (unsigned at = 0; at < end; at += kLanes) {
        Word word{kIdleWord, kAllControl};
        for (unsigned i = at < lane ? lane : 0; i < kLanes && at + i < end; ++i) {
            const unsigned index = at + i - lane;
            const bool error = static_cast<int>(index) == frame.error_at;
            const bool control = index == 0 || index + 1 == bytes.size() || error;
            const uint64_t value = error ? kError : bytes[index];
            word.data = (word.data & ~(uint64_t{0xFF} << 8 * i)) | value << 8 * i;
            if (!control) word.ctrl &= ~(1u << i);
        }
        words_.push_back(word);
    }
}

// The word of this cycle; false: idle goes on.
bool Source::word(Word& out) {
    if (!inside() && (frames_.empty() || !begin())) {
        if (owed_ > 0 || deficit_) owed_ -= kLanes;
        // Idle beyond the gap pays the deficit; a gap that is just complete does not.
        if (frames_.empty() && owed_ < 0) deficit_ = std::max(0, deficit_ + std::exchange(owed_, 0));
        out = {kIdleWord, kAllControl};
        return !std::exchange(idle_, true);
    }
    out = words_[next_++];
    idle_ = false;
    if (!inside()) {
        // Whoever keeps the wire busy hears at once that it runs dry.
        post({Kind::kSent, 0, begin_ps_, 0, 0, shared.now_ps}, frames_.empty());
    }
    return true;
}

// ---------------------------------------------------------------- from the card
class Sink {
public:
    bool inside() const { return inside_; }
    bool word(uint64_t data, uint8_t ctrl);

private:
    void finish();

    std::vector<uint8_t> bytes_;
    bool inside_ = false, control_ = false;  // an error character was among them
    Ps begin_ps_ = 0;
};

bool Sink::word(uint64_t data, uint8_t ctrl) {
    if (inside_ && !ctrl) {
        const auto* bytes = reinterpret_cast<const uint8_t*>(&data);
        bytes_.insert(bytes_.end(), bytes, bytes + kLanes);
        return true;
    }
    for (unsigned lane = 0; lane < kLanes; ++lane, data >>= 8, ctrl >>= 1) {
        const uint8_t byte = data;
        if (!inside_) {
            if (!(ctrl & 1) || byte != kStart) continue;
            inside_ = true;
            control_ = false;
            begin_ps_ = shared.now_ps;
            bytes_.assign(1, kPre);
        } else if (!(ctrl & 1)) {
            bytes_.push_back(byte);
        } else {
            if (byte != kTerminate) {
                control_ = true;
                bytes_.push_back(byte);
            }
            finish();
        }
    }
    return inside_;
}

void Sink::finish() {
    static const uint8_t preamble[kPreamble] = {kPre, kPre, kPre, kPre, kPre, kPre, kPre, kSfd};
    inside_ = false;
    const uint8_t* data = bytes_.data();
    size_t count = bytes_.size();
    bool good = !control_;
    if (count >= kPreamble + kFcs && !std::memcmp(data, preamble, kPreamble)) {
        data += kPreamble;
        count -= kPreamble + kFcs;
        uint32_t fcs = 0;
        for (unsigned i = 0; i < kFcs; ++i) fcs |= uint32_t{data[count + i]} << 8 * i;
        good = good && fcs == crc32(0, data, count);
    } else {
        good = false;
        count = count > kFcs ? count - kFcs : 0;
    }
    uint64_t offset;
    std::memcpy(bytes(count, offset), data, count);
    post({Kind::kReceived, good, count, begin_ps_, offset, shared.now_ps}, false);
}

static Source source;
static Sink sink;

bool wire_busy() { return source.busy() || sink.inside(); }
void wire_restart() {
    source = Source{};
    sink = Sink{};
}

}  // namespace nicosim

using namespace nicosim;

extern "C" {

svBit nicosim_wire_source(svBitVecVal* data, svBitVecVal* ctrl) {
    Word word;
    const bool driven = source.word(word);
    std::memcpy(data, &word.data, sizeof word.data);
    *ctrl = word.ctrl;
    return driven;
}

svBit nicosim_wire_sink(const svBitVecVal* data, const svBitVecVal* ctrl) {
    uint64_t word;
    std::memcpy(&word, data, sizeof word);
    return sink.word(word, *ctrl);
}

// Python's side.
void nicosim_wire_gap(int bytes) { source.gap_bytes = bytes; }
void nicosim_wire_send(const uint8_t* data, unsigned count, unsigned flags, int error_at) {
    source.send(data, count, flags, error_at);
}
}
