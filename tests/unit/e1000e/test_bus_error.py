# SPDX-License-Identifier: MIT
"""The bus reports errors of the card: driver/e1000e/err.py."""

from __future__ import annotations

import pytest

from driver.e1000e import err
from driver.e1000e.err import e1000_io_error_detected, e1000_io_slot_reset
from driver.e1000e.regs import CTRL_EXT
from driver.host import PciError
from driver.linux.delay import msleep
from driver.linux.errno import EBUSY, ENODEV
from driver.linux.netdevice import dev_open, netif_device_present, netif_running, rtnl
from driver.linux.pci import device_shutdown
from driver.linux.pci_err import PciChannelState, PciErsResult
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


def test_the_reset_of_a_slot_waits_for_whoever_configures_the_interface() -> None:
    bench = Bench()
    bench.load()
    pdev, resets = bench.adapter.pdev, bench.card.generation
    assert bench.pump.run(e1000_io_error_detected(pdev, PciChannelState.IO_NORMAL)) is PciErsResult.NEED_RESET
    told: list[int] = []

    async def configures() -> None:
        async with rtnl():
            await msleep(50)
            told.append(bench.card.generation)

    tasks = [bench.kernel.run(configures()), bench.kernel.run(e1000_io_slot_reset(pdev))]
    bench.pump.until(lambda: all(task.done for task in tasks))
    assert told == [resets] and bench.card.generation > resets


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


def freeze(bench: Bench, *, comes_back: bool = True) -> None:
    """The card's slot: all ones from here on, until it is reset."""

    async def reset_slot() -> bool:
        bench.card.gone = not comes_back
        bench.card._reset_registers()
        bench.card._update_level()
        return True

    bench.adapter.pdev.reset_slot = reset_slot
    bench.card.gone = True


@pytest.mark.parametrize("noticed_ns", [0, 10_000_000])
def test_card_in_a_frozen_slot_goes_on_after_its_reset(noticed_ns: int) -> None:
    """Also where the driver has taken it for gone before the bus told of the error."""
    bench = Bench().up()
    freeze(bench)
    bench.settle(noticed_ns)
    assert bench.adapter.hw.gone == bool(noticed_ns)
    report(bench, fatal=True)
    until_told(bench, "device recovery successful")
    assert not bench.adapter.hw.gone and netif_device_present(bench.netdev)
    works(bench)
    bench.finish()


def test_card_that_is_still_gone_after_the_reset_of_its_slot_is_given_up() -> None:
    bench = Bench().up()
    freeze(bench, comes_back=False)
    report(bench, fatal=True)
    until_told(bench, "device recovery failed")
    assert not netif_device_present(bench.netdev)
    assert bench.kernel.irq(bench.card.irq).actions == []
    bench.finish()


def test_card_that_is_gone_is_given_up_at_an_error_that_resets_no_slot() -> None:
    bench = Bench().up()
    bench.card.gone = True
    bench.settle(10_000_000)
    report(bench)
    until_told(bench, "device recovery failed")
    bench.finish()


def test_permanent_failure_stops_a_running_card() -> None:
    bench = Bench().up()
    pdev = bench.adapter.pdev
    answer = bench.pump.run(e1000_io_error_detected(pdev, PciChannelState.IO_PERM_FAILURE))
    assert answer is PciErsResult.DISCONNECT
    assert bench.adapter.down and not netif_device_present(bench.netdev)
    assert bench.kernel.irq(bench.card.irq).actions == []
    bench.finish()


def test_interface_without_interrupt_after_the_recovery_is_closed_and_can_be_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench().up()
    with monkeypatch.context() as patch:
        patch.setattr(err, "e1000_request_irq", lambda adapter: -EBUSY)
        report(bench)
        until_told(bench, "device recovery successful")
    assert bench.log_has("the interface is closed: it has no interrupt")
    with bench.kernel.entered():
        assert not netif_running(bench.netdev) and netif_device_present(bench.netdev)
    assert not bench.card.get(CTRL_EXT) & CTRL_EXT.DRV_LOAD
    bench.close()
    assert bench.open() == 0
    works(bench)
    bench.finish()
