# SPDX-License-Identifier: MIT
"""nic_mac, receive: every size in every lane, smallest gaps, line rate, clocks, and each way a frame can go wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge
from cocotbext.eth import XgmiiFrame, XgmiiSource

from sim.runner import Design, nic_sources, simulate
from tests.hdl.mac.bench import MacBench
from tests.hdl.mac.pins import (
    ERROR,
    IDLE,
    IDLE_CHARACTER,
    SEQUENCE,
    START,
    TERMINATE,
    Character,
    characters,
    replace,
    with_fcs,
)

MODULE = "tests.hdl.mac.test_nic_mac_rx"
HEADER = 8  # start, preamble, SFD


def source_of(bench: MacBench) -> XgmiiSource:
    source = XgmiiSource(bench.dut.xgmii_rxd_i, bench.dut.xgmii_rxc_i, bench.dut.xgmii_rx_clk_i)
    source.log.setLevel(logging.WARNING)
    return source


def data_of(bench: MacBench) -> list[bytes]:
    assert all(frame.good for frame in bench.received), [frame for frame in bench.received if not frame.good][:1]
    return [frame.data for frame in bench.received]


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(dic=[True, False])
async def every_size_arrives_whole(dut: Any, dic: bool) -> None:
    bench = MacBench(dut)
    await bench.start()
    source = source_of(bench)
    source.enable_dic = dic
    sizes = [*range(1, 131), 1518, 9018, 9234, 16379]
    sent = []
    for size in bench.rng.sample(sizes, len(sizes)) + bench.rng.sample(range(60, 100), 40):
        sent.append(with_fcs(bench.rng.randbytes(size)))
        await source.send(XgmiiFrame.from_raw_payload(sent[-1]))
        if bench.rng.random() < 0.3:
            await source.wait()
            await bench.cycles(bench.rng.randint(0, 20))
    await source.wait()
    await bench.idle()
    assert data_of(bench) == sent and len(sent) == 174


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(clocks=[(6400, 6400), (6402, 6400), (6400, 6402), (12000, 6400), (3000, 6400)], skew=[False, True])
async def smallest_gaps_and_any_clock(dut: Any, clocks: tuple[int, int], skew: bool) -> None:
    """Gaps of 5 bytes, the least that may reach a receiver; the core up to half as fast as the wire."""
    bench = MacBench(dut)
    await bench.start(core_ps=clocks[0], rx_ps=clocks[1], skew=skew)
    pins = bench.pin_driver()
    sent = [with_fcs(bench.rng.randbytes(bench.rng.randint(1, 140))) for _ in range(250)]
    sent.insert(100, with_fcs(bench.rng.randbytes(9014)))
    for data in sent:
        pins.put(characters(data), gap=bench.rng.choice([5, 5, 5, 6, 9, 12]))
    await pins.drained()
    await bench.idle()
    assert data_of(bench) == sent and len(sent) == 251


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def frames_of_64_bytes_arrive_at_line_rate(dut: Any) -> None:
    bench = MacBench(dut)
    await bench.start()
    source = source_of(bench)
    sent = [with_fcs(bench.rng.randbytes(60)) for _ in range(201)]
    for data in sent:
        source.send_nowait(XgmiiFrame.from_raw_payload(data))
    await source.wait()
    await bench.idle()
    assert data_of(bench) == sent
    assert bench.received[-1].time_ps - bench.received[0].time_ps == 200 * 84 * 6400 // 8  # 10.5 cycles each


def without_terminate(frame: list[Character]) -> list[Character]:
    return [*frame[:-1], IDLE_CHARACTER, IDLE_CHARACTER]


def cut(frame: list[Character]) -> list[Character]:
    """Half of it, with a proper end."""
    return [*frame[: len(frame) // 2], (TERMINATE, 1)]


def bit_error(frame: list[Character]) -> list[Character]:
    value, _ = frame[HEADER + 20]
    return replace(frame, HEADER + 20, (value ^ 0x10, 0))


def ended_by_a_start(frame: list[Character]) -> list[Character]:
    return [*frame[:-1], (START, 1)]


# What becomes of a frame of 64 bytes: (length, FCS bad or not said, symbol error)
REPORTED: dict[str, tuple[Callable[[list[Character]], list[Character]], int, bool | None, bool]] = {
    "bit error": (bit_error, 64, True, False),
    "cut": (cut, 28, True, False),
    "no terminate": (without_terminate, 64, False, True),
    "start at the end": (ended_by_a_start, 64, False, True),
    **{
        f"error character {at}": (lambda frame, at=at: replace(frame, HEADER + at, (ERROR, 1)), 64, None, True)
        for at in (*range(0, 9), 31, *range(55, 64))
    },
    **{
        f"sequence character {at}": (lambda frame, at=at: replace(frame, HEADER + at, (SEQUENCE, 1)), at, True, True)
        for at in (1, 7, 8, 40, 63)
    },
}
SILENT: dict[str, Callable[[list[Character]], list[Character]]] = {
    "bad SFD": lambda frame: replace(frame, 7, (0x55, 0)),
    "late SFD": lambda frame: [*frame[:7], (0x55, 0), *frame[7:]],
    "control in the preamble": lambda frame: replace(frame, 3, (IDLE, 1)),
    "error in the preamble": lambda frame: replace(frame, 5, (ERROR, 1)),
    "error for SFD": lambda frame: replace(frame, 7, (ERROR, 1)),
    "nothing after the SFD": lambda frame: [*frame[:HEADER], (TERMINATE, 1)],
    "start is data": lambda frame: replace(frame, 0, (START, 0)),
    "sequence ordered sets": lambda frame: [(SEQUENCE, 1), (0, 0), (0, 0), (1, 0)] * 4,
    "error characters": lambda frame: [(ERROR, 1)] * 16,
}


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(lane=[0, 4])
async def each_fault_is_reported_and_harms_no_other_frame(dut: Any, lane: int) -> None:
    bench = MacBench(dut)
    await bench.start()
    pins = bench.pin_driver()
    want = []
    for name, (fault, length, crc_err, symbol_err) in REPORTED.items():
        good = with_fcs(bench.rng.randbytes(60))
        pins.put(fault(characters(with_fcs(bench.rng.randbytes(60)))), lane=lane)
        pins.put(characters(good), gap=bench.rng.choice([5, 12]))
        want += [(name, length, crc_err, symbol_err), (f"after {name}", good, False, False)]
    await pins.drained()
    await bench.idle()
    assert len(bench.received) == len(want) == 2 * len(REPORTED)
    for frame, (name, content, crc_err, symbol_err) in zip(bench.received, want, strict=True):
        assert frame.symbol_err == symbol_err, name
        assert crc_err is None or frame.crc_err == crc_err, name
        assert frame.bytes == len(frame.data) == (content if isinstance(content, int) else len(content)), name
        assert isinstance(content, int) or frame.data == content, name


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(lane=[0, 4])
async def what_is_no_frame_leaves_no_trace(dut: Any, lane: int) -> None:
    bench = MacBench(dut)
    await bench.start()
    pins = bench.pin_driver()
    sent = []
    for fault in SILENT.values():
        pins.put(fault(characters(with_fcs(bench.rng.randbytes(60)))), lane=lane)
        sent.append(with_fcs(bench.rng.randbytes(60)))
        pins.put(characters(sent[-1]), gap=8)
    await pins.drained()
    await bench.idle()
    assert data_of(bench) == sent and len(sent) == len(SILENT)


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def a_start_in_a_wrong_lane_is_none(dut: Any) -> None:
    bench = MacBench(dut)
    await bench.start()
    pins = bench.pin_driver()
    good = with_fcs(bench.rng.randbytes(60))
    for lane in (1, 2, 3, 5, 6, 7):
        pins.put([IDLE_CHARACTER] * lane + characters(with_fcs(bytes(60))), lane=0)
    pins.put(characters(good), gap=20)
    await pins.drained()
    await bench.idle()
    assert data_of(bench) == [good]


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def preamble_bytes_are_counted_not_compared(dut: Any) -> None:
    bench = MacBench(dut)
    await bench.start()
    pins = bench.pin_driver()
    good = with_fcs(bench.rng.randbytes(60))
    pins.put(replace(characters(good), 4, (0x54, 0)))
    await pins.drained()
    await bench.idle()
    assert data_of(bench) == [good]


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def the_length_of_an_endless_frame_saturates(dut: Any) -> None:
    bench = MacBench(dut)
    await bench.start()
    pins = bench.pin_driver()
    for size in (65534, 65535, 65536, 70001):
        pins.put(characters(bytes(size)))
    await pins.drained()
    await bench.idle()
    assert [frame.bytes for frame in bench.received] == [65534, 65535, 65535, 65535]
    assert [len(frame.data) for frame in bench.received] == [65534, 65535, 65536, 70001]


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def without_link_whole_frames_are_dropped(dut: Any) -> None:
    bench = MacBench(dut)
    await bench.start()
    pins = bench.pin_driver()
    sent = [with_fcs(bench.rng.randbytes(600)) for _ in range(6)]
    link_at_middle = [1, 0, 0, 1, 0, 1]
    for data, link in zip(sent, link_at_middle, strict=True):
        pins.put(characters(data))
        await bench.cycles(40)  # the frame is under way, its beginning has passed
        dut.link_i.value = link
        await pins.drained()
        await bench.cycles(20)
    await bench.idle()
    link_at_start = [1, *link_at_middle[:-1]]
    assert data_of(bench) == [data for data, link in zip(sent, link_at_start, strict=True) if link]
    assert len(bench.received) == 3


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(core_ps=[6400, 6402, 9600])
async def busy_until_the_last_beat_is_out(dut: Any, core_ps: int) -> None:
    bench = MacBench(dut)
    await bench.start(core_ps=core_ps, skew=core_ps != 6400)
    pins = bench.pin_driver()
    busy: list[bool] = []

    async def watch() -> None:
        while True:
            await RisingEdge(dut.clk_i)
            busy.append(bool(dut.rx_busy_o.value))
            assert busy[-1] or not dut.rx_valid_o.value

    cocotb.start_soon(watch())
    for count in range(1, 31):
        busy.clear()
        pins.put(characters(with_fcs(bench.rng.randbytes(bench.rng.randint(1, 200)))))
        await pins.drained(60)
        first, last = busy.index(True), len(busy) - 1 - busy[::-1].index(True)
        assert first <= 7 and all(busy[first : last + 1]) and not busy[-1]
        assert len(bench.received) == count
    assert data_of(bench)


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def a_reset_inside_a_frame_loses_that_frame_only(dut: Any) -> None:
    bench = MacBench(dut)
    await bench.start()
    pins = bench.pin_driver()
    before, hit, after = (with_fcs(bench.rng.randbytes(1000)) for _ in range(3))
    for data in (before, hit, after):
        pins.put(characters(data))
    while not bench.received:
        await RisingEdge(dut.clk_i)
    await bench.cycles(30)
    dut.rst_ni.value = 0
    await bench.cycles(10)
    dut.rst_ni.value = 1
    bench.restart_receiver()
    await pins.drained()
    await bench.idle()
    assert data_of(bench) == [before, after]


def test_nic_mac_rx(tmp_path):
    result = simulate(Design("nic_mac", nic_sources("nic_mac")), MODULE, folder=tmp_path)
    assert result.passed == 2 + 10 + 1 + 2 + 2 + 1 + 1 + 1 + 1 + 3 + 1
