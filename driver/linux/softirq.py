# SPDX-License-Identifier: MIT
"""Softirqs: raised anywhere, run at the exit of a hard interrupt, at local_bh_enable, or by ksoftirqd.

local_bh_enable is a plain call, and softirqs may wait for registers: what is pending runs before the caller's next
await is performed, not inside the call. No simulated time passes in between.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final, Protocol

from driver.linux.bug import fatal_violation, warn_violation
from driver.linux.cpu import BH_DISABLE_OFFSET, INTERRUPT_MASK, SOFTIRQ_MASK, Cpu, Task
from driver.linux.current import ON
from driver.linux.schedule import block, busy_until, cond_resched

if TYPE_CHECKING:
    from driver.linux.sched import Kernel

__all__ = [
    "HI_SOFTIRQ",
    "MAX_SOFTIRQ_RESTART",
    "MAX_SOFTIRQ_TIME_NS",
    "NET_RX_SOFTIRQ",
    "NET_TX_SOFTIRQ",
    "NR_SOFTIRQS",
    "TIMER_SOFTIRQ",
    "SoftirqAction",
    "local_bh_disable",
    "local_bh_enable",
    "open_softirq",
    "raise_softirq",
    "raise_softirq_irqoff",
]

HI_SOFTIRQ: Final = 0
TIMER_SOFTIRQ: Final = 1
NET_TX_SOFTIRQ: Final = 2
NET_RX_SOFTIRQ: Final = 3
NR_SOFTIRQS: Final = 10

# When the loop hands over to ksoftirqd: passes, and simulated time (not the driver's time scale).
MAX_SOFTIRQ_RESTART: Final = 10
MAX_SOFTIRQ_TIME_NS: Final = 2_000_000
# A process that a softirq interrupts is asked to give way after this long on the CPU.
TIME_SLICE_NS: Final = 4_000_000


class SoftirqAction(Protocol):
    """Plain, or a coroutine function when it may wait for a register."""

    def __call__(self) -> Coroutine[Any, Any, None] | None: ...


def open_softirq(nr: int, action: SoftirqAction) -> None:
    """Name the action of a softirq of the current kernel."""
    ON.kernel.softirq_actions[nr] = action


def raise_softirq(nr: int) -> None:
    """Make a softirq pending on this CPU. In process context that wakes ksoftirqd, as nothing else would run it."""
    cpu = ON.cpu
    cpu.softirq_pending |= 1 << nr
    if not cpu.preempt_count & INTERRUPT_MASK:
        wake_ksoftirqd(cpu)


raise_softirq_irqoff = raise_softirq


def local_bh_disable() -> None:
    ON.cpu.preempt_count += BH_DISABLE_OFFSET


def local_bh_enable() -> None:
    """Rule bh-enable: pairs with local_bh_disable, not in a hard interrupt, not with interrupts disabled."""
    cpu = ON.cpu
    if cpu.preempt_count & SOFTIRQ_MASK < BH_DISABLE_OFFSET:
        warn_violation("bh-enable", f"cpu {cpu.index}", "bottom halves enabled that were not disabled")
        return
    cpu.preempt_count -= BH_DISABLE_OFFSET
    if cpu.irqs_off:
        warn_violation("bh-enable", f"cpu {cpu.index}", "bottom halves enabled with interrupts off")
    if cpu.softirq_pending and not cpu.preempt_count & INTERRUPT_MASK:
        invoke_softirq(cpu)


def invoke_softirq(cpu: Cpu) -> None:
    """Run what is pending before the context goes on; ksoftirqd does it if that is already due to run."""
    thread = cpu.ksoftirqd
    if thread is None or thread.asleep:
        cpu.softirq_now = True


def wake_ksoftirqd(cpu: Cpu) -> None:
    if cpu.ksoftirqd is None:
        cpu.ksoftirqd = cpu.kernel.kthread(ksoftirqd(cpu), f"ksoftirqd/{cpu.index}", cpu.index)
    else:
        cpu.ksoftirqd.wake()


async def do_softirq(cpu: Cpu) -> None:
    """The softirq context: actions in order of their number, until nothing is pending or others have waited enough."""
    kernel = cpu.kernel
    actions, tracer = kernel.softirq_actions, kernel.tracer
    end_ns = kernel.now_ns + MAX_SOFTIRQ_TIME_NS
    passes = 0
    while cpu.softirq_pending:
        if passes and (passes == MAX_SOFTIRQ_RESTART or kernel.now_ns >= end_ns or _need_resched(cpu, kernel)):
            wake_ksoftirqd(cpu)
            return
        passes += 1
        pending, cpu.softirq_pending = cpu.softirq_pending, 0
        while pending:
            nr = (pending & -pending).bit_length() - 1
            pending &= pending - 1
            action = actions[nr]
            if action is None:
                raise fatal_violation("softirq-action", f"softirq {nr}", "raised, but it has no action")
            count = cpu.preempt_count
            if tracer is not None:
                tracer.softirq_entry(nr)
            running = action()
            if running is not None:
                await running
            if tracer is not None:
                tracer.softirq_exit(nr)
            if cpu.preempt_count != count or cpu.irqs_off:
                _unbalanced(cpu, nr, count)


def _unbalanced(cpu: Cpu, nr: int, count: int) -> None:
    why = cpu.why_atomic()
    cpu.preempt_count, cpu.irqs_off = count, 0
    warn_violation("atomic-leak", f"softirq {nr}", f"its action ended {why}")


def _need_resched(cpu: Cpu, kernel: Kernel) -> bool:
    """A task waits, and the one that the softirq interrupted (if any) has had its slice."""
    if not cpu.queue:
        return False
    process: Task | None = cpu.process()
    return process is None or process is cpu.ksoftirqd or kernel.now_ns - process.since_ns >= TIME_SLICE_NS


async def ksoftirqd(cpu: Cpu) -> None:
    """The thread that runs softirqs when they have had too much time, taking turns with the other tasks."""
    while True:
        if cpu.softirq_pending:
            cpu.softirq_now = True
            await busy_until(0)
            await cond_resched()
        else:
            await block("ksoftirqd")
