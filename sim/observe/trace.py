# SPDX-License-Identifier: MIT
"""The trace of a run: what the CPUs, the card and the wire did when, for Perfetto UI (https://ui.perfetto.dev).

    process   tracks                                    from
    host      hardirq, softirq and process of each CPU  the kernel's tracepoints (driver/linux/tracepoint.py)
    card      INTx, doorbells, registers, rings, DMA    the host's bus (sim/observe/observers.py)
    wire      to the card, from the card                the wire (sim/observe/observers.py)

An arrow leads from the ndo_start_xmit of a frame over the burst that reads it to the wire, and from the wire to the
netif_receive_skb of a frame. Times are simulated time; code takes none, so most spans of a CPU have no length.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from driver.e1000e.regs import CTRL
from driver.linux.current import ON
from driver.linux.dma_mapping import DMA_FROM_DEVICE, DMA_MAPPING_ERROR
from driver.linux.interrupt import IRQ_HANDLED
from driver.linux.netdevice import NETDEV_TX_OK
from driver.linux.softirq import HI_SOFTIRQ, NET_RX_SOFTIRQ, NET_TX_SOFTIRQ, TIMER_SOFTIRQ
from sim.observe.trace_file import HELD_EVENTS, Inside, Lanes, TraceFile, Track
from sim.observe.trace_flows import Flow, Flows
from sim.observe.trace_rings import RX_RING, TX_RING, Ring, register_names

if TYPE_CHECKING:
    from driver.linux.cpu import Task
    from driver.linux.napi import NapiStruct
    from driver.linux.net.device import NetDevice
    from driver.linux.skbuff import SkBuff

__all__ = ["CARD", "FILE", "HOST", "WIRE", "Trace"]

FILE = "trace.json"
HOST, CARD, WIRE = 1, 2, 3

_FCS_BYTES = 4
_MOST_LANES = 64  # more bursts than that are never outstanding
_SOFTIRQS = {HI_SOFTIRQ: "HI", TIMER_SOFTIRQ: "TIMER", NET_TX_SOFTIRQ: "NET_TX", NET_RX_SOFTIRQ: "NET_RX"}


class _CpuTracks:
    """One CPU's contexts."""

    __slots__ = ("hard", "process", "sending", "soft")

    def __init__(self, file: TraceFile, index: int) -> None:
        names = (f"cpu {index} hardirq", f"cpu {index} softirq", f"cpu {index} process")
        self.hard, self.soft, self.process = (
            Track(file, HOST, 10 * index + number, name) for number, name in enumerate(names, 1)
        )
        self.sending: Flow | None = None  # the frame that is with the driver


