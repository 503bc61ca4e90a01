# SPDX-License-Identifier: MIT
"""Hangs, lost links, changed MTUs, removed cards: the driver gets back to work, or at least off the stage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from driver.e1000e.adapter import Adapter
from driver.e1000e.mac import e1000_reset_hw_82571
from driver.e1000e.netdev import e1000e_reinit_locked
from driver.e1000e.regs import CRCERRS, CTRL_EXT, ICR, MDIC, MTA, RCTL, TDH, TDT
from driver.linux.errno import ETIMEDOUT
from driver.linux.interrupt import IRQ_HANDLED, IRQF_SHARED, free_irq, request_irq
from driver.linux.net.state import net_state
from driver.linux.netdevice import (
    dev_close,
    dev_mc_add,
    dev_set_mtu,
    netif_carrier_off,
    netif_carrier_ok,
    netif_device_present,
    netif_queue_stopped,
    netif_running,
    netif_wake_queue,
    rtnl_lock,
    rtnl_unlock,
)
from driver.linux.pci import device_shutdown
from driver.linux.workqueue import Work, schedule_work
from tests.unit.e1000e.bench import Bench, frame_of
from tests.unit.e1000e.fake_card import COMMAND_MASTER, COMMAND_OFFSET, FakeCard

WATCHDOG_NS = 2_000_000  # the 2 s watchdog at the tests' time scale
SMALL_RINGS = {"TxDescriptors": 64, "RxDescriptors": 64}


def works(bench: Bench, number: int = 1) -> None:
    bench.wait_carrier()
    bench.received.clear()
    bench.card.transmitted.clear()
    bench.send(frame_of(100, number))
    bench.arrive(frame_of(200, number))
    bench.settle()
    assert bench.card.transmitted == [frame_of(100, number)]
    assert bench.received == [frame_of(200, number)]


# ---------------------------------------------------------------- transmit hang
@pytest.mark.parametrize("frames", [1, 200])
def test_transmit_hang_is_noticed_reset_and_over(frames: int) -> None:
    """One frame: the driver's own hang check stops the queue. 200: the full ring has stopped it already."""
    bench = Bench(SMALL_RINGS).up()
    bench.card.tx_hangs = True
    resets = bench.card.generation
    bench.send(*(frame_of(100, n) for n in range(frames)))
    bench.pump.until(lambda: bench.adapter.tx_timeout_count > 0, timeout_ns=20 * WATCHDOG_NS)
    bench.pump.until(lambda: bench.card.generation > resets, timeout_ns=WATCHDOG_NS)
    assert bench.log_has("Reset adapter")
    assert bench.log_has("Hang")
    bench.wait_carrier()
    bench.settle()
    assert bench.adapter.tx_dropped == min(frames, 60)  # of 63 descriptors three are too few for the longest frame
    with bench.kernel.entered():  # what waited behind the ring went with the carrier
        assert sum(net_state().drop_counts().values()) == frames
    works(bench)
    assert bench.adapter.tx_timeout_count == 1
    bench.finish()


def test_slow_transmitter_is_not_taken_for_a_hang() -> None:
    bench = Bench(SMALL_RINGS, card=FakeCard(frame_ns=200_000)).up()
    bench.send(*(frame_of(100, n) for n in range(150)))
    bench.settle(40_000_000)
    assert len(bench.card.transmitted) == 150
    assert bench.adapter.tx_timeout_count == 0
    assert not bench.log_has("Hang")
    bench.finish()


def test_lost_write_back_is_a_hang_though_the_card_has_sent_all() -> None:
    bench = Bench(SMALL_RINGS).up()
    to_memory = bench.card.dma

    def losing(iova: int, nbytes: int, is_write: bool) -> memoryview | None:
        return memoryview(bytearray(1)) if is_write and nbytes == 1 else to_memory(iova, nbytes, is_write)

    bench.card.dma = losing  # type: ignore[method-assign]
    resets = bench.card.generation
    bench.send(*(frame_of(100, n) for n in range(5)))
    bench.settle(100_000)
    assert len(bench.card.transmitted) == 5 and bench.card.get(TDH) == bench.card.get(TDT)
    bench.pump.until(lambda: bench.card.generation > resets, timeout_ns=20 * WATCHDOG_NS)
    bench.card.dma = to_memory  # type: ignore[method-assign]
    works(bench)
    bench.finish()


