# SPDX-License-Identifier: MIT
"""Bugs to plant in the driver, in the simulator's process, so that a hunt has something to find."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from driver.e1000e import netdev
from driver.e1000e.adapter import Adapter, HwStats
from driver.e1000e.hw import rmw32
from driver.e1000e.regs import MPRC, RCTL
from driver.e1000e.rx import e1000_clean_rx_ring
from driver.linux.delay import usleep_range

__all__ = ["BUGS"]


def long_frames_are_refused() -> None:
    """RCTL.LPE is forgotten."""
    right: Any = netdev.e1000_setup_rctl

    async def wrong(adapter: Adapter) -> None:
        await right(adapter)
        await rmw32(adapter.hw, RCTL, clear=RCTL.LPE)

    netdev.e1000_setup_rctl = wrong


def groups_are_not_counted() -> None:
    right = HwStats.add

    def wrong(stats: HwStats, name: str, value: int) -> None:
        right(stats, name, 0 if name == MPRC.name.lower() else value)

    HwStats.add = wrong  # type: ignore[method-assign]


def buffers_are_taken_back_too_early() -> None:
    """Some time before the reset, and of a receiver that still runs: nobody notices while no frame comes."""
    right: Any = netdev.e1000e_reset

    async def receiver_goes_on(adapter: Adapter, **changes: int) -> None:
        pass

    async def wrong(adapter: Adapter) -> int:
        if adapter.down and adapter.rx_ring.buffer_info:
            e1000_clean_rx_ring(adapter.rx_ring)
            await usleep_range(10_000, 11_000)
        return int(await right(adapter))

    netdev.e1000e_change_rctl = receiver_goes_on
    netdev.e1000e_reset = wrong


_ALL: tuple[Callable[[], None], ...] = (
    long_frames_are_refused, groups_are_not_counted, buffers_are_taken_back_too_early,
)  # fmt: skip
BUGS = {plant.__name__: plant for plant in _ALL}