class Trace:
    """A driver.linux.tracepoint.Tracer, and BusObserver and WireObserver. path: the file to write.

    What comes after `close` is ignored: frames are still on the wire then.
    """

    def __init__(self, path: Path, cpus: int = 1, held_events: int = HELD_EVENTS) -> None:
        self._file = file = TraceFile(path, held_events)
        for pid, name in ((HOST, "host"), (CARD, "card"), (WIRE, "wire")):
            file.process(pid, name)
        self._cpus = [_CpuTracks(file, index) for index in range(cpus)]
        self._intx = Track(file, CARD, 1, "INTx")
        self._doorbells = Track(file, CARD, 2, "doorbells")
        tracks = (Track(file, CARD, 3, "tx ring"), Track(file, CARD, 4, "rx ring"))
        self._rings = (
            Ring(file, tracks[0], CARD, "tx ring", TX_RING),
            Ring(file, tracks[1], CARD, "rx ring", RX_RING),
        )
        self._register_names = register_names()
        self._registers = Lanes(file, CARD, 10, "registers", 10)
        self._dma = (
            Lanes(file, CARD, 100, "DMA read", _MOST_LANES),
            Lanes(file, CARD, 200, "DMA write", _MOST_LANES),
        )
        self._to_card = Track(file, WIRE, 1, "to the card")
        self._from_card = Track(file, WIRE, 2, "from the card")
        self._sent, self._received = Flows("sent", 1), Flows("received", 2)

    def close(self) -> None:
        """Make the file whole; once more does nothing."""
        self._file.close()

    # ------------------------------------------------------------------ driver.linux.tracepoint.Tracer
    def irq_handler_entry(self, irq: int, name: str) -> None:
        self._cpu().hard.begin(ON.kernel.now_ns, "irq", name, {"irq": irq})

    def irq_handler_exit(self, irq: int, ret: int) -> None:
        answer = "IRQ_HANDLED" if ret == IRQ_HANDLED else "IRQ_NONE"
        self._cpu().hard.end(ON.kernel.now_ns, "irq", {"ret": answer})

    def softirq_entry(self, vec_nr: int) -> None:
        self._cpu().soft.begin(ON.kernel.now_ns, "softirq", _SOFTIRQS.get(vec_nr, f"softirq {vec_nr}"))

    def softirq_exit(self, vec_nr: int) -> None:
        self._cpu().soft.end(ON.kernel.now_ns, "softirq")

    def napi_poll_entry(self, napi: NapiStruct, budget: int) -> None:
        self._context().begin(ON.kernel.now_ns, "poll", f"napi_poll {napi.dev.name}")

    def napi_poll(self, napi: NapiStruct, work: int, budget: int) -> None:
        self._context().end(ON.kernel.now_ns, "poll", {"work": work, "budget": budget})

    def net_dev_start_xmit(self, skb: SkBuff, dev: NetDevice) -> None:
        track, now_ns = self._context(), ON.kernel.now_ns
        track.begin(now_ns, "xmit", "ndo_start_xmit", {"dev": dev.name, "len": skb.len})
        self._cpu().sending = self._sent.start(bytes(skb.view()), track, now_ns)

    def net_dev_xmit(self, rc: int, dev: NetDevice) -> None:
        cpu = self._cpu()
        if rc != NETDEV_TX_OK and cpu.sending is not None:
            cpu.sending.give_up()
        cpu.sending = None
        answer = "NETDEV_TX_OK" if rc == NETDEV_TX_OK else "NETDEV_TX_BUSY"
        self._context().end(ON.kernel.now_ns, "xmit", {"rc": answer})

    def netif_receive_skb_entry(self, skb: SkBuff) -> None:
        track, now_ns = self._context(), ON.kernel.now_ns
        frame = bytes(skb.head_view()[max(skb.mac_header, 0) : skb.tail])
        track.begin(now_ns, "receive", "netif_receive_skb", {"len": len(frame), "protocol": f"{skb.protocol:#06x}"})
        self._received.finish(frame, track, now_ns)

    def netif_receive_skb_exit(self, ret: int) -> None:
        self._context().end(ON.kernel.now_ns, "receive")

    def dma_map_page(self, phys_addr: int, dma_addr: int, size: int, direction: int) -> None:
        sending = self._cpu().sending
        if sending is not None and direction != DMA_FROM_DEVICE and dma_addr != DMA_MAPPING_ERROR:
            self._sent.mapped(sending, dma_addr)

    def sched_switch(self, prev: Task | None, next: Task | None) -> None:
        track, now_ns = self._cpu().process, ON.kernel.now_ns
        if prev is not None:
            track.end(now_ns, "task")
        if next is not None:
            track.begin(now_ns, "task", next.name)

    def _cpu(self) -> _CpuTracks:
        return self._cpus[ON.cpu.index]

    def _context(self) -> Track:
        """The track of what runs now."""
        cpu, tracks = ON.cpu, self._cpus[ON.cpu.index]
        if cpu.ctx is cpu.soft:
            return tracks.soft
        return tracks.hard if cpu.ctx is cpu.hard else tracks.process

    # ------------------------------------------------------------------ sim.observe.observers.BusObserver
    def mmio_write(self, now_ns: int, offset: int, value: int) -> None:
        name = self._name(offset)
        self._registers.first.instant(now_ns, f"write {name}", {"offset": f"{offset:#x}", "value": f"{value:#x}"})
        for ring in self._rings:
            if name == ring.tail:
                self._doorbells.instant(now_ns, name, {"value": value})
            ring.write(now_ns, name, value)
        if name == CTRL.name and value & CTRL.RST:
            self._sent.give_up()
            self._received.give_up()

    def mmio_read(self, begin_ns: int, end_ns: int, offset: int, value: int) -> None:
        told = {"offset": f"{offset:#x}", "value": f"{value:#x}"}
        self._registers.at(begin_ns).span(begin_ns, end_ns, f"read {self._name(offset)}", told)

    def dma(self, write: bool, iova: int, nbytes: int, begin_ns: int, end_ns: int) -> None:
        told: dict[str, object] = {"address": f"{iova:#x}", "bytes": nbytes}
        track = self._dma[write].at(begin_ns)
        ring = next((ring for ring in self._rings if ring.covers(iova)), None)
        if ring is None:
            step = None if write else partial(self._sent.step, iova)
            track.span(begin_ns, end_ns, "payload", told, step)
            return
        told["ring"] = ring.name
        told |= (ring.written_back if write else ring.fetched)(end_ns, iova, nbytes)
        track.span(begin_ns, end_ns, "write-back" if write else "descriptors", told)

    def interrupt(self, now_ns: int, asserted: bool) -> None:
        self._intx.end(now_ns, "asserted")
        if asserted:
            self._intx.begin(now_ns, "asserted", "asserted")

    def _name(self, offset: int) -> str:
        return self._register_names.get(offset) or f"{offset:#x}"

    # ------------------------------------------------------------------ sim.observe.observers.WireObserver
    def wire_in(self, data: bytes, begin_ns: int, end_ns: int, good: bool) -> None:
        _frame(self._to_card, data, begin_ns, end_ns, partial(self._received.start, data) if good else None)

    def wire_out(self, data: bytes, begin_ns: int, end_ns: int, good: bool) -> None:
        _frame(self._from_card, data, begin_ns, end_ns, partial(self._sent.finish, data) if good else None)


def _frame(track: Track, data: bytes, begin_ns: int, end_ns: int, arrow: Inside | None) -> None:
    """arrow: what a good frame is an end of."""
    nbytes = len(data) + _FCS_BYTES
    track.span(begin_ns, end_ns, f"{nbytes} bytes", {"bytes": nbytes, "FCS good": arrow is not None}, arrow)
