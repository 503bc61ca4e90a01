// SPDX-License-Identifier: MIT
// Register accesses that Python has asked for, performed in order by native_registers.sv, and what the interrupt line does.
#include <deque>

#include "shared.h"
#include "svdpi.h"

namespace nicosim {

enum class Access : uint32_t { kNone = 0, kWrite = 1, kRead = 2, kFence = 3 };

struct Command {
    Access access;
    uint32_t address, data, strobes;
};

static std::deque<Command> commands;
static Command current{Access::kNone, 0, 0, 0};
static Ps accepted = 0;

bool registers_busy() { return current.access != Access::kNone || !commands.empty(); }

void registers_restart() {
    commands.clear();
    current.access = Access::kNone;
}

// Fences are no accesses: they are told when everything before them is done.
static Access next() {
    current.access = Access::kNone;
    while (!commands.empty()) {
        current = commands.front();
        commands.pop_front();
        if (current.access != Access::kFence) return current.access;
        post({Kind::kFence, 0, 0, 0, 0, shared.now_ps}, true);
        current.access = Access::kNone;
    }
    return Access::kNone;
}

}  // namespace nicosim

using namespace nicosim;

extern "C" {

void nicosim_registers_next(svBitVecVal* kind, svBitVecVal* address, svBitVecVal* data, svBitVecVal* strobes) {
    *kind = static_cast<unsigned>(next());
    *address = current.address;
    *data = current.data;
    *strobes = current.strobes;
}

void nicosim_registers_accepted() { accepted = shared.now_ps; }

void nicosim_registers_done(unsigned data, unsigned response) {
    if (response) broken("register access answered with an error: the card promises OKAY");
    if (current.access == Access::kRead) {
        post({Kind::kReadDone, 0, data, 0, 0, shared.now_ps}, true);
    } else if (shared.observed) {
        post({Kind::kWritten, 0, current.address, current.data, accepted, shared.now_ps}, false);
    }
}

void nicosim_registers_interrupt(svBit level) { post({Kind::kIrq, level, 0, 0, 0, shared.now_ps}, true); }

// Python's side. `strobes` of a write: which bytes of the word.
void nicosim_write(unsigned address, unsigned data, unsigned strobes) {
    commands.push_back({Access::kWrite, address, data, strobes});
}
void nicosim_read(unsigned address) { commands.push_back({Access::kRead, address, 0, 0}); }
void nicosim_fence() { commands.push_back({Access::kFence, 0, 0, 0}); }
}
