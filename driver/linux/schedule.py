# SPDX-License-Identifier: MIT
"""How a context waits: for somebody, for a time, busy or asleep. Everything that sleeps is built on these."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any

from driver.linux.cpu import might_sleep, sleeper
from driver.linux.current import ON

__all__ = ["block", "busy_until", "charge", "cond_resched", "sleep_until"]


@coroutine
def block(what: str = "schedule") -> Generator[None, Any, Any]:
    """Sleep until somebody calls wake(value) on this task; gives that value."""
    sleeper(what)
    return (yield None)


@coroutine
def sleep_until(when_ns: int, what: str = "sleep") -> Generator[int | None, Any, bool]:
    """Sleep until a time; True when somebody woke the task before that.

    In atomic context a violation; if the kernel goes on nevertheless, the CPU stays busy that long.
    """
    cpu = ON.cpu
    if cpu.preempt_count or cpu.irqs_off:
        might_sleep(what)
        yield when_ns
        return False
    task = sleeper(what)
    ON.kernel.arm(task, when_ns)
    return bool((yield None))


@coroutine
def busy_until(when_ns: int) -> Generator[int, Any, None]:
    """Keep the CPU until a time; interrupts are taken meanwhile. Allowed in every context."""
    yield when_ns


def charge(ns: int) -> Coroutine[Any, Any, None]:
    """CPU time that a piece of code takes: busy_until(now + ns)."""
    return busy_until(ON.kernel.now_ns + ns)


@coroutine
def cond_resched() -> Generator[int | None, Any, None]:
    """Let the other runnable tasks of this CPU have a turn."""
    cpu = ON.cpu
    if cpu.queue:
        task = sleeper("cond_resched")
        task.wake()
        yield None
    else:
        yield 0  # softirqs and interrupts that became pending
