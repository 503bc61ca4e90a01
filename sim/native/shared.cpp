// SPDX-License-Identifier: MIT
// Events and bytes on their way to Python.
#include "shared.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace nicosim {

Shared shared;

static Event events[kEvents];
static uint8_t byte_buffer[kBytes];

void post(const Event& event, bool urgent) {
    if (shared.events == kEvents) {
        std::fprintf(stderr, "nicosim: event buffer overrun\n");
        std::abort();
    }
    events[shared.events++] = event;
    if (urgent || shared.events >= kHighWater) {
        shared.urgent = 1;
    } else if (shared.batch_due == kNever) {
        shared.batch_due = shared.now_ps + shared.batch_ps;
    }
}

uint8_t* bytes(size_t count, uint64_t& offset) {
    if (shared.bytes + count > kBytes) {
        std::fprintf(stderr, "nicosim: byte buffer overrun\n");
        std::abort();
    }
    offset = shared.bytes;
    shared.bytes += count;
    if (shared.bytes > kBytes / 2) shared.urgent = 1;
    return byte_buffer + offset;
}

void broken(const std::string& what) {
    uint64_t offset;
    std::memcpy(bytes(what.size(), offset), what.data(), what.size());
    post({Kind::kBroken, 0, what.size(), offset, 0, shared.now_ps}, true);
}

}  // namespace nicosim

extern "C" {
void* nicosim_shared() { return &nicosim::shared; }
void* nicosim_events() { return nicosim::events; }
void* nicosim_bytes() { return nicosim::byte_buffer; }
}
