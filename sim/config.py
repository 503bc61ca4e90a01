# SPDX-License-Identifier: MIT
"""What a bench can be told, as frozen data: nothing here knows cocotb, so the command line and tests can build it.

A configuration crosses into the simulator's process as JSON (`to_json`, `from_json`).
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

from driver.linux.sched import SCHEDULES

__all__ = [
    "HOSTS", "MAINS", "PERIOD_PS", "WIRES", "BenchConfig", "ClockConfig", "ConfigError", "DriverConfig", "HostConfig",
    "SimConfig", "WireConfig",
]  # fmt: skip

HOSTS = ("axi", "native")
WIRES = ("cocotbext", "native")
MAINS = ("cocotb", "nicosim")
PERIOD_PS = 6400  # 156.25 MHz


class ConfigError(ValueError):
    """A value that no bench can be built with; the message is fit for a user."""


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigError(message)


@dataclass(frozen=True, slots=True)
class HostConfig:
    """Host memory as the card sees it.

    latency_ns: from an accepted burst (address, or last write data) to its first response.
    latency_spread_ns: each burst waits a random 0..spread longer.
    reorder: bursts of different IDs are answered in random order and read data is interleaved.
    backpressure: share of busy cycles in which a ready or valid of ours is withheld, 0 to 0.9.
    bandwidth_gbps: of each direction; 0: what the bus carries.
    error_reporting: the kernel hears of DMA that failed; else the driver's watchdog has to find out.
    """

    memory_bytes: int = 64 << 20
    memory_base: int = 0
    latency_ns: int = 300
    latency_spread_ns: int = 0
    reorder: bool = False
    backpressure: float = 0.0
    bandwidth_gbps: float = 0.0
    error_reporting: bool = False

    def __post_init__(self) -> None:
        _require(self.memory_bytes >= 1 << 20, "host memory below 1 MiB")
        _require(self.memory_base >= 0 and self.memory_base % 4096 == 0, "memory base is not page aligned")
        _require(0 <= self.latency_ns <= 1_000_000, "latency must be 0 to 1000000 ns")
        _require(0 <= self.latency_spread_ns <= 1_000_000, "latency spread must be 0 to 1000000 ns")
        _require(0.0 <= self.backpressure <= 0.9, "back-pressure must be 0 to 0.9")
        _require(self.bandwidth_gbps >= 0, "bandwidth is negative")


@dataclass(frozen=True, slots=True)
class WireConfig:
    """The link. gap_bytes: idle bytes between two frames that we send; 12 is the standard's and the least."""

    gap_bytes: int = 12

    def __post_init__(self) -> None:
        _require(12 <= self.gap_bytes <= 1_000_000, "inter-frame gap must be 12 to 1000000 bytes")


@dataclass(frozen=True, slots=True)
class ClockConfig:
    """Core and XGMII clocks.

    shared: one source drives them all (fastest); else ppm and phase are those of the XGMII clocks, and core_ps is the
    period of the core's. The card's timers count its cycles: they are right at PERIOD_PS only.
    """

    shared: bool = True
    core_ps: int = PERIOD_PS
    tx_ppm: int = 0
    rx_ppm: int = 0
    tx_phase_ps: int = 0
    rx_phase_ps: int = 0

    def __post_init__(self) -> None:
        _require(self.core_ps == PERIOD_PS or not self.shared, "a core clock of its own is not shared")
        _require(1000 <= self.core_ps <= 1_000_000, "core clock must be 1000 to 1000000 ps")
        _require(all(abs(ppm) <= 10_000 for ppm in (self.tx_ppm, self.rx_ppm)), "clock offset above 10000 ppm")
        _require(
            all(0 <= phase < PERIOD_PS for phase in (self.tx_phase_ps, self.rx_phase_ps)), "phase must be 0 to 6399 ps"
        )


