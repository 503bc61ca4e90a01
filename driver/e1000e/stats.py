# SPDX-License-Identifier: MIT
"""Statistics: the card's read-clear counters, summed up here (Linux: e1000e_update_stats, e1000e_get_stats64)."""

from __future__ import annotations

from driver.e1000e import regs
from driver.e1000e.adapter import Adapter
from driver.e1000e.hw import Hw
from driver.e1000e.regs import GORCH, GORCL, GOTCH, GOTCL, TORH, TORL, TOTH, TOTL, Rc, Ro

__all__ = ["COUNTERS", "OCTETS", "e1000e_clear_hw_cntrs_base", "e1000e_update_stats"]

# Low half, high half, and what their sum is called. The low half is read first: that holds the high one.
OCTETS: tuple[tuple[Ro, Rc, str], ...] = (
    (GORCL, GORCH, "gorc"),
    (GOTCL, GOTCH, "gotc"),
    (TORL, TORH, "tor"),
    (TOTL, TOTH, "tot"),
)
_HALVES = {register.name for low, high, _ in OCTETS for register in (low, high)}
COUNTERS: tuple[Rc, ...] = tuple(
    register for register in vars(regs).values() if isinstance(register, Rc) and register.name not in _HALVES
)


async def e1000e_clear_hw_cntrs_base(hw: Hw) -> None:
    """Reading clears."""
    for register in COUNTERS:
        await register.read(hw)
    for low, high, _ in OCTETS:
        await low.read(hw)
        await high.read(hw)


async def e1000e_update_stats(adapter: Adapter) -> None:
    """Add to adapter.stats what the card has counted since. Without link it has counted nothing worth the reads."""
    hw, stats = adapter.hw, adapter.stats
    if not adapter.link_speed or hw.gone:
        return
    with adapter.stats64_lock.bh():
        for register in COUNTERS:
            value = await register.read(hw)
            if hw.gone:
                return
            stats.add(register.name.lower(), value)
        for low, high, name in OCTETS:
            value = await low.read(hw) | await high.read(hw) << 32
            if hw.gone:
                return
            stats.add(name, value)
