# SPDX-License-Identifier: MIT
"""Latency through the card, in clock cycles, from the compiled models' stamps."""

from __future__ import annotations

from random import Random
from statistics import median
from typing import Any

import cocotb
from cocotb.triggers import Event, Timer, with_timeout

from driver.e1000e.regs import TDT
from sim.bench import PERIOD_PS, Bench, BenchFailure
from sim.benchmark.cells import Cell
from sim.native.library import Kind, library
from sim.traffic import frames_to, transmit_all
from sim.wire import Frame

__all__ = ["LOAD_FRAMES", "measure_latency"]

_PROBE_BYTES = (60, 60)
_GAP_NS = 1000
LOAD_FRAMES = 100  # a probe's share of the load that runs beside it: 7 us at least


async def measure_latency(
    bench: Bench, cell: Cell, load: tuple[list[bytes], list[bytes]], random: Random
) -> dict[str, Any]:
    """cell.direction: doorbell (to the first byte on the wire) or interrupt (from the last byte on it).

    load: frames out and in that keep the other direction busy meanwhile. Gives cycles of cell.frames probes: the median
    and the extremes.
    """
    probe = _doorbell if cell.direction == "doorbell" else _interrupt
    out, into = load
    for frame in into:
        bench.wire.send(Frame(frame))
    task = cocotb.start_soon(bench.run(transmit_all(bench.device, out))) if out else None
    if out or into:
        await Timer(20, "us")  # until it runs at line rate
    found = []
    for _ in range(cell.frames):
        found.append(await probe(bench, random))
        await Timer(_GAP_NS + random.randrange(_GAP_NS), "ns")
    if task is not None:
        await task
    await bench.settle()
    cycles = [value for value in found if value is not None]
    if not cycles:
        raise BenchFailure([f"{cell.direction}: no probe of {cell.frames} could be told apart"])
    return {"cycles": median(cycles), "least": min(cycles), "most": max(cycles), "probes": len(cycles)}


async def _doorbell(bench: Bench, random: Random) -> int:
    """A frame sent: cycles from the edge that takes the doorbell to the one that puts its start on the pins."""
    seen = Event()
    doorbells: list[int] = []
    starts: list[int] = []
    frame = frames_to(bench.partner.config.mac, bench.device.dev_addr, random, 1, _PROBE_BYTES)[0]

    def written(flag: int, offset: int, value: int, accepted_ps: int, time_ps: int) -> None:
        if offset == TDT.offset:
            doorbells.append(accepted_ps)

    def came(good: int, length: int, begin_ps: int, offset: int, time_ps: int) -> None:
        starts.append(begin_ps)
        seen.set()

    hear = library().overhearing
    with hear(Kind.WRITTEN, written), hear(Kind.RECEIVED, came):
        await bench.run(transmit_all(bench.device, [frame]))
        await with_timeout(seen.wait(), 50, "us")
    # The wire model samples the pins an edge later.
    return (starts[0] - doorbells[0]) // PERIOD_PS - 1


async def _interrupt(bench: Bench, random: Random) -> int | None:
    """A frame received: cycles from the edge that takes its last byte to the one that raises the line.

    None where the line was high when the frame was written back: then nothing announces this frame alone.
    """
    told = Event()
    sent: list[int] = []
    risen: list[int | None] = []
    written_back = False
    ring, high = bench.adapter.rx_ring, bench.host.function.intx_asserted
    frame = frames_to(bench.device.dev_addr, bench.partner.config.mac, random, 1, _PROBE_BYTES)[0]

    def moved(level: int, first: int, second: int, third: int, time_ps: int) -> None:
        nonlocal high
        high = bool(level)
        if high and written_back and not risen:
            risen.append(time_ps)
            told.set()

    def left(flag: int, begin_ps: int, second: int, third: int, time_ps: int) -> None:
        sent.append(time_ps)

    def burst(write: int, nbytes: int, iova: int, begin_ps: int, time_ps: int) -> None:
        nonlocal written_back
        if write and not written_back and ring.dma <= iova < ring.dma + ring.size:
            written_back = True
            if high:
                risen.append(None)
                told.set()

    hear = library().overhearing
    with hear(Kind.IRQ, moved), hear(Kind.SENT, left), hear(Kind.BURST, burst):
        bench.wire.send(Frame(frame))
        await with_timeout(told.wait(), 50, "us")
    # The card samples what the wire model drives an edge later; so does the host model with the line.
    return None if risen[0] is None else (risen[0] - sent[0]) // PERIOD_PS - 2
