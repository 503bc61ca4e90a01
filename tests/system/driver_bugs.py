# SPDX-License-Identifier: MIT
"""Bugs to plant in the driver, in the simulator's process, so that a hunt has something to find."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from driver.e1000e import netdev
from driver.e1000e.adapter import Adapter, HwStats
from driver.e1000e.hw import rmw32
from driver.e1000e.regs import MPRC, RCTL

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


_ALL: tuple[Callable[[], None], ...] = (long_frames_are_refused, groups_are_not_counted)
BUGS = {plant.__name__: plant for plant in _ALL}
