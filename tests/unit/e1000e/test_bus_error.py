# SPDX-License-Identifier: MIT
"""The bus reports errors of the card: driver/e1000e/err.py."""

from __future__ import annotations

import pytest

from driver.e1000e.regs import CTRL_EXT
from driver.host import PciError
from driver.linux.errno import ENODEV
from driver.linux.netdevice import dev_open, netif_device_present
from driver.linux.pci import device_shutdown
from tests.unit.e1000e.bench import Bench, frame_of
from tests.unit.e1000e.fake_card import COMMAND_MASTER, COMMAND_OFFSET


def report(bench: Bench, fatal: bool = False) -> None:
    bench.pump.at(bench.pump.now_ns, lambda: PciError(0, fatal))
    bench.settle(1)


def until_told(bench: Bench, text: str) -> None:
    bench.pump.until(lambda: bench.log_has(text), timeout_ns=100_000_000)


def works(bench: Bench) -> None:
    bench.wait_carrier()
    bench.received.clear()
    bench.card.transmitted.clear()
    bench.send(frame_of(100, 1))
    bench.arrive(frame_of(200, 2))
    bench.settle()
    assert (bench.card.transmitted, bench.received) == ([frame_of(100, 1)], [frame_of(200, 2)])


def test_an_interface_that_is_up_goes_on_after_an_error() -> None:
    bench = Bench().up()
    resets = bench.card.generation
    report(bench)
    bench.pump.until(lambda: not netif_device_present(bench.netdev), timeout_ns=1_000_000)
    assert bench.pump.run(dev_open(bench.netdev)) == 0, "it is open"
    until_told(bench, "device recovery successful")
    assert bench.card.generation >= resets + 2 and netif_device_present(bench.netdev)
    works(bench)
    bench.finish()


def test_an_interface_that_is_down_stays_down_and_can_be_opened() -> None:
    bench = Bench()
    bench.load()
    report(bench)
    bench.pump.until(lambda: not netif_device_present(bench.netdev), timeout_ns=1_000_000)
    assert bench.open() == -ENODEV
    until_told(bench, "device recovery successful")
    assert not bench.card.get(CTRL_EXT) & CTRL_EXT.DRV_LOAD, "nobody has opened it"
    assert bench.open() == 0
    works(bench)
    bench.finish()


@pytest.mark.parametrize("opened", [False, True])
def test_a_card_that_cannot_be_recovered_is_detached_and_removed(opened: bool) -> None:
    """Fatal: this bus has no slot to reset."""
    bench = Bench()
    bench.load()
    if opened:
        bench.open()
        bench.wait_carrier()
    report(bench, fatal=True)
    until_told(bench, "device recovery failed")
    assert not netif_device_present(bench.netdev)
    assert not bench.card.config_read(COMMAND_OFFSET, 2) & COMMAND_MASTER
    if opened:
        bench.finish()
    else:
        bench.unload()
        bench.assert_clean()


def test_a_card_that_was_shut_down_stays_so() -> None:
    bench = Bench().up()
    bench.pump.run(device_shutdown())
    resets = bench.card.generation
    report(bench)
    until_told(bench, "device recovery failed")
    assert bench.card.generation == resets
    assert not bench.card.config_read(COMMAND_OFFSET, 2) & COMMAND_MASTER
    bench.finish()
