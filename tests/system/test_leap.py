# SPDX-License-Identifier: MIT
"""Leaping over idle time changes nothing that anyone can see, and makes silence cheap."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cocotb
import pytest
from cocotb.triggers import Timer

from sim.cli import main
from sim.config import BenchConfig, DriverConfig, HostConfig
from sim.host.simtime import now_ps
from sim.launch import launch
from sim.native.library import library
from sim.observe.artefacts import Summary
from sim.observe.pcap import PcapngWriter, read_capture
from tests.system.helpers import NATIVE, bench_up
from tests.system.scenario import THROTTLED_HZ, Outcome, Scenario, outcome_of

HOSTILE = HostConfig(latency_ns=100, latency_spread_ns=1500, reorder=True, backpressure=0.2)


def assert_same(case: str, scenario: Scenario, config: BenchConfig, folder: Path) -> Outcome:
    """With leaps and without them; what it came to."""
    leaping, waiting = (
        outcome_of(scenario, replace(config, sim=replace(NATIVE, leap=leap)), folder / f"leap {leap}", case)
        for leap in (True, False)
    )
    assert leaping.facts == waiting.facts, f"seed {config.seed}"
    assert leaping.kernel_log == waiting.kernel_log, f"seed {config.seed}"
    assert (leaping.wire, leaping.host) == (waiting.wire, waiting.host), f"seed {config.seed}: captures differ"
    assert waiting.leapt == 0 and leaping.leapt > leaping.facts["cycles"] // 2
    return leaping


@pytest.mark.parametrize("throttle", [0, 3, 8000], ids=["no moderation", "adaptive", "8000 interrupts a second"])
@pytest.mark.parametrize("number", range(3))
def test_leaping_changes_nothing(number: int, throttle: int, tmp_path: Path, bench_seed: int) -> None:
    """Silences from nothing to milliseconds, kernel timers, receive delays and moderation, a pulled cable."""
    driver = DriverConfig(time_scale=[200, 1000, 50][number], rx_ring=64, tx_ring=64, interrupt_throttle=throttle)
    host = HOSTILE if number == 1 else HostConfig()
    config = BenchConfig(bench_seed + number, host=host, driver=driver)
    scenario = Scenario(rounds=24, longest_gap_ns=2_000_000, flap=True)
    leaping = assert_same("bursts_and_silence", scenario, config, tmp_path)
    assert any("Link is Down" in line for line in leaping.kernel_log) and leaping.facts["frames"][1] > 30


def test_an_interrupt_is_not_leapt_over(tmp_path: Path, bench_seed: int) -> None:
    """Two deadlines of the card's, as many cycles apart as a leap needs to begin, and some more and less."""
    driver = DriverConfig(time_scale=100, rx_ring=64, tx_ring=64, interrupt_throttle=THROTTLED_HZ)
    config = BenchConfig(bench_seed, driver=driver)
    came_to = assert_same("deadlines_close_to_each_other", Scenario(rounds=48), config, tmp_path)
    assert came_to.facts["frames"][1] == 2 * 48 and came_to.facts["irqs"] >= 2 * 48


def test_waves_change_nothing_and_silence_is_leapt_over_in_them_too(tmp_path: Path, bench_seed: int) -> None:
    config = BenchConfig(bench_seed, driver=DriverConfig(time_scale=1000, rx_ring=64, tx_ring=64), sim=NATIVE)
    scenario = Scenario(rounds=6, longest_gap_ns=500_000)
    shown, plain = (outcome_of(scenario, config, tmp_path / f"{waves}", waves=waves) for waves in (True, False))
    assert shown == plain and shown.leapt > 0, f"seed {bench_seed}"
    assert (tmp_path / "True" / "dump.fst").stat().st_size > 0


@cocotb.test()
async def five_seconds_of_silence(dut: Any) -> None:
    """The watchdog looks every 2 s, and each look costs some 40 register reads; nothing else is simulated."""
    bench = await bench_up(dut)
    models, host = library(), bench.host
    before, reads, begin = models.cycles - models.leapt, host.mmio_reads, now_ps()
    await Timer(5, "sec")
    simulated, looked = models.cycles - models.leapt - before, host.mmio_reads - reads
    assert now_ps() - begin == 5 * 10**12
    assert looked >= 2 * 30, "the watchdog slept"
    assert simulated < 20 * looked, f"{simulated} cycles simulated for {looked} reads"
    await bench.down()


def test_silence_costs_next_to_nothing(tmp_path: Path) -> None:
    config = BenchConfig(driver=DriverConfig(time_scale=1), sim=NATIVE)
    assert launch(config, "tests.system.test_leap", tmp_path, test_filter="five_seconds").passed == 1


def test_replay_of_an_hour_simulates_only_what_happens_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """20 frames; the driver's watchdog, in real time by default here, looks 1800 times. Each frame leaves on time."""
    monkeypatch.setenv("NICOSIM_RUNS", str(tmp_path))
    offsets_ns = [number * 3600 * 10**9 // 19 + number * 777_777 for number in range(20)]
    with PcapngWriter(tmp_path / "hour.pcapng", ["x"]) as writer:
        for number, offset in enumerate(offsets_ns):
            writer.write(0, 1_700_000_000_000_000_000 + offset, bytes(12) + b"\x88\xb5" + bytes([number]) * 46)
    assert main(["replay", str(tmp_path / "hour.pcapng"), "--speed", "captured", "--seed", "1"]) == 0
    summary = Summary.read(tmp_path / "latest")
    assert summary is not None and summary.frames_rx == 20 and summary.config["driver"]["time_scale"] == 1
    assert summary.cycles > 3600 * 156_000_000
    assert summary.cycles - summary.cycles_leapt < 600 * (1800 + 20)
    times = [packet.time_ns for packet in read_capture(tmp_path / "latest" / "wire.pcapng")]
    assert all(abs(time - times[0] - offset) <= 20 for time, offset in zip(times, offsets_ns, strict=True))
