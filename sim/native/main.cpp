// SPDX-License-Identifier: MIT
// The simulator's main loop for a bench: its clocks are driven here, not by tasks of cocotb, and idle time is leapt over.
//
// Cycle for cycle the same as cocotb's own main with cocotb's Clock (tests/system/test_mains.py compares them). The order
// of things within a time step is cocotb's: timed callbacks, value changes as they were before the edge, evaluation, writes,
// read-write, read-only. The tight loop below skips the regions that nobody waits for.
//
// A leap: while the card says idle_o, no model has anything under way and Python waits, the next edge happens as many cycles
// later as everybody's earliest deadline allows, and the card's one time module is told (time_skip_i).
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "Vtop.h"
#include "ring_filler.h"
#include "shared.h"
#include "verilated.h"
#if VM_COVERAGE
#include "verilated_cov.h"
#endif
#include "verilated_fst_c.h"
#include "verilated_vpi.h"

extern "C" void vlog_startup_routines_bootstrap();

using nicosim::kNever;
using nicosim::Ps;
using nicosim::shared;

double sc_time_stamp() { return shared.now_ps; }

namespace {

struct Clock {
    CData* pin;
    Ps next, high, low;
    bool level;
};

std::unique_ptr<Vtop> top;
std::unique_ptr<VerilatedFstC> waves;
std::vector<Clock> clocks;

// Cycles for which the card must have been idle, and nothing due, before time is skipped; and those left before what is due.
constexpr unsigned kSettled = 8, kMargin = 4;
unsigned idle_cycles = 0;

bool settle() {
    const bool any = VerilatedVpi::callValueCbs();
    for (bool again = any; again;) again = VerilatedVpi::callValueCbs();
    return any;
}

// Everything of a time step from the evaluation on.
void regions() {
    do {
        do {
            top->eval_step();
            VerilatedVpi::clearEvalNeeded();
            VerilatedVpi::doInertialPuts();
            settle();
        } while (VerilatedVpi::evalNeeded());
        VerilatedVpi::callCbs(cbReadWriteSynch);
        VerilatedVpi::doInertialPuts();
        settle();
    } while (VerilatedVpi::evalNeeded());
    top->eval_end_step();
    VerilatedVpi::callCbs(cbReadOnlySynch);
    if (waves) waves->dump(shared.now_ps);
}

Ps next_edge() {
    Ps soonest = kNever;
    for (const Clock& clock : clocks) soonest = std::min(soonest, clock.next);
    return soonest;
}

// Drive the clocks whose edge is now; whether the first of them rose.
bool toggle(Ps now) {
    for (Clock& clock : clocks) {
        if (clock.next != now) continue;
        *clock.pin = clock.level = !clock.level;
        clock.next += clock.level ? clock.high : clock.low;
    }
    const bool rose = !clocks.empty() && clocks[0].level && clocks[0].next == now + clocks[0].high;
    shared.cycles += rose;
    return rose;
}

// After a rising edge: whoever waits for `wake_i` runs now.
void wake_python() {
    if (!shared.urgent && shared.now_ps < std::min(shared.batch_due, shared.wake_ps)) return;
    ++shared.wakes;
    top->wake_i = !top->wake_i;
}

// ---------------------------------------------------------------- leaps
// How many cycles the coming rising edge (at `edge`) may be put off.
uint64_t leap(Ps edge, Ps callback) {
    if (!shared.leap) return 0;
    const bool idle = top->idle_o && !nicosim::registers_busy() && !nicosim::wire_busy() && !nicosim::memory_busy();
    const Ps until = std::min({callback, shared.wake_ps, shared.batch_due});
    uint64_t cycles = 0;  // until something is due
    if (idle && !shared.urgent) {
        const Clock& clock = clocks[0];
        cycles = until == kNever ? UINT32_MAX : (until - std::min(until, edge)) / (clock.high + clock.low);
        if (top->deadline_valid_o) {
            const uint64_t left = top->deadline_o > top->time_now_o ? top->deadline_o - top->time_now_o : 0;
            cycles = std::min<uint64_t>(cycles, left);
        } else if (until == kNever) {
            cycles = 0;  // nothing will ever happen: let time limits notice
        }
    }
    // What is due must show first what follows from it: the interrupt of an idle card may just be on its way to its model.
    idle_cycles = cycles > kMargin ? idle_cycles + 1 : 0;
    if (idle_cycles < kSettled) return 0;
    idle_cycles = 0;
    return std::min<uint64_t>(cycles, UINT32_MAX) - kMargin;
}

// ---------------------------------------------------------------- time steps
// One time step in full, at `now`, in which a timed callback is due, an edge, or both.
void step(Ps now, Ps callback) {
    shared.now_ps = now;
    VerilatedVpi::callCbs(cbNextSimTime);
    settle();
    if (callback == now) {
        idle_cycles = 0;
        VerilatedVpi::callTimedCbs();
        settle();
        VerilatedVpi::doInertialPuts();
    }
    const bool rose = toggle(now);
    settle();
    if (rose) {
        top->eval_step();
        wake_python();
    }
    regions();
}

// Edges, until somebody must be called before the next one.
void edges(Ps callback) {
    Ps now = next_edge();
    do {
        uint64_t leapt = 0;
        if (clocks.size() == 1 && !clocks[0].level && (leapt = leap(now, callback))) {
            now += leapt * (clocks[0].high + clocks[0].low);
            clocks[0].next = now;
            top->time_skip_i = leapt;
            shared.leapt += leapt;
            shared.cycles += leapt;
        }
        shared.now_ps = now;
        const bool rose = toggle(now);
        if (settle()) {
            if (rose) {
                top->eval_step();
                wake_python();
            }
            top->time_skip_i = 0;
            return regions();
        }
        top->eval();
        if (leapt) top->time_skip_i = 0;
        if (rose) wake_python();
        if (settle()) return regions();
        if (waves) waves->dump(now);
        now = next_edge();
    } while (now < callback && !Verilated::gotFinish());
}

bool somebody_waits_for_a_region() {
    return VerilatedVpi::hasCbs(cbNextSimTime) || VerilatedVpi::hasCbs(cbReadWriteSynch)
           || VerilatedVpi::hasCbs(cbReadOnlySynch);
}

void run() {
    regions();
    while (!Verilated::gotFinish()) {
        const Ps callback = VerilatedVpi::cbNextDeadline(), edge = next_edge();
        const Ps now = std::min(callback, edge);
        if (now == kNever) break;
        if (edge < callback && !somebody_waits_for_a_region()) {
            edges(callback);
        } else {
            step(now, callback);
        }
    }
}

// ---------------------------------------------------------------- without Python
// The bare loop under `nicosim bench`'s limit: the same model, its clock, and a ring filler in the place of everything else.
constexpr Ps kHalf = 3200;
constexpr unsigned kResetCycles = 40, kPowerOnCycles = 400;
constexpr unsigned kPatience = 1'000'000;  // cycles in which nothing happens: a frame is lost

void bare_cycles(uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
        shared.now_ps += kHalf;
        ++shared.cycles;
        top->clk_i = 1;
        top->eval();
        shared.now_ps += kHalf;
        top->clk_i = 0;
        top->eval();
    }
}

