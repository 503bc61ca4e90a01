// SPDX-License-Identifier: MIT
// A sampling profiler that knows the parts of this program: SIGPROF, the program counter, the symbol it is in.
//
// parts: `model` is the Verilated card, `models` the compiled bus models with what connects them, `cocotb` its libraries and
// Verilator's VPI, `python` the interpreter with everything it calls, `other` the rest (libc, kernel).
#include <dlfcn.h>
#include <signal.h>
#include <sys/time.h>
#include <ucontext.h>

#include <cstdint>
#include <cstdio>
#include <cstring>

namespace nicosim {

namespace {

constexpr unsigned kSamples = 1 << 18, kPeriodUs = 1000;
uintptr_t samples[kSamples];
volatile unsigned taken = 0;

void sample(int, siginfo_t*, void* context) {
    if (taken == kSamples) return;
    const auto& machine = static_cast<ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
    samples[taken] = machine.gregs[REG_RIP];
#elif defined(__aarch64__)
    samples[taken] = machine.pc;
#endif
    taken = taken + 1;
}

const char* part_of(uintptr_t counter) {
    Dl_info info;
    if (!dladdr(reinterpret_cast<void*>(counter), &info) || !info.dli_fname) return "other";
    const auto file = [&](const char* text) { return std::strstr(info.dli_fname, text) != nullptr; };
    const auto name = [&](const char* text) { return info.dli_sname && std::strstr(info.dli_sname, text) != nullptr; };
    if (file("libpython") || file("lib-dynload") || file("ctypes") || file("libffi")) return "python";
    if (file("cocotb") || file("gpi")) return "cocotb";
    if (file("libc.") || file("libm.") || file("libstdc++") || file("vdso")) return "other";
    if (file("libz.")) return "models";  // the wire's FCS
    if (name("VerilatedVpi") || name("vpi_")) return "cocotb";
    if (name("nicosim") || name("Vdpi")) return "models";
    return "model";
}

}  // namespace

}  // namespace nicosim

extern "C" {

// Samples from here on.
void nicosim_profile_start() {
    using namespace nicosim;
    taken = 0;
    struct sigaction action {};
    action.sa_sigaction = sample;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    sigaction(SIGPROF, &action, nullptr);
    const itimerval period{{0, kPeriodUs}, {0, kPeriodUs}};
    setitimer(ITIMER_PROF, &period, nullptr);
}

// Stop, and count the samples of a part ("model", "models", "cocotb", "python", "other"); "" counts all.
unsigned nicosim_profile_count(const char* part) {
    const itimerval never{};
    setitimer(ITIMER_PROF, &never, nullptr);
    unsigned count = 0;
    for (unsigned i = 0; i < nicosim::taken; ++i) {
        count += !*part || !std::strcmp(nicosim::part_of(nicosim::samples[i]), part);
    }
    return count;
}
}
