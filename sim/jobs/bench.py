# SPDX-License-Identifier: MIT
"""`nicosim bench`, inside the simulator: measures cells, one after the other, on one bench that is up.

Every frame goes through the whole driver and stack and is compared byte for byte by the bench's books while the clock
runs. No capture is written: files are not what is measured.
"""

from __future__ import annotations

import cProfile
import ctypes
import json
import pstats
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from random import Random
from typing import Any

import cocotb
from cocotb.triggers import Event, with_timeout

from driver.e1000e.desc import DESC_BYTES
from driver.linux.inet import UdpSocket
from driver.linux.net.device import NET_RX_SUCCESS, NetDevice
from driver.linux.packet import PacketType, dev_add_pack, dev_remove_pack
from driver.linux.skbuff import SkBuff, consume_skb
from sim.bench import Bench, BenchFailure
from sim.benchmark.cells import RESULTS, Cell, cells_from_environment, line_rate, rates
from sim.host.native import NativeHost
from sim.host.simtime import now_ps
from sim.jobs.latency import LOAD_FRAMES, measure_latency
from sim.jobs.session import Session, session
from sim.native.library import Kind, library
from sim.traffic import ETHER_TYPE, frames_to, transmit, transmit_all
from sim.wire import Frame, Received

_FCS_BYTES = 4
_TIMEOUT_MS = 1000
# Frames of a line-rate cell that are not counted: rings, buffers and moderation reach their steady state.
_WARM_UP = 400
_ECHO_PORT = 7


def _resident_bytes() -> int:
    """Memory that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


class _Arrivals:
    """Counts frames where they arrive, at the host and at the partner; `done` when all have."""

    def __init__(self, bench: Bench, frames: int) -> None:
        self.left = frames
        self.done = Event()
        bench.books.on_arrival = self._one

    def _one(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.done.set()


class _WireTimes:
    """When frames ended on the wire, each direction for itself: the hardware's own speed."""

    def __init__(self, bench: Bench) -> None:
        self.into: list[int] = []
        self.out: list[int] = []
        bench.wire.on_sent(lambda frame, time_ns: self.into.append(time_ns))
        bench.wire.on_received(lambda frame: self.out.append(frame.time_ns))

    def clear(self) -> None:
        self.into.clear()
        self.out.clear()

    def rates(self) -> list[float]:
        """Frames per simulated second of each direction that moved, while all of them did."""
        return rates([times for times in (self.into, self.out) if len(times) > 1])


