# SPDX-License-Identifier: MIT
"""Statistics: the card's read-clear counters, summed up here (Linux: e1000e_update_stats, e1000e_get_stats64)."""

from __future__ import annotations

from driver.e1000e.adapter import Adapter
from driver.e1000e.hw import Hw, er32
from driver.e1000e.regs import GORCH, GORCL, GOTCH, GOTCL, STATISTICS, TORH, TORL, TOTH, TOTL, Readable

__all__ = ["COUNTERS", "OCTETS", "e1000e_clear_hw_cntrs_base", "e1000e_update_stats"]

# Low half, high half, and what their sum is called. The low half is read first: that holds the high one.
OCTETS: tuple[tuple[Readable, Readable, str], ...] = (
    (GORCL, GORCH, "gorc"),
    (GOTCL, GOTCH, "gotc"),
    (TORL, TORH, "tor"),
    (TOTL, TOTH, "tot"),
)
_HALVES = {register.name for low, high, _ in OCTETS for register in (low, high)}
COUNTERS: tuple[Readable, ...] = tuple(register for register in STATISTICS if register.name not in _HALVES)


async def e1000e_clear_hw_cntrs_base(hw: Hw) -> None:
    """Reading clears; of the octets the high half does, after the low one."""
    for register in STATISTICS:
        await er32(hw, register)


async def e1000e_update_stats(adapter: Adapter) -> None:
    """Add to adapter.stats what the card has counted since."""
    hw, stats = adapter.hw, adapter.stats
    with adapter.stats64_lock.bh():
        if not adapter.counting or hw.gone:
            return
        for register in COUNTERS:
            value = await er32(hw, register)
            if hw.gone:
                return
            stats.add(register.name.lower(), value)
        for low, high, name in OCTETS:
            value = await er32(hw, low) | await er32(hw, high) << 32
            if hw.gone:
                return
            stats.add(name, value)
