# SPDX-License-Identifier: MIT
"""The XGMII wire over a loop: frames, faults, gaps, stamps; our fast models against cocotbext-eth's own."""

from __future__ import annotations

import gc
import os
import sys
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge, Timer, with_timeout
from cocotb.utils import get_sim_time
from cocotbext.eth import XgmiiFrame, XgmiiSink, XgmiiSource

from sim.observe.pcap import PcapngWriter, read_capture
from sim.runner import Design, simulate
from sim.wire import Frame, Received
from sim.wire.capture import capture
from sim.wire.cocotbext import XgmiiWire
from sim.wire.pacing import PacedWire
from sim.wire.xgmii import FastXgmiiSink, FastXgmiiSource

HERE = Path(__file__).parent
PERIOD_PS = 6400


async def start(dut: Any) -> Random:
    Clock(dut.clk_i, 6.4, unit="ns").start()
    dut.xgmii_rxd.value, dut.xgmii_rxc.value = 0x0707070707070707, 0xFF
    for _ in range(3):
        await RisingEdge(dut.clk_i)
    return Random(cocotb.RANDOM_SEED)


async def wire_of(dut: Any, gap_bytes: int = 12) -> tuple[XgmiiWire, list[Received], Random]:
    random = await start(dut)
    wire = XgmiiWire(dut, rx_clock=dut.clk_i, tx_clock=dut.clk_i, gap_bytes=gap_bytes)
    heard: list[Received] = []
    wire.on_received(heard.append)
    return wire, heard, random


async def settle(wire: Any) -> None:
    await with_timeout(wire.drained(), 1, "ms")
    await Timer(100, "ns")


@cocotb.test()
async def frames_come_back_byte_for_byte(dut: Any) -> None:
    wire, heard, random = await wire_of(dut)
    sent = [random.randbytes(random.choice([14, 59, 60, 61, random.randint(60, 1514), 9000])) for _ in range(60)]
    for data in sent:
        wire.send(Frame(data))
        if random.random() < 0.2:
            await Timer(random.randint(1, 3000), "ns")
    await settle(wire)
    assert [frame.data for frame in heard] == [data.ljust(60, b"\0") for data in sent]
    assert all(frame.good for frame in heard) and wire.sent == wire.received == 60 and wire.received_bad == 0


@cocotb.test()
async def broken_frames_are_seen_as_broken(dut: Any) -> None:
    wire, heard, random = await wire_of(dut)
    data = random.randbytes(100)
    cases = [
        (Frame(data), True),
        (Frame(data, bad_fcs=True), False),
        (Frame(data, error_at=0), False),
        (Frame(data, error_at=103), False),
        (Frame(data[:20], pad=False), True),
        (Frame(b"", pad=False), True),
        (Frame(data, truncated=True), False),
        (Frame(data), True),
    ]
    for frame, _ in cases:
        wire.send(frame)
    await settle(wire)
    assert [frame.good for frame in heard] == [good for _, good in cases]
    assert heard[4].data == data[:20] and heard[5].data == b"" and wire.received_bad == 4
    assert heard[1].data == data


@cocotb.test()
async def back_to_back_frames_keep_twelve_bytes_on_average(dut: Any) -> None:
    """10G line rate: 200 frames of 64 bytes take 200 x 84 byte times, to within one word."""
    wire, heard, random = await wire_of(dut)
    times: list[int] = []
    wire.on_sent(lambda frame, time_ns: times.append(time_ns))
    for length in (60, 61, 62, 63):
        times.clear()
        heard.clear()
        for _ in range(201):
            wire.send(Frame(random.randbytes(length)))
        await settle(wire)
        byte_times = (times[-1] - times[0]) * 1000 * 8 / PERIOD_PS
        assert len(heard) == 201 and abs(byte_times - 200 * (length + 24)) <= 16


@cocotb.test()
async def a_wider_gap_is_kept(dut: Any) -> None:
    wire, heard, random = await wire_of(dut, gap_bytes=100)
    for _ in range(11):
        wire.send(Frame(random.randbytes(60)))
    await settle(wire)
    elapsed = (heard[-1].time_ns - heard[0].time_ns) * 8 / 6.4
    assert abs(elapsed - 10 * (72 + 100)) <= 16


