# SPDX-License-Identifier: MIT
"""Open and close, and every allocation of open failing in its turn."""

from __future__ import annotations

import pytest

from driver.e1000e import netdev, rx, tx
from driver.e1000e.regs import CTRL, CTRL_EXT, IMC, RCTL, TCTL
from driver.e1000e.ring import e1000e_setup_ring
from driver.host import MmioWrite
from driver.linux.delay import msleep
from driver.linux.errno import EBUSY, EIO, ENOMEM
from driver.linux.interrupt import IRQ_NONE, free_irq, request_irq
from driver.linux.netdevice import dev_close, dev_open, netif_carrier_ok
from driver.linux.timer import timer_pending
from driver.linux.workqueue import Work, schedule_work
from tests.unit.e1000e.bench import Bench, frame_of
from tests.unit.e1000e.fake_card import FakeCard


def works(bench: Bench, number: int = 1) -> None:
    """One frame each way."""
    bench.wait_carrier()
    bench.received.clear()
    bench.card.transmitted.clear()
    bench.send(frame_of(100, number))
    bench.arrive(frame_of(200, number))
    bench.settle()
    assert bench.card.transmitted == [frame_of(100, number)]
    assert bench.received == [frame_of(200, number)]


def test_open_close_and_open_again() -> None:
    bench = Bench()
    bench.load()
    for round in range(3):
        assert bench.open() == 0
        works(bench, round)
        bench.close()
        assert bench.kernel.dma_table.live() == []
        assert bench.kernel.irq(bench.card.irq).actions == []
    bench.unload()
    bench.assert_clean()


def test_link_messages_are_those_that_users_look_for() -> None:
    bench = Bench().up()
    assert bench.log_has("eth0: NIC Link is Up 1000 Mbps Full Duplex")
    assert not bench.log_has("NIC Link is Down")
    bench.close()
    assert bench.log_has("eth0: NIC Link is Down")
    bench.unload()
    bench.assert_clean()


def test_transmitter_waits_for_the_link_and_receiver_does_not() -> None:
    bench = Bench()
    bench.card.cable = False
    bench.load()
    bench.open()
    assert not bench.card.get(TCTL) & TCTL.EN
    assert bench.card.get(RCTL) & RCTL.EN
    assert bench.netdev.txq.stopped or bench.netdev.carrier_off
    bench.card.plug(True)
    bench.wait_carrier()
    assert bench.card.get(TCTL) & TCTL.EN
    bench.finish()


def test_without_a_cable_there_is_no_carrier_and_close_works() -> None:
    bench = Bench()
    bench.card.cable = False
    bench.load()
    assert bench.open() == 0
    bench.settle(20_000_000)
    assert not netif_carrier_ok(bench.netdev)
    assert not bench.log_has("NIC Link is Up")
    assert bench.send(frame_of(100)) != [0]  # dropped by the stack: no carrier
    bench.finish()


def test_watchdog_runs_without_a_link() -> None:
    """It is what notices anything at all; the first round is asked for by open, not by a change of the link."""
    bench = Bench()
    bench.card.cable = False
    bench.load()
    bench.open()
    bench.settle(100_000)
    assert timer_pending(bench.adapter.watchdog_timer)
    bench.finish()


def test_every_allocation_of_open_fails_in_its_turn() -> None:
    """Without memory for rings open says -ENOMEM; without memory for buffers it works with what it got."""
    failures = successes = 0
    for allowed in range(0, 70):
        bench = Bench({"RxDescriptors": 64, "TxDescriptors": 64})
        bench.load()
        bench.kernel.mm.fail_after(allowed)
        result = bench.open()
        bench.kernel.mm.fail_after(None)
        if result == 0:
            successes += 1
            bench.settle(10_000_000)
            works(bench)
            bench.close()
        else:
            failures += 1
            assert result == -ENOMEM
            assert bench.open() == 0  # nothing stands in the way of a second try
            works(bench)
            bench.close()
        bench.unload()
        bench.assert_clean()
    assert (failures, successes) == (2, 68)


def test_reset_that_fails_makes_open_fail() -> None:
    bench = Bench()
    bench.load()
    bench.card.never_auto_rd = True
    assert bench.pump.run(dev_open(bench.netdev)) < 0
    assert bench.kernel.dma_table.live() == []
    bench.card.never_auto_rd = False
    assert bench.open() == 0
    works(bench)
    bench.finish()


def test_interrupt_line_that_is_taken_makes_open_fail() -> None:
    bench = Bench()
    bench.load()
    owner = object()
    bench.call(lambda: request_irq(bench.card.irq, lambda irq, dev: IRQ_NONE, 0, "other", owner))
    assert bench.pump.run(dev_open(bench.netdev)) == -EBUSY
    assert bench.kernel.dma_table.live() == []
    assert not bench.card.get(CTRL_EXT) & CTRL_EXT.DRV_LOAD
    bench.call(lambda: free_irq(bench.card.irq, owner))
    assert bench.open() == 0
    works(bench)
    bench.finish()


@pytest.mark.parametrize("which", ["tx_ring", "rx_ring"])
def test_ring_that_cannot_be_had_leaves_nothing(monkeypatch: pytest.MonkeyPatch, which: str) -> None:
    bench = Bench()
    bench.load()
    missing = getattr(bench.adapter, which)
    monkeypatch.setattr(netdev, "e1000e_setup_ring", lambda r: -ENOMEM if r is missing else e1000e_setup_ring(r))
    assert bench.pump.run(dev_open(bench.netdev)) == -ENOMEM
    assert bench.kernel.dma_table.live() == []
    monkeypatch.undo()
    assert bench.open() == 0
    works(bench)
    bench.finish()


