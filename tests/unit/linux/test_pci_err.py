# SPDX-License-Identifier: MIT
"""Recovery from errors that PCI functions report: driver/linux/pci_err.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from driver.host import ConfigWrite, PciError
from driver.linux.bug import ContractViolation
from driver.linux.cpu import in_task
from driver.linux.delay import msleep
from driver.linux.pci import (
    PCI_BASE_ADDRESS_0,
    PciDev,
    PciDeviceId,
    PciDriver,
    pci_devices,
    pci_read_config_dword,
    pci_register_driver,
    pci_restore_state,
    pci_unregister_driver,
    pci_write_config_byte,
)
from driver.linux.pci_err import PciChannelState, PciErrorHandlers, PciErsResult, pci_dev_is_disconnected
from tests.unit.pump import FakeFunction, Pump, machine

NORMAL, FROZEN, PERMANENT = PciChannelState
DETECTED, RESET, RESUME, GIVEN_UP = "error_detected", "slot_reset", "resume", "permanent"
MS = 1_000_000


class Driver:
    """Answers as it is told, and notes what it heard. wait_ms: how long each handler takes."""

    def __init__(
        self,
        pump: Pump,
        detected: PciErsResult = PciErsResult.NEED_RESET,
        reset: PciErsResult = PciErsResult.RECOVERED,
        permanent: PciErsResult = PciErsResult.DISCONNECT,
        *,
        wait_ms: int = 0,
        handlers: bool = True,
    ) -> None:
        self.pump, self.wait_ms = pump, wait_ms
        self.answers = {DETECTED: detected, RESET: reset, GIVEN_UP: permanent}
        self.heard: list[str] = []
        self.states: list[PciChannelState] = []
        err = PciErrorHandlers(self.error_detected, self.slot_reset, self.resume) if handlers else None
        self.driver = PciDriver("errors", [PciDeviceId(0x8086, 0x10D3)], self.probe, self.remove, err_handler=err)
        pump.run(pci_register_driver(self.driver))
        self.dev: PciDev = pump.run(pci_devices())[0]

    async def probe(self, pdev: PciDev, entry: PciDeviceId) -> int:
        self.heard.append("probe")
        return 0

    async def remove(self, pdev: PciDev) -> None:
        self.heard.append("remove")

    async def _hear(self, what: str) -> PciErsResult:
        assert in_task()
        self.heard.append(what)
        if self.wait_ms:
            await msleep(self.wait_ms)
        return self.answers.get(what, PciErsResult.NONE)

    async def error_detected(self, pdev: PciDev, state: PciChannelState) -> PciErsResult:
        self.states.append(state)
        return await self._hear(GIVEN_UP if state is PERMANENT else DETECTED)

    async def slot_reset(self, pdev: PciDev) -> PciErsResult:
        return await self._hear(RESET)

    async def resume(self, pdev: PciDev) -> None:
        await self._hear(RESUME)

    def report(self, fatal: bool = False, after_ns: int = 0) -> None:
        self.pump.at(self.pump.now_ns + after_ns, lambda: PciError(0, fatal))

    def recover(self, fatal: bool = False) -> list[str]:
        """Report an error, and let it be dealt with; what was heard of it."""
        before = len(self.heard)
        self.report(fatal)
        self.pump.advance(500 * MS)
        return self.heard[before:]

    def told(self, text: str) -> int:
        return sum(text in line.text for line in self.pump.kernel.log)


def slot(works: bool, calls: list[str]) -> Callable[[], Any]:
    async def reset() -> bool:
        calls.append("slot")
        return works

    return reset


@pytest.mark.parametrize(
    ("detected", "reset", "heard"),
    [
        (PciErsResult.NEED_RESET, PciErsResult.RECOVERED, [DETECTED, RESET, RESUME]),
        (PciErsResult.NEED_RESET, PciErsResult.NONE, [DETECTED, RESET, RESUME]),
        (PciErsResult.CAN_RECOVER, PciErsResult.RECOVERED, [DETECTED, RESUME]),
        (PciErsResult.NONE, PciErsResult.RECOVERED, [DETECTED, RESUME]),
    ],
)
def test_the_handlers_are_called_in_order(detected: PciErsResult, reset: PciErsResult, heard: Sequence[str]) -> None:
    driver = Driver(machine(FakeFunction()), detected, reset)
    assert driver.recover() == heard
    assert driver.states == [NORMAL] and driver.dev.error_state is NORMAL
    assert driver.told("device recovery successful") == 1 and driver.told("uncorrected, non-fatal") == 1
    assert driver.recover() == heard, "the next error is recovered likewise"


@pytest.mark.parametrize(
    ("detected", "reset", "heard"),
    [
        (PciErsResult.DISCONNECT, PciErsResult.RECOVERED, [DETECTED, GIVEN_UP]),
        (PciErsResult.NEED_RESET, PciErsResult.DISCONNECT, [DETECTED, RESET, GIVEN_UP]),
    ],
)
def test_a_device_that_is_given_up_is_disconnected(
    detected: PciErsResult, reset: PciErsResult, heard: Sequence[str]
) -> None:
    pump = machine(FakeFunction())
    driver = Driver(pump, detected, reset)
    assert driver.recover() == heard
    assert pci_dev_is_disconnected(driver.dev) and driver.told("device recovery failed") == 1
    assert driver.recover() == [], "and hears no more"
    written = len(pump.host.log)

    async def look() -> int:
        pci_write_config_byte(driver.dev, 0x3C, 1)
        return await pci_read_config_dword(driver.dev, 0)

    assert pump.run(look()) == 0xFFFFFFFF and len(pump.host.log) == written
    pump.run(pci_unregister_driver(driver.driver))
    assert driver.heard[-1] == "remove"


def test_a_driver_without_handlers_hears_nothing() -> None:
    driver = Driver(machine(FakeFunction()), handlers=False)
    assert driver.recover() == [] and driver.recover(fatal=True) == []
    assert not pci_dev_is_disconnected(driver.dev) and driver.dev.error_state is NORMAL
    assert driver.told("cannot recover") == 2 and driver.told("device recovery failed") == 2


def test_errors_of_no_driver_and_of_an_unknown_bus_hurt_nobody() -> None:
    pump = machine(FakeFunction())
    pump.at(0, lambda: PciError(0))
    pump.advance(MS)
    driver = Driver(pump)
    pump.run(pci_unregister_driver(driver.driver))
    assert driver.recover() == []
    pump.at(pump.now_ns, lambda: PciError(7))
    pump.advance(MS)
    assert driver.told("PCI bus error") == 1


# ---------------------------------------------------------------- fatal
def test_a_fatal_error_resets_the_slot_before_the_driver_starts_over() -> None:
    driver = Driver(machine(FakeFunction()))
    driver.dev.reset_slot = slot(True, driver.heard)
    assert driver.recover(fatal=True) == [DETECTED, "slot", RESET, RESUME]
    assert driver.states == [FROZEN] and driver.dev.error_state is NORMAL


@pytest.mark.parametrize("way", [False, True])
def test_a_fatal_error_of_a_slot_that_cannot_be_reset_is_the_end(way: bool) -> None:
    driver = Driver(machine(FakeFunction()))
    if way:
        driver.dev.reset_slot = slot(False, [])
    assert driver.recover(fatal=True) == [DETECTED, GIVEN_UP]
    assert driver.states == [FROZEN, PERMANENT] and pci_dev_is_disconnected(driver.dev)


def test_bars_and_command_come_back_after_a_reset() -> None:
    function = FakeFunction()
    pump = machine(function)
    driver = Driver(pump)
    kept = bytes(function.config)
    driver.dev.command = 6
    function.config[0x04:0x28] = bytes(0x24)

    async def restore() -> None:
        pci_restore_state(driver.dev)

    pump.run(restore())
    assert function.config[0x10:0x28] == kept[0x10:0x28] and function.config[4] == 6
    assert any(kept[0x10:0x28])
    written = [request.offset for _, request in pump.host.log[-2:] if isinstance(request, ConfigWrite)]
    assert written == [PCI_BASE_ADDRESS_0, 4]


# ---------------------------------------------------------------- more than one at a time
def test_what_comes_until_the_reset_is_part_of_the_same_error() -> None:
    driver = Driver(machine(FakeFunction()), wait_ms=10)
    for after_ms in (0, 1, 5, 12, 18):  # in error_detected, and in slot_reset
        driver.report(after_ns=after_ms * MS)
    driver.pump.advance(500 * MS)
    assert driver.heard == ["probe", DETECTED, RESET, RESUME] and driver.told("PCI bus error") == 1


def test_what_comes_in_resume_is_an_error_of_its_own() -> None:
    driver = Driver(machine(FakeFunction()), wait_ms=10)
    driver.report()
    driver.pump.until(lambda: RESUME in driver.heard)
    assert driver.recover() == [DETECTED, RESET, RESUME]
    assert driver.told("PCI bus error") == 2


def test_a_fatal_error_is_not_part_of_a_lesser_one() -> None:
    driver = Driver(machine(FakeFunction()), wait_ms=10)
    driver.dev.reset_slot = slot(True, driver.heard)
    driver.report()
    driver.report(fatal=True, after_ns=2 * MS)
    driver.report(after_ns=3 * MS)
    driver.pump.advance(500 * MS)
    assert driver.heard == ["probe", DETECTED, RESET, RESUME, DETECTED, "slot", RESET, RESUME]
    assert driver.states == [NORMAL, FROZEN]


@pytest.mark.parametrize("again", [False, True])
def test_a_driver_that_is_removed_meanwhile_hears_no_more_of_it(again: bool) -> None:
    """Nor does one that is bound meanwhile, though it is the same."""
    pump = machine(FakeFunction())
    driver = Driver(pump)
    driver.wait_ms = 10
    slot_calls: list[str] = []

    async def slow() -> bool:
        slot_calls.append("slot")
        await msleep(50)
        return True

    driver.dev.reset_slot = slow
    driver.report(fatal=True)
    pump.until(lambda: bool(slot_calls))
    pump.run(pci_unregister_driver(driver.driver))
    if again:
        pump.run(pci_register_driver(driver.driver))
    pump.advance(500 * MS)
    assert driver.heard == ["probe", DETECTED, "remove"] + ["probe"] * again
    assert driver.dev.error_state is NORMAL and driver.dev.recovering is None


def test_remove_waits_for_a_handler() -> None:
    pump = machine(FakeFunction())
    driver = Driver(pump, wait_ms=10)
    driver.report()
    pump.until(lambda: DETECTED in driver.heard)
    at_ns = pump.now_ns
    pump.run(pci_unregister_driver(driver.driver))
    assert driver.heard[-1] == "remove" and pump.now_ns - at_ns >= 9 * MS


# ---------------------------------------------------------------- rules
@pytest.mark.parametrize(
    ("answers", "heard"),
    [
        ({"detected": PciErsResult.RECOVERED}, [DETECTED, GIVEN_UP]),
        ({"detected": PciErsResult.NO_AER_DRIVER}, [DETECTED, GIVEN_UP]),
        ({"reset": PciErsResult.NEED_RESET}, [DETECTED, RESET, GIVEN_UP]),
        ({"reset": PciErsResult.CAN_RECOVER}, [DETECTED, RESET, GIVEN_UP]),
        ({"detected": PciErsResult.DISCONNECT, "permanent": PciErsResult.NEED_RESET}, [DETECTED, GIVEN_UP]),
    ],
)
def test_pci_ers_result(answers: dict[str, PciErsResult], heard: list[str]) -> None:
    pump = machine(FakeFunction())
    driver = Driver(pump, **answers)  # type: ignore[arg-type]
    with pump.kernel.expecting("pci-ers-result") as caught:
        assert driver.recover() == heard
    assert len(caught) == 1 and pci_dev_is_disconnected(driver.dev)


def test_pci_ers_result_panics() -> None:
    driver = Driver(machine(FakeFunction()), PciErsResult.RECOVERED)
    with pytest.raises(ContractViolation, match="pci-ers-result"):
        driver.recover()