@cocotb.test()
async def fast_models_agree_with_cocotbext_eth(dut: Any) -> None:
    """Each against the other's twin: same data, same errors, and the same time on the wire to within one word."""
    random = await start(dut)
    frames = [random.randbytes(random.choice([60, 61, 63, 64, 200, random.randint(60, 1514)])) for _ in range(80)]
    spans = []
    pairs = ((FastXgmiiSource, XgmiiSink), (XgmiiSource, FastXgmiiSink), (XgmiiSource, XgmiiSink))
    for source_type, sink_type in pairs:
        source = source_type(dut.xgmii_rxd, dut.xgmii_rxc, dut.clk_i)
        sink = sink_type(dut.xgmii_txd, dut.xgmii_txc, dut.clk_i)
        await Timer(64, "ns")
        begin = get_sim_time("step")
        for data in frames:
            raw = XgmiiFrame.from_payload(data)
            if data[0] & 1:
                raw.ctrl = [0] * len(raw.data)
                raw.data[30], raw.ctrl[30] = 0xFE, 1
            await source.send(raw)
        checked = 0
        for data in frames:
            got = await with_timeout(sink.recv(), 100, "us")
            if data[0] & 1:
                assert got.ctrl == [0] * 30 + [1] and got.data[30] == 0xFE
            else:
                assert got.ctrl is None and bytes(got.get_payload()) == data and got.check_fcs()
            checked += 1
        assert checked == len(frames)
        spans.append(get_sim_time("step") - begin)
        for model in (source, sink):
            model._run_cr.cancel()
    assert max(spans) - min(spans) <= 2 * PERIOD_PS, spans


@cocotb.test()
async def paced_frames_keep_their_moments(dut: Any) -> None:
    inner, heard, random = await wire_of(dut)
    wire = PacedWire(inner, interval_ns=500)
    begin = get_sim_time("step") // 1000
    for at in (1000, 5000, 5100):
        wire.send_at(begin + at, Frame(random.randbytes(60)))
    wire.send(Frame(random.randbytes(60)))
    assert wire.pending == 4
    await settle(wire)
    times = [frame.time_ns - begin for frame in heard]
    assert wire.pending == 0 and len(times) == 4
    assert all(at <= time <= at + 110 for time, at in zip(times, (1000, 5000, 5500, 6000), strict=True)), times


@cocotb.test()
async def capture_holds_what_crossed(dut: Any) -> None:
    wire, heard, random = await wire_of(dut)
    path = Path(os.environ["NICOSIM_TEST_FILE"])
    writer = PcapngWriter(path, interfaces=["wire"])
    capture(wire, writer)
    data = random.randbytes(70)
    wire.send(Frame(data))
    wire.send(Frame(data[:30], bad_fcs=True))
    await settle(wire)
    writer.close()
    packets = read_capture(path)
    short = data[:30].ljust(60, b"\0")
    assert [packet.data for packet in packets] == [data, data, short, short]
    assert [packet.time_ns for packet in packets[1::2]] == [frame.time_ns for frame in heard]
    assert packets[0].time_ns < packets[1].time_ns < packets[2].time_ns


class Observer:
    """A WireObserver: direction, data, whether good, begin and end of each frame."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, bytes, bool, int, int]] = []

    def wire_in(self, data: bytes, begin_ns: int, end_ns: int, good: bool) -> None:
        self.seen.append(("in", data, good, begin_ns, end_ns))

    def wire_out(self, data: bytes, begin_ns: int, end_ns: int, good: bool) -> None:
        self.seen.append(("out", data, good, begin_ns, end_ns))


@cocotb.test()
async def an_observer_hears_of_frames_from_first_to_last_byte(dut: Any) -> None:
    wire, _, random = await wire_of(dut)
    wire.observer = observer = Observer()
    frames = [Frame(random.randbytes(count), bad_fcs=count == 100) for count in (20, 60, 100, 1514)]
    for frame in frames:
        wire.send(frame)
    await settle(wire)
    for direction in ("in", "out"):
        seen = [told for told in observer.seen if told[0] == direction]
        assert [(data, good) for _, data, good, _, _ in seen] == [(f.payload, f.good) for f in frames]
        for (_, _, _, begin_ns, end_ns), frame in zip(seen, frames, strict=True):
            assert abs(end_ns - begin_ns - (8 + len(frame.wire_bytes)) * 0.8) <= 7.4  # a word, and rounding
        assert all(after[3] >= before[4] for before, after in pairwise(seen))


@cocotb.test()
async def a_silent_wire_runs_no_python(dut: Any) -> None:
    wire, heard, random = await wire_of(dut)
    wire.send(Frame(random.randbytes(60)))
    await settle(wire)
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    gc.collect()  # what earlier cases left is not to end in here
    sys.setprofile(count)
    await Timer(1, "ms")
    sys.setprofile(None)
    assert calls < 100, f"{calls} Python calls in 156250 idle cycles"
    wire.send(Frame(random.randbytes(60)))
    await settle(wire)
    assert len(heard) == 2


def test_wire(tmp_path: Path) -> None:
    result = simulate(
        Design("xgmii_loop", (HERE / "xgmii_loop.sv",)),
        "tests.hdl.wire.test_wire",
        folder=tmp_path,
        environment={"NICOSIM_TEST_FILE": str(tmp_path / "wire.pcapng")},
    )
    assert result.passed == 9
    comments = (tmp_path / "wire.pcapng").read_bytes()
    assert comments.count(b"bad FCS or error") == 1 and comments.count(b"bad FCS") == 2
