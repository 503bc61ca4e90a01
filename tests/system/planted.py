# SPDX-License-Identifier: MIT
"""Tests that fail on purpose, for test_failure_report.py to run; not collected with the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import Timer

from sim.bench import HOST_IP, Bench
from sim.config import BenchConfig, DriverConfig, SimConfig
from sim.launch import launch
from tests.system.helpers import bench_up

DRIVER = DriverConfig(time_scale=1000)


async def after_a_ping(dut: Any) -> Bench:
    bench = await bench_up(dut)
    await bench.answered(bench.partner.ask_mac(HOST_IP))
    await bench.answered(bench.partner.ping(HOST_IP, 100))
    return bench


@cocotb.test()
async def passes(dut: Any) -> None:
    await (await after_a_ping(dut)).down()


@cocotb.test()
async def fails(dut: Any) -> None:
    bench = await after_a_ping(dut)
    drawn = bench.random.randrange(1 << 30)
    assert not bench, f"planted, with {drawn}"


@cocotb.test()
async def breaks_a_rule(dut: Any) -> None:
    """A response that nobody asked for, on the host's side of the bus."""
    await after_a_ping(dut)
    dut.m_axi_bvalid.value = 1
    await Timer(100, "ns")


def test_a_case_fails(tmp_path: Path, bench_seed: int) -> None:
    launch(BenchConfig(driver=DRIVER).seeded(bench_seed), __name__, tmp_path, test_filter=r"\.fails")


def test_a_rule_is_broken(tmp_path: Path, bench_seed: int) -> None:
    config = BenchConfig(driver=DRIVER, sim=SimConfig(host="axi")).seeded(bench_seed)
    launch(config, __name__, tmp_path, test_filter="breaks_a_rule")


def test_fails_after_its_simulation(tmp_path: Path, bench_seed: int) -> None:
    launch(BenchConfig(driver=DRIVER).seeded(bench_seed), __name__, tmp_path, test_filter="passes")
    raise AssertionError("planted in the test itself")
