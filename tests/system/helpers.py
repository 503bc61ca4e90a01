# SPDX-License-Identifier: MIT
"""What system tests share: a bench that is up, and the ways in which the card can be simulated."""

from __future__ import annotations

from typing import Any

import pytest

from sim.bench import Bench
from sim.config import SimConfig
from sim.launch import configured

NATIVE = SimConfig()
AXI = SimConfig(host="axi", wire="cocotbext")
PURE = {"native": NATIVE, "axi": AXI}
MIXED = {"native+cocotbext": SimConfig(wire="cocotbext"), "axi+native": SimConfig(host="axi")}

# For a test that must hold however the card is reached.
on_both = pytest.mark.parametrize("sim", PURE.values(), ids=PURE)
on_all_four = pytest.mark.parametrize("sim", {**PURE, **MIXED}.values(), ids={**PURE, **MIXED})


async def bench_up(dut: Any) -> Bench:
    """The bench that `launch` configured, started, driver loaded, link up."""
    config, folder = configured()
    bench = Bench(dut, config, folder)
    await bench.start()
    await bench.up()
    return bench
