# SPDX-License-Identifier: MIT
"""Module parameters (Linux: param.c), under the names that `modinfo e1000e` shows.

The driver's long waits are those of real hardware: 10 ms and 25 ms around a reset, a watchdog every 2 s, 5 s until a
stuck transmit queue is noticed. Where simulated time is dear they are made shorter all at once by the kernel's time
scale, Kernel(time_scale=N) in driver/linux: msleep, usleep_range, udelay, jiffies and every timer run N times as
fast as simulated time. It is the kernel's and not in this list because the stack's own timers must keep pace with
the driver's. What the card itself times (ITR, RDTR, RADV) is not scaled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from driver.linux.errno import EINVAL
from driver.linux.module import ModuleParamError, Param, load_params

__all__ = ["ITR_ADAPTIVE", "ITR_CONSERVATIVE", "ITR_OFF", "MIN_ITR_HZ", "PARAMS", "Params", "e1000e_check_options"]

ITR_OFF: Final = 0
ITR_ADAPTIVE: Final = 1
ITR_CONSERVATIVE: Final = 3
MIN_ITR_HZ: Final = 100

PARAMS: Final = (
    Param("TxDescriptors", 256, 64, 4096, "transmit descriptors", step=8),
    Param("RxDescriptors", 256, 64, 4096, "receive descriptors", step=8),
    Param("TxIntDelay", 8, 0, 0xFFFF, "a transmit interrupt waits this long for more frames, 1.024 us; 0: at once"),
    Param("TxAbsIntDelay", 32, 0, 0xFFFF, "longest wait of a transmit interrupt, 1.024 us"),
    Param("RxIntDelay", 32, 0, 0xFFFF, "a receive interrupt waits this long for more frames, 1.024 us"),
    Param("RxAbsIntDelay", 32, 0, 0xFFFF, "longest wait of a receive interrupt, 1.024 us"),
    Param(
        "InterruptThrottleRate", ITR_CONSERVATIVE, 0, 100_000,
        "interrupts per second, from 100 on; 0 no limit, 1 adaptive, 3 adaptive but conservative",
    ),
    Param("CrcStripping", 1, 0, 1, "the card removes the FCS of received frames"),
    Param("mc_filter_type", 0, 0, 3, "which twelve bits of a group's address pick its bit in the filter: RCTL.MO"),
    Param("copybreak", 256, 0, 0xFFFF, "shorter frames are copied and their buffer is used again, bytes"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Params:
    """The values of PARAMS for one driver."""

    TxDescriptors: int
    RxDescriptors: int
    TxIntDelay: int
    TxAbsIntDelay: int
    RxIntDelay: int
    RxAbsIntDelay: int
    InterruptThrottleRate: int
    CrcStripping: int
    mc_filter_type: int
    copybreak: int


def e1000e_check_options(given: Mapping[str, int]) -> Params:
    """All parameters: those given, and the defaults of the others.

    Raises: ModuleParamError.
    """
    params = Params(**load_params(PARAMS, given))
    rate = params.InterruptThrottleRate
    if rate < MIN_ITR_HZ and rate not in (ITR_OFF, ITR_ADAPTIVE, ITR_CONSERVATIVE):
        raise ModuleParamError(-EINVAL, f"InterruptThrottleRate={rate} is neither a mode nor a rate")
    return params
