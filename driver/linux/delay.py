# SPDX-License-Identifier: MIT
"""Sleeping, busy waiting, and the kernel's notions of time.

The driver's time scale N (Kernel(time_scale=N)) makes msleep, usleep_range, udelay, mdelay, jiffies and timers N
times as fast as simulated time. ktime_get_ns and timeouts in ns are simulated time.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final

from driver.linux.current import ON
from driver.linux.schedule import busy_until, sleep_until
from driver.linux.timer import HZ, TICK_NS, jiffies

__all__ = [
    "HZ",
    "TICK_NS",
    "jiffies",
    "jiffies_to_msecs",
    "ktime_get_ns",
    "mdelay",
    "msecs_to_jiffies",
    "msleep",
    "ndelay",
    "round_jiffies",
    "time_after",
    "time_after_eq",
    "time_before",
    "udelay",
    "usecs_to_jiffies",
    "usleep_range",
]

NS_PER_MS: Final = 1_000_000
NS_PER_US: Final = 1_000


def _until(ns: int) -> int:
    kernel = ON.kernel
    return kernel.now_ns + max(1, ns // kernel.time_scale)


def msleep(ms: int) -> Coroutine[Any, Any, bool]:
    """Await it: sleep for this long. Process context only."""
    return sleep_until(_until(ms * NS_PER_MS), "msleep")


def usleep_range(lowest_us: int, highest_us: int) -> Coroutine[Any, Any, bool]:
    """Await it: sleep for lowest_us (exactly: nothing else is gained from the range here). Process context only."""
    if highest_us < lowest_us:
        raise ValueError(f"usleep_range({lowest_us}, {highest_us})")
    return sleep_until(_until(lowest_us * NS_PER_US), "usleep_range")


def udelay(us: int) -> Coroutine[Any, Any, None]:
    """Await it: keep the CPU busy for this long. Allowed in every context; interrupts are taken meanwhile."""
    return busy_until(_until(us * NS_PER_US))


def mdelay(ms: int) -> Coroutine[Any, Any, None]:
    return busy_until(_until(ms * NS_PER_MS))


def ndelay(ns: int) -> Coroutine[Any, Any, None]:
    return busy_until(_until(ns))


def ktime_get_ns() -> int:
    """Simulated time since the kernel started, ns."""
    return ON.kernel.now_ns


def msecs_to_jiffies(ms: int) -> int:
    """Rounded up."""
    return -(-ms * HZ // 1000)


def usecs_to_jiffies(us: int) -> int:
    """Rounded up."""
    return -(-us * HZ // 1_000_000)


def jiffies_to_msecs(count: int) -> int:
    return count * 1000 // HZ


def round_jiffies(when: int) -> int:
    """The next whole second at or after `when`, so that idle timers fire together."""
    return -(-when // HZ) * HZ


def time_after(a: int, b: int) -> bool:
    return a > b


def time_after_eq(a: int, b: int) -> bool:
    return a >= b


def time_before(a: int, b: int) -> bool:
    return a < b
