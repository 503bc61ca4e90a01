# SPDX-License-Identifier: MIT
"""What the jobs share: a bench whose progress is shown and whose summary is written, whatever happens to it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from driver.linux.netdevice import dev_set_promiscuity
from sim.bench import Bench, BenchFailure
from sim.host.simtime import now_ns, now_ps
from sim.jobs import ReplayFile
from sim.launch import configured
from sim.observe.artefacts import Summary, versions
from sim.observe.progress import Progress
from sim.replay import Replay, load_replay
from sim.wire.pacing import PacedWire

__all__ = ["Session", "session"]

# Frames queued at the wire at a time: enough to keep it busy, few enough that a large capture needs little memory.
_QUEUED_FRAMES = 64


class Session:
    """A bench and what its run comes to."""

    def __init__(self, bench: Bench, folder: Path, command: str) -> None:
        self.bench = bench
        self.folder = folder
        self.progress = Progress(folder)
        self.summary = Summary(command, bench.config.seed, versions=versions(), config=asdict(bench.config))
        self._begin_s = time.monotonic()
        self._traffic_s: float | None = None  # when the first frame could move, then for how long frames did

    def traffic_ended(self) -> None:
        """What comes now is taking things down; it does not count in frames per second."""
        if self._traffic_s is not None:
            self.summary.traffic_wall_s = round(time.monotonic() - self._traffic_s, 3)

    async def start(self) -> None:
        self.progress.step("reset")
        await self.bench.start()
        self.bench.wire.on_received(self._moved)
        self.bench.wire.on_sent(self._moved)
        self.progress.step("probe, ifup, link")
        await self.bench.up()
        self._traffic_s = time.monotonic()

    def _moved(self, *what: object) -> None:
        """A frame has crossed the wire."""
        self.progress.update(self._tell)

    def _tell(self) -> str:
        books = self.bench.books
        return (
            f"{books.sent} frames to the card, {books.host_frames} at the host, {books.card_frames} from the card, "
            f"{now_ns() / 1e6:.3f} ms simulated"
        )

    # ------------------------------------------------------------------ replay
    async def replay(self, source: ReplayFile) -> int:
        """Send a capture at the card and wait until it has settled; how many frames went out."""
        bench, path = self.bench, Path(source.path)
        capture = load_replay(path, raw=source.raw)
        for reason, count in capture.refused.items():
            self.summary.refused[reason] = self.summary.refused.get(reason, 0) + count
        how = "the card filters" if source.filtered else "promiscuous"
        self.progress.step(f"replay {path.name}: {len(capture.frames)} frames, {source.speed} speed, {how}")
        if not source.filtered:
            await bench.run(dev_set_promiscuity(bench.device, 1))
        await self._send(capture, source.speed)
        await bench.settle()
        if not source.filtered:
            await bench.run(dev_set_promiscuity(bench.device, -1))
        return len(capture.frames)

    async def _send(self, capture: Replay, speed: str) -> None:
        wire, begin_ns = PacedWire(self.bench.wire), now_ns()
        for number, (offset_ns, frame) in enumerate(capture.frames, 1):
            wire.send_at(begin_ns + offset_ns if speed == "captured" else 0, frame)
            if number % _QUEUED_FRAMES == 0:
                await wire.drained()
        await wire.drained()

    # ------------------------------------------------------------------ the end
    def finish(self, error: BaseException | None) -> None:
        """Put what is known into the summary and write it."""
        bench, summary, totals = self.bench, self.summary, self.bench.totals
        summary.steps = self.progress.steps
        summary.wall_s = round(time.monotonic() - self._begin_s, 3)
        summary.sim_ns, summary.cycles = now_ns(), now_ps() // bench.config.clock.core_ps
        summary.cycles_leapt = bench.cycles_leapt
        summary.mmio_reads, summary.mmio_writes = bench.host.mmio_reads, bench.host.mmio_writes
        summary.irqs, summary.polls = totals.irqs, totals.polls
        summary.ip_link, summary.ethtool = asdict(totals.link), totals.hardware
        summary.violations = [str(violation) for violation in bench.kernel.violations]
        if totals.receive is not None and totals.transmit is not None:
            summary.frames_rx, summary.frames_tx = totals.receive.delivered, bench.books.card_frames
            summary.frames_sent_to_card, summary.frames_filtered = totals.receive.sent, totals.receive.filtered
            summary.drops = totals.receive.drops | totals.transmit.drops
            summary.unaccounted = totals.receive.unaccounted + totals.transmit.unaccounted
            summary.accounting_closed = totals.receive.closed and totals.transmit.closed
        moved = summary.frames_sent_to_card + summary.frames_tx
        if summary.traffic_wall_s:
            summary.frames_per_wall_s = round(moved / summary.traffic_wall_s, 1)
        summary.result = "passed" if error is None else "failed"
        summary.error = "" if error is None else f"{error}" or repr(error)
        summary.write(self.folder)
        (self.folder / "kernel.log").write_text("".join(line + "\n" for line in bench.kernel_log()))


@asynccontextmanager
async def session(dut: Any, command: str, *, captures: bool = True) -> AsyncIterator[Session]:
    """A bench that is up; taken down, and its summary written, at the end. captures: write pcapng files, and a trace.

    Raises: what went wrong.
    """
    config, folder = configured()
    current = Session(Bench(dut, config, folder if captures else None), folder, command)
    error: BaseException | None = None
    try:
        await current.start()
        yield current
        await current.bench.settle()
        current.traffic_ended()
        current.progress.step("ifdown, remove, leak check")
        await current.bench.down()
        if not current.bench.books.sent and not current.bench.books.card_frames:
            raise BenchFailure(["no frame was sent"])
    except BaseException as raised:
        error = raised
        raise
    finally:
        current.bench.close_captures()
        current.finish(error)
