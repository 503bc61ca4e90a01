# SPDX-License-Identifier: MIT
"""Who measures what: the simulations of `nicosim bench`, in what order, and what their cells come to.

Rounds are interleaved: each round starts every kind of simulation once, so that a busy moment of the machine hits all
alike; what is reported of several rounds is the median. Line rate, latency and drops are in simulated time, exact and
the same in every round, so one is enough.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from typing import Any

from sim.benchmark.cells import CELLS_VARIABLE, RESULTS, Cell, cells_to_json
from sim.config import PERIOD_PS, BenchConfig, ClockConfig, DriverConfig, HostConfig, SimConfig
from sim.launch import bench_design, launch
from sim.runner import run_program

__all__ = ["DIRECTIONS", "SIZES", "Plan"]

Row = dict[str, Any]

SIZES = (64, 1518)
DIRECTIONS = ("tx", "rx", "loopback")
_SPEED_FRAMES = {64: 3000, 1518: 600}
_SPLIT_ROUNDS = 20  # some seconds: the kernel samples a process no more than 250 times in one
_LINE_SIZES = (64, 65, 128, 256, 512, 1024, 1518, 9018)
_LINE_FRAMES = 2600
_SHORT_LINE_FRAMES = 20_000  # up to 256 bytes: more than the card's buffers can hide
_SHORT = 256
_LINE_LATENCIES_NS = (1000, 200)
_STANDARD, _JUMBO_MTU = 1518, 9000
_MODERATED = 50_000  # interrupts a second: one every 20 us
_RING = 1024
_NO_ASSERTIONS = "+verilator+noassert"
_SIMS = (SimConfig(), SimConfig("axi", "cocotbext"), SimConfig("axi", "cocotbext", "cocotb"))


def _name(sim: SimConfig) -> Row:
    return {"host": sim.host, "wire": sim.wire, "main": sim.main}


class Plan:
    """folder: of the whole bench; every simulation has one below it. say: told what is being done."""

    def __init__(self, seed: int, folder: Path, *, quick: bool, say: Callable[[str], None]) -> None:
        self._seed = seed
        self._folder = folder
        self._quick = quick
        self._say = say
        self._launched = 0
        self.rounds = 3

    # ------------------------------------------------------------------ simulations
    def _config(self, sim: SimConfig, *, latency_ns: int = 300, ring: int = _RING, **driver: int) -> BenchConfig:
        settings = {
            "rx_ring": ring, "tx_ring": ring, "time_scale": 100, "interrupt_throttle": _MODERATED, "rx_int_delay": 0,
        }  # fmt: skip
        return BenchConfig(
            seed=self._seed,
            host=HostConfig(memory_bytes=256 << 20, latency_ns=latency_ns),
            driver=DriverConfig(schedule="fifo", **(settings | driver)),
            sim=sim,
        )

    def _measure(self, config: BenchConfig, cells: Iterable[Cell], *plusargs: str) -> list[Row]:
        """One simulation; its cells with what was measured.

        Raises: sim.runner.SimulationError.
        """
        self._launched += 1
        folder = self._folder / f"{self._launched:02}-{config.sim.host}-{config.sim.main}"
        environment = {CELLS_VARIABLE: cells_to_json(list(cells))}
        launch(config, "sim.jobs.bench", folder, environment=environment, plusargs=plusargs)
        rows: list[Row] = json.loads((folder / RESULTS).read_text())
        return rows

    # ------------------------------------------------------------------ speed, and its limit
    def speed(self) -> dict[str, list[Row]]:
        """speed: every host and main; unchecked: native without what checks it; limit: without Python."""
        rows: dict[str, list[Row]] = {"speed": [], "unchecked": [], "limit": []}
        cells = [Cell("speed", size, way, _SPEED_FRAMES[size]) for size in SIZES for way in DIRECTIONS]
        unchecked = [dataclasses.replace(cell, checks=False) for cell in cells]
        for number in range(1, self.rounds + 1):
            for sim in _SIMS:
                self._say(f"speed, round {number} of {self.rounds}: {sim.host} + {sim.wire}, main {sim.main}")
                rows["speed"] += [_name(sim) | row for row in self._measure(self._config(sim), cells)]
            self._say(f"speed, round {number} of {self.rounds}: native without checks, and the limit")
            rows["unchecked"] += [
                _name(_SIMS[0]) | row for row in self._measure(self._config(_SIMS[0]), unchecked, _NO_ASSERTIONS)
            ]
            for cell in cells:
                rows["limit"].append(self.limit(cell))
        what = ("host", "wire", "main", "size", "direction")
        return {name: medians(found, what) for name, found in rows.items()}

    def limit(self, cell: Cell) -> Row:
        """The same traffic in the same program, with a ring filler in the place of driver, kernel and stack."""
        settings = {
            "direction": cell.direction, "frame_bytes": cell.size, "frames": cell.frames, "ring": _RING,
            "interrupts": _MODERATED, "latency_ns": 300,
        }  # fmt: skip
        words = ",".join(f"{name}={value}" for name, value in settings.items())
        row: Row = json.loads(run_program(bench_design(self._config(_SIMS[0])), [f"+filler={words}"]))
        return row

    def split(self) -> list[Row]:
        """Where the time of a frame goes, native."""
        self._say("where the time goes")
        cells = [Cell("split", size, "loopback", _SPLIT_ROUNDS * _SPEED_FRAMES[size]) for size in SIZES]
        return self._measure(self._config(_SIMS[0]), cells)

    # ------------------------------------------------------------------ the hardware
    def line_rate(self, latencies_ns: Iterable[int] = _LINE_LATENCIES_NS, core_ps: int = PERIOD_PS) -> list[Row]:
        """Every size, direction and memory latency: the share of 10 Gbit/s, with what the buses did."""
        clock = ClockConfig(shared=core_ps == PERIOD_PS, core_ps=core_ps)
        rows = []
        for latency_ns in latencies_ns:
            for mtu in (1500, _JUMBO_MTU):
                self._say(f"line rate, memory {latency_ns} ns late, MTU {mtu}")
                sizes = [size for size in _LINE_SIZES if (size > _STANDARD) == (mtu > 1500)]
                cells = [
                    Cell("line_rate", size, way, _SHORT_LINE_FRAMES if size <= _SHORT else _LINE_FRAMES)
                    for size in sizes
                    for way in ("tx", "rx", "both")
                ]
                config = dataclasses.replace(self._config(_SIMS[0], latency_ns=latency_ns, mtu=mtu), clock=clock)
                rows += [row | {"latency_ns": latency_ns} for row in self._measure(config, cells)]
        return rows

    def latency(self) -> list[Row]:
        """Doorbell to first byte, last byte to interrupt, idle and loaded; interrupts not moderated."""
        self._say("latency")
        cells = [
            Cell("latency", 64, what, 40, amount=loaded) for what in ("doorbell", "interrupt") for loaded in (0, 1)
        ]
        rows = self._measure(self._config(_SIMS[0], interrupt_throttle=0), cells)
        names = {"doorbell": "doorbell to first wire byte", "interrupt": "last wire byte to interrupt"}
        return [
            {"what": names[row["direction"]], "load": "line rate" if row["amount"] else "idle"}
            | {key: row[key] for key in ("cycles", "least", "most", "probes")}
            for row in rows
        ]

    # ------------------------------------------------------------------ scaling
    def scaling(self) -> dict[str, list[Row]]:
        """By ring size, frames in flight, flows, and length of the run; 64-byte frames on native."""
        self._say("scaling: frames in flight, flows, length")
        native = self._config(_SIMS[0])
        flying = [Cell("in_flight", 64, "loopback", 3000, amount) for amount in (1, 4, 16, 64, 256, 1000)]
        flows = [Cell("flows", 64, "udp", 2000, amount) for amount in (1, 8, 64, 256)]
        length = [Cell("length", 64, "loopback", frames) for frames in (2000, 2000, 20_000)]
        rows = self._measure(native, [*flying, *flows, *length])
        found = {what: [row for row in rows if row["what"] == what] for what in ("in_flight", "flows", "length")}
        del found["length"][0]  # the first warms up caches, and the allocator
        rings = []
        for ring in (64, 256, 1024) if self._quick else (64, 128, 256, 512, 1024, 2048, 4096):
            self._say(f"scaling: rings of {ring}")
            # Half a ring on its way: with more, a small ring overflows between two interrupts.
            cell = Cell("in_flight", 64, "loopback", 6000, ring // 2)
            rings += [row | {"amount": ring} for row in self._measure(self._config(_SIMS[0], ring=ring), [cell])]
        return {"ring": rings, **found}


def medians(rows: list[Row], what: tuple[str, ...]) -> list[Row]:
    """One row for everything that was measured several times, in the order of the first time; of frames_per_s also what
    was least and most."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(key) for key in what), []).append(row)
    return [
        first
        | {key: median(row[key] for row in group) for key, value in first.items() if isinstance(value, float)}
        | {"least": min(row["frames_per_s"] for row in group), "most": max(row["frames_per_s"] for row in group)}
        for group in groups.values()
        for first in group[:1]
    ]
