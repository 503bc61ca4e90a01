# SPDX-License-Identifier: MIT
"""Probe and remove: the order of things, and every way out of a probe that fails."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from driver.e1000e import main
from driver.e1000e.netdev import E1000NetdevOps
from driver.e1000e.regs import CTRL, CTRL_EXT, EERD, ICR, IMC, PHY_ID1, RAH, RAL, TCTL, Register
from driver.host import MmioRead, MmioWrite
from driver.linux.delay import msleep
from driver.linux.errno import EBUSY, EEXIST, EIO, ENODEV, ETIMEDOUT
from driver.linux.net.state import net_state
from driver.linux.netdevice import NetDevice, alloc_etherdev, free_netdev, register_netdev, unregister_netdev
from driver.linux.pci import device_shutdown
from driver.linux.workqueue import Work, schedule_work
from tests.unit.e1000e.bench import Bench, frame_of
from tests.unit.e1000e.fake_card import MAC_ADDRESS, FakeCard, nvm_image


def accesses(bench: Bench) -> list[tuple[str, int, int]]:
    """(r or w, offset, value written) of every register access so far."""
    found = []
    for _, request in bench.pump.host.log:
        if isinstance(request, MmioWrite):
            found.append(("w", request.offset, request.value))
        elif isinstance(request, MmioRead):
            found.append(("r", request.offset, 0))
    return found


def first(found: list[tuple[str, int, int]], kind: str, register: Register, bits: int = 0) -> int:
    wanted = (kind, register.offset)
    return next(i for i, (k, at, value) in enumerate(found) if (k, at) == wanted and value & bits == bits)


def test_probe_makes_a_device_with_the_nvms_address() -> None:
    bench = Bench()
    assert bench.load() == 0
    assert bench.netdev.dev_addr == bench.netdev.perm_addr == MAC_ADDRESS
    assert (bench.netdev.min_mtu, bench.netdev.max_mtu) == (68, 9212)
    assert bench.netdev.carrier_off
    bench.unload()
    bench.assert_clean()


def test_firmware_is_told_that_the_driver_is_in_charge_while_the_interface_is_open() -> None:
    bench = Bench()
    told = [bool(bench.card.get(CTRL_EXT) & CTRL_EXT.DRV_LOAD)]
    for step in (bench.load, bench.open, bench.close, bench.open, bench.unload):
        step()
        told.append(bool(bench.card.get(CTRL_EXT) & CTRL_EXT.DRV_LOAD))
    assert told == [False, False, True, False, True, False]
    bench.assert_clean()


def test_firmware_is_told_before_open_resets_the_card() -> None:
    bench = Bench()
    bench.load()
    bench.pump.host.log.clear()
    bench.open()
    writes = [(offset, value) for kind, offset, value in accesses(bench) if kind == "w"]
    told = next(i for i, (o, value) in enumerate(writes) if o == CTRL_EXT.offset and value & CTRL_EXT.DRV_LOAD)
    reset = next(i for i, (o, value) in enumerate(writes) if o == CTRL.offset and value & CTRL.RST)
    assert told < reset
    bench.finish()


def test_reset_is_in_the_datasheets_order() -> None:
    """Master off, interrupts masked, receiver and transmitter off, reset, AUTO_RD, causes cleared, then the NVM."""
    bench = Bench()
    bench.load()
    found = accesses(bench)
    reset = first(found, "w", CTRL, CTRL.RST)
    before = [
        first(found, "w", CTRL, CTRL.GIO_MASTER_DISABLE), first(found, "w", IMC), first(found, "w", TCTL), reset,
        first(found, "w", EERD),
    ]  # fmt: skip
    assert before == sorted(before)
    after = [entry[:2] for entry in found[reset : first(found, "w", EERD)]]
    assert after.index(("r", 0x10)) < after.index(("w", IMC.offset)) < after.index(("r", ICR.offset))
    bench.unload()
    bench.assert_clean()


def test_probe_waits_for_the_resets_time() -> None:
    bench = Bench(time_scale=1)
    bench.load()
    times = [(now, r.offset, r.value) for now, r in bench.pump.host.log if isinstance(r, MmioWrite)]
    resets = [now for now, offset, value in times if offset == CTRL.offset and value & CTRL.RST]
    assert len(resets) == 2
    nvm = next(now for now, offset, _ in times if offset == EERD.offset)
    assert nvm - resets[0] >= 25_000_000
    bench.unload()
    bench.assert_clean()


# ---------------------------------------------------------------- every way out
def bad_checksum(card: FakeCard) -> None:
    card.nvm[0x20] ^= 1


def no_nvm(card: FakeCard) -> None:
    card.eerd_never_done = True


def multicast_address(card: FakeCard) -> None:
    card.nvm = nvm_image(bytes.fromhex("030000a1b2c3"))


def zero_address(card: FakeCard) -> None:
    card.nvm = nvm_image(bytes(6))


def no_auto_rd(card: FakeCard) -> None:
    card.never_auto_rd = True


def other_phy(card: FakeCard) -> None:
    card.phy[PHY_ID1.number] = 0x1234


def phy_taken(card: FakeCard) -> None:
    card.mdio_taken = True


def phy_silent(card: FakeCard) -> None:
    card.mdic_never_ready = True


def phy_error(card: FakeCard) -> None:
    card.mdic_error = True


def card_gone(card: FakeCard) -> None:
    card.gone = True


@pytest.mark.parametrize(
    "fault, error, message",
    [
        (bad_checksum, EIO, "the checksum is wrong"),
        (no_nvm, EIO, "EERD.DONE did not come"),
        (multicast_address, EIO, "cannot be a station address"),
        (zero_address, EIO, "cannot be a station address"),
        (no_auto_rd, ETIMEDOUT, "EECD.AUTO_RD does not come"),
        (other_phy, ENODEV, "is not that of an 82574L"),
        (phy_taken, EBUSY, "MDIO_SW_OWNERSHIP does not stay set"),
        (phy_silent, ETIMEDOUT, "MDIC.READY did not come"),
        (phy_error, EIO, "MDIC answers"),
        (card_gone, ENODEV, "does not answer"),
    ],
)
def test_probe_of_a_broken_card_fails_and_leaves_nothing(
    fault: Callable[[FakeCard], None], error: int, message: str
) -> None:
    bench = Bench(time_scale=100)
    fault(bench.card)
    assert bench.load() == -error
    assert bench.log_has(message)
    with bench.kernel.entered():
        assert net_state().devices == {}
    bench.unload()
    bench.assert_clean()


def _fails(error: int) -> Callable[..., int]:
    return lambda *_: -error


async def _fails_later(*_: object) -> int:
    return -EIO


@pytest.mark.parametrize(
    "step, failure, error",
    [
        ("pci_enable_device", _fails_later, EIO),
        ("dma_set_mask_and_coherent", _fails(EIO), EIO),
        ("pci_request_regions", _fails(EBUSY), EBUSY),
        ("pci_iomap", lambda *_: None, EIO),
        ("e1000_get_phy_id_82571", _fails_later, EIO),
        ("e1000_reset_hw_82571", _fails_later, EIO),
        ("_read_nvm", _fails_later, EIO),
        ("e1000e_reset", _fails_later, EIO),
        ("register_netdev", _fails_later, EIO),
    ],
)
def test_every_step_of_probe_can_fail(
    monkeypatch: pytest.MonkeyPatch, step: str, failure: Callable[..., object], error: int
) -> None:
    bench = Bench()
    monkeypatch.setattr(main, step, failure)
    assert bench.load() == -error
    monkeypatch.undo()
    bench.assert_clean()
    # Nothing that was left behind stands in the way of a second try.
    bench.unload()
    assert bench.load() == 0
    bench.unload()
    bench.assert_clean()


def test_a_name_that_is_taken_fails_the_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()

    async def register_other() -> NetDevice:
        other = alloc_etherdev()
        other.netdev_ops = E1000NetdevOps()
        assert await register_netdev(other) == 0
        return other

    def named_eth0() -> NetDevice:
        dev = alloc_etherdev()
        dev.name = "eth0"
        return dev

    async def unregister(other: NetDevice) -> None:
        await unregister_netdev(other)
        free_netdev(other)

    other = bench.pump.run(register_other())
    monkeypatch.setattr(main, "alloc_etherdev", named_eth0)
    assert bench.load() == -EEXIST
    assert not bench.card.get(CTRL_EXT) & CTRL_EXT.DRV_LOAD
    bench.pump.run(unregister(other))
    bench.unload()
    bench.assert_clean()


# ---------------------------------------------------------------- remove
def test_remove_of_an_open_device_closes_it() -> None:
    bench = Bench().up()
    bench.arrive(*(b"\xff" * 100 for _ in range(20)))
    bench.unload()
    bench.assert_clean()


def test_remove_right_after_the_interrupt_and_before_its_work() -> None:
    for delay_ns in range(0, 12_000, 1_500):
        bench = Bench().up()
        bench.card.plug(False)
        bench.settle(delay_ns)
        bench.unload()
        bench.assert_clean()


@pytest.mark.parametrize("name", ["reset_task", "watchdog_task", "print_hang_task"])
def test_remove_waits_for_work_that_runs(name: str) -> None:
    bench = Bench()
    bench.load()
    steps: list[str] = []

    async def slow(work: Work) -> None:
        await msleep(10_000)
        steps.append("work is done")

    work: Work = getattr(bench.adapter, name)
    work.func = slow
    bench.call(lambda: schedule_work(work))
    bench.unload()
    steps.append("removed")
    assert steps == ["work is done", "removed"]
    bench.assert_clean()


def test_after_shutdown_the_card_does_nothing_any_more() -> None:
    bench = Bench().up()
    bench.pump.run(device_shutdown())
    assert bench.kernel.irq(bench.card.irq).actions == []
    assert [m for m in bench.kernel.dma_table.live() if not m.coherent] == []
    bench.arrive(frame_of(100))
    bench.settle()
    assert bench.received == []
    assert bench.card.complaints == []
    assert bench.kernel.deadline_ns is None


def test_own_address_is_in_the_first_filter_entry_and_no_other_is() -> None:
    bench = Bench()
    bench.load()
    assert bench.card.get(RAL[0]) == int.from_bytes(MAC_ADDRESS[:4], "little")
    assert bench.card.get(RAH[0]) == int.from_bytes(MAC_ADDRESS[4:], "little") | RAH[0].AV
    assert all(bench.card.get(RAH[i]) == 0 for i in range(1, 16))
    bench.unload()
    bench.assert_clean()


def test_probe_takes_no_memory_for_rings_and_buffers() -> None:
    bench = Bench()
    bench.kernel.mm.fail_after(0)
    assert bench.load() == 0
    bench.unload()
    bench.assert_clean()
