# SPDX-License-Identifier: MIT
"""The collector of a run's trace: sim/observe/trace.py and the files around it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from driver.e1000e import regs
from driver.e1000e.desc import DESC_BYTES
from driver.linux.dma_mapping import DMA_TO_DEVICE
from driver.linux.inet import ping
from driver.linux.netdevice import NETDEV_TX_BUSY, NETDEV_TX_OK, NetDevice, alloc_etherdev
from driver.linux.skbuff import SkBuff, alloc_skb, skb_put_data, skb_reset_mac_header
from sim.observe.trace import CARD, WIRE, Trace
from sim.observe.trace_check import check_trace
from sim.observe.trace_file import stamp
from sim.observe.trace_rings import register_names
from tests.unit.linux.net.hosts import Net
from tests.unit.pump import machine

Event = dict[str, Any]
RING = 0x40_0000_0000
BUFFER = 0x40_0002_0000
ENTRIES = 64


class Traced:
    """A trace in a file, and a kernel whose process sends and receives frames at the times told."""

    def __init__(self, folder: Path, held_events: int = 1000) -> None:
        self.path = folder / "trace.json"
        self.trace = Trace(self.path, held_events=held_events)
        self.kernel = machine(memory_bytes=1 << 20).kernel
        with self.kernel.entered():
            self.dev: NetDevice = alloc_etherdev()

    def skb(self, data: bytes) -> SkBuff:
        skb = alloc_skb(256)
        assert skb is not None
        skb_put_data(skb, data)
        skb_reset_mac_header(skb)
        return skb

    def xmit(self, now_ns: int, data: bytes, *, rc: int = NETDEV_TX_OK, iova: int | None = None) -> None:
        self.kernel.now_ns = now_ns
        with self.kernel.entered():
            self.trace.net_dev_start_xmit(self.skb(data), self.dev)
            if iova is not None:
                self.trace.dma_map_page(0, iova, len(data), DMA_TO_DEVICE)
            self.trace.net_dev_xmit(rc, self.dev)

    def receive(self, now_ns: int, data: bytes) -> None:
        self.kernel.now_ns = now_ns
        with self.kernel.entered():
            self.trace.netif_receive_skb_entry(self.skb(data))
            self.trace.netif_receive_skb_exit(0)

    def ring(self, now_ns: int = 0, *, legacy: bool = False) -> None:
        """A transmit ring of ENTRIES descriptors at RING."""
        for register, value in (
            (regs.TDBAL, RING & 0xFFFF_FFFF), (regs.TDBAH, RING >> 32), (regs.TDLEN, ENTRIES * DESC_BYTES),
            (regs.TDH, 0), (regs.TDT, 0),
        ):  # fmt: skip
            offset = regs.LEGACY[register.name] if legacy else register.offset
            self.trace.mmio_write(now_ns, offset, value)

    def events(self) -> list[Event]:
        """Close it: what is in the file, which must be good."""
        self.trace.close()
        assert check_trace(self.path) == []
        events: list[Event] = json.loads(self.path.read_text())["traceEvents"]
        return events


@pytest.fixture
def traced(tmp_path: Path) -> Iterator[Traced]:
    made = Traced(tmp_path)
    yield made
    made.trace.close()


def names(events: list[Event]) -> dict[int, str]:
    return {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}


def on(events: list[Event], track: str, phase: str = "B") -> list[Event]:
    """Events of a phase on the track of that name."""
    named = names([event for event in events if event["ph"] == "M"])
    return [event for event in events if event["ph"] == phase and named.get(event.get("tid", 0)) == track]


def flows(events: list[Event]) -> list[tuple[str, str, int]]:
    return [(event["ph"], event["name"], event["id"]) for event in events if event["ph"] in "stf"]


# ---- times and tracks ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("ns", "text"), [(0, "0.000"), (7, "0.007"), (1_000, "1.000"), (12_345_678_901_234_567, "12345678901234.567")]
)
def test_a_stamp_is_exact(ns: int, text: str) -> None:
    assert stamp(ns) == text


def test_a_kernel_s_contexts_nest_on_their_tracks(tmp_path: Path) -> None:
    asker, answerer = Net().hosts
    assert asker.run(ping(answerer.ip, 10)) is not None
    trace = answerer.kernel.tracer = Trace(tmp_path / "trace.json")
    assert asker.run(ping(answerer.ip, 10)) is not None
    answerer.kernel.tracer = None
    trace.close()
    assert check_trace(tmp_path / "trace.json") == []
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert [event["name"] for event in on(events, "cpu 0 hardirq")] == [answerer.dev.name]
    softirq = [(event["ph"], event.get("name")) for phase in "BE" for event in on(events, "cpu 0 softirq", phase)]
    begun = ["NET_RX", f"napi_poll {answerer.dev.name}", "netif_receive_skb", "ndo_start_xmit"]
    assert softirq == [("B", name) for name in begun] + [("E", None)] * 4
    polled = [event["args"] for event in on(events, "cpu 0 softirq", "E") if "work" in event.get("args", {})]
    assert polled == [{"work": 1, "budget": 64}]


def test_overlapping_bursts_get_lanes_and_later_ones_use_them_again(traced: Traced) -> None:
    for begin, end in ((100, 200), (150, 250), (200, 300), (260, 320)):
        traced.trace.dma(True, BUFFER, 64, begin, end)
    events = traced.events()
    assert [event["ts"] for event in on(events, "DMA write")] == [0.1, 0.2]
    assert [event["ts"] for event in on(events, "DMA write 2")] == [0.15, 0.26]
    assert on(events, "DMA read") == []


def test_a_frame_s_beginning_that_was_only_estimated_does_not_reach_into_the_one_before_it(traced: Traced) -> None:
    for begin, end in ((0, 100), (99, 180)):
        traced.trace.wire_in(bytes(60), begin, end, False)
    assert [event["ts"] for event in on(traced.events(), "to the card")] == [0, 0.1]


def test_frames_and_registers_say_what_they_are(traced: Traced) -> None:
    traced.trace.wire_out(bytes(60), 0, 58, True)
    traced.trace.mmio_read(100, 130, regs.STATUS.offset, 7)
    traced.trace.mmio_write(200, regs.RAL[2].offset, 1)
    traced.trace.mmio_write(300, 0x1FFFC, 1)
    for level in (True, False):
        traced.trace.interrupt(400, level)
    events = traced.events()
    assert on(events, "from the card")[0]["args"] == {"bytes": 64, "FCS good": True}
    assert on(events, "registers")[0]["name"] == "read STATUS"
    assert [event["name"] for event in on(events, "registers", "i")] == ["write RAL[2]", "write 0x1fffc"]
    assert len(on(events, "INTx")) == 1


# ---- rings -----------------------------------------------------------------------------------------------------------
def counts(events: list[Event]) -> list[tuple[int, int]]:
    return [tuple(event["args"].values()) for event in events if event["ph"] == "C"]


@pytest.mark.parametrize("legacy", [False, True])
def test_a_descriptor_is_posted_fetched_and_written_back(traced: Traced, legacy: bool) -> None:
    traced.ring(legacy=legacy)
    traced.trace.mmio_write(100, regs.TDT.offset, 3)
    traced.trace.dma(False, RING, 3 * DESC_BYTES, 150, 450)
    traced.trace.dma(True, RING, 2 * DESC_BYTES, 500, 800)
    traced.trace.dma(True, RING + 2 * DESC_BYTES + 12, 4, 600, 900)  # the status alone
    events = traced.events()
    told = [(event["name"], event["args"]["first"], event["args"]["count"]) for event in on(events, "tx ring", "i")]
    assert told[1:] == [("posted", 0, 3), ("fetched", 0, 3), ("written back", 0, 2), ("written back", 2, 1)]
    assert counts(events) == [(0, 0), (3, 0), (0, 3), (0, 1), (0, 0)]
    assert [event["name"] for event in on(events, "DMA read")] == ["descriptors"]
    assert [event["name"] for lane in ("", " 2") for event in on(events, f"DMA write{lane}")] == ["write-back"] * 2
    assert [event["args"]["value"] for event in on(events, "doorbells", "i")] == [0, 3]


def test_a_ring_goes_round(traced: Traced) -> None:
    traced.ring()
    traced.trace.mmio_write(0, regs.TDT.offset, 60)
    traced.trace.dma(False, RING, 60 * DESC_BYTES, 0, 10)
    traced.trace.dma(True, RING, 58 * DESC_BYTES, 20, 30)
    traced.trace.mmio_write(40, regs.TDT.offset, 4)
    traced.trace.dma(False, RING + 60 * DESC_BYTES, 4 * DESC_BYTES, 50, 60)
    traced.trace.dma(False, RING, 4 * DESC_BYTES, 50, 70)
    traced.trace.dma(True, RING + 58 * DESC_BYTES, 6 * DESC_BYTES, 80, 90)
    traced.trace.dma(True, RING, 4 * DESC_BYTES, 80, 90)
    assert counts(traced.events())[4:] == [(8, 2), (4, 6), (0, 10), (0, 4), (0, 0)]


def test_an_answer_that_overtook_another_is_not_taken_back(traced: Traced) -> None:
    traced.ring()
    traced.trace.mmio_write(0, regs.TDT.offset, 8)
    traced.trace.dma(False, RING, 8 * DESC_BYTES, 0, 100)
    traced.trace.dma(True, RING + 4 * DESC_BYTES, 4 * DESC_BYTES, 210, 500)
    traced.trace.dma(True, RING, 4 * DESC_BYTES, 200, 600)
    assert counts(traced.events())[-2:] == [(0, 0), (0, 0)]


def test_a_reset_card_has_no_ring(traced: Traced) -> None:
    traced.ring()
    traced.trace.mmio_write(100, regs.CTRL.offset, regs.CTRL.RST)
    traced.trace.mmio_write(200, regs.TDT.offset, 5)
    traced.trace.dma(False, RING, DESC_BYTES, 300, 400)
    events = traced.events()
    assert len(counts(events)) == 1 and [event["name"] for event in on(events, "DMA read")] == ["payload"]


def test_every_register_has_its_name_at_both_addresses() -> None:
    found = register_names()
    assert found[regs.TDT.offset] == found[regs.LEGACY["TDT"]] == "TDT"
    assert found[regs.RAL[1].offset] == found[regs.LEGACY["RAL"] + 8] == "RAL[1]"


# ---- flows -----------------------------------------------------------------------------------------------------------
SHORT, LONG = b"short frame", bytes(range(100))


def test_a_sent_frame_is_followed_over_its_burst_to_the_wire(traced: Traced) -> None:
    """The short one is padded on the wire."""
    traced.xmit(10, SHORT, iova=BUFFER + 2)
    traced.xmit(20, LONG, iova=BUFFER + 0x2_0FF0)
    traced.trace.dma(False, BUFFER + 2, 64, 100, 400)
    traced.trace.dma(False, BUFFER + 0x2_0FF0, 16, 110, 410)
    traced.trace.dma(False, BUFFER + 0x2_1000, 84, 120, 420)
    traced.trace.wire_out(SHORT.ljust(60, b"\0"), 500, 558, True)
    traced.trace.wire_out(LONG, 600, 700, True)
    assert sorted(flows(traced.events()), key=lambda flow: flow[2]) == [
        (phase, "sent", number) for number in (1, 3) for phase in "stf"
    ]


def test_a_received_frame_is_followed_from_the_wire(traced: Traced) -> None:
    traced.trace.wire_in(LONG, 0, 100, True)
    traced.receive(5000, LONG)
    events = traced.events()
    assert flows(events) == [("s", "received", 2), ("f", "received", 2)]
    assert [event["pid"] for event in events if event["ph"] == "s"] == [WIRE]


@pytest.mark.parametrize("what", ["filtered", "bad", "refused", "lost", "reset", "bad on the wire"])
def test_a_frame_that_does_not_arrive_has_no_arrow(traced: Traced, what: str) -> None:
    if what in ("filtered", "bad"):
        traced.trace.wire_in(SHORT, 0, 60, what == "filtered")
    else:
        traced.xmit(0, SHORT, rc=NETDEV_TX_BUSY if what == "refused" else NETDEV_TX_OK, iova=BUFFER)
        traced.trace.dma(False, BUFFER, 64, 10, 70)
    if what == "reset":
        traced.trace.mmio_write(100, regs.CTRL.offset, regs.CTRL.RST)
    if what == "bad on the wire":
        traced.trace.wire_out(SHORT, 100, 160, False)
    if what in ("bad", "refused", "reset"):  # and nothing of it is taken for the next one's
        traced.receive(200, SHORT)
        traced.trace.wire_out(SHORT, 200, 260, True)
    assert flows(traced.events()) == []


def test_a_second_try_is_the_one_that_counts(traced: Traced) -> None:
    traced.xmit(0, SHORT, rc=NETDEV_TX_BUSY)
    traced.xmit(50, SHORT)
    traced.trace.wire_out(SHORT, 100, 160, True)
    events = traced.events()
    assert flows(events) == [("s", "sent", 3), ("f", "sent", 3)]
    assert [event["ts"] for event in events if event["ph"] == "s"] == [0.05]


def test_equal_frames_are_told_apart_by_their_order(traced: Traced) -> None:
    for when in (0, 100):
        traced.trace.wire_in(LONG, when, when + 90, True)
    for when in (500, 600):
        traced.receive(when, LONG)
    assert flows(traced.events()) == [(phase, "received", number) for phase in "sf" for number in (2, 4)]


# ---- the file --------------------------------------------------------------------------------------------------------
def test_what_waits_is_bounded(tmp_path: Path) -> None:
    """Of a thousand frames that nobody takes, each is given up when a hundred events have come behind it."""
    traced = Traced(tmp_path, held_events=100)
    for number in range(1000):
        traced.trace.wire_in(number.to_bytes(60, "big"), number * 100, number * 100 + 60, True)
        assert len(traced.trace._file._held) <= 101
        assert traced.trace._received.pending <= 101
    traced.receive(200_000, (0).to_bytes(60, "big"))
    traced.receive(200_000, (999).to_bytes(60, "big"))
    assert flows(traced.events()) == [("s", "received", 2000), ("f", "received", 2000)]


def test_closing_ends_what_is_open_and_then_nothing_is_written(traced: Traced) -> None:
    traced.trace.interrupt(100, True)
    traced.trace.wire_in(LONG, 200, 300, True)
    events = traced.events()
    assert [event["ts"] for event in on(events, "INTx", "E")] == [0.3]
    traced.trace.close()
    traced.trace.interrupt(400, False)
    traced.trace.wire_in(LONG, 400, 500, True)
    traced.receive(500, LONG)
    traced.trace.dma(True, BUFFER, 64, 400, 500)
    assert traced.events() == events


def test_an_empty_trace_is_a_good_one(traced: Traced) -> None:
    assert {event["ph"] for event in traced.events()} == {"M"}


def test_tracks_have_thread_numbers_of_their_own(traced: Traced) -> None:
    tids = [event["tid"] for event in traced.events() if event["name"] == "thread_name"]
    assert len(set(tids)) == len(tids) > 10 and not {1, CARD, WIRE} & set(tids)
