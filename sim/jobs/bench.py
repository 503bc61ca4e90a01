# SPDX-License-Identifier: MIT
"""`nicosim bench`, inside the simulator: how fast it runs, with the whole driver and stack in the loop.

Every frame is checked byte for byte by the bench's books while the clock runs; RTL assertions and the kernel's contract
checks are on. A round is one size and one direction; its first tenth is not measured.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from random import Random
from typing import Any

import cocotb
from cocotb.triggers import Event

from sim.bench import PERIOD_PS, Bench
from sim.host.simtime import now_ps
from sim.jobs.session import session
from sim.traffic import frames_to, transmit_all
from sim.wire import Frame

__all__ = ["DIRECTIONS", "ROUNDS", "SIZES"]

SIZES = {64: 1000, 1518: 200}  # bytes with FCS: frames in a round
DIRECTIONS = ("tx", "rx", "both")
ROUNDS = "bench.json"
_FCS_BYTES = 4
_WARM_UP = 10  # one part in so many
_ROUNDS = 3


class _Stopwatch:
    """Reads wall time and simulated time when the first and when the last measured frame has arrived."""

    def __init__(self, frames: int) -> None:
        self._left = frames
        self._begin_at = frames - max(1, frames // _WARM_UP)
        self.measured = self._begin_at
        self.done = Event()

    def frame(self) -> None:
        self._left -= 1
        if self._left == self._begin_at:
            self._begin = time.perf_counter(), now_ps()
        elif self._left == 0:
            self.wall_s, self.sim_ps = time.perf_counter() - self._begin[0], now_ps() - self._begin[1]
            self.done.set()


async def _round(bench: Bench, size: int, direction: str, random: Random) -> dict[str, Any]:
    """One measurement. Frames count where they arrive; `both` counts both."""
    count, length = SIZES[size], size - _FCS_BYTES
    card, partner = bench.device.dev_addr, bench.partner.config.mac
    out = frames_to(partner, card, random, count, (length, length)) if direction != "rx" else []
    into = frames_to(card, partner, random, count, (length, length)) if direction != "tx" else []
    watch = _Stopwatch(len(out) + len(into))
    bench.books.on_arrival = watch.frame
    for frame in into:
        bench.wire.send(Frame(frame))
    if out:
        await bench.run(transmit_all(bench.device, out))
    await watch.done.wait()
    bench.books.on_arrival = None
    await bench.settle()
    return {
        "host": "axi",
        "wire": "cocotbext",
        "main": "cocotb",
        "size": size,
        "direction": direction,
        "frames_per_s": watch.measured / watch.wall_s,
        "cycles_per_s": watch.sim_ps / PERIOD_PS / watch.wall_s,
        "us_per_frame": watch.wall_s / watch.measured * 1e6,
        "hardware_frames_per_s": watch.measured / (watch.sim_ps * 1e-12),
    }


@cocotb.test()
async def bench(dut: Any) -> None:
    async with session(dut, "bench") as current:
        random = Random(current.bench.config.seed)
        rounds = []
        for number in range(1, _ROUNDS + 1):  # interleaved, so that a busy moment of the machine hits all alike
            current.progress.step(f"round {number} of {_ROUNDS}")
            for size in SIZES:
                for direction in DIRECTIONS:
                    rounds.append(await _round(current.bench, size, direction, random))
        Path(current.folder / ROUNDS).write_text(json.dumps(rounds, indent=2) + "\n")