@dataclass(frozen=True, slots=True)
class DriverConfig:
    """What the driver and the kernel under it are told. time_scale divides every driver delay and timer period.

    interrupt_throttle, rx_int_delay, tx_int_delay, mc_filter_type: the module parameters InterruptThrottleRate,
    RxIntDelay and TxIntDelay (1.024 us), mc_filter_type.
    schedule: who runs first where Linux gives no promise: who the seed says (random), or who came first (fifo).
    cpus: of the host; with more than one the seed says which takes the card's interrupts, and where a process starts.
    """

    rx_ring: int = 256
    tx_ring: int = 256
    mtu: int = 1500
    time_scale: int = 1
    interrupt_throttle: int = 3
    rx_int_delay: int = 32
    tx_int_delay: int = 8
    mc_filter_type: int = 0
    schedule: str = "random"
    cpus: int = 1

    def __post_init__(self) -> None:
        _require(1 <= self.cpus <= 8, "CPUs must be 1 to 8")
        _require(1 <= self.time_scale <= 1_000_000, "time scale must be 1 to 1000000")
        delays_good = all(0 <= delay <= 0xFFFF for delay in (self.rx_int_delay, self.tx_int_delay))
        _require(delays_good, "interrupt delays must be 0 to 65535")
        _require(0 <= self.mc_filter_type <= 3, "multicast filter type must be 0 to 3")
        _require(self.schedule in SCHEDULES, f"schedule must be {' or '.join(SCHEDULES)}")
        _require(68 <= self.mtu <= 9212, "MTU must be 68 to 9212")
        rings_good = all(64 <= count <= 4096 and count % 8 == 0 for count in (self.rx_ring, self.tx_ring))
        _require(rings_good, "rings must be 64 to 4096 descriptors, a multiple of 8")


@dataclass(frozen=True, slots=True)
class SimConfig:
    """How the card is simulated; software and the wire see no difference but in the last nanoseconds.

    host: `native` compiled bus models, `axi` those of cocotbext-axi; wire: likewise; main: whose loop drives the clocks
    (compiled models need ours). leap: skip idle time (compiled models only, and only with a shared clock).
    batch_ns: how long a frame of the card's may wait for others before the partner hears of it.
    """

    host: str = "native"
    wire: str = "native"
    main: str = "nicosim"
    leap: bool = True
    batch_ns: int = 1000

    def __post_init__(self) -> None:
        for what, value, known in (("host", self.host, HOSTS), ("wire", self.wire, WIRES), ("main", self.main, MAINS)):
            _require(value in known, f"{what} must be {' or '.join(known)}")
        fits = self.main == "nicosim" or not self.native
        _require(fits, "main cocotb goes with host axi and wire cocotbext: compiled models need our own")
        _require(0 <= self.batch_ns <= 100_000, "batch must be 0 to 100000 ns")

    @property
    def native(self) -> bool:
        """Are there compiled models at all?"""
        return "native" in (self.host, self.wire)

    @property
    def compiled(self) -> bool:
        """Does nothing but compiled models touch the pins?"""
        return self.host == self.wire == "native"


@dataclass(frozen=True, slots=True)
class BenchConfig:
    """A whole bench. seed: of every random choice in it; trace: write trace.json into the run's folder."""

    seed: int = 0
    host: HostConfig = field(default_factory=HostConfig)
    wire: WireConfig = field(default_factory=WireConfig)
    clock: ClockConfig = field(default_factory=ClockConfig)
    driver: DriverConfig = field(default_factory=DriverConfig)
    sim: SimConfig = field(default_factory=SimConfig)
    mac: str = "00:1b:21:0a:8b:01"
    trace: bool = False

    def seeded(self, seed: int) -> BenchConfig:
        """The same with another seed."""
        return dataclasses.replace(self, seed=seed)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @staticmethod
    def from_json(text: str) -> BenchConfig:
        """Raises: ConfigError."""
        try:
            raw: dict[str, Any] = json.loads(text)
            return BenchConfig(
                seed=raw["seed"],
                host=HostConfig(**raw["host"]),
                wire=WireConfig(**raw["wire"]),
                clock=ClockConfig(**raw["clock"]),
                driver=DriverConfig(**raw["driver"]),
                sim=SimConfig(**raw["sim"]),
                mac=raw["mac"],
                trace=raw["trace"],
            )
        except (KeyError, TypeError, json.JSONDecodeError) as bad:
            raise ConfigError(f"not a bench configuration: {bad}") from bad
