# SPDX-License-Identifier: MIT
"""Module parameters (Linux: param.c), under the names that `modinfo e1000e` shows.

The driver's long waits are those of real hardware: 10 ms and 25 ms around a reset, a watchdog every 2 s, 5 s until a
stuck transmit queue is noticed. Where simulated time is dear they are made shorter all at once by the kernel's time
scale, Kernel(time_scale=N) in driver/linux: msleep, usleep_range, udelay, jiffies and every timer run N times as
fast as simulated time. It belongs to the kernel and not to this list because the stack's own timers must follow.
What the card itself times (ITR, RDTR, RADV) is not scaled.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Final

from driver.linux.printk import pr_info

__all__ = ["OPTIONS", "Option", "Params", "e1000e_check_options"]

RING_MULTIPLE: Final = 8  # descriptors: RDLEN and TDLEN count 128 bytes


@dataclass(frozen=True, slots=True)
class Option:
    """What a parameter may be: one of `values`, or `lowest` to `highest`, rounded up to a multiple."""

    lowest: int
    highest: int
    what: str
    values: tuple[int, ...] = ()
    multiple: int = 1

    def allows(self, value: int) -> bool:
        return value in self.values or self.lowest <= value <= self.highest


@dataclass(frozen=True, slots=True)
class Params:
    """The parameters of one card, with their defaults."""

    TxDescriptors: int = 256
    RxDescriptors: int = 256
    RxIntDelay: int = 32
    RxAbsIntDelay: int = 32
    InterruptThrottleRate: int = 3
    CrcStripping: int = 1
    copybreak: int = 256


OPTIONS: Final = {
    "TxDescriptors": Option(64, 4096, "transmit descriptors", multiple=RING_MULTIPLE),
    "RxDescriptors": Option(64, 4096, "receive descriptors", multiple=RING_MULTIPLE),
    "RxIntDelay": Option(0, 0xFFFF, "wait for more frames before a receive interrupt, 1.024 us"),
    "RxAbsIntDelay": Option(0, 0xFFFF, "longest wait for a receive interrupt, 1.024 us"),
    "InterruptThrottleRate": Option(
        100, 100_000, "interrupts/s; 0 no limit, 1 adaptive, 3 adaptive but conservative", values=(0, 1, 3)
    ),
    "CrcStripping": Option(0, 1, "the card removes the FCS from received frames"),
    "copybreak": Option(0, 0xFFFF, "frames shorter than this are copied, and their buffer used again"),
}


def e1000e_check_options(params: Params) -> Params:
    """What can be used of `params`: an impossible value is told and replaced by the default, as in Linux."""
    for field in fields(params):
        option = OPTIONS[field.name]
        value = getattr(params, field.name)
        if not option.allows(value):
            pr_info("Invalid %s value specified (%d), using default (%d)", field.name, value, field.default)
            value = field.default
        value += -value % option.multiple
        params = replace(params, **{field.name: value})
    return params