def pause(bench: Bench, paused: bool) -> None:
    bench.card.tx_paused = paused
    bench.card._start_tx()


def test_paused_transmitter_is_not_taken_for_a_hang() -> None:
    bench = Bench().up()
    resets = bench.card.generation
    pause(bench, True)
    bench.send(*(frame_of(100, n) for n in range(5)))
    bench.settle(12 * WATCHDOG_NS)
    assert not bench.log_has("Hang") and not bench.netdev.txq.stopped
    assert (bench.card.generation, bench.adapter.tx_timeout_count) == (resets, 0)
    pause(bench, False)
    bench.settle()
    assert bench.card.transmitted == [frame_of(100, n) for n in range(5)]
    bench.finish()


def test_hang_after_a_pause_is_found_by_two_looks_of_its_own() -> None:
    bench = Bench().up()
    bench.adapter.tx_hang_head = 0  # of before the pause
    pause(bench, True)
    bench.send(frame_of(100))
    bench.pump.until(lambda: bench.adapter.print_hang_task.runs > 0, timeout_ns=10 * WATCHDOG_NS)
    assert bench.adapter.tx_hang_head is None and not bench.log_has("Hang")
    bench.card.tx_hangs, bench.card.tx_paused = True, False
    bench.pump.until(lambda: bench.log_has("Hang"), timeout_ns=5 * WATCHDOG_NS)
    bench.settle(10 * WATCHDOG_NS)
    works(bench)
    bench.finish()


def test_suspicion_of_a_hang_ends_when_no_frame_is_overdue() -> None:
    bench = Bench().up()
    bench.adapter.tx_hang_head = 0
    bench.settle(2 * WATCHDOG_NS)
    assert bench.adapter.tx_hang_head is None
    bench.finish()


def test_lost_interrupt_is_made_up_for_by_the_watchdog() -> None:
    bench = Bench().up()
    bench.card.raise_causes = lambda causes: None  # type: ignore[method-assign]
    bench.send(frame_of(100))
    bench.arrive(frame_of(200))
    bench.settle(100_000)
    assert bench.received == []
    del bench.card.raise_causes  # type: ignore[method-assign]
    bench.settle(2 * WATCHDOG_NS)
    assert bench.received == [frame_of(200)]
    assert bench.adapter.tx_ring.next_to_clean == bench.adapter.tx_ring.next_to_use
    bench.finish()


# ---------------------------------------------------------------- link
def test_link_that_goes_and_comes_back() -> None:
    bench = Bench().up()
    for round in range(3):
        bench.card.plug(False)
        bench.wait_carrier(False)
        assert bench.netdev.txq.stopped
        bench.card.plug(True)
        works(bench, round)
    assert sum("NIC Link is Up" in line.text for line in bench.kernel.log) == 4
    assert sum("NIC Link is Down" in line.text for line in bench.kernel.log) == 3
    bench.finish()


def test_link_that_comes_back_to_a_full_ring_leaves_the_queue_to_the_cleaning() -> None:
    bench = Bench({"TxDescriptors": 64}).up()
    frames = [frame_of(100, number) for number in range(100)]
    bench.card.tx_hangs = True
    bench.send(*frames)
    assert netif_queue_stopped(bench.netdev)
    bench.call(lambda: netif_carrier_off(bench.netdev))
    bench.call(lambda: schedule_work(bench.adapter.watchdog_task))
    bench.wait_carrier()
    assert netif_queue_stopped(bench.netdev)
    bench.card.tx_hangs = False
    bench.card.write(0, TDT.offset, bench.card.get(TDT))
    bench.settle()
    assert not netif_queue_stopped(bench.netdev)
    assert bench.card.transmitted and bench.card.transmitted == frames[: len(bench.card.transmitted)]
    works(bench)
    bench.finish()


def test_phy_is_asked_only_after_a_link_interrupt() -> None:
    bench = Bench().up()
    bench.pump.host.log.clear()
    bench.settle(5 * WATCHDOG_NS)
    offsets = [getattr(request, "offset", None) for _, request in bench.pump.host.log]
    assert len(offsets) > 50, "the watchdog runs"
    assert MDIC.offset not in offsets
    bench.finish()


