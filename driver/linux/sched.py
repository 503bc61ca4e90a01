# SPDX-License-Identifier: MIT
"""The kernel: a discrete-event scheduler without I/O of its own. A host pumps it (driver/host.py: Pumped).

Each CPU runs its innermost context until that waits; what it may wait for is told in cpu.py. Between two waits no
simulated time passes. Tasks of a CPU do not preempt each other: one runs until it sleeps.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any, Final, Protocol, TypeVar, cast

from driver.host import Event, Host, IrqLevel, PciError, ReadDone, Request
from driver.linux.bug import ContractViolation, Violation, fatal_violation, warn_violation
from driver.linux.cpu import (
    HARDIRQ_OFFSET,
    INTERRUPT_MASK,
    SOFTIRQ_OFFSET,
    Context,
    Cpu,
    Task,
    in_atomic,
    in_hardirq,
    in_interrupt,
    in_serving_softirq,
    in_softirq,
    in_task,
    irqs_disabled,
    local_irq_disable,
    local_irq_enable,
    might_sleep,
)
from driver.linux.current import ON, NoKernelError, current, enter, leave, this_cpu
from driver.linux.dma_mapping import Iommu
from driver.linux.interrupt import IrqDesc, handle_irq
from driver.linux.mm import Memory
from driver.linux.net.state import Net
from driver.linux.printk import Log
from driver.linux.schedule import block, busy_until, charge, cond_resched, sleep_until
from driver.linux.softirq import NR_SOFTIRQS, TIMER_SOFTIRQ, SoftirqAction, do_softirq, invoke_softirq
from driver.linux.timer import TICK_NS, run_timer_softirq
from driver.linux.tracepoint import Tracer

__all__ = [
    "SCHEDULES",
    "Cost",
    "Cpu",
    "Kernel",
    "NoKernelError",
    "Task",
    "block",
    "busy_until",
    "charge",
    "cond_resched",
    "current",
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
    "sleep_until",
    "this_cpu",
]

Part = TypeVar("Part")
Ready = TypeVar("Ready")

# What goes first where Linux gives no promise: whoever came first, or whoever the seed says.
SCHEDULES: Final = ("fifo", "random")

# More resumptions than this at one instant are taken for a loop that no simulated time ever ends.
LIVELOCK_LIMIT = 200_000
# The IOMMU's window: above 4 GiB and unlike any physical address, so that whoever confuses the two meets a fault.
DEFAULT_IOVA_BASE = 0x40_0000_0000
# Its slots: for a driver with two full rings of 4096, a frame in two pieces each; in little memory, one per KiB.
MAX_DMA_SLOTS = 16384


@dataclass(frozen=True, slots=True)
class Cost:
    """Time a CPU needs to enter a context, ns; zero where nobody measures it. More is charged by `await charge(ns)`."""

    hardirq_ns: int = 0
    softirq_ns: int = 0
    switch_ns: int = 0


class Expiring(Protocol):
    """What can be armed: `armed` is the number of the arming that counts, 0 none."""

    armed: int

    def expire(self) -> None: ...


class Kernel:
    """One machine's kernel.

    host: memory and PCI functions. time_scale: the driver's time scale N: msleep, usleep_range, udelay, jiffies and
    timers run N times as fast as simulated time. cost: None charges nothing.
    iova_base, dma_slots: the IOMMU's window; above 4 GiB, and sized by the memory, unless told otherwise.
    schedule: one of SCHEDULES. With "random" the seed says which runnable task runs, which CPU goes first, which of the
    interrupts that wait is taken, and in what order things expire that fall due at the same time.
    """

    def __init__(
        self,
        host: Host,
        *,
        cpus: int = 1,
        seed: int = 0,
        panic_on_violation: bool = True,
        time_scale: int = 1,
        cost: Cost | None = None,
        iova_base: int = DEFAULT_IOVA_BASE,
        dma_slots: int | None = None,
        schedule: str = "fifo",
    ) -> None:
        if schedule not in SCHEDULES:
            raise ValueError(f"schedule {schedule} is none of {', '.join(SCHEDULES)}")
        if cpus < 1 or time_scale < 1:
            raise ValueError(f"cpus {cpus} and time_scale {time_scale} must be at least 1")
        self.host = host
        self.seed = seed
        self.panic_on_violation = panic_on_violation
        self.time_scale = time_scale
        self.cost = cost or Cost()
        self.now_ns = self.jiffies = 0
        self.log = Log()
        self.violations: list[Violation] = []
        self.requests: list[Request] = []
        self.cpus = [Cpu(self, index) for index in range(cpus)]
        self.tasks: dict[int, Task] = {}
        self.irqs: dict[int, IrqDesc] = {}
        self.softirq_actions: list[SoftirqAction | None] = [None] * NR_SOFTIRQS
        self.softirq_actions[TIMER_SOFTIRQ] = run_timer_softirq
        self.blocker: Cpu | None = None
        self.tracer: Tracer | None = None
        self._heap: list[tuple[int, float, int, Expiring]] = []  # when, who goes first, arming, what
        self._armings = 0
        self._dice = Random(f"{seed} schedule") if schedule == "random" else None
        self._expected: dict[str, list[Violation]] = {}
        self._panic: ContractViolation | None = None
        self.on_pci_error: Callable[[PciError], None] | None = None  # pci.py; None: nobody has looked at the bus yet
        self._parts: dict[Callable[[], Any], Any] = {}
        self.net = Net(cpus)
        self.mm = Memory(self, host.memory, host.memory_base)
        slots = min(MAX_DMA_SLOTS, self.mm.view.nbytes >> 10) if dma_slots is None else dma_slots
        self.dma_table = Iommu(self, iova_base, slots)

    # ------------------------------------------------------------------------------------------ what a host calls
    def step(self, now_ns: int, events: Sequence[Event] = ()) -> list[Request]:
        """Run everything that can run at `now_ns`; what it asks for, in order.

        Raises: ContractViolation; whatever an interrupt handler, a softirq or a kernel thread raises.
        """
        if self._panic is not None:
            raise self._panic
        if now_ns < self.now_ns:
            raise ValueError(f"time went back from {self.now_ns} to {now_ns}")
        self.now_ns = now_ns
        self.jiffies = now_ns * self.time_scale // TICK_NS
        enter(self, self.cpus[0])
        try:
            for event in events:
                if isinstance(event, ReadDone):
                    self._read_done(event.cpu, event.value)
                elif isinstance(event, IrqLevel):
                    self.irq(event.irq).set_level(event.asserted)
                elif self.on_pci_error is not None:
                    self.on_pci_error(event)
            heap = self._heap
            while heap and heap[0][0] <= now_ns:
                _, _, arming, thing = heapq.heappop(heap)
                if thing.armed == arming:
                    thing.expire()
            if len(self.cpus) == 1:
                self._run(self.cpus[0])
            else:
                self._run_all()
        finally:
            leave()
        if self._panic is not None:
            raise self._panic
        requests, self.requests = self.requests, []
        return requests

    @property
    def deadline_ns(self) -> int | None:
        """When to call `step` next if nothing happens before; None: never."""
        heap = self._heap
        while heap and heap[0][3].armed != heap[0][2]:
            heapq.heappop(heap)
        best = heap[0][0] if heap else None
        if self.requests:
            return self.now_ns
        for cpu in self.cpus:
            if self.blocker is None or self.blocker is cpu:
                when = cpu.deadline_ns(self.now_ns)
                if when is not None and (best is None or when < best):
                    best = when
        return best

    def run(self, coro: Coroutine[Any, Any, Any], name: str = "", cpu: int = 0) -> Task:
        """Start a process; it runs in the next step, or in this one. What it raises is kept for Task.result."""
        return self._start(coro, name, cpu, is_kthread=False)

    def kthread(self, coro: Coroutine[Any, Any, Any], name: str, cpu: int = 0) -> Task:
        """Start a thread of the kernel's own: what it raises comes out of step."""
        return self._start(coro, name, cpu, is_kthread=True)

    @contextmanager
    def entered(self, cpu: int = 0) -> Iterator[Kernel]:
        """Make this kernel current, in process context, for plain Linux functions called from outside it; nests."""
        try:
            before = ON.kernel, ON.cpu
        except NoKernelError:
            before = None
        enter(self, self.cpus[cpu])
        try:
            yield self
        finally:
            if before is None:
                leave()
            else:
                ON.kernel, ON.cpu = before

    def close(self) -> None:
        """End what still runs: the coroutines are closed, their `finally` clauses run inside the kernel."""
        with self.entered():
            for task in list(self.tasks.values()):
                ON.cpu = task.cpu
                if task.coro is not None:
                    task.coro.close()
        self.tasks.clear()
        for cpu in self.cpus:
            for context in (cpu.hard, cpu.soft):
                if context.coro is not None:
                    with self.entered(cpu.index):
                        context.coro.close()
            cpu.queue.clear()
            cpu.ctx = None

    # ------------------------------------------------------------------------------------------ violations
    def report(self, violation: Violation, *, at_once: bool = True) -> None:
        """Record a broken rule. at_once False: not the driver is running, so a panic waits for the next step."""
        expected = self._expected.get(violation.rule)
        if expected is not None:
            expected.append(violation)
            return
        self.violations.append(violation)
        self.log.add(self.now_ns, 30, str(violation))
        if self.panic_on_violation:
            self._panic = self._panic or ContractViolation(violation)
            if at_once:
                raise ContractViolation(violation)

    @contextmanager
    def expecting(self, rule: str) -> Iterator[list[Violation]]:
        """Violations of `rule` in here are collected, not recorded: the test asserts on the list."""
        caught: list[Violation] = []
        self._expected[rule] = caught
        try:
            yield caught
        finally:
            del self._expected[rule]

    def unseen_errors(self) -> list[tuple[str, Exception]]:
        """Tasks that raised, and nobody asked for their result."""
        return [(t.name, t.error) for t in self.tasks.values() if t.error is not None and not t.seen]

    # ------------------------------------------------------------------------------------------ for the kernel's files
    def subsystem(self, kind: Callable[[], Part]) -> Part:
        """The one object of this class that this kernel has; made at the first call."""
        part: Part | None = self._parts.get(kind)
        if part is None:
            part = self._parts[kind] = kind()
        return part

    def irq(self, number: int) -> IrqDesc:
        desc = self.irqs.get(number)
        if desc is None:
            desc = self.irqs[number] = IrqDesc(self, number)
        return desc

    def irq_count(self, number: int) -> int:
        """Interrupts taken on a line, as /proc/interrupts counts them."""
        desc = self.irqs.get(number)
        return desc.count if desc is not None else 0

    def arm(self, thing: Expiring, when_ns: int) -> None:
        """Call thing.expire() at when_ns, unless it is armed again or `armed` is cleared."""
        self._armings += 1
        thing.armed = self._armings
        first = 0.0 if self._dice is None else self._dice.random()
        heapq.heappush(self._heap, (when_ns, first, self._armings, thing))

    def choose(self, ready: deque[Ready]) -> Ready:
        """Take who goes next from those that could: the one place that decides it."""
        if self._dice is not None and len(ready) > 1:
            ready.rotate(-self._dice.randrange(len(ready)))
        return ready.popleft()

    def _start(self, coro: Coroutine[Any, Any, Any], name: str, cpu: int, is_kthread: bool) -> Task:
        task = Task(coro, name or getattr(coro, "__qualname__", "task"), self.cpus[cpu], is_kthread)
        self.tasks[id(task)] = task
        task.cpu.queue.append(task)
        return task

    # ------------------------------------------------------------------------------------------ the scheduler
    def _read_done(self, number: int, value: int) -> None:
        ctx = self.cpus[number].ctx
        if ctx is None or not ctx.reading:
            raise RuntimeError(f"ReadDone for cpu {number}, which does not wait for one")
        ctx.reading = False
        ctx.value = value

    def _run_all(self) -> None:
        progress = True
        while progress:
            progress = False
            cpus = deque(self.cpus)
            while cpus:
                cpu = self.choose(cpus)
                if (self.blocker is None or self.blocker is cpu) and cpu.deadline_ns(self.now_ns) == self.now_ns:
                    progress = True
                    self._run(cpu)
                    self.blocker = cpu if cpu.exclusive else None

    def _run(self, cpu: Cpu) -> None:
        """Run one CPU until its innermost context waits, or nothing is left."""
        ON.cpu = cpu
        now_ns = self.now_ns
        for _ in range(LIVELOCK_LIMIT):
            ctx = cpu.ctx
            if ctx is not None and ctx.reading:
                return
            if not cpu.irqs_off:
                if cpu.irqs:
                    self._enter_hardirq(cpu)
                    continue
                if cpu.tick:
                    self._timer_interrupt(cpu)
                if cpu.softirq_now and not cpu.preempt_count & INTERRUPT_MASK:
                    self._enter_softirq(cpu)
                    continue
            if ctx is None:
                if not cpu.queue:
                    return
                ctx = self._switch_to(cpu, self.choose(cpu.queue))
            if ctx.busy_until_ns > now_ns:
                return
            if ctx.request is not None:
                self.requests.append(ctx.request)
                ctx.request = None
                ctx.reading = True
                return
            value, ctx.value = ctx.value, None
            try:
                asked = ctx.coro.send(value)  # type: ignore[union-attr]  # on a CPU it has one
            except StopIteration as end:
                self._ended(cpu, ctx, end.value, None)
                continue
            except ContractViolation:
                raise
            except Exception as error:
                if ctx.__class__ is not Task or ctx.is_kthread:
                    raise
                self._ended(cpu, ctx, None, error)
                continue
            if asked is None:
                cpu.ctx = None
                if self.tracer is not None:
                    self.tracer.sched_switch(cast(Task, ctx), None)
            elif asked.__class__ is int:
                ctx.busy_until_ns = asked
            else:
                ctx.request = asked
        name = cpu.ctx.name if cpu.ctx else "idle"
        raise fatal_violation("livelock", name, f"cpu {cpu.index} went round {LIVELOCK_LIMIT} times in no time")

    def _timer_interrupt(self, cpu: Cpu) -> None:
        cpu.tick = False
        cpu.softirq_pending |= 1 << TIMER_SOFTIRQ
        invoke_softirq(cpu)

    def _enter_hardirq(self, cpu: Cpu) -> None:
        desc = self.choose(cpu.irqs)
        ctx = cpu.hard
        ctx.coro = handle_irq(desc)
        ctx.below = cpu.ctx
        ctx.count_at_entry = cpu.preempt_count
        ctx.busy_until_ns = self.now_ns + self.cost.hardirq_ns
        cpu.preempt_count += HARDIRQ_OFFSET
        cpu.irqs_off += 1
        cpu.ctx = ctx

    def _enter_softirq(self, cpu: Cpu) -> None:
        ctx = cpu.soft
        ctx.coro = do_softirq(cpu)
        ctx.below = cpu.ctx
        ctx.count_at_entry = cpu.preempt_count
        ctx.busy_until_ns = self.now_ns + self.cost.softirq_ns
        cpu.preempt_count += SOFTIRQ_OFFSET
        cpu.ctx = ctx

    def _switch_to(self, cpu: Cpu, task: Task) -> Task:
        task.since_ns = self.now_ns
        task.busy_until_ns = self.now_ns + self.cost.switch_ns
        cpu.ctx = task
        if self.tracer is not None:
            self.tracer.sched_switch(None, task)
        return task

    def _ended(self, cpu: Cpu, ctx: Context, outcome: object, error: Exception | None) -> None:
        ctx.coro = None
        cpu.ctx = ctx.below
        if ctx is cpu.hard:
            self._balanced(cpu, ctx, HARDIRQ_OFFSET, 1)
            cpu.irqs_off = 0
            if cpu.softirq_pending:
                invoke_softirq(cpu)
        elif ctx is cpu.soft:
            self._balanced(cpu, ctx, SOFTIRQ_OFFSET, 0)
            cpu.softirq_now = False
        elif isinstance(ctx, Task):
            self._balanced(cpu, ctx, 0, 0)
            self._task_ended(ctx, outcome, error)

    def _balanced(self, cpu: Cpu, ctx: Context, offset: int, irqs_off: int) -> None:
        """Rule atomic-leak: a context gives back what it took (locks, disabled bottom halves and interrupts)."""
        good = cpu.preempt_count == ctx.count_at_entry + offset and cpu.irqs_off == irqs_off
        what = "" if good else cpu.why_atomic()
        cpu.preempt_count = ctx.count_at_entry
        if not good:
            cpu.irqs_off = irqs_off
            warn_violation("atomic-leak", ctx.name, f"it ended {what or 'with an unbalanced preempt count'}")

    def _task_ended(self, task: Task, outcome: object, error: Exception | None) -> None:
        if self.tracer is not None:
            self.tracer.sched_switch(task, None)
        task.done = True
        task.outcome, task.error = outcome, error
        for joiner in task.joiners:
            joiner.wake()
        task.joiners.clear()
        if error is None:
            del self.tasks[id(task)]
