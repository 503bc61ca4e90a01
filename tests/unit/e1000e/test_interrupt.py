# SPDX-License-Identifier: MIT
"""The interrupt handler, NAPI and interrupt moderation."""

from __future__ import annotations

import pytest

from driver.e1000e.irq import IMS_ENABLE_MASK
from driver.e1000e.itr import LatencyRange, e1000_set_itr, e1000_update_itr
from driver.e1000e.regs import IAM, ICR, IMS, ITR
from driver.host import MmioRead, MmioWrite
from driver.linux.interrupt import IRQ_HANDLED, IRQF_SHARED, free_irq, request_irq
from driver.linux.napi import napi_schedule
from tests.unit.e1000e.bench import Bench, frame_of
from tests.unit.e1000e.fake_card import FakeCard


def test_interrupt_of_another_device_on_the_line_is_not_ours() -> None:
    bench = Bench().up()
    handled: list[int] = []
    owner = object()
    line = bench.card.irq

    def others_handler(irq: int, dev: object) -> int:
        handled.append(irq)
        bench.pump.irq(line, False)
        return IRQ_HANDLED

    bench.call(lambda: request_irq(line, others_handler, IRQF_SHARED, "other", owner))
    polls = bench.adapter.napi.polls
    bench.pump.irq(line, True)
    bench.settle(50_000)
    assert handled == [line]
    assert bench.adapter.napi.polls == polls
    assert bench.card.ims == IMS_ENABLE_MASK, "nothing was masked"
    bench.call(lambda: free_irq(line, owner))
    bench.arrive(frame_of(100))
    bench.settle()
    assert bench.received == [frame_of(100)]
    bench.finish()


def test_cause_that_is_not_asserted_survives_the_handler_of_another_device() -> None:
    """A cause is set but masked; the handler runs for the neighbour on the line, and must not eat it."""
    bench = Bench().up()
    bench.card.ims = ICR.RXT0
    bench.card.raise_causes(ICR.LSC)
    bench.pump.irq(bench.card.irq, True)
    bench.settle(1_000)
    bench.pump.irq(bench.card.irq, False)
    bench.settle(10_000)
    assert bench.card.icr & ICR.LSC
    bench.card.plug(False)
    bench.card._unmask(ICR.LSC)
    bench.wait_carrier(False)
    bench.finish()


def test_handler_writes_nothing_and_its_one_read_masks_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench({"InterruptThrottleRate": 0}).up()
    assert bench.card.get(IAM) == 0xFFFF_FFFF
    masks: list[int] = []
    read_icr = bench.card._read_icr

    def read_and_look() -> int:
        value = read_icr()
        masks.append(bench.card.ims)
        return value

    monkeypatch.setattr(bench.card, "_read_icr", read_and_look)
    bench.pump.host.log.clear()
    bench.arrive(frame_of(100))
    bench.settle(10_000)
    log = [r for _, r in bench.pump.host.log]
    assert log == [MmioRead(0, 0, 0, ICR.offset), MmioWrite(0, 0, 0, IMS.offset, IMS_ENABLE_MASK)]
    assert masks == [0]
    bench.finish()


def test_poll_reads_no_register() -> None:
    bench = Bench(card=FakeCard(dma_ns=100)).up()
    bench.settle(100_000)
    bench.pump.host.log.clear()
    bench.arrive(*(frame_of(100, n) for n in range(100)), gap_ns=200)
    bench.send(*(frame_of(100, n) for n in range(20)))
    bench.settle(400_000)
    reads = {r.offset for _, r in bench.pump.host.log if isinstance(r, MmioRead)}
    assert reads == {ICR.offset}
    assert len(bench.received) == 100 and len(bench.card.transmitted) == 20
    bench.finish()


def test_burst_is_polled_and_not_interrupted_frame_by_frame() -> None:
    bench = Bench({"RxDescriptors": 512}, card=FakeCard(dma_ns=100)).up()
    interrupts = bench.kernel.irq_count(bench.card.irq)
    bench.arrive(*(frame_of(60, n) for n in range(400)), gap_ns=150)
    bench.settle(1_000_000)
    assert len(bench.received) == 400
    assert bench.kernel.irq_count(bench.card.irq) - interrupts < 200
    bench.finish()


def test_poll_stops_at_its_budget_and_comes_back() -> None:
    bench = Bench({"RxDescriptors": 512}).up()
    bench.card.ims = 0  # let frames pile up in the ring
    bench.arrive(*(frame_of(60, n) for n in range(200)), gap_ns=700)
    bench.settle(300_000)
    assert bench.received == []
    polls, work = bench.adapter.napi.polls, bench.adapter.napi.work
    bench.card._unmask(IMS_ENABLE_MASK)
    bench.settle(100_000)
    assert len(bench.received) == 200
    assert bench.adapter.napi.work - work == 200
    assert bench.adapter.napi.polls - polls == 4  # 64 + 64 + 64 + 8
    bench.finish()