int run_filler(const nicosim::FillerConfig& config) {
    nicosim::RingFiller filler(config);
    top->rst_ni = top->phy_link_i = 1;
    top->eval();
    top->rst_ni = 0;
    bare_cycles(kResetCycles);
    top->rst_ni = 1;
    bare_cycles(kPowerOnCycles);
    filler.begin();
    for (unsigned quiet = 0; !filler.done();) {
        if (Verilated::gotFinish()) return 1;  // an assertion failed, and said so
        bare_cycles(1);
        if (shared.urgent || shared.now_ps >= shared.batch_due) {
            filler.pump();
            quiet = 0;
        } else if (++quiet == kPatience) {
            std::fprintf(stderr, "nicosim: filler: nothing moves, and not every frame has arrived\n");
            return 1;
        }
    }
    return 0;
}

void wrap_up() {
    VerilatedVpi::callCbs(cbEndOfSimulation);
    if (waves) waves->close();
#if VM_COVERAGE
    VerilatedCov::write();  // coverage.dat, beside the log
#endif
}

}  // namespace

extern "C" {

// Drive clock `which` (0 clk_i, 1 xgmii_tx_clk_i, 2 xgmii_rx_clk_i): it rises at `start`. The first one counts cycles.
void nicosim_clock(int which, Ps start, Ps high, Ps low) {
    CData* const pins[] = {&top->clk_i, &top->xgmii_tx_clk_i, &top->xgmii_rx_clk_i};
    clocks.push_back({pins[which], start, high, low, false});
}

// Before another bench is built in the same process: no clock runs, nothing is queued, nothing has happened.
void nicosim_restart() {
    clocks.clear();
    idle_cycles = 0;
    const Ps now = shared.now_ps;
    shared = nicosim::Shared{};
    shared.now_ps = now;
    nicosim::registers_restart();
    nicosim::wire_restart();
    nicosim::memory_restart();
}
}

int main(int argc, char** argv) {
    Verilated::commandArgs(argc, argv);
    top = std::make_unique<Vtop>("");
    Verilated::fatalOnVpiError(false);  // cocotb asks for things that are not there
    // A failed assertion ends the loop, not the process: Python must still write its results and captures.
    Verilated::fatalOnError(false);
    Verilated::traceEverOn(true);
    if (std::any_of(argv + 1, argv + argc, [](const char* word) { return !std::strcmp(word, "--trace"); })) {
        waves = std::make_unique<VerilatedFstC>();
        top->trace(waves.get(), 99);
        waves->open("dump.fst");
    }
    const std::string filler = Verilated::commandArgsPlusMatch("filler=");
    if (!filler.empty()) {
        const int answer = run_filler(nicosim::FillerConfig::parse(filler.substr(filler.find('=') + 1)));
        top.reset();
        return answer;
    }
    vlog_startup_routines_bootstrap();
    // An assertion that fails ends the program inside an evaluation: the model must not outlive the statics that it needs.
    Verilated::addExitCb([](void*) { wrap_up(), static_cast<void>(top.release()); }, nullptr);
    VerilatedVpi::callCbs(cbStartOfSimulation);
    settle();
    run();
    top->final();
    wrap_up();
    const bool failed = Verilated::threadContextp()->errorCount() > 0;
    top.reset();  // before the statics that it needs are gone
    return failed;
}
