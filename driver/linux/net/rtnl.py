# SPDX-License-Identifier: MIT
"""The RTNL mutex: one change of a network device's configuration at a time.

The functions that need it (dev_open, dev_close, register_netdev ...) take it themselves unless the calling task holds
it already: a driver's reset task locks, then closes and opens, as in Linux; a test just calls.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from driver.linux.bug import warn_violation
from driver.linux.current import ON
from driver.linux.mutex import Mutex

__all__ = ["assert_rtnl", "rtnl", "rtnl_is_locked", "rtnl_lock", "rtnl_unlock"]


class _Rtnl:
    def __init__(self) -> None:
        self.mutex = Mutex("rtnl")


def _mutex() -> Mutex:
    return ON.kernel.subsystem(_Rtnl).mutex


async def rtnl_lock() -> None:
    """Waits until nobody holds it. Rule mutex-deadlock: not for a task that holds it."""
    await _mutex().lock()


def rtnl_unlock() -> None:
    """Rule mutex-unlock: only by the holder."""
    _mutex().unlock()


def rtnl_is_locked() -> bool:
    return _mutex().is_locked()


def _mine() -> bool:
    owner = _mutex().owner
    return owner is not None and owner is ON.cpu.process()


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
    except GeneratorExit:  # the kernel is closed under the task: there is nobody to unlock for
        raise
    except BaseException:
        rtnl_unlock()
        raise
    rtnl_unlock()
