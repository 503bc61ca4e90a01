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


def varied(driver: DriverConfig, seed: int, name: str) -> DriverConfig:
    """What must make no difference to a test, by its seed and name: how interrupts are moderated, one CPU or two."""
    random = Random(f"{name} {seed}")
    throttle = random.choice((ITR_OFF, ITR_ADAPTIVE, ITR_CONSERVATIVE, _FIXED_HZ))
    delay, cpus = random.choice((0, 32)), random.choice((1, 2))
    return replace(driver, interrupt_throttle=throttle, rx_int_delay=delay, cpus=cpus)


def on_any_cpus(driver: DriverConfig, seed: int, name: str) -> DriverConfig:
    """One CPU or two, by a test's seed and name; the rest as it is."""
    return replace(driver, cpus=Random(f"{name} {seed}").choice((1, 2)))


async def bench_up(dut: Any) -> Bench:
    """The bench that `launch` configured, started, driver loaded, link up."""
    config, folder = configured()
    bench = Bench(dut, config, folder)
    await bench.start()
    await bench.up()
    return bench