class Measure:
    """What a cell can ask for; each method measures one cell and returns what came out, for machines."""

    def __init__(self, current: Session) -> None:
        self.bench = current.bench
        self._cells = {
            "speed": self.speed,
            "line_rate": self.line_rate,
            "in_flight": self.in_flight,
            "flows": self.flows,
            "length": self.length,
            "split": self.split,
            "latency": self.latency,
        }
        self.random = Random(self.bench.config.seed)
        self.times = _WireTimes(self.bench)
        self._looped = 0
        self.bench.wire.on_received(self._loop)

    def _loop(self, frame: Received) -> None:
        """The wire comes back: every frame of the card goes to it again, as it is."""
        if self._looped:
            self._looped -= 1
            self.bench.wire.send(Frame(frame.data))

    def _frames(self, cell: Cell) -> tuple[list[bytes], list[bytes]]:
        """(from the host, to it)"""
        bench, length = self.bench, cell.size - _FCS_BYTES
        card, partner = bench.device.dev_addr, bench.partner.config.mac
        looped = cell.direction == "loopback"
        out, into = cell.direction != "rx", cell.direction in ("rx", "both")
        lengths = (length, length)
        return (
            frames_to(card if looped else partner, card, self.random, cell.frames, lengths) if out else [],
            frames_to(card, partner, self.random, cell.frames, lengths) if into else [],
        )

    async def _carry(self, cell: Cell) -> dict[str, float]:
        """All frames of a cell, from the first handed over to the last arrived. `both` counts both directions."""
        bench = self.bench
        out, into = self._frames(cell)
        looped = cell.direction == "loopback"
        arrivals = _Arrivals(bench, len(into) + len(out) * (1 + looped))
        self._looped = len(out) if looped else 0
        self.times.clear()
        wall, simulated = time.perf_counter(), now_ps()
        for frame in into:
            bench.wire.send(Frame(frame))
        if out:
            await bench.run(transmit_all(bench.device, out), timeout_ns=_TIMEOUT_MS * 1_000_000)
        await with_timeout(arrivals.done.wait(), _TIMEOUT_MS, "ms")
        wall, cycles = time.perf_counter() - wall, (now_ps() - simulated) / bench.config.clock.core_ps
        frames = len(out) + len(into)
        await bench.settle()
        return {
            "frames_per_s": frames / wall,
            "cycles_per_s": cycles / wall,
            "us_per_frame": wall / frames * 1e6,
            "wall_s": wall,
        }

    # ------------------------------------------------------------------ cells
    async def cell(self, cell: Cell) -> dict[str, Any]:
        """Measure it; raises KeyError for one that nobody knows how to."""
        return await self._cells[cell.what](cell)

    async def latency(self, cell: Cell) -> dict[str, Any]:
        """See sim/jobs/latency.py."""
        into = cell.direction == "doorbell"
        load = Cell("load", cell.size, "rx" if into else "tx", cell.frames * LOAD_FRAMES) if cell.amount else None
        return await measure_latency(self.bench, cell, self._frames(load) if load else ([], []), self.random)

    async def speed(self, cell: Cell) -> dict[str, Any]:
        """Wall time, and the hardware's own frames a second in simulated time."""
        with self._checked(cell.checks):
            measured = await self._carry(cell)
        moved = self.times.rates()
        hardware = sum(moved) / (len(moved) if cell.direction == "loopback" else 1)
        return {**measured, "hardware_frames_per_s": hardware}

    @contextmanager
    def _checked(self, checks: bool) -> Iterator[None]:
        """Without checks: free and mapped memory is not poisoned and looked at (RTL assertions: see plan.py)."""
        memory = self.bench.kernel.mm
        memory.check_poison = checks
        try:
            yield
        finally:
            memory.check_poison = True

    async def line_rate(self, cell: Cell) -> dict[str, Any]:
        """Each direction's frame rate against what 10 Gbit/s carries.

        What the card sends counts as it leaves on the wire, what it receives as its last descriptor is written back:
        that the partner sends at line rate says nothing about the card.
        """
        missed = await self._missed()
        host, ring, written_back = self.bench.host, self.bench.adapter.rx_ring, []
        if not isinstance(host, NativeHost):
            raise BenchFailure(["line rate is measured with the native host"])
        before = host.dma.activity()

        def burst(write: int, nbytes: int, iova: int, begin_ps: int, time_ps: int) -> None:
            if write and ring.dma <= iova < ring.dma + ring.size:
                written_back.extend([time_ps // 1000] * (nbytes // DESC_BYTES))

        with library().overhearing(Kind.BURST, burst):
            await self._carry(cell)
        buffers = -(-cell.size // self.bench.adapter.rx_buffer_len)  # of each frame; descriptors come back in order
        received = written_back[buffers - 1 :: buffers]
        directions = {"tx": [self.times.out], "rx": [received], "both": [self.times.out, received]}
        moved = directions[cell.direction]
        if any(len(times) != cell.frames for times in moved):
            raise BenchFailure([f"{cell}: {[len(times) for times in moved]} frames were seen"])
        rate = min(rates(moved, _WARM_UP))
        return {
            "fraction": rate / line_rate(cell.size),
            "frames_per_s": rate,
            "missed": await self._missed() - missed,
            "activity": self._activity_since(before),
        }

    async def _missed(self) -> int:
        """Frames that found no room in the card."""
        await self.bench.take_totals()
        return self.bench.totals.hardware["mpc"]

    def _activity_since(self, before: dict[str, int]) -> dict[str, float]:
        """Per cycle: bursts outstanding, and on each channel handshakes and stalls."""
        if not isinstance(self.bench.host, NativeHost):
            return {}
        now = self.bench.host.dma.activity()
        cycles = now["cycles"] - before["cycles"]
        return {name: round((now[name] - before[name]) / cycles, 3) for name in now if name != "cycles"}

    async def in_flight(self, cell: Cell) -> dict[str, Any]:
        """At most `amount` frames on their way round from host to host; a protocol sends the next for each."""
        bench = self.bench
        out, _ = self._frames(cell)
        waiting, left, done = iter(out), len(out), Event()

        def received(skb: SkBuff, device: NetDevice, handler: PacketType) -> int:
            nonlocal left
            consume_skb(skb)
            left -= 1
            if (frame := next(waiting, None)) is not None:
                transmit(device, frame)
            if not left:
                done.set()
            return NET_RX_SUCCESS

        protocol = PacketType(int.from_bytes(ETHER_TYPE, "big"), received)
        self._looped = len(out)
        wall = time.perf_counter()
        with bench.kernel.entered():
            dev_add_pack(protocol)
            for _ in range(min(cell.amount, cell.frames)):
                transmit(bench.device, next(waiting))
        bench.host.wake()
        await with_timeout(done.wait(), _TIMEOUT_MS, "ms")
        wall = time.perf_counter() - wall
        await bench.settle()
        with bench.kernel.entered():
            dev_remove_pack(protocol)
        return {"frames_per_s": cell.frames / wall, "us_per_frame": wall / cell.frames * 1e6}

    async def flows(self, cell: Cell) -> dict[str, Any]:
        """UDP datagrams of `amount` sockets, each echoed by the partner before the next."""
        bench = self.bench
        payload = bytes(max(0, cell.size - _FCS_BYTES - 42))
        left, done = cell.frames, Event()
        sockets = [UdpSocket() for _ in range(cell.amount)]

        def echoed(sock: UdpSocket) -> None:
            nonlocal left
            while sock.recvfrom_nowait() is not None:
                left -= 1
                if left >= cell.amount:
                    sock.sendto(payload, (bench.partner.config.ip, _ECHO_PORT))
                elif not left:
                    done.set()

        wall = time.perf_counter()
        with bench.kernel.entered():
            for sock in sockets:
                sock.data_ready = echoed
                sock.sendto(payload, (bench.partner.config.ip, _ECHO_PORT))
        bench.host.wake()
        await with_timeout(done.wait(), _TIMEOUT_MS, "ms")
        wall = time.perf_counter() - wall
        await bench.settle()
        with bench.kernel.entered():
            for sock in sockets:
                sock.close()
        return {"frames_per_s": cell.frames / wall, "us_per_frame": wall / cell.frames * 1e6}

    async def length(self, cell: Cell) -> dict[str, Any]:
        """Time and memory for a number of frames, in pieces, so that the list of frames does not grow with it."""
        piece = Cell("speed", cell.size, cell.direction, min(1000, cell.frames))
        wall = 0.0
        for _ in range(cell.frames // piece.frames):
            wall += (await self._carry(piece))["wall_s"]
        return {"wall_s": wall, "us_per_frame": wall / cell.frames * 1e6, "memory_mb": _resident_bytes() / 1e6}

    # ------------------------------------------------------------------ where the time goes
    async def split(self, cell: Cell) -> dict[str, Any]:
        """Microseconds a frame, by part: two rounds, one sampled from outside Python, one profiled inside it."""
        lib = library().lib
        lib.nicosim_profile_count.argtypes = (ctypes.c_char_p,)
        lib.nicosim_profile_start()
        measured = await self._carry(cell)
        count = lib.nicosim_profile_count
        parts = {part: count(part.encode()) for part in ("model", "models", "cocotb", "other", "python")}
        samples = max(1, sum(parts.values()))
        share = {part: hits / samples for part, hits in parts.items()}
        profile = cProfile.Profile(builtins=False)
        profile.enable()
        await self._carry(replace(cell, frames=cell.frames // 10))
        profile.disable()
        inside = _python_parts(profile)
        for part, part_share in inside.items():
            share[part] = share.get(part, 0.0) + share["python"] * part_share
        del share["python"]
        return {"us_per_frame": measured["us_per_frame"], "samples": samples, "share": share}


_STACK = ("/driver/linux/net/", "/driver/linux/inet/", "/driver/linux/skbuff", "/driver/linux/packet", "/etherdevice")
_PARTS = (("driver", ("/driver/e1000e/",)), ("stack", _STACK), ("kernel", ("/driver/linux/",)))


def _python_parts(profile: cProfile.Profile) -> dict[str, float]:
    """Shares of Python's own time: kernel, driver, stack, cocotb, and `bench`: host, wire and books."""
    times: dict[str, float] = {}
    for (file, _, _), (_, _, own, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        known = (part for part, places in _PARTS if any(place in file for place in places))
        part = next(known, "cocotb" if "cocotb" in file else "bench")
        times[part] = times.get(part, 0.0) + own
    total = sum(times.values())
    return {part: own / total for part, own in times.items()}


@cocotb.test()
async def bench(dut: Any) -> None:
    cells = cells_from_environment()
    async with session(dut, "bench", captures=False) as current:
        measure, results = Measure(current), []
        for number, cell in enumerate(cells, 1):
            current.progress.step(f"{cell.what} {cell.size} B {cell.direction} ({number} of {len(cells)})")
            results.append({**asdict(cell), **(await measure.cell(cell))})
            (current.folder / RESULTS).write_text(json.dumps(results, indent=2) + "\n")