def test_link_interrupt_during_the_watchdog_is_not_put_off() -> None:
    late = []
    for offset_ns in range(0, 15_000, 1_000):
        bench = Bench()
        bench.card.link_ns = 1
        bench.up()
        bench.card.plug(False)
        bench.settle(3 * WATCHDOG_NS // 2)
        bench.card.cable = True
        start_ns = bench.adapter.watchdog_timer.when_ns + offset_ns
        bench.pump.at(start_ns, lambda card=bench.card: card._set_link(True))  # type: ignore[misc]
        bench.pump.advance(start_ns - bench.pump.now_ns)
        bench.wait_carrier()
        if bench.pump.now_ns - start_ns > WATCHDOG_NS // 4:
            late.append(offset_ns)
        bench.finish()
    assert late == []


def test_link_that_flaps_between_two_looks_is_seen_up() -> None:
    bench = Bench().up()
    bench.card.link_ns = 300
    bench.card.plug(False)
    bench.card.plug(True)
    bench.settle()
    assert not bench.log_has("NIC Link is Down")  # BMSR still holds the loss: only its second read tells how it is
    works(bench)
    bench.finish()


def test_frames_stuck_behind_a_lost_link_are_flushed_by_a_reset() -> None:
    bench = Bench(SMALL_RINGS, card=FakeCard(frame_ns=400_000)).up()
    bench.send(*(frame_of(100, n) for n in range(40)))
    bench.card.tx_hangs = True
    resets = bench.card.generation
    bench.card.plug(False)
    bench.pump.until(lambda: bench.card.generation > resets, timeout_ns=5 * WATCHDOG_NS)
    bench.settle()
    assert not bench.log_has("Reset adapter")
    assert bench.adapter.tx_dropped > 0
    bench.card.plug(True)
    works(bench)
    bench.finish()


# ---------------------------------------------------------------- MTU
def test_mtu_changes_under_traffic() -> None:
    bench = Bench(SMALL_RINGS, card=FakeCard(frame_ns=2_000)).up()
    for mtu in (9000, 1500, 4000, 68, 9212, 1500):
        bench.send(*(frame_of(82, n) for n in range(30)))
        bench.arrive(*(frame_of(82, n) for n in range(100)), gap_ns=900)
        bench.settle(20_000)
        assert bench.pump.run(dev_set_mtu(bench.netdev, mtu)) == 0
        assert bench.netdev.mtu == mtu
        works(bench, mtu)
        frame = frame_of(mtu + 14)
        if len(frame) > 100:
            bench.send(frame)
            bench.arrive(frame)
            bench.settle()
            assert bench.card.transmitted[-1] == frame and bench.received[-1] == frame
    bench.finish()


def test_mtu_of_a_closed_device_takes_effect_at_open() -> None:
    bench = Bench()
    bench.load()
    assert bench.pump.run(dev_set_mtu(bench.netdev, 9000)) == 0
    bench.open()
    bench.wait_carrier()
    bench.arrive(frame_of(9014))
    bench.settle()
    assert bench.received == [frame_of(9014)]
    assert bench.card.get(RCTL) & RCTL.LPE
    bench.finish()


@pytest.mark.parametrize("mtu", [67, 9213])
def test_impossible_mtu_is_refused(mtu: int) -> None:
    bench = Bench().up()
    assert bench.pump.run(dev_set_mtu(bench.netdev, mtu)) < 0
    assert bench.netdev.mtu == 1500
    bench.finish()


# ---------------------------------------------------------------- reset against everything else
def test_reset_under_traffic() -> None:
    async def reinit(adapter: Adapter) -> None:
        await rtnl_lock()
        await e1000e_reinit_locked(adapter)
        rtnl_unlock()

    for delay_ns in range(0, 40_000, 4_000):
        bench = Bench(SMALL_RINGS, card=FakeCard(frame_ns=2_000)).up()
        bench.send(*(frame_of(500, n) for n in range(100)))
        bench.arrive(*(frame_of(500, n) for n in range(150)), gap_ns=700)
        bench.settle(delay_ns)
        bench.pump.run(reinit(bench.adapter))
        bench.wait_carrier()
        bench.settle()
        works(bench)
        bench.finish()


@pytest.mark.parametrize("cpus", [1, 2])
def test_close_while_a_reset_is_scheduled(cpus: int) -> None:
    for delay_ns in range(0, 120_000, 10_000):
        bench = Bench(cpus=cpus).up()
        adapter = bench.adapter
        adapter.restart_now = True
        bench.call(lambda adapter=adapter: schedule_work(adapter.reset_task))  # type: ignore[misc]
        bench.settle(delay_ns)
        bench.pump.run(dev_close(bench.netdev), cpu=cpus - 1)
        bench.unload()
        bench.assert_clean()


def test_reset_of_a_closed_device_does_nothing() -> None:
    bench = Bench().up()
    adapter = bench.adapter
    bench.close()
    resets = bench.card.generation
    bench.call(lambda: schedule_work(adapter.reset_task))
    bench.settle()
    assert bench.card.generation == resets
    bench.unload()
    bench.assert_clean()


# ---------------------------------------------------------------- a card that does not reset
def mtu_changes(bench: Bench) -> None:
    assert bench.pump.run(dev_set_mtu(bench.netdev, 9000)) == -ETIMEDOUT
    assert bench.netdev.mtu == 1500


def reset_is_due(bench: Bench) -> None:
    bench.call(lambda: schedule_work(bench.adapter.reset_task))
    bench.settle()


@pytest.mark.parametrize("what", [mtu_changes, reset_is_due])
def test_interface_of_a_card_that_does_not_reset_is_closed_and_can_be_opened(what: Callable[[Bench], None]) -> None:
    group = bytes.fromhex("01005e010203")
    bench = Bench().up()
    bench.pump.run(dev_mc_add(bench.netdev, group))
    bench.card.never_auto_rd = True
    what(bench)
    assert bench.log_has("the interface is closed")
    with bench.kernel.entered():
        assert not netif_running(bench.netdev) and netif_device_present(bench.netdev)
    assert bench.kernel.irq(bench.card.irq).actions == []
    bench.close()
    assert bench.open() == -ETIMEDOUT
    bench.card.never_auto_rd = False
    assert bench.open() == 0
    works(bench)
    assert bench.card.wanted(frame_of(100, to=group))
    bench.finish()


def test_reset_empties_the_multicast_table() -> None:
    """Also one whose end did not come; who joins next fills all of it again."""
    bench = Bench().up()
    bench.pump.run(dev_mc_add(bench.netdev, bytes.fromhex("01005e010203")))
    hw = bench.adapter.hw
    assert any(bench.card.get(register) for register in MTA)
    bench.card.never_auto_rd = True
    assert bench.pump.run(e1000_reset_hw_82571(hw)) == -ETIMEDOUT
    assert not any(bench.card.get(register) for register in MTA)
    bench.pump.run(dev_mc_add(bench.netdev, bytes.fromhex("01005e010204")))
    assert sum(bench.card.get(register).bit_count() for register in MTA) == 2
    bench.finish()


def test_reset_that_found_the_interface_closed_is_not_expected_later() -> None:
    bench = Bench().up()
    adapter = bench.adapter
    bench.close()
    adapter.restart_now = True
    bench.call(lambda: schedule_work(adapter.reset_task))
    bench.settle()
    assert not adapter.restart_now
    bench.open()
    bench.wait_carrier()
    bench.call(lambda: schedule_work(adapter.reset_task))
    bench.settle()
    assert bench.log_has("Reset adapter")
    bench.finish()


def test_nothing_says_that_a_driver_has_a_card_that_was_removed() -> None:
    bench = Bench()
    bench.load()
    bench.card.reg[CTRL_EXT.offset] |= CTRL_EXT.DRV_LOAD
    bench.unload()
    assert not bench.card.get(CTRL_EXT) & CTRL_EXT.DRV_LOAD
    bench.assert_clean()


# ---------------------------------------------------------------- a card that is pulled out
def test_card_that_is_gone_is_detached_and_can_be_removed() -> None:
    bench = Bench().up()
    bench.send(*(frame_of(100, n) for n in range(10)))
    bench.card.gone = True
    bench.settle(3 * WATCHDOG_NS)
    assert bench.log_has("the card does not answer")
    assert not netif_device_present(bench.netdev)
    writes = len(bench.pump.host.log)
    bench.settle(3 * WATCHDOG_NS)
    assert len(bench.pump.host.log) == writes, "a card that is gone is not talked to"
    bench.finish()


def test_close_of_a_card_that_is_gone() -> None:
    bench = Bench().up()
    bench.card.gone = True
    bench.finish()


def test_card_that_goes_while_its_link_comes_up_starts_no_queue() -> None:
    """At any read of the watchdog until the carrier is on: the device is detached, and nothing undoes that."""
    came_up = False
    goes_at = 0
    while not came_up:
        goes_at += 1
        bench, left = Bench(), goes_at
        real = bench.card.read
        bench.load()
        task = bench.adapter.watchdog_task

        def read(bar: int, offset: int, card: FakeCard = bench.card, task: Work = task, real: Any = real) -> int:
            nonlocal left
            left -= task.running and card.link
            card.gone = card.gone or left <= 0
            return int(real(bar, offset))

        bench.card.read = read  # type: ignore[method-assign]
        bench.open()
        bench.settle(3 * WATCHDOG_NS)
        assert bench.adapter.hw.gone and not netif_device_present(bench.netdev)
        assert bench.netdev.txq.stopped, goes_at
        came_up = netif_carrier_ok(bench.netdev)
        bench.finish()
    assert goes_at > 10


def test_frame_for_a_card_that_is_gone_is_dropped() -> None:
    bench = Bench().up()
    bench.card.gone = True
    bench.stats()
    assert bench.adapter.hw.gone
    bench.call(lambda: netif_wake_queue(bench.netdev))
    bench.send(frame_of(100))
    ring = bench.adapter.tx_ring
    assert bench.adapter.tx_dropped == 1 and ring.next_to_use == ring.next_to_clean
    bench.finish()


def test_saturated_counter_is_not_taken_for_a_lost_card() -> None:
    bench = Bench().up()
    bench.card.reg[CRCERRS.offset] = 0xFFFF_FFFF
    assert bench.stats().rx_crc_errors == 0xFFFF_FFFF
    assert netif_carrier_ok(bench.netdev) and not bench.adapter.hw.gone
    works(bench)
    bench.finish()


def test_line_of_a_card_that_is_gone_is_switched_off_once() -> None:
    bench = Bench().up()
    bench.arrive(frame_of(100))
    bench.pump.advance(400)
    bench.card.gone = True
    bench.card.raise_causes(ICR.RXT0)
    line = bench.kernel.irq(bench.card.irq)
    bench.settle(3 * WATCHDOG_NS)
    assert bench.card.level and bench.adapter.hw.gone
    assert (line.depth, line.unhandled) == (1, 0)
    count = line.count
    bench.settle(3 * WATCHDOG_NS)
    assert line.count == count, "the storm is over"
    bench.close()
    assert line.depth == 0
    bench.unload()
    bench.assert_clean()


@pytest.mark.parametrize("offset_ns", range(0, 1_500, 250))
def test_handler_that_runs_for_a_neighbour_is_waited_for_before_it_is_freed(offset_ns: int) -> None:
    """The line stays asserted by another device, so the handler may be anywhere when close gets to it."""
    bench = Bench(cpus=2).up()
    line, owner = bench.card.irq, object()
    bench.call(lambda: request_irq(line, lambda irq, dev: IRQ_HANDLED, IRQF_SHARED, "neighbour", owner))
    bench.pump.advance(offset_ns)
    bench.card._update_level = lambda: None  # type: ignore[method-assign]
    bench.pump.irq(line, True)
    bench.pump.run(dev_close(bench.netdev), cpu=1)
    assert bench.kernel.violations == []
    bench.pump.irq(line, False)
    bench.settle(10_000)
    bench.call(lambda: free_irq(line, owner))
    bench.unload()
    bench.assert_clean()


# ---------------------------------------------------------------- shutdown
def test_close_after_shutdown_and_remove_after_shutdown() -> None:
    for close_first in (True, False):
        bench = Bench().up()
        bench.pump.run(device_shutdown())
        assert bench.kernel.irq(bench.card.irq).actions == []
        assert not bench.card.config[COMMAND_OFFSET] & COMMAND_MASTER
        assert not bench.card.get(CTRL_EXT) & CTRL_EXT.DRV_LOAD
        if close_first:
            bench.close()
        bench.unload()
        bench.assert_clean()
