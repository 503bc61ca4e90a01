# SPDX-License-Identifier: MIT
"""Timers: they expire at a jiffy and run in the TIMER softirq of the CPU that started them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

from driver.linux.current import ON

if TYPE_CHECKING:
    from driver.linux.cpu import Cpu

__all__ = [
    "HZ",
    "TICK_NS",
    "TimerList",
    "add_timer",
    "del_timer",
    "del_timer_sync",
    "jiffies",
    "mod_timer",
    "timer_pending",
]

HZ: Final = 250
TICK_NS: Final = 1_000_000_000 // HZ

TimerFunction = Callable[[Any], Coroutine[Any, Any, None] | None]


def jiffies() -> int:
    """Ticks of the driver's clock since the kernel started."""
    return ON.kernel.jiffies


class TimerList:
    """Calls function(arg), plain or a coroutine function, in softirq context."""

    __slots__ = ("arg", "armed", "cpu", "due", "expires", "function", "when_ns")

    def __init__(self, function: TimerFunction, arg: object = None) -> None:
        self.function = function
        self.arg = arg
        self.expires = 0
        self.when_ns = 0
        self.armed = 0
        self.due = False  # expired, its function has not been called yet
        self.cpu: Cpu | None = None

    @property
    def name(self) -> str:
        return f"timer {getattr(self.function, '__qualname__', self.function)}"

    def expire(self) -> None:
        cpu = self.cpu
        assert cpu is not None
        kernel = cpu.kernel
        if self.when_ns > kernel.now_ns:  # it was put off: mod_timer left the old entry in place
            kernel.arm(self, self.when_ns)
            return
        self.armed = 0
        self.due = True
        cpu.due_timers.append(self)
        cpu.tick = True


def mod_timer(timer: TimerList, expires: int) -> bool:
    """(Re)start; expires: a jiffy, at the earliest the next. True when the timer was pending."""
    cpu = ON.cpu
    kernel = cpu.kernel
    pending = timer.armed != 0 or timer.due
    timer.expires = expires = max(expires, jiffies() + 1)
    when_ns = -(-expires * TICK_NS // kernel.time_scale)
    if timer.due:
        _forget_due(timer)
    put_off = timer.armed != 0 and when_ns >= timer.when_ns
    timer.when_ns = when_ns
    timer.cpu = cpu
    if not put_off:
        kernel.arm(timer, when_ns)
    return pending


def add_timer(timer: TimerList) -> None:
    """Start a timer whose `expires` is set."""
    mod_timer(timer, timer.expires)


def timer_pending(timer: TimerList) -> bool:
    return timer.armed != 0 or timer.due


def del_timer(timer: TimerList) -> bool:
    """Stop; True when it was pending."""
    pending = timer.armed != 0 or timer.due
    timer.armed = 0
    if timer.due:
        _forget_due(timer)
    return pending


def del_timer_sync(timer: TimerList) -> bool:
    """Stop, and its function does not run when this returns.

    A plain call: while a timer function waits on a CPU the others do not run, so nobody can meet one that runs.
    """
    return del_timer(timer)


def _forget_due(timer: TimerList) -> None:
    timer.due = False
    assert timer.cpu is not None
    timer.cpu.due_timers.remove(timer)


async def run_timer_softirq() -> None:
    """Call the functions of this CPU's expired timers, in order of expiry."""
    cpu = ON.cpu
    due = cpu.due_timers
    while due:
        timer = due.popleft()
        timer.due = False
        running = timer.function(timer.arg)
        if running is not None:
            cpu.exclusive += 1
            await running
            cpu.exclusive -= 1
