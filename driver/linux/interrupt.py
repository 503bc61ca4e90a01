# SPDX-License-Identifier: MIT
"""Interrupt lines, level triggered: the handlers run again for as long as the line is asserted.

A line is masked while its handlers run, and they run with interrupts of their CPU disabled. One that is still
asserted when they are done is taken again RETRIGGER_NS later, which is what leaving and entering costs a real CPU:
a posted write that silences the card needs some time to get there.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final

from driver.linux.bug import Where, fatal_violation, here, warn_violation
from driver.linux.cpu import might_sleep
from driver.linux.current import ON
from driver.linux.errno import EBUSY, EINVAL
from driver.linux.wait import WaitQueueHead, wait_event

if TYPE_CHECKING:
    from driver.linux.sched import Kernel

__all__ = [
    "IRQF_SHARED",
    "IRQ_HANDLED",
    "IRQ_NONE",
    "IrqDesc",
    "IrqHandler",
    "disable_irq",
    "disable_irq_nosync",
    "enable_irq",
    "free_irq",
    "request_irq",
    "synchronize_irq",
]

IRQ_NONE: Final = 0
IRQ_HANDLED: Final = 1
IRQF_SHARED: Final = 0x80

RETRIGGER_NS: Final = 500
# Interrupts in a row that no handler wants before the line is shut off. (Linux looks at 100000 of them.)
UNHANDLED_LIMIT: Final = 1000

IrqHandler = Callable[[int, Any], int | Coroutine[Any, Any, int]]


class IrqAction:
    """One handler on a line."""

    __slots__ = ("dev_id", "flags", "handler", "name", "where")

    def __init__(self, handler: IrqHandler, flags: int, name: str, dev_id: object, where: Where) -> None:
        self.handler = handler
        self.flags = flags
        self.name = name
        self.dev_id = dev_id
        self.where = where


class IrqDesc:
    """One line. cpu: which one takes it (its affinity)."""

    __slots__ = (
        "actions",
        "armed",
        "count",
        "cpu",
        "depth",
        "idle",
        "in_progress",
        "kernel",
        "level",
        "number",
        "queued",
        "resting",
        "running",
        "unhandled",
    )  # fmt: skip

    def __init__(self, kernel: Kernel, number: int) -> None:
        self.kernel = kernel
        self.number = number
        self.cpu = kernel.cpus[0]
        self.actions: list[IrqAction] = []
        self.level = False
        self.depth = 0  # disable_irq calls not undone
        self.in_progress = False
        self.running: IrqAction | None = None  # the handler that runs now
        self.queued = False  # waits in its CPU's queue
        self.resting = False  # waits for RETRIGGER_NS
        self.armed = 0
        self.count = 0
        self.unhandled = 0
        self.idle = WaitQueueHead()

    @property
    def name(self) -> str:
        return f"irq {self.number} ({', '.join(action.name for action in self.actions) or 'no handler'})"

    def set_level(self, asserted: bool) -> None:
        self.level = asserted
        if asserted:
            self.offer()

    def offer(self) -> None:
        """Queue the line for its CPU if it can be taken."""
        if self.level and self.actions and not (self.depth or self.in_progress or self.queued or self.resting):
            self.queued = True
            self.cpu.irqs.append(self)

    def expire(self) -> None:
        self.armed = 0
        self.resting = False
        self.offer()


async def handle_irq(desc: IrqDesc) -> None:
    """The hard interrupt context: every handler of the line, once."""
    desc.queued = False
    if not desc.level or desc.depth or not desc.actions:
        return
    desc.in_progress = True
    desc.count += 1
    wanted = IRQ_NONE
    tracer = desc.kernel.tracer
    for action in tuple(desc.actions):
        if action not in desc.actions:  # freed by another CPU while one before it ran
            continue
        desc.running = action
        if tracer is not None:
            tracer.irq_handler_entry(desc.number, action.name)
        answer = action.handler(desc.number, action.dev_id)
        if answer.__class__ is CoroutineType:
            answer = await answer
        if answer not in (IRQ_NONE, IRQ_HANDLED):
            raise fatal_violation("irq-return", action.name, f"its handler returned {answer!r}", action.where)
        wanted |= answer
        if tracer is not None:
            tracer.irq_handler_exit(desc.number, answer)
    desc.in_progress, desc.running = False, None
    if wanted:
        desc.unhandled = 0
    else:
        _nobody_wanted(desc)
    if desc.level and not desc.depth:
        desc.resting = True
        desc.kernel.arm(desc, desc.kernel.now_ns + RETRIGGER_NS)
    if desc.idle.waiting:
        desc.idle.wake_up()


def _nobody_wanted(desc: IrqDesc) -> None:
    desc.unhandled += 1
    if desc.unhandled == UNHANDLED_LIMIT:
        desc.unhandled = 0
        desc.depth += 1
        where = desc.actions[0].where if desc.actions else None
        warn_violation("irq-nobody-cared", desc, f"{UNHANDLED_LIMIT} interrupts unhandled; line disabled", where)


def request_irq(irq: int, handler: IrqHandler, flags: int, name: str, dev_id: object = None) -> int:
    """0, -EBUSY when the line is taken and not shared by all, -EINVAL for a shared one without dev_id."""
    might_sleep("request_irq")
    if flags & IRQF_SHARED and dev_id is None:
        return -EINVAL
    desc = ON.kernel.irq(irq)
    if desc.actions and not flags & desc.actions[0].flags & IRQF_SHARED:
        return -EBUSY
    desc.actions.append(IrqAction(handler, flags, name, dev_id, here()))
    if len(desc.actions) == 1:
        desc.depth = desc.unhandled = 0
    desc.offer()
    return 0


def free_irq(irq: int, dev_id: object = None) -> None:
    """Take a handler off its line.

    Rules: irq-free (there is such a handler), irq-free-running (it does not run at the moment on another CPU: this
    call cannot wait, so `await synchronize_irq(irq)` first).
    """
    might_sleep("free_irq")
    desc = ON.kernel.irq(irq)
    action = next((a for a in desc.actions if a.dev_id is dev_id), None)
    if action is None:
        warn_violation("irq-free", desc, f"no handler of this line belongs to {dev_id!r}")
        return
    if desc.running is action:
        warn_violation("irq-free-running", desc, "its handler runs on another CPU", action.where)
    desc.actions.remove(action)


def disable_irq_nosync(irq: int) -> None:
    """Take no interrupt of this line until enable_irq; nests."""
    ON.kernel.irq(irq).depth += 1


def disable_irq(irq: int) -> None:
    """As disable_irq_nosync: a handler that runs on another CPU is waited for by `await synchronize_irq(irq)`."""
    disable_irq_nosync(irq)


def enable_irq(irq: int) -> None:
    """Rule irq-enable: every enable_irq undoes a disable_irq."""
    desc = ON.kernel.irq(irq)
    if not desc.depth:
        warn_violation("irq-enable", desc, "enabled more often than disabled")
        return
    desc.depth -= 1
    desc.offer()


async def synchronize_irq(irq: int) -> None:
    """Wait until no handler of this line runs."""
    desc = ON.kernel.irq(irq)
    might_sleep("synchronize_irq")
    await wait_event(desc.idle, lambda: not desc.in_progress)