def test_close_under_traffic_leaves_nothing_behind() -> None:
    for delay_ns in range(0, 60_000, 5_000):
        bench = Bench({"TxDescriptors": 64, "RxDescriptors": 64}, card=FakeCard(frame_ns=3_000)).up()
        bench.send(*(frame_of(500, n) for n in range(150)))
        bench.arrive(*(frame_of(500, n) for n in range(200)), gap_ns=700)
        bench.settle(delay_ns)
        bench.finish()


def test_close_does_not_take_memory_back_before_the_reset() -> None:
    """The card still has the addresses until CTRL.RST: a DMA to an unmapped one would be a violation."""
    bench = Bench({"RxDescriptors": 64}, card=FakeCard(dma_ns=3_000)).up()
    bench.arrive(*(frame_of(1500, n) for n in range(60)), gap_ns=1_000)
    bench.settle(20_000)
    assert bench.card.rx_busy
    resets = bench.card.generation
    bench.pump.run(dev_close(bench.netdev))
    assert bench.card.generation == resets + 1
    assert bench.kernel.violations == []
    bench.pump.run(dev_open(bench.netdev))
    bench.finish()


def test_close_stops_traffic_before_interrupts_and_both_before_the_reset() -> None:
    bench = Bench().up()
    bench.pump.host.log.clear()
    bench.pump.run(dev_close(bench.netdev))
    writes = [(r.offset, r.value) for _, r in bench.pump.host.log if isinstance(r, MmioWrite)]
    wanted = [
        next(i for i, (offset, value) in enumerate(writes) if offset == RCTL.offset and not value & RCTL.EN),
        next(i for i, (offset, value) in enumerate(writes) if offset == TCTL.offset and not value & TCTL.EN),
        next(i for i, (offset, _) in enumerate(writes) if offset == IMC.offset),
        next(i for i, (offset, v) in enumerate(writes) if offset == CTRL.offset and v & CTRL.GIO_MASTER_DISABLE),
        next(i for i, (offset, value) in enumerate(writes) if offset == CTRL.offset and value & CTRL.RST),
    ]
    assert wanted == sorted(wanted)
    bench.pump.run(dev_open(bench.netdev))
    bench.finish()


def test_close_stops_the_watchdog_and_waits_for_one_that_runs() -> None:
    bench = Bench().up()
    adapter = bench.adapter
    steps: list[str] = []

    async def slow_watchdog(work: Work) -> None:
        await msleep(10_000)
        steps.append("watchdog is done")

    adapter.watchdog_task.func = slow_watchdog
    bench.call(lambda: schedule_work(adapter.watchdog_task))
    bench.close()
    steps.append("closed")
    assert steps == ["watchdog is done", "closed"]
    assert not timer_pending(adapter.watchdog_timer)
    bench.unload()
    bench.assert_clean()


def test_counters_survive_close_and_go_on_after_open() -> None:
    bench = Bench().up()
    bench.arrive(*(frame_of(100, n) for n in range(5)))
    bench.settle(100_000)
    bench.close()
    assert bench.stats().rx_packets == 5
    bench.open()
    works(bench)
    assert bench.stats().rx_packets == 6
    bench.finish()


def test_card_that_does_not_stop_its_dma_is_reset_all_the_same() -> None:
    bench = Bench(time_scale=100).up()
    bench.card.masters_for_ever = True
    bench.close()
    assert bench.log_has("DMA did not end before the reset")
    assert not bench.card.get(CTRL) & CTRL.GIO_MASTER_DISABLE
    assert bench.open() == 0
    works(bench)
    bench.finish()


def test_open_while_a_reset_is_under_way_is_refused() -> None:
    bench = Bench()
    bench.load()
    bench.adapter.resetting = True
    assert bench.pump.run(dev_open(bench.netdev)) == -EBUSY
    bench.adapter.resetting = False
    bench.unload()
    bench.assert_clean()


def test_reset_that_never_ends_is_told_and_not_waited_for_for_ever() -> None:
    bench = Bench().up()
    bench.adapter.resetting = True
    assert bench.pump.run(netdev.e1000e_close(bench.netdev)) == -EBUSY
    assert bench.log_has("a reset does not end")
    bench.adapter.resetting = False
    bench.finish()


def test_rings_hold_what_the_parameters_say() -> None:
    bench = Bench({"TxDescriptors": 128, "RxDescriptors": 512}).up()
    assert (bench.adapter.tx_ring.count, bench.adapter.rx_ring.count) == (128, 512)
    assert sum(b.skb is not None for b in bench.adapter.rx_ring.buffer_info) == 511
    assert bench.card.get(TCTL) & TCTL.PSP
    assert tx.e1000_desc_unused(bench.adapter.tx_ring) == 127
    assert rx.e1000_desc_unused(bench.adapter.rx_ring) == 0
    bench.finish()


def test_link_that_goes_during_open_does_not_break_it() -> None:
    bench = Bench()
    bench.load()
    bench.pump.at(bench.pump.now_ns + 30_000, lambda: bench.card.plug(False))
    assert bench.open() == 0
    bench.settle(1_000_000)
    assert not netif_carrier_ok(bench.netdev)
    bench.card.plug(True)
    works(bench)
    bench.finish()


def test_hardware_error_is_told() -> None:
    bench = Bench()
    bench.load()
    bench.card.mdic_error = True
    assert bench.pump.run(dev_open(bench.netdev)) == -EIO
    assert bench.log_has("the card cannot be reset")
    bench.card.mdic_error = False
    bench.unload()
    bench.assert_clean()
