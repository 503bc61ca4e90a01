# SPDX-License-Identifier: MIT
"""What a bench does once with the compiled side: clocks, how events are batched, and who takes them."""

from __future__ import annotations

import ctypes
from typing import Any

import cocotb
from cocotb.triggers import ValueChange

from sim.config import BenchConfig
from sim.host.simtime import now_ps
from sim.native.library import library

__all__ = ["serve", "start_clock"]

_CLOCKS = {"clk_i": 0, "xgmii_tx_clk_i": 1, "xgmii_rx_clk_i": 2}


def start_clock(name: str, period_ps: int) -> None:
    """Let the simulator's main drive that clock from now on. The first one started is the core's."""
    high_ps = period_ps // 2
    start = library().lib.nicosim_clock
    start.argtypes = (ctypes.c_int, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint64)
    start(_CLOCKS[name], now_ps(), high_ps, period_ps - high_ps)


def serve(dut: Any, config: BenchConfig) -> None:
    """Let the models tell what happens. Where the host is not theirs, nobody else would take the wire's events."""
    models, sim = library(), config.sim
    models.leap(sim.leap and sim.compiled and config.clock.shared)
    if sim.host == "native":
        models.batch(sim.batch_ns * 1000)
    else:
        cocotb.start_soon(_take(dut))


async def _take(dut: Any) -> None:
    models, wakes = library(), ValueChange(dut.wake_i)
    while True:
        models.take()
        await wakes
