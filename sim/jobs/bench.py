# SPDX-License-Identifier: MIT
"""`nicosim bench`, inside the simulator: how fast it runs, with the whole driver and stack in the loop.

Every frame is checked byte for byte by the bench's books while the clock runs; RTL assertions and the kernel's contract
checks are on. A round is one size and one direction.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from random import Random
from typing import Any

import cocotb
from cocotb.triggers import Event, with_timeout

from sim.bench import PERIOD_PS, Bench
from sim.host.simtime import now_ps
from sim.jobs.session import session
from sim.observe.speed import ROUNDS
from sim.traffic import frames_to, transmit_all
from sim.wire import Frame

__all__ = ["DIRECTIONS", "SIZES"]

SIZES = {64: 2000, 1518: 300}  # bytes with FCS: frames in a round
DIRECTIONS = ("tx", "rx", "both")
_FCS_BYTES = 4
_ROUNDS = 3
_ROUND_TIMEOUT_MS = 50


class _Arrivals:
    """Counts frames where they arrive, at the host and at the partner; `done` when all have."""

    def __init__(self, frames: int) -> None:
        self._left = frames
        self.done = Event()

    def one(self) -> None:
        self._left -= 1
        if self._left == 0:
            self.done.set()


class _WireTimes:
    """When frames ended on the wire, each direction for itself: the hardware's own speed."""

    def __init__(self, bench: Bench) -> None:
        self.into: list[int] = []
        self.out: list[int] = []
        bench.wire.on_sent(lambda frame, time_ns: self.into.append(time_ns))
        bench.wire.on_received(lambda frame: self.out.append(frame.time_ns))

    def take_rate(self) -> float:
        """Frames per simulated second since the last call, both directions together."""
        rate = sum((len(times) - 1) / (times[-1] - times[0]) * 1e9 for times in (self.into, self.out) if times)
        self.into.clear()
        self.out.clear()
        return rate


async def _round(bench: Bench, wire: _WireTimes, size: int, direction: str, random: Random) -> dict[str, Any]:
    """One measurement, from the first frame handed over to the last arrived. `both` counts both directions."""
    count, length = SIZES[size], size - _FCS_BYTES
    card, partner = bench.device.dev_addr, bench.partner.config.mac
    out = frames_to(partner, card, random, count, (length, length)) if direction != "rx" else []
    into = frames_to(card, partner, random, count, (length, length)) if direction != "tx" else []
    arrivals = _Arrivals(len(out) + len(into))
    bench.books.on_arrival = arrivals.one
    wall_begin, sim_begin = time.perf_counter(), now_ps()
    for frame in into:
        bench.wire.send(Frame(frame))
    if out:
        await bench.run(transmit_all(bench.device, out))
    await with_timeout(arrivals.done.wait(), _ROUND_TIMEOUT_MS, "ms")
    wall_s, cycles = time.perf_counter() - wall_begin, (now_ps() - sim_begin) / PERIOD_PS
    bench.books.on_arrival = None
    await bench.settle()
    frames = len(out) + len(into)
    return {
        "host": "axi",
        "wire": "cocotbext",
        "main": "cocotb",
        "size": size,
        "direction": direction,
        "frames_per_s": frames / wall_s,
        "cycles_per_s": cycles / wall_s,
        "us_per_frame": wall_s / frames * 1e6,
        "hardware_frames_per_s": wire.take_rate(),
    }


def _write(folder: Path, rounds: list[dict[str, Any]]) -> None:
    (folder / ROUNDS).write_text(json.dumps(rounds, indent=2) + "\n")


@cocotb.test()
async def bench(dut: Any) -> None:
    async with session(dut, "bench") as current:
        random = Random(current.bench.config.seed)
        wire, rounds = _WireTimes(current.bench), []
        for number in range(1, _ROUNDS + 1):  # interleaved, so that a busy moment of the machine hits all alike
            current.progress.step(f"round {number} of {_ROUNDS}")
            for size in SIZES:
                for direction in DIRECTIONS:
                    rounds.append(await _round(current.bench, wire, size, direction, random))
        _write(current.folder, rounds)
