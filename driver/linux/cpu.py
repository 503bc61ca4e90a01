# SPDX-License-Identifier: MIT
"""A CPU and what executes on it: at most one process, over it one softirq, over that one hard interrupt.

A context is a coroutine that yields what it waits for, and nothing else may:
    a read request   the CPU stalls until ReadDone; a hard interrupt is taken before the context goes on
    an int           the CPU is busy until that time, interrupts are taken meanwhile
    None             the process sleeps (whoever yields it has arranged for Task.wake); the CPU is free
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Coroutine, Generator
from typing import TYPE_CHECKING, Any

from driver.host import ConfigRead, MmioRead
from driver.linux.bug import fatal_violation, warn_violation
from driver.linux.current import ON

if TYPE_CHECKING:
    from driver.linux.interrupt import IrqDesc
    from driver.linux.sched import Kernel
    from driver.linux.spinlock import SpinLock
    from driver.linux.timer import TimerList

__all__ = [
    "BH_DISABLE_OFFSET",
    "HARDIRQ_MASK",
    "HARDIRQ_OFFSET",
    "INTERRUPT_MASK",
    "PREEMPT_OFFSET",
    "SOFTIRQ_MASK",
    "SOFTIRQ_OFFSET",
    "Context",
    "Cpu",
    "Task",
    "in_atomic",
    "in_hardirq",
    "in_interrupt",
    "in_serving_softirq",
    "in_softirq",
    "in_task",
    "irqs_disabled",
    "local_irq_disable",
    "local_irq_enable",
    "might_sleep",
    "sleeper",
]

# Cpu.preempt_count, laid out as Linux does: spinlocks, softirq (served: 1, disabled: 2 each), hard interrupt.
PREEMPT_OFFSET = 0x1
SOFTIRQ_OFFSET = 0x100
BH_DISABLE_OFFSET = 0x200
HARDIRQ_OFFSET = 0x10000
SOFTIRQ_MASK = 0xFF00
HARDIRQ_MASK = 0xF0000
INTERRUPT_MASK = SOFTIRQ_MASK | HARDIRQ_MASK

Code = Coroutine[Any, Any, Any]


class Context:
    """A coroutine on a CPU. `value` is what it is resumed with."""

    __slots__ = ("below", "busy_until_ns", "coro", "count_at_entry", "name", "reading", "request", "value")

    def __init__(self, name: str) -> None:
        self.name = name
        self.coro: Code | None = None
        self.below: Context | None = None
        self.value: object = None
        self.busy_until_ns = 0
        self.reading = False
        self.request: MmioRead | ConfigRead | None = None
        self.count_at_entry = 0


class Task(Context):
    """A process. `await task` waits for its end and gives its result."""

    __slots__ = ("armed", "asleep", "cpu", "done", "error", "is_kthread", "joiners", "outcome", "seen", "since_ns")

    def __init__(self, coro: Code, name: str, cpu: Cpu, is_kthread: bool = False) -> None:
        super().__init__(name)
        self.coro = coro
        self.cpu = cpu
        self.is_kthread = is_kthread
        self.asleep = False
        self.armed = 0
        self.done = False
        self.outcome: object = None
        self.error: Exception | None = None
        self.seen = False  # somebody has asked for the result
        self.since_ns = 0  # on the CPU since
        self.joiners: list[Task] = []

    def wake(self, value: object = True) -> bool:
        """Make the task runnable if it sleeps; its wait returns `value`."""
        if not self.asleep:
            return False
        self.asleep = False
        self.armed = 0
        self.value = value
        self.cpu.queue.append(self)
        return True

    def expire(self) -> None:
        """The time it slept for is over."""
        self.wake(False)

    def result(self) -> Any:
        """What the coroutine returned.

        Raises: what the coroutine raised; RuntimeError when it has not ended.
        """
        if not self.done:
            raise RuntimeError(f"the task has not ended: {self.position()}")
        self.seen = True
        if self.error is not None:
            raise self.error
        return self.outcome

    def __await__(self) -> Generator[None, Any, Any]:
        while not self.done:
            self.joiners.append(sleeper("join"))
            yield None
        return self.result()

    def position(self) -> str:
        """Where it is: the chain of awaits, outermost first, for reports."""
        coro: Any = self.coro
        chain = []
        while coro is not None:
            frame = getattr(coro, "cr_frame", None) or getattr(coro, "gi_frame", None)
            if frame is not None:
                file = os.path.basename(frame.f_code.co_filename)
                chain.append(f"{frame.f_code.co_qualname} {file}:{frame.f_lineno}")
            coro = getattr(coro, "cr_await", None) or getattr(coro, "gi_yieldfrom", None)
        return f"{self.name}: " + (" > ".join(chain) or "ended")


class Cpu:
    """One processor: its contexts, run queue, pending interrupts and softirqs."""

    __slots__ = (
        "ctx", "due_timers", "exclusive", "hard", "held", "index", "irqs", "irqs_off", "kernel", "ksoftirqd",
        "preempt_count", "queue", "soft", "softirq_now", "softirq_pending", "tick", "xmit_more",
    )  # fmt: skip

    def __init__(self, kernel: Kernel, index: int) -> None:
        self.kernel = kernel
        self.index = index
        self.ctx: Context | None = None  # the innermost context; None: idle
        self.hard = Context(f"hardirq/{index}")
        self.soft = Context(f"softirq/{index}")
        self.queue: deque[Task] = deque()
        self.irqs: deque[IrqDesc] = deque()  # asserted and waiting for this CPU
        self.due_timers: deque[TimerList] = deque()
        self.tick = False  # a timer fell due: the timer interrupt is pending
        self.irqs_off = 0
        self.preempt_count = 0
        self.softirq_pending = 0
        self.softirq_now = False  # run the pending ones as soon as the context allows, before it goes on
        self.ksoftirqd: Task | None = None
        self.held: list[SpinLock] = []
        self.xmit_more = False  # softnet_data.xmit.more: what netdev_xmit_more says
        self.exclusive = 0  # > 0: as long as this CPU waits, the others do (they would spin)

    def process(self) -> Task | None:
        """The process on this CPU, interrupted or not."""
        ctx = self.ctx
        while ctx is not None and ctx.__class__ is not Task:
            ctx = ctx.below
        return ctx

    def deadline_ns(self, now_ns: int) -> int | None:
        """When this CPU can go on without an event; now_ns when it can at once."""
        ctx = self.ctx
        if ctx is not None and ctx.reading:
            return None
        softirq = self.softirq_now and not self.preempt_count & INTERRUPT_MASK
        if self.irqs_off == 0 and (self.irqs or self.tick or softirq):
            return now_ns
        if ctx is None:
            return now_ns if self.queue else None
        return max(ctx.busy_until_ns, now_ns)

    def why_atomic(self) -> str:
        """Why this CPU must not sleep, for reports; empty: it may."""
        count, reasons = self.preempt_count, []
        if count & HARDIRQ_MASK:
            reasons.append("in a hard interrupt")
        if count & SOFTIRQ_OFFSET:
            reasons.append("in a softirq")
        if (count & SOFTIRQ_MASK) // BH_DISABLE_OFFSET:
            reasons.append("with bottom halves disabled")
        reasons += [f"holding {lock.name}" for lock in self.held]
        if self.irqs_off > (1 if count & HARDIRQ_MASK else 0):
            reasons.append("with interrupts disabled")
        return ", ".join(reasons)


def in_hardirq() -> bool:
    return ON.cpu.preempt_count & HARDIRQ_MASK != 0


def in_softirq() -> bool:
    """In a softirq, or with bottom halves disabled."""
    return ON.cpu.preempt_count & SOFTIRQ_MASK != 0


def in_serving_softirq() -> bool:
    return ON.cpu.preempt_count & SOFTIRQ_OFFSET != 0


def in_interrupt() -> bool:
    """In a hard interrupt or in_softirq()."""
    return ON.cpu.preempt_count & INTERRUPT_MASK != 0


def in_task() -> bool:
    return not ON.cpu.preempt_count & (HARDIRQ_MASK | SOFTIRQ_OFFSET)


def in_atomic() -> bool:
    return ON.cpu.preempt_count != 0


def irqs_disabled() -> bool:
    return ON.cpu.irqs_off != 0


def local_irq_disable() -> None:
    """Counts, unlike Linux's: every disable has its enable."""
    ON.cpu.irqs_off += 1


def local_irq_enable() -> None:
    cpu = ON.cpu
    if not cpu.irqs_off:
        warn_violation("irq-enable", f"cpu {cpu.index}", "interrupts enabled that were not disabled")
        return
    cpu.irqs_off -= 1


def might_sleep(what: str = "might_sleep") -> None:
    """Rule sleep-in-atomic: the caller may sleep here, so it must be a process without locks."""
    cpu = ON.cpu
    if cpu.preempt_count or cpu.irqs_off:
        warn_violation("sleep-in-atomic", cpu.ctx.name if cpu.ctx else "entered()", f"{what} {cpu.why_atomic()}")


def sleeper(what: str) -> Task:
    """The process that is about to sleep; the caller arranges for its wake and yields None.

    Raises: ContractViolation (rule sleep-in-atomic), whether or not the kernel panics: there is no way to sleep.
    """
    cpu = ON.cpu
    if cpu.preempt_count or cpu.irqs_off or cpu.ctx.__class__ is not Task:
        where = cpu.why_atomic() or "outside any task"
        raise fatal_violation("sleep-in-atomic", cpu.ctx.name if cpu.ctx else "entered()", f"{what} {where}")
    task: Task = cpu.ctx
    task.asleep = True
    return task
