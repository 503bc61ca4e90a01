# SPDX-License-Identifier: MIT
"""nic_mac, transmit: every character on the pins, padding, FCS, gaps, line rate, clocks, link, frames given up."""

from __future__ import annotations

import logging
from typing import Any

import cocotb
import pytest
from cocotb.triggers import RisingEdge, with_timeout
from cocotbext.eth import XgmiiSink

from sim.runner import Design, nic_sources, simulate
from tests.hdl.mac.bench import MacBench
from tests.hdl.mac.pins import ERROR, IDLE, START, TERMINATE, XgmiiChecker, characters, with_fcs

MODULE = "tests.hdl.mac.test_nic_mac_tx"


def expected(data: bytes, *, fcs: bool, psp: bool) -> bytes:
    if not fcs:
        return data
    return with_fcs(data.ljust(60, b"\0") if psp else data)


def on_the_wire(bench: MacBench) -> list[bytes]:
    assert all(frame.errors == 0 for frame in bench.checker.frames)
    return [bytes(frame.data) for frame in bench.checker.frames]


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(psp=[True, False])
async def every_size_comes_out_padded_and_checked(dut: Any, psp: bool) -> None:
    bench = MacBench(dut)
    await bench.start(psp=int(psp))
    sink = XgmiiSink(dut.xgmii_txd_o, dut.xgmii_txc_o, dut.xgmii_tx_clk_i)
    sink.log.setLevel(logging.WARNING)
    want = []
    sizes = [*range(1, 131), 1514, 9000, 9230, 16379]
    for size in bench.rng.sample(sizes, len(sizes)):
        for fcs in (True, False):
            data = bench.rng.randbytes(size)
            await bench.transmit(data, fcs=fcs)
            want.append(expected(data, fcs=fcs, psp=psp))
            if bench.rng.random() < 0.5:
                await bench.cycles(bench.rng.randint(1, 30))
    await bench.idle()
    assert on_the_wire(bench) == want and len(want) == 268
    assert [bytes(sink.recv_nowait().get_payload(strip_fcs=False)) for _ in want] == want
    assert sink.empty()
    assert {frame.start % 8 for frame in bench.checker.frames} == {0, 4}


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def back_to_back_frames_of_64_bytes_take_84_byte_times(dut: Any) -> None:
    bench = MacBench(dut)
    await bench.start()
    for _ in range(201):
        await bench.transmit(bench.rng.randbytes(60))
    await bench.idle()
    frames = bench.checker.frames
    assert len(frames) == 201
    assert frames[-1].start - frames[0].start == 200 * 84  # 10.5 cycles each


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def the_gap_is_12_on_average_for_every_size(dut: Any) -> None:
    bench = MacBench(dut)
    await bench.start()
    total = 0
    for size in bench.rng.choices(range(60, 92), k=300):
        await bench.transmit(bench.rng.randbytes(size))
        total += 8 + size + 4 + 12
    await bench.transmit(bytes(60))
    await bench.idle()
    frames = bench.checker.frames
    assert len(frames) == 301
    assert -3 <= frames[-1].start - frames[0].start - total <= 3
    assert set(bench.checker.gaps) == set(range(9, 16))


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def a_pause_pays_the_deficit_back(dut: Any) -> None:
    """Frames of 4n + 3 bytes: the first gap after a pause is 3 bytes short again, whatever was owed before it."""
    bench = MacBench(dut)
    await bench.start()
    for _ in range(10):
        await bench.transmit(bench.rng.randbytes(63))
        await bench.transmit(bench.rng.randbytes(63))
        await bench.idle()
    assert len(bench.checker.gaps) == 19
    assert set(bench.checker.gaps[0::2]) == {9}


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(ipgt=[0, 8, 9, 13, 40, 1023])
async def ipgt_adds_idle(dut: Any, ipgt: int) -> None:
    bench = MacBench(dut)
    await bench.start(ipgt=ipgt)
    gap = 12 + max(0, ipgt - 8)
    for size in (60, 61, 62, 63, 64, 65, 66, 67):
        await bench.transmit(bench.rng.randbytes(size))
    await bench.transmit(bytes(60))
    await bench.idle()
    gaps = bench.checker.gaps
    assert len(gaps) == 8
    assert sum(gaps) == pytest.approx(8 * gap, abs=3)


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(core_ps=[6400, 6402, 6398, 8000, 9600, 2000], skew=[False, True])
async def a_frame_never_runs_dry(dut: Any, core_ps: int, skew: bool) -> None:
    """Core clock 100 ppm and far slower or faster than the wire: jumbo and random frames, back to back."""
    bench = MacBench(dut)
    await bench.start(core_ps=core_ps, tx_ps=6400, skew=skew)
    want = []
    for size in [9014, *(bench.rng.randint(1, 300) for _ in range(40)), 9014]:
        data = bench.rng.randbytes(size)
        await bench.transmit(data)
        want.append(expected(data, fcs=True, psp=True))
    await bench.idle()
    assert on_the_wire(bench) == want and len(want) == 42


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def without_link_no_frame_begins_and_the_one_under_way_ends(dut: Any) -> None:
    bench = MacBench(dut)
    await bench.start()
    first, second = bench.rng.randbytes(2000), bench.rng.randbytes(100)
    sending = cocotb.start_soon(bench.transmit(first))
    await bench.cycles(20)
    dut.link_i.value = 0
    await with_timeout(sending, 10, "us")
    waiting = cocotb.start_soon(bench.transmit(second))
    await bench.cycles(400)
    assert on_the_wire(bench) == [with_fcs(first)]
    assert not waiting.done() and dut.tx_busy_o.value
    dut.link_i.value = 1
    await with_timeout(waiting, 1, "us")
    await bench.idle()
    assert on_the_wire(bench) == [with_fcs(first), with_fcs(second)]


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def a_frame_given_up_ends_in_error_characters(dut: Any) -> None:
    bench = MacBench(dut)
    await bench.start()
    given_up, whole = 0, []
    for stop_after in [1, 2, 3, 4, 5, 17, 40, 60]:  # 40 and more: the FIFO is full at that moment
        data = bench.rng.randbytes(60 * 16)
        await bench.transmit(bench.rng.randbytes(1000), stop_after=stop_after)
        given_up += 1
        await bench.cycles(bench.rng.choice([1, 1, 2, 5, 50]))
        await bench.transmit(data)
        whole.append(with_fcs(data))
    await bench.idle()
    frames = bench.checker.frames
    assert len(frames) == given_up + len(whole)
    assert all(frame.errors for frame in frames[0::2])
    assert [bytes(frame.data) for frame in frames[1::2]] == whole and not any(frame.errors for frame in frames[1::2])


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(core_ps=[6400, 6398, 9600])
async def busy_from_offer_to_terminate(dut: Any, core_ps: int) -> None:
    bench = MacBench(dut)
    await bench.start(core_ps=core_ps, skew=core_ps != 6400)
    seen = []

    async def watch() -> None:
        while True:
            await RisingEdge(dut.clk_i)
            seen.append((bool(dut.tx_busy_o.value), not bench.checker.quiet or bool(dut.tx_valid_i.value)))

    cocotb.start_soon(watch())
    for _ in range(30):
        size = bench.rng.randint(1, 200)
        seen.clear()
        await bench.transmit(bench.rng.randbytes(size))
        await bench.cycles(2 * (size // 8) + 60)
        busy = [b for b, _ in seen]
        first, last = busy.index(True), len(busy) - 1 - busy[::-1].index(True)
        assert all(busy[first : last + 1]), "a hole in busy"
        assert not any(active for b, active in seen if not b)
        assert not busy[-1]
    assert len(bench.checker.frames) == 30


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def busy_while_a_long_gap_is_running(dut: Any) -> None:
    """A leap over idle time must not leap over the gap that the next frame has to keep."""
    bench = MacBench(dut)
    await bench.start(ipgt=1000)
    await bench.transmit(bytes(60))
    await bench.cycles(60)
    assert dut.tx_busy_o.value and bench.checker.quiet
    await bench.cycles(200)
    assert not dut.tx_busy_o.value


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def a_reset_of_the_core_cuts_the_frame_and_the_next_is_whole(dut: Any) -> None:
    """In either half of a beat."""
    bench = MacBench(dut)
    await bench.start()
    for cycles in (60, 61):
        sending = cocotb.start_soon(bench.transmit(bytes(4000)))
        await bench.cycles(cycles)
        sending.cancel()
        bench.checking.cancel()  # a frame cut off is against all its rules
        dut.tx_valid_i.value = dut.rst_ni.value = 0
        await bench.cycles(10)
        bench.new_checker()
        bench.checking = cocotb.start_soon(bench.checker.run())
        dut.rst_ni.value = 1
        await bench.cycles(10)
        data = bench.rng.randbytes(300)
        await bench.transmit(data)
        await bench.idle()
        assert on_the_wire(bench) == [with_fcs(data)]


class Pin:
    value = 0


def feed(stream: list[tuple[int, int]]) -> XgmiiChecker:
    checker = XgmiiChecker(None, Pin, Pin)
    for value, control in stream:
        checker._character(value, control)
        checker.position += 1
    return checker


IDLES = [(IDLE, 1)] * 12
FRAME = characters(with_fcs(bytes(60)))  # 73 characters: the terminate is in lane 0


def test_the_checker_takes_a_good_stream():
    checker = feed([*FRAME, *IDLES[:11], *FRAME])
    assert [bytes(frame.data) for frame in checker.frames] == [with_fcs(bytes(60))] * 2 and checker.gaps == [12]


@pytest.mark.parametrize(
    "stream",
    [
        [*FRAME, *IDLES[:7], *FRAME],
        [*IDLES[:2], *FRAME],
        [(START, 1), *[(0x55, 0)] * 5, (0xD5, 0)],
        [*IDLES, (0, 0)],
        [*FRAME, (TERMINATE, 1)],
        [*FRAME[:30], (IDLE, 1)],
        [(ERROR, 1)],
    ],
    ids=["short gap", "lane 2", "short preamble", "data in the gap", "two ends", "no end", "error in the gap"],
)
def test_the_checker_refuses(stream):
    with pytest.raises(AssertionError):
        feed(stream)


def test_nic_mac_tx(tmp_path):
    result = simulate(Design("nic_mac", nic_sources("nic_mac")), MODULE, folder=tmp_path)
    assert result.passed == 2 + 1 + 1 + 1 + 6 + 12 + 1 + 1 + 3 + 1 + 1
