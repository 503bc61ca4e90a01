# SPDX-License-Identifier: MIT
"""Our own main against cocotb's: the same clock edges, the same order of things, to the picosecond."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sim.config import BenchConfig, ClockConfig, DriverConfig, HostConfig, SimConfig
from tests.system.scenario import Outcome, Scenario, outcome_of

CALM = HostConfig()
HOSTILE = HostConfig(latency_ns=100, latency_spread_ns=1500, reorder=True, backpressure=0.3, bandwidth_gbps=20.0)
SHARED = ClockConfig()
APART = ClockConfig(shared=False, tx_ppm=320, rx_ppm=-480, tx_phase_ps=1234, rx_phase_ps=4321)


def under(main: str, config: BenchConfig, folder: Path) -> Outcome:
    sim = SimConfig(host="axi", wire="cocotbext", main=main)
    return outcome_of(Scenario(rounds=18, longest_gap_ns=100_000), replace(config, sim=sim), folder / main)


@pytest.mark.parametrize("host", [CALM, HOSTILE], ids=["calm", "hostile"])
@pytest.mark.parametrize("clock", [SHARED, APART], ids=["one clock", "clocks apart"])
def test_our_main_is_cocotb_s_to_the_picosecond(
    clock: ClockConfig, host: HostConfig, tmp_path: Path, bench_seed: int
) -> None:
    driver = DriverConfig(time_scale=1000, rx_ring=64, tx_ring=64)
    config = BenchConfig(bench_seed, host=host, clock=clock, driver=driver)
    theirs, ours = under("cocotb", config, tmp_path), under("nicosim", config, tmp_path)
    assert ours.facts == theirs.facts, f"seed {bench_seed}"
    assert ours.kernel_log == theirs.kernel_log, f"seed {bench_seed}"
    assert (ours.wire, ours.host) == (theirs.wire, theirs.host), f"seed {bench_seed}: captures differ"
    # What the least lucky seed sends in three times six rounds: to the host 1 + 1 + 2 + 1 frames in each, and one ARP.
    assert theirs.facts["frames"][1] > 15 and theirs.facts["frames"][2] > 15 and theirs.facts["irqs"] > 5
