# SPDX-License-Identifier: MIT
"""How often the card interrupts, measured in simulated time: at once, once per ITR interval, after RDTR and RADV, at
thresholds; and what the driver's adaptive rate makes of three kinds of traffic."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import cocotb
import pytest
from cocotb.triggers import Timer

from driver.e1000e.itr import RATES_HZ, LatencyRange
from driver.e1000e.param import ITR_ADAPTIVE
from driver.e1000e.regs import ALL_ONES, ICR, ICS, ITR, RADV, RCTL, RDTR, RSRPD, TADV, TIDV, TXDCTL
from driver.linux.delay import ktime_get_ns
from driver.linux.netdevice import NetDevice
from driver.linux.schedule import sleep_until
from sim.config import BenchConfig, DriverConfig
from sim.host.simtime import now_ps
from sim.launch import configured, launch
from sim.traffic import ETHER_TYPE, transmit
from sim.wire import Frame
from sim.wire.pacing import PacedWire
from tests.system.helpers import AXI, NATIVE, bench_up
from tests.system.moderated_card import ENTRIES, EOP, IDE, IFCS, RS, ModeratedCard, gaps_ns

TICK_NS, DELAY_NS = 256, 1024  # units of ITR; of RDTR, RADV, TIDV, TADV
# From the end of a frame on the wire to the line: memory of 300 ns, twice, and the card.
AT_ONCE_NS = 2_000
_TABLE = "moderation.txt"
# A handler's read of ICR, and the two clocks of the card around it.
SLACK_NS = 60


@cocotb.test()
async def an_interrupt_for_each_frame(dut: Any) -> None:
    """Nothing moderates: every spaced frame interrupts, in either direction."""
    card = await ModeratedCard.up(dut, ICR.RXT0 | ICR.TXDW)
    await card.set((ITR, 0), (RDTR, 0))
    for _ in range(20):
        card.receive()
        (received,) = await card.quiet(20_000)
        assert received.causes & ICR.RXT0 and not received.causes & ICR.TXDW
        await card.send(1)
        (sent,) = await card.quiet(20_000)
        assert sent.causes & ICR.TXDW and not sent.causes & ICR.RXT0
    await card.down()


@cocotb.test()
async def an_interrupt_for_each_interval(dut: Any) -> None:
    """Frames faster than ITR: the line rises exactly once per interval, whatever the interval."""
    card = await ModeratedCard.up(dut, ICR.RXT0)
    for interval in (20, 78, 195):
        await card.set((ITR, interval), (RDTR, 0))
        await card.quiet(100_000)  # what ran with the interval before
        await card.receive_every(1_000, 3 * interval)
        seen = await card.quiet(interval * TICK_NS * 2)
        gaps = gaps_ns(seen)[:-1]  # the last one waits for a frame
        assert len(gaps) >= 3 * interval * 1_000 // (interval * TICK_NS) - 2
        for gap in gaps:
            assert interval * TICK_NS <= gap <= interval * TICK_NS + 1_000 + SLACK_NS, (interval, gaps)
    await card.down()


@cocotb.test()
async def the_receive_delay_starts_anew_with_each_frame(dut: Any) -> None:
    card = await ModeratedCard.up(dut, ICR.RXT0)
    delay = 20
    await card.set((ITR, 0), (RADV, 0), (RDTR, delay))
    for frames in (1, 2, 8):
        last_ns = await card.receive_every(delay * DELAY_NS * 3 // 4, frames)
        (interrupt,) = await card.quiet(2 * delay * DELAY_NS)
        assert 0 <= interrupt.rose_ps / 1000 - last_ns - delay * DELAY_NS <= AT_ONCE_NS
    await card.down()


@cocotb.test()
async def the_absolute_delay_bounds_it(dut: Any) -> None:
    """Frames that keep RDTR from ending: one interrupt RADV after the first of each batch."""
    card = await ModeratedCard.up(dut, ICR.RXT0)
    delay, bound = 20, 50
    await card.set((ITR, 0), (RADV, bound), (RDTR, delay))
    begin_ps, period_ns = now_ps(), 10_000
    await card.receive_every(period_ns, 20)
    seen = await card.quiet(2 * bound * DELAY_NS)
    first = (seen[0].rose_ps - begin_ps) / 1000
    assert bound * DELAY_NS <= first <= bound * DELAY_NS + AT_ONCE_NS
    for gap in gaps_ns(seen)[:-1]:  # until the next frame, and RADV from that
        assert bound * DELAY_NS <= gap <= bound * DELAY_NS + period_ns + AT_ONCE_NS
    assert len(seen) == 4
    await card.down()


@cocotb.test()
async def the_transmit_delays(dut: Any) -> None:
    """With IDE, TXDW waits for TIDV after the last frame and for TADV after the first; without, it is at once."""
    card = await ModeratedCard.up(dut, ICR.TXDW)
    delay, bound = 20, 50
    command = EOP | IFCS | RS | IDE
    await card.set((ITR, 0), (TADV, 0), (TIDV, delay))
    for frames in (1, 2, 8):
        last_ps = 0
        for _ in range(frames):
            last_ps = now_ps()
            await card.send(1, command)
            await Timer(delay * DELAY_NS * 3 // 4, "ns")
        (interrupt,) = await card.quiet(2 * delay * DELAY_NS)
        assert 0 <= (interrupt.rose_ps - last_ps) / 1000 - delay * DELAY_NS <= AT_ONCE_NS
    await card.set((TADV, bound))
    first_ps = now_ps()
    for _ in range(10):
        await card.send(1, command)
        await Timer(10_000, "ns")
    seen = await card.quiet(2 * bound * DELAY_NS)
    assert 0 <= (seen[0].rose_ps - first_ps) / 1000 - bound * DELAY_NS <= AT_ONCE_NS
    assert len(seen) == 2
    sent_ps = now_ps()
    await card.send(1)
    (at_once,) = await card.quiet(2 * bound * DELAY_NS)
    assert (at_once.rose_ps - sent_ps) / 1000 <= AT_ONCE_NS
    await card.down()


@cocotb.test()
async def a_small_frame_does_not_wait(dut: Any) -> None:
    """SRPD: up to RSRPD bytes with the FCS, and it takes with it what waited; one byte more waits for RDTR."""
    card = await ModeratedCard.up(dut, ICR.RXT0 | ICR.SRPD)
    small, delay = 100, 200
    await card.set((ITR, 0), (RADV, 0), (RDTR, delay), (RSRPD, small + 4))
    for nbytes, waits in ((small, False), (small + 1, True), (60, False), (1514, True)):
        begin_ps = now_ps()
        card.receive(nbytes)
        (interrupt, *more) = await card.quiet(2 * delay * DELAY_NS)
        assert not more and bool(interrupt.causes & ICR.SRPD) != waits
        after_ns = (interrupt.rose_ps - begin_ps) / 1000
        assert after_ns >= delay * DELAY_NS if waits else after_ns <= 2 * AT_ONCE_NS
    card.receive(500)
    await Timer(10_000, "ns")
    card.receive(60)
    (both,) = await card.quiet(2 * delay * DELAY_NS)
    assert both.causes & ICR.SRPD
    await card.down()


@cocotb.test()
async def few_descriptors_to_send_is_told_once(dut: Any) -> None:
    """TXD_LOW when a ring has drained to TXDCTL.LWTHRESH, once; never from a ring that was not above it."""
    card = await ModeratedCard.up(dut, ICR.TXD_LOW)
    await card.set((ITR, 0), (TXDCTL, TXDCTL.GRAN | TXDCTL.LWTHRESH.put(2)))  # 16 descriptors
    await card.only(ICR.TXD_LOW)
    for count, told in ((60, 1), (8, 0), (40, 1), (15, 0), (24, 1)):
        await card.send(count)
        assert len(await card.quiet(100_000)) == told, count
    await card.down()


@cocotb.test()
async def software_raises_any_cause(dut: Any) -> None:
    """ICS: as if it had happened; once when it is unmasked, and not when it is masked."""
    card = await ModeratedCard.up(dut, 0)
    await card.set((ITR, 0))
    for bit in (*range(10), 15, 16, 17, 18, 20, 21, 22, 23, 24):
        await card.only(1 << bit)
        await card.set((ICS, 1 << bit))
        (interrupt,) = await card.quiet(5_000)
        assert interrupt.causes & ~ICR.INT_ASSERTED == 1 << bit
        await card.only(ALL_ONES & ~(1 << bit))
        await card.set((ICS, 1 << bit))
        assert not await card.quiet(5_000)
    await card.down()


@cocotb.test()
async def few_descriptors_left_is_told_once(dut: Any) -> None:
    """RXDMT0 with the frame that leaves a half, a quarter, an eighth of the ring, and again only after a refill."""
    card = await ModeratedCard.up(dut, ICR.RXDMT0)
    await card.set((ITR, 0), (RDTR, 0))
    free = ENTRIES - 1
    for fraction in range(3):
        threshold = ENTRIES >> 1 + fraction
        await card.set((RCTL, RCTL.EN | RCTL.BAM | RCTL.SECRC | RCTL.RDMTS.put(fraction)))
        await card.only(ICR.RXDMT0)
        for _ in range(2):
            told = []
            while free > 2:
                card.receive()
                free -= 1
                told += [free] * len(await card.quiet(5_000))
            assert told == [threshold], f"{fraction}: told with {told} descriptors free"
            await card.bench.run(card._do(lambda: card.post(ENTRIES - 1 - 2)))
            free = ENTRIES - 1
            assert not await card.quiet(5_000)
    await card.down()


async def _transmit_every(device: NetDevice, frame: bytes, period_ns: int, count: int) -> None:
    """A kernel process: one frame at the beginning of each period."""
    begin_ns = ktime_get_ns()
    for number in range(count):
        await sleep_until(begin_ns + number * period_ns)
        assert transmit(device, frame) == 0


@cocotb.test()
async def the_driver_adapts_its_rate(dut: Any) -> None:
    """One class of latency for each kind of traffic, either way and both, and the interrupts per second with it."""
    bench = await bench_up(dut)
    adapter, device, partner = bench.adapter, bench.device, bench.partner.config.mac
    paced = PacedWire(bench.wire)
    rows = []
    for direction, (name, nbytes, period_ns, wanted) in product(("rx", "tx", "both"), (
        ("small", 60, 5_000, LatencyRange.LOWEST),
        ("mixed", 300, 5_000, LatencyRange.LOW),
        ("bulk", 1514, 7_300, LatencyRange.BULK),
        ("a ping", 60, 40_000, LatencyRange.LOWEST),
    )):  # fmt: skip
        begin_ns, count = now_ps() // 1000, 20_000_000 // period_ns
        if direction != "tx":
            frame = Frame((device.dev_addr + partner + ETHER_TYPE).ljust(nbytes, b"x"))
            for number in range(count):
                paced.send_at(begin_ns + number * period_ns, frame)
        sending = None
        if direction != "rx":
            data = (partner + device.dev_addr + ETHER_TYPE).ljust(nbytes, b"x")
            sending = cocotb.start_soon(bench.run(_transmit_every(device, data, period_ns, count)))
        await Timer(10_000_000, "ns")  # the first half is for the driver to settle
        edges = bench.host.irq_edges
        await Timer(9_000_000, "ns")
        rate_hz = (bench.host.irq_edges - edges) / 2 / 9e-3
        kind = f"{direction:4} {name:7} {nbytes:4} bytes every {period_ns} ns"
        rows.append(f"  {kind}  {rate_hz:7.0f} interrupts/s  {wanted.name}")
        seen = {"rx": adapter.rx_itr, "tx": adapter.tx_itr, "both": min(adapter.rx_itr, adapter.tx_itr)}[direction]
        assert seen == max(adapter.rx_itr, adapter.tx_itr) == wanted and adapter.itr == RATES_HZ[wanted], rows
        most_hz = 1e9 / (1_000_000_000 // (RATES_HZ[wanted] * TICK_NS) * TICK_NS)  # ITR counts whole ticks
        frames_hz = 1e9 / period_ns  # no more interrupts than one for each frame, and those of two may coincide
        assert rate_hz >= 0.9 * min(most_hz, frames_hz), rows
        assert rate_hz <= min(most_hz, frames_hz * (2 if direction == "both" else 1)) + 1 / 9e-3, rows
        if sending is not None:
            await sending
        await bench.settle()
    (configured()[1] / _TABLE).write_text("\n".join(["adaptive moderation", *rows]))
    await bench.down()


@pytest.mark.parametrize("case", [
    "an_interrupt_for_each_frame", "an_interrupt_for_each_interval", "the_receive_delay_starts_anew_with_each_frame",
    "the_absolute_delay_bounds_it", "few_descriptors_left_is_told_once", "the_transmit_delays",
    "a_small_frame_does_not_wait", "few_descriptors_to_send_is_told_once", "software_raises_any_cause",
])  # fmt: skip
def test_the_card(case: str, tmp_path: Path) -> None:
    assert launch(BenchConfig(sim=NATIVE), __name__, tmp_path, test_filter=case).passed == 1


def test_the_driver(tmp_path: Path) -> None:
    driver = DriverConfig(interrupt_throttle=ITR_ADAPTIVE, rx_int_delay=0, tx_int_delay=0)
    config = BenchConfig(driver=driver, sim=NATIVE)
    assert launch(config, __name__, tmp_path, test_filter="the_driver_adapts_its_rate").passed == 1
    print((tmp_path / _TABLE).read_text())


def test_a_sample_on_axi(tmp_path: Path) -> None:
    cases = "an_interrupt_for_each_i|the_receive_delay_starts|the_transmit_delays|a_small_frame|software_raises"
    assert launch(BenchConfig(sim=AXI), __name__, tmp_path, test_filter=cases).passed == cases.count("|") + 1
