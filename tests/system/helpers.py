# SPDX-License-Identifier: MIT
"""What system tests share: a bench that is up, and the ways in which the card can be simulated."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from driver.e1000e.param import ITR_ADAPTIVE, ITR_CONSERVATIVE, ITR_OFF
from sim.bench import Bench
from sim.config import DriverConfig, SimConfig
from sim.launch import configured

_FIXED_HZ = 20_000

NATIVE = SimConfig()
AXI = SimConfig(host="axi", wire="cocotbext")
PURE = {"native": NATIVE, "axi": AXI}
MIXED = {"native+cocotbext": SimConfig(wire="cocotbext"), "axi+native": SimConfig(host="axi")}

# For a test that must hold however the card is reached.
on_both = pytest.mark.parametrize("sim", PURE.values(), ids=PURE)
on_all_four = pytest.mark.parametrize("sim", {**PURE, **MIXED}.values(), ids={**PURE, **MIXED})


def moderated(driver: DriverConfig, seed: int) -> DriverConfig:
    """Interrupts in one of the ways that the driver knows, for faults must end well in each; the seed says in which."""
    random = Random(f"moderation {seed}")
    throttle = random.choice((ITR_OFF, ITR_ADAPTIVE, ITR_CONSERVATIVE, _FIXED_HZ))
    return replace(driver, interrupt_throttle=throttle, rx_int_delay=random.choice((0, 32)))


async def bench_up(dut: Any) -> Bench:
    """The bench that `launch` configured, started, driver loaded, link up."""
    config, folder = configured()
    bench = Bench(dut, config, folder)
    await bench.start()
    await bench.up()
    return bench
