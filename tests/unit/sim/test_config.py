# SPDX-License-Identifier: MIT
"""BenchConfig crosses processes whole, and refuses nonsense."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sim.config import BenchConfig, ClockConfig, ConfigError, DriverConfig, HostConfig, WireConfig


def test_json_round_trip_keeps_everything() -> None:
    config = BenchConfig(
        seed=7,
        host=HostConfig(memory_base=1 << 33, latency_ns=1, reorder=True, backpressure=0.25),
        wire=WireConfig(gap_bytes=40),
        clock=ClockConfig(shared=False, rx_ppm=-100),
        driver=DriverConfig(rx_ring=64, time_scale=100),
        trace=True,
        mac="02:00:00:00:00:07",
    )
    assert BenchConfig.from_json(config.to_json()) == config != BenchConfig()


@pytest.mark.parametrize(
    "build",
    [
        lambda: HostConfig(latency_ns=-1),
        lambda: HostConfig(backpressure=0.95),
        lambda: HostConfig(memory_base=12),
        lambda: WireConfig(gap_bytes=4),
        lambda: ClockConfig(rx_phase_ps=6400),
        lambda: ClockConfig(core_ps=9600),
        lambda: ClockConfig(shared=False, core_ps=0),
        lambda: DriverConfig(time_scale=0),
        lambda: DriverConfig(mtu=67),
        lambda: BenchConfig.from_json("{}"),
        lambda: BenchConfig.from_json("no"),
    ],
)
def test_nonsense_is_refused(build: Callable[[], object]) -> None:
    with pytest.raises(ConfigError):
        build()
