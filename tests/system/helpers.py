# SPDX-License-Identifier: MIT
"""What system tests share: a bench that is up."""

from __future__ import annotations

from typing import Any

from sim.bench import Bench
from sim.launch import configured


async def bench_up(dut: Any) -> Bench:
    """The bench that `launch` configured, started, driver loaded, link up."""
    config, folder = configured()
    bench = Bench(dut, config, folder)
    await bench.start()
    await bench.up()
    return bench
