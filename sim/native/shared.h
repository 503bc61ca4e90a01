// SPDX-License-Identifier: MIT
// What the compiled models share with each other and with Python (sim/native/library.py reads the same layouts).
//
// Models post events; Python is woken for an urgent one at once, for the others at the latest `batch_ps` later, and at
// the moment it asked for (`wake_ps`). It takes all events, in the order in which they happened, whenever it is awake.
// Only one of them runs at a time: Python between two evaluations of the design, the models inside one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace nicosim {

using Ps = uint64_t;  // simulated time
constexpr Ps kNever = ~Ps{0};

enum class Kind : uint32_t {
    kReadDone = 1,  // value
    kIrq,           // level
    kFence,         // everything queued before the fence has been performed
    kSent,          // a frame has left for the card: begin
    kReceived,      // a frame of the card's: length, begin, offset in the byte buffer; flag: it is good
    kDmaFault,      // an access that the IOMMU refuses: bytes, address; flag: write
    kBroken,        // a protocol was violated: length of a text, its offset in the byte buffer
    kBurst,         // only when observed. A burst was answered: bytes, address, begin; flag: write
    kWritten,       // only when observed. A register was written: offset, value, when its data was accepted
};

struct Event {
    Kind kind;
    uint32_t flag;
    uint64_t first;
    uint64_t second;
    uint64_t third;
    Ps time;
};
static_assert(sizeof(Event) == 40, "library.py unpacks 40 bytes");

constexpr size_t kEvents = 1 << 15;
constexpr size_t kBytes = 8 << 20;

struct Shared {
    // written by Python in one piece whenever it has taken the events
    uint64_t events = 0;      // how many wait
    uint64_t bytes = 0;       // how much of the byte buffer is in use
    uint64_t urgent = 0;      // wake Python at the next clock edge
    Ps batch_due = kNever;    // the oldest event that is not urgent may wait until then
    Ps wake_ps = kNever;      // when Python wants to run in any case
    // written by the models
    Ps now_ps = 0;
    uint64_t cycles = 0;      // rising edges of the first clock, leapt ones included
    uint64_t leapt = 0;       // of these, those that idle time was skipped over
    uint64_t wakes = 0;
    // set by Python
    Ps batch_ps = 0;
    uint64_t observed = 0;    // post the events that only an observer wants
    uint64_t leap = 0;        // skip idle time
};
static_assert(sizeof(Shared) == 12 * 8, "library.py knows the order of the words");

extern Shared shared;

// Room that a model needs at most in one clock: at this mark Python is woken, whatever else.
constexpr size_t kHighWater = kEvents - 1024;

void post(const Event& event, bool urgent);
// A protocol violation: Python raises `what` as an AxiViolation or its like.
void broken(const std::string& what);
// Room in the byte buffer; valid until Python has taken the event that speaks of it.
uint8_t* bytes(size_t count, uint64_t& offset);

// What the models have under way that keeps idle time from being skipped.
bool registers_busy();
bool wire_busy();
bool memory_busy();

// Forget everything, for another bench in the same process.
void registers_restart();
void wire_restart();
void memory_restart();

}  // namespace nicosim
