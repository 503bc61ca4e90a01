# SPDX-License-Identifier: MIT
"""The RTNL mutex: one change of a network device's configuration at a time.

The functions that need it (dev_open, dev_close, register_netdev ...) take it themselves unless the calling task holds
it already: a driver's reset task locks, then closes and opens, as in Linux; a test just calls.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from driver.linux.bug import warn_violation
from driver.linux.cpu import Task, might_sleep
from driver.linux.current import ON
from driver.linux.wait import WaitQueueHead, wait_event

__all__ = ["assert_rtnl", "rtnl", "rtnl_is_locked", "rtnl_lock", "rtnl_unlock"]


class _Rtnl:
    __slots__ = ("free", "held", "owner")

    def __init__(self) -> None:
        self.held = False
        self.owner: Task | None = None
        self.free = WaitQueueHead()


async def rtnl_lock() -> None:
    """Waits until nobody holds it. Rule rtnl-deadlock: not by a task that holds it."""
    might_sleep()
    lock, me = ON.kernel.subsystem(_Rtnl), ON.cpu.process()
    if lock.held and lock.owner is me:
        warn_violation("rtnl-deadlock", me.name if me else "entered()", "takes the RTNL it holds")
        return
    await wait_event(lock.free, lambda: not lock.held)
    lock.held, lock.owner = True, me


def rtnl_unlock() -> None:
    """Rule rtnl-unlock: only by the holder."""
    lock = ON.kernel.subsystem(_Rtnl)
    if not lock.held or lock.owner is not ON.cpu.process():
        warn_violation("rtnl-unlock", lock.owner.name if lock.owner else "rtnl", "released by one who does not hold it")
        return
    lock.held, lock.owner = False, None
    lock.free.wake_up()


def rtnl_is_locked() -> bool:
    return ON.kernel.subsystem(_Rtnl).held


def _mine() -> bool:
    lock = ON.kernel.subsystem(_Rtnl)
    return lock.held and lock.owner is ON.cpu.process()


def assert_rtnl(what: str) -> None:
    """Rule rtnl-assert: the caller must hold the RTNL."""
    if not _mine():
        warn_violation("rtnl-assert", what, "called without the RTNL")


@asynccontextmanager
async def rtnl() -> AsyncIterator[None]:
    """Hold the RTNL, taken now unless the task has it."""
    if _mine():
        yield
        return
    await rtnl_lock()
    try:
        yield
    finally:
        rtnl_unlock()
