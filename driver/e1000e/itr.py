# SPDX-License-Identifier: MIT
"""Interrupt moderation: how often the card may interrupt, from what the last interrupts were good for.

Interrupts that each bring one small packet should come at once; those of a bulk transfer may wait for each other.
Source for the classes, their limits and rates: netdev.c:e1000_update_itr, e1000_set_itr.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from driver.e1000e.adapter import DEFAULT_ITR_HZ, Adapter
from driver.e1000e.hw import ew32
from driver.e1000e.param import ITR_CONSERVATIVE
from driver.e1000e.regs import ITR

__all__ = [
    "DEFAULT_ITR_HZ",
    "LatencyRange",
    "e1000_set_itr",
    "e1000_update_itr",
    "e1000e_write_itr",
]

NS_PER_TICK = 256  # unit of ITR.INTERVAL
MAX_TICKS = 0xFFFF


class LatencyRange(IntEnum):
    LOWEST = 0
    LOW = 1
    BULK = 2


RATES_HZ: Mapping[int, int] = {LatencyRange.LOWEST: 70_000, LatencyRange.LOW: 20_000, LatencyRange.BULK: 4_000}


def e1000_update_itr(now: int, packets: int, nbytes: int) -> int:
    """The class (a LatencyRange) that follows from what one poll saw in one direction."""
    if not packets:
        return now
    average = nbytes / packets
    if now == LatencyRange.LOWEST:
        if average > 8000:
            return LatencyRange.BULK
        return LatencyRange.LOW if packets < 5 and nbytes > 512 else now
    if now == LatencyRange.LOW:
        return _from_low(packets, nbytes, average)
    if nbytes > 25_000:
        return LatencyRange.LOW if packets > 35 else now
    return LatencyRange.LOW if nbytes < 6000 else now


def _from_low(packets: int, nbytes: int, average: float) -> LatencyRange:
    if nbytes > 10_000:
        if packets < 10 or average > 1200:
            return LatencyRange.BULK
        return LatencyRange.LOWEST if packets > 35 else LatencyRange.LOW
    if average > 2000:
        return LatencyRange.BULK
    return LatencyRange.LOWEST if packets <= 2 and nbytes < 512 else LatencyRange.LOW


def e1000_set_itr(adapter: Adapter) -> None:
    """After a poll: move towards the rate that its packets call for. Faster only in steps of a quarter."""
    adapter.tx_itr = e1000_update_itr(adapter.tx_itr, adapter.total_tx_packets, adapter.total_tx_bytes)
    adapter.rx_itr = e1000_update_itr(adapter.rx_itr, adapter.total_rx_packets, adapter.total_rx_bytes)
    if adapter.itr_setting == ITR_CONSERVATIVE:
        adapter.tx_itr = max(adapter.tx_itr, LatencyRange.LOW)
        adapter.rx_itr = max(adapter.rx_itr, LatencyRange.LOW)
    wanted = RATES_HZ[max(adapter.tx_itr, adapter.rx_itr)]
    if adapter.link_speed != 1000:
        wanted = RATES_HZ[LatencyRange.BULK]  # nothing comes fast enough to be worth more
    if wanted > adapter.itr:
        wanted = min(adapter.itr + (wanted >> 2), wanted)
    if wanted != adapter.itr:
        e1000e_write_itr(adapter, wanted)


def e1000e_write_itr(adapter: Adapter, rate_hz: int) -> None:
    """Allow `rate_hz` interrupts per second; 0: no limit."""
    adapter.itr = rate_hz
    ticks = min(1_000_000_000 // (rate_hz * NS_PER_TICK), MAX_TICKS) if rate_hz else 0
    ew32(adapter.hw, ITR, ITR.INTERVAL.put(ticks))