def test_poll_of_a_device_that_goes_down_leaves_interrupts_masked() -> None:
    bench = Bench().up()
    adapter = bench.adapter
    bench.card.ims = 0
    adapter.down = True
    bench.call(lambda: napi_schedule(adapter.napi))
    bench.settle(10_000)
    assert bench.card.ims == 0
    adapter.down = False
    bench.card._unmask(IMS_ENABLE_MASK)
    bench.finish()


# ---------------------------------------------------------------- moderation
def test_throttle_rate_is_what_the_parameter_says() -> None:
    without_link = (3, 4000, 976)
    for given, hz, ticks in ((0, 0, 0), (8000, 8000, 488), (100, 100, 39062), without_link):
        bench = Bench({"InterruptThrottleRate": given})
        bench.load()
        bench.card.cable = False
        bench.open()
        assert bench.card.get(ITR) == ticks
        assert bench.adapter.itr == hz
        bench.finish()


def test_fixed_rate_stays_and_adaptive_rate_follows_the_traffic() -> None:
    fixed = Bench({"InterruptThrottleRate": 8000}).up()
    adaptive = Bench({"InterruptThrottleRate": 1}).up()
    for bench in (fixed, adaptive):
        for n in range(20):
            bench.arrive(frame_of(60, n))
            bench.settle(50_000)
    assert fixed.adapter.itr == 8000
    assert adaptive.adapter.itr == 70_000
    for bench in (fixed, adaptive):
        bench.finish()


def test_rate_rises_in_steps_and_falls_at_once() -> None:
    bench = Bench({"InterruptThrottleRate": 3}).up()
    adapter = bench.adapter
    adapter.itr = 4_000
    adapter.total_rx_packets, adapter.total_rx_bytes = 1, 60
    rates = []
    for _ in range(5):
        bench.call(lambda: e1000_set_itr(adapter))
        rates.append(adapter.itr)
    assert rates == [9_000, 14_000, 19_000, 20_000, 20_000]  # seen of the stock driver, too
    adapter.total_rx_packets, adapter.total_rx_bytes = 20, 30_000
    bench.call(lambda: e1000_set_itr(adapter))
    assert adapter.itr == 4_000
    bench.finish()


def test_latency_classes() -> None:
    lowest, low, bulk = LatencyRange.LOWEST, LatencyRange.LOW, LatencyRange.BULK
    assert e1000_update_itr(low, 0, 0) == low
    assert e1000_update_itr(low, 1, 60) == lowest
    assert e1000_update_itr(low, 8, 12_000) == bulk
    assert e1000_update_itr(low, 40, 11_000) == lowest
    assert e1000_update_itr(low, 3, 9_000) == bulk
    assert e1000_update_itr(lowest, 4, 600) == low
    assert e1000_update_itr(lowest, 1, 9_000) == bulk
    assert e1000_update_itr(lowest, 10, 5_000) == lowest
    assert e1000_update_itr(bulk, 20, 26_000) == bulk
    assert e1000_update_itr(bulk, 36, 26_000) == low
    assert e1000_update_itr(bulk, 5, 5_999) == low


def test_latency_classes_change_where_they_should() -> None:
    """Each threshold from both sides."""
    lowest, low, bulk = LatencyRange.LOWEST, LatencyRange.LOW, LatencyRange.BULK
    edges = [
        (lowest, 1, 8_000, low), (lowest, 1, 8_001, bulk),
        (lowest, 4, 513, low), (lowest, 4, 512, lowest), (lowest, 5, 513, lowest),
        (low, 9, 10_001, bulk), (low, 10, 10_001, low), (low, 10, 12_000, low), (low, 10, 12_001, bulk),
        (low, 35, 10_001, low), (low, 36, 10_001, lowest), (low, 35, 10_000, low),
        (low, 3, 6_000, low), (low, 3, 6_001, bulk),
        (low, 2, 511, lowest), (low, 2, 512, low), (low, 3, 511, low),
        (bulk, 35, 25_001, bulk), (bulk, 36, 25_001, low), (bulk, 36, 25_000, bulk), (bulk, 5, 6_000, bulk),
    ]  # fmt: skip
    for now, packets, nbytes, then in edges:
        assert e1000_update_itr(now, packets, nbytes) == then, (now.name, packets, nbytes)
