# SPDX-License-Identifier: MIT
"""What `ethtool` sets: rings, moderation, pause frames, negotiation, the LED."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from driver.e1000e.ethtool import (
    e1000_get_coalesce,
    e1000_get_ethtool_stats,
    e1000_get_pauseparam,
    e1000_get_regs,
    e1000_get_ringparam,
    e1000_get_strings,
    e1000_nway_reset,
    e1000_set_coalesce,
    e1000_set_pauseparam,
    e1000_set_phys_id,
    e1000_set_ringparam,
)
from driver.e1000e.regs import CTRL, CTRL_EXT, FCRTH, FCRTL, ICR, ITR, LEDCTL, PHY_ANAR, RCTL, RDLEN, STATUS, TDLEN
from driver.linux.errno import EAGAIN, EBUSY, EINVAL, ENODEV, ENOMEM, ETIMEDOUT
from driver.linux.ethtool import EthtoolCoalesce, EthtoolPauseParam, EthtoolPhysId, EthtoolRingParam, dev_ethtool
from driver.linux.netdevice import netif_device_attach, netif_device_detach
from tests.unit.e1000e.bench import Bench, frame_of

PAUSE_CAP, PAUSE_ASYM = 0x0400, 0x0800
NO_PAUSE = EthtoolPauseParam(False, False, False)


def ethtool(bench: Bench, op: Any, *args: Any) -> Any:
    return bench.pump.run(dev_ethtool(bench.netdev, op, *args))


def works(bench: Bench, frames: int = 1) -> None:
    bench.wait_carrier()
    bench.received.clear()
    bench.card.transmitted.clear()
    sent = [frame_of(100, n) for n in range(frames)]
    bench.send(*sent)
    bench.arrive(*sent)
    bench.settle()
    assert bench.card.transmitted == sent
    assert bench.received == sent


def test_device_that_is_detached_is_not_asked() -> None:
    bench = Bench().up()
    bench.call(lambda: netif_device_detach(bench.netdev))
    bench.pump.host.log.clear()
    assert ethtool(bench, e1000_get_regs) == -ENODEV
    assert bench.pump.host.log == []
    bench.call(lambda: netif_device_attach(bench.netdev))
    bench.finish()


def test_register_dump_is_what_the_card_answers() -> None:
    bench = Bench().up()
    dump = ethtool(bench, e1000_get_regs)
    assert dump["RDLEN"] == bench.card.get(RDLEN) == 256 * 16
    assert dump["RCTL"] == bench.card.get(RCTL)
    assert dump["STATUS"] & STATUS.LU
    bench.finish()


def test_statistics_are_read_from_the_card_when_they_are_asked_for() -> None:
    bench = Bench().up()
    bench.arrive(*(frame_of(100, n) for n in range(7)))
    bench.settle(100_000)
    values = dict(zip(e1000_get_strings(bench.netdev), ethtool(bench, e1000_get_ethtool_stats), strict=True))
    assert (values["rx_packets"], values["tx_packets"]) == (7, 0)
    bench.finish()


# ---------------------------------------------------------------- rings
@pytest.mark.parametrize("rx, tx", [(64, 256), (256, 512), (1024, 64), (4096, 4096)])
def test_rings_change_under_traffic(rx: int, tx: int) -> None:
    bench = Bench().up()
    bench.send(*(frame_of(500, n) for n in range(40)))
    bench.arrive(*(frame_of(500, n) for n in range(80)), gap_ns=500)
    bench.settle(8_000)
    assert ethtool(bench, e1000_set_ringparam, EthtoolRingParam(rx, tx)) == 0
    assert (bench.card.get(RDLEN), bench.card.get(TDLEN)) == (rx * 16, tx * 16)
    works(bench, 100)
    bench.close()
    assert bench.open() == 0
    assert e1000_get_ringparam(bench.netdev) == EthtoolRingParam(rx, tx, 4096, 4096)
    works(bench)
    bench.finish()


def test_rings_of_a_closed_interface_are_there_when_it_opens() -> None:
    bench = Bench()
    bench.load()
    assert ethtool(bench, e1000_set_ringparam, EthtoolRingParam(512, 128)) == 0
    assert bench.kernel.dma_table.live() == []
    bench.open()
    works(bench)
    assert (bench.card.get(RDLEN), bench.card.get(TDLEN)) == (512 * 16, 128 * 16)
    bench.finish()


def test_impossible_ring_is_made_possible() -> None:
    bench = Bench().up()
    assert ethtool(bench, e1000_set_ringparam, EthtoolRingParam(1, 100_000)) == 0
    assert e1000_get_ringparam(bench.netdev) == EthtoolRingParam(64, 4096, 4096, 4096)
    assert ethtool(bench, e1000_set_ringparam, EthtoolRingParam(65, 4096)) == 0
    assert e1000_get_ringparam(bench.netdev) == EthtoolRingParam(72, 4096, 4096, 4096)
    bench.finish()


def test_rings_that_are_as_wanted_are_left_alone() -> None:
    bench = Bench().up()
    resets = bench.card.generation
    assert ethtool(bench, e1000_set_ringparam, EthtoolRingParam(256, 256)) == 0
    assert bench.card.generation == resets
    bench.finish()


@pytest.mark.parametrize("allowed", [0, 1])
def test_without_memory_for_new_rings_the_old_ones_go_on(allowed: int) -> None:
    bench = Bench().up()
    resets = bench.card.generation
    bench.kernel.mm.fail_after(allowed)
    assert ethtool(bench, e1000_set_ringparam, EthtoolRingParam(512, 512)) == -ENOMEM
    bench.kernel.mm.fail_after(None)
    assert bench.card.generation == resets
    assert e1000_get_ringparam(bench.netdev).rx_pending == 256
    works(bench)
    bench.finish()


def test_rings_cannot_change_during_a_reset_that_does_not_end() -> None:
    bench = Bench().up()
    bench.adapter.resetting = True
    assert ethtool(bench, e1000_set_ringparam, EthtoolRingParam(512, 512)) == -EBUSY
    bench.adapter.resetting = False
    assert ethtool(bench, e1000_set_ringparam, EthtoolRingParam(512, 512)) == 0, "it was given back"
    works(bench)
    bench.finish()


def test_rings_stay_when_the_card_does_not_reset_for_new_ones() -> None:
    bench = Bench().up()
    bench.card.never_auto_rd = True
    assert ethtool(bench, e1000_set_ringparam, EthtoolRingParam(512, 512)) == -ETIMEDOUT
    assert bench.log_has("the interface is closed")
    bench.card.never_auto_rd = False
    assert e1000_get_ringparam(bench.netdev).rx_pending == 256
    bench.close()
    assert bench.open() == 0
    works(bench)
    bench.finish()


# ---------------------------------------------------------------- moderation
@pytest.mark.parametrize("usecs, ticks", [(0, 0), (10, 39), (50, 195), (10_000, 39062)])
def test_interval_between_interrupts(usecs: int, ticks: int) -> None:
    bench = Bench().up()
    assert ethtool(bench, e1000_set_coalesce, EthtoolCoalesce(usecs)) == 0
    assert bench.card.get(ITR) == ticks
    works(bench)
    assert bench.card.get(ITR) == ticks
    assert ethtool(bench, e1000_get_coalesce) == EthtoolCoalesce(usecs)
    bench.close()
    bench.open()
    assert bench.card.get(ITR) == ticks, "and after the next open"
    bench.finish()


@pytest.mark.parametrize("mode", [1, 3])
def test_adaptive_moderation_is_taken_up_again(mode: int) -> None:
    bench = Bench({"InterruptThrottleRate": 8000}).up()
    assert ethtool(bench, e1000_set_coalesce, EthtoolCoalesce(mode)) == 0
    assert ethtool(bench, e1000_get_coalesce) == EthtoolCoalesce(mode)
    assert bench.adapter.itr == 20_000
    for n in range(20):
        bench.arrive(frame_of(60, n))
        bench.settle(50_000)
    assert bench.adapter.itr == {1: 70_000, 3: 20_000}[mode]
    bench.finish()


@pytest.mark.parametrize("usecs", [2, 4, 9, 10_001, -1])
def test_impossible_interval_is_refused(usecs: int) -> None:
    bench = Bench().up()
    before = bench.card.get(ITR)
    assert ethtool(bench, e1000_set_coalesce, EthtoolCoalesce(usecs)) == -EINVAL
    assert bench.card.get(ITR) == before
    bench.finish()


# ---------------------------------------------------------------- flow control
def test_pause_frames_are_negotiated() -> None:
    bench = Bench().up()
    assert bench.card.phy[PHY_ANAR.number] & (PAUSE_CAP | PAUSE_ASYM) == PAUSE_CAP | PAUSE_ASYM
    assert ethtool(bench, e1000_get_pauseparam) == EthtoolPauseParam(True, True, True)
    assert bench.card.get(CTRL) & (CTRL.RFCE | CTRL.TFCE) == CTRL.RFCE | CTRL.TFCE
    assert bench.log_has("Flow Control: Rx/Tx")
    bench.finish()


def test_partner_without_pause_frames_gets_none() -> None:
    bench = Bench()
    bench.card.partner = 0x01E0
    bench.up()
    assert ethtool(bench, e1000_get_pauseparam) == EthtoolPauseParam(True, False, False)
    assert not bench.card.get(CTRL) & (CTRL.RFCE | CTRL.TFCE)
    assert (bench.card.get(FCRTL), bench.card.get(FCRTH)) == (0, 0)
    assert bench.log_has("Flow Control: None")
    bench.finish()


@pytest.mark.parametrize("what", ["full_duplex", "an_completes"])
def test_no_pause_frames_on_half_duplex_nor_where_nothing_was_negotiated(what: str) -> None:
    bench = Bench()
    setattr(bench.card, what, False)
    bench.up()
    assert ethtool(bench, e1000_get_pauseparam) == EthtoolPauseParam(True, False, False)
    assert not bench.card.get(CTRL) & (CTRL.RFCE | CTRL.TFCE)
    assert bench.card.get(FCRTH) == 0
    works(bench)
    bench.finish()


def test_pause_frames_as_told_while_the_watchdog_finds_them_negotiated() -> None:
    """Whatever of it comes first: at the end it is as told."""
    for offset_ns in range(0, 60_000, 3_000):
        bench = Bench(cpus=2).up()
        bench.card.raise_causes(ICR.LSC)
        bench.pump.advance(offset_ns)
        assert bench.pump.run(dev_ethtool(bench.netdev, e1000_set_pauseparam, NO_PAUSE), cpu=1) == 0
        bench.settle()
        assert not bench.card.get(CTRL) & (CTRL.RFCE | CTRL.TFCE), offset_ns
        assert ethtool(bench, e1000_get_pauseparam) == NO_PAUSE
        bench.finish()


@pytest.mark.parametrize("rx, tx", [*itertools.product((False, True), repeat=2)])
def test_pause_frames_as_told(rx: bool, tx: bool) -> None:
    """At once, and after the link was gone; then negotiated again."""
    bench = Bench().up()
    wanted = EthtoolPauseParam(False, rx, tx)
    assert ethtool(bench, e1000_set_pauseparam, wanted) == 0
    for _ in range(2):
        assert ethtool(bench, e1000_get_pauseparam) == wanted
        control = bench.card.get(CTRL)
        assert (bool(control & CTRL.RFCE), bool(control & CTRL.TFCE)) == (rx, tx)
        assert bool(bench.card.get(FCRTH)) == bool(bench.card.get(FCRTL) & FCRTL.XONE) == tx
        bench.card.plug(False)
        bench.wait_carrier(False)
        bench.card.plug(True)
        works(bench)
    assert ethtool(bench, e1000_set_pauseparam, EthtoolPauseParam(True, False, False)) == 0
    works(bench)
    assert ethtool(bench, e1000_get_pauseparam) == EthtoolPauseParam(True, True, True)
    bench.finish()


def test_pause_frames_of_a_closed_interface() -> None:
    bench = Bench()
    bench.load()
    assert ethtool(bench, e1000_set_pauseparam, EthtoolPauseParam(False, True, False)) == 0
    assert ethtool(bench, e1000_set_pauseparam, EthtoolPauseParam(True, False, False)) == 0
    assert ethtool(bench, e1000_set_pauseparam, EthtoolPauseParam(False, False, True)) == 0
    assert not bench.card.get(CTRL_EXT) & CTRL_EXT.DRV_LOAD
    bench.open()
    works(bench)
    assert bench.card.get(CTRL) & (CTRL.RFCE | CTRL.TFCE) == CTRL.TFCE
    assert bench.card.phy[PHY_ANAR.number] & (PAUSE_CAP | PAUSE_ASYM) == PAUSE_ASYM
    bench.finish()


# ---------------------------------------------------------------- negotiation, LED
def test_negotiation_is_begun_anew() -> None:
    bench = Bench()
    bench.load()
    assert ethtool(bench, e1000_nway_reset) == -EAGAIN
    bench.open()
    works(bench)
    resets = bench.card.generation
    assert ethtool(bench, e1000_nway_reset) == 0
    assert bench.card.generation == resets + 1
    works(bench)
    bench.finish()


def test_led_flashes_and_is_what_it_was() -> None:
    bench = Bench().up()
    before = bench.card.get(LEDCTL)
    assert ethtool(bench, e1000_set_phys_id, EthtoolPhysId.ACTIVE) == 2
    modes = []
    for state in (EthtoolPhysId.ON, EthtoolPhysId.OFF):
        assert ethtool(bench, e1000_set_phys_id, state) == 0
        modes.append(LEDCTL.LED0_MODE.get(bench.card.get(LEDCTL)))
        assert bench.card.get(LEDCTL) >> 8 == before >> 8, "the other LEDs are left alone"
    assert modes == [0xE, 0xF]
    assert ethtool(bench, e1000_set_phys_id, EthtoolPhysId.INACTIVE) == 0
    assert bench.card.get(LEDCTL) == before
    bench.finish()
