# SPDX-License-Identifier: MIT
"""nic_mac in loopback: the wire stays idle, the pins are ignored, each frame arrives as it would have left."""

from __future__ import annotations

from collections import Counter
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from sim.runner import Design, nic_sources, simulate
from tests.hdl.mac.bench import MacBench
from tests.hdl.mac.pins import ERROR, START, characters, with_fcs

MODULE = "tests.hdl.mac.test_loopback"
CLOCKS_PS = [(6400, 6400, 6400), (6402, 6400, 6402), (6400, 6402, 6398), (6400, 6398, 6402), (8000, 6400, 6400)]


def expected(data: bytes, *, fcs: bool, psp: bool) -> bytes:
    return with_fcs(data.ljust(60, b"\0") if psp else data) if fcs else data


async def enter(bench: MacBench, *, psp: bool = True, loopback: bool = True) -> None:
    bench.configure(psp=int(psp), loopback=int(loopback))
    await bench.cycles(10)


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(clocks=CLOCKS_PS, skew=[False, True])
async def every_frame_comes_back_without_a_link(dut: Any, clocks: tuple[int, int, int], skew: bool) -> None:
    bench = MacBench(dut)
    await bench.start(*clocks, skew=skew)
    dut.link_i.value = 0
    pins = bench.pin_driver()
    want = []
    sizes = [*range(1, 70), 1514, 9230, 9230]
    psp = bench.rng.random() < 0.5
    await enter(bench, psp=psp)
    for size in bench.rng.sample(sizes, len(sizes)):
        fcs = size < 60 or bench.rng.random() < 0.8
        data = bench.rng.randbytes(size)
        pins.put(characters(with_fcs(bench.rng.randbytes(bench.rng.randint(60, 300)))))
        await bench.transmit(data, fcs=fcs)
        want.append((expected(data, fcs=fcs, psp=psp), fcs))
        if bench.rng.random() < 0.3:
            await bench.cycles(bench.rng.randint(1, 60))
    await bench.idle()
    assert [(frame.data, not frame.crc_err) for frame in bench.received] == want and len(want) == 72
    assert not any(frame.symbol_err for frame in bench.received)
    assert not bench.checker.frames and bench.checker.quiet


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def a_frame_with_its_own_fcs_is_good_only_if_it_is_right(dut: Any) -> None:
    bench = MacBench(dut)
    await bench.start()
    await enter(bench)
    good = with_fcs(bench.rng.randbytes(300))
    for data in (good, good[:100] + bytes([good[100] ^ 1]) + good[101:], good):
        await bench.transmit(data, fcs=False)
    await bench.idle()
    assert [frame.crc_err for frame in bench.received] == [False, True, False]


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def frames_of_64_bytes_take_13_cycles(dut: Any) -> None:
    bench = MacBench(dut)
    await bench.start()
    await enter(bench)
    for _ in range(101):
        await bench.transmit(bench.rng.randbytes(60))
    await bench.idle()
    assert len(bench.received) == 101
    assert bench.received[-1].time_ps - bench.received[0].time_ps <= 100 * 13 * 6400


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def a_frame_given_up_comes_back_with_an_error(dut: Any) -> None:
    bench = MacBench(dut)
    await bench.start()
    await enter(bench)
    for stop_after in (1, 2, 3, 17, 40):
        await bench.transmit(bench.rng.randbytes(1000), stop_after=stop_after)
        await bench.cycles(bench.rng.choice([1, 5, 50]))
        await bench.transmit(bench.rng.randbytes(100))
    await bench.idle()
    assert [frame.symbol_err for frame in bench.received] == [True, False] * 5
    assert all(frame.good for frame in bench.received[1::2])


@cocotb.test(timeout_time=4, timeout_unit="ms")
@cocotb.parametrize(clocks=CLOCKS_PS)
async def entered_and_left_in_mid_traffic(dut: Any, clocks: tuple[int, int, int]) -> None:
    """Each frame sent goes to one place, whole. What the wire brings arrives whole, with an error, or not at all."""
    bench = MacBench(dut)
    await bench.start(*clocks, skew=True)
    pins, rng = bench.pin_driver(), bench.rng
    sent: list[bytes] = []
    brought: list[bytes] = []
    done = False

    async def partner() -> None:
        while not done:
            brought.append(with_fcs(rng.randbytes(rng.randint(60, 700))))
            frame = characters(brought[-1])
            pins.put(frame if rng.random() < 0.9 else [*frame[:-1], rng.choice([(ERROR, 1), (START, 1)])], gap=5)
            await pins.drained(rng.choice([0, 0, 40]))

    async def switch() -> None:
        loopback = 0
        while not done:
            await bench.cycles(rng.randint(1, 400))
            loopback ^= 1
            bench.configure(psp=1, loopback=loopback)

    tasks = [cocotb.start_soon(partner()), cocotb.start_soon(switch())]
    for _ in range(250):
        sent.append(rng.randbytes(rng.choice([60, 61, rng.randint(60, 700)])))
        await bench.transmit(sent[-1])
        if rng.random() < 0.3:
            await bench.cycles(rng.randint(1, 100))
    done = True
    for task in tasks:
        await task
    await bench.idle()
    on_the_wire = [bytes(frame.data) for frame in bench.checker.frames]
    assert not any(frame.errors for frame in bench.checker.frames)
    good = [frame.data for frame in bench.received if frame.good]
    ours = set(map(with_fcs, sent))
    looped = [data for data in good if data in ours]
    assert sorted(looped + on_the_wire) == sorted(map(with_fcs, sent)), "each frame once"
    order = {data: number for number, data in enumerate(map(with_fcs, sent))}
    for place in (looped, on_the_wire):
        assert sorted(place, key=lambda data: order[data]) == place and len(place) > 40
    assert not Counter(data for data in good if data not in ours) - Counter(brought), "a frame that nobody sent"
    bench.configure(psp=1)
    await bench.cycles(20)
    bench.received.clear()
    pins.put(characters(with_fcs(bytes(80))))
    await pins.drained(20)
    await bench.idle()
    assert [frame.data for frame in bench.received] == [with_fcs(bytes(80))]


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(core_ps=[6400, 6402, 9600])
async def busy_from_offer_to_the_last_beat(dut: Any, core_ps: int) -> None:
    bench = MacBench(dut)
    await bench.start(core_ps=core_ps, skew=core_ps != 6400)
    await enter(bench)
    busy: list[bool] = []

    async def watch() -> None:
        while True:
            await RisingEdge(dut.clk_i)
            busy.append(bool(dut.tx_busy_o.value) or bool(dut.rx_busy_o.value))
            assert busy[-1] or not dut.rx_valid_o.value

    cocotb.start_soon(watch())
    for count in range(1, 31):
        size = bench.rng.randint(1, 200)
        busy.clear()
        await bench.transmit(bench.rng.randbytes(size))
        await bench.cycles(2 * (size // 8) + 80)
        first, last = busy.index(True), len(busy) - 1 - busy[::-1].index(True)
        assert all(busy[first : last + 1]) and not busy[-1], "a hole in busy"
        assert len(bench.received) == count


def test_loopback(tmp_path):
    result = simulate(Design("nic_mac", nic_sources("nic_mac")), MODULE, folder=tmp_path)
    assert result.passed == 10 + 1 + 1 + 1 + 5 + 3
