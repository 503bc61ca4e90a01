# SPDX-License-Identifier: MIT
"""PCI: driver/linux/pci.py."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from driver.host import ConfigWrite
from driver.linux.bug import ContractViolation
from driver.linux.dma_mapping import (
    DMA_TO_DEVICE,
    dma_map_single,
    dma_mapping_error,
    dma_set_mask_and_coherent,
)
from driver.linux.errno import EBUSY, EINVAL, EIO, ENODEV
from driver.linux.interrupt import IRQ_NONE, IRQF_SHARED, free_irq, request_irq
from driver.linux.io import readl, writel
from driver.linux.mm import kmalloc
from driver.linux.pci import (
    PciDev,
    PciDeviceId,
    PciDriver,
    device_shutdown,
    pci_devices,
    pci_disable_device,
    pci_enable_device,
    pci_iomap,
    pci_iounmap,
    pci_read_config_byte,
    pci_read_config_dword,
    pci_read_config_word,
    pci_register_driver,
    pci_release_regions,
    pci_request_regions,
    pci_set_master,
    pci_unregister_driver,
    pci_write_config_byte,
    pci_write_config_dword,
    pci_write_config_word,
)
from tests.unit.pump import FakeFunction, Pump, machine

CARD = PciDeviceId(0x8086, 0x10D3)


class Recorder:
    """A driver whose probe and remove do what they are given, and note that they were called."""

    def __init__(
        self,
        *ids: PciDeviceId,
        probe: Callable[[PciDev], Any] | None = None,
        remove: Callable[[PciDev], Any] | None = None,
    ) -> None:
        self.calls: list[tuple[str, str]] = []
        self._probe, self._remove = probe, remove
        self.driver = PciDriver("recorder", ids or (CARD,), self.probe, self.remove, self.shutdown)

    async def probe(self, pdev: PciDev, entry: PciDeviceId) -> int:
        self.calls.append(("probe", pdev.name))
        return (await self._probe(pdev) if self._probe else 0) or 0

    async def remove(self, pdev: PciDev) -> None:
        self.calls.append(("remove", pdev.name))
        if self._remove:
            await self._remove(pdev)

    async def shutdown(self, pdev: PciDev) -> None:
        self.calls.append(("shutdown", pdev.name))


def life(pump: Pump, recorder: Recorder) -> None:
    """Register and unregister."""

    async def task() -> None:
        assert await pci_register_driver(recorder.driver) == 0
        await pci_unregister_driver(recorder.driver)

    pump.run(task())


def test_probe_and_remove_are_called_for_functions_in_the_table() -> None:
    pump = machine(FakeFunction(), FakeFunction(device=0x1234), FakeFunction())
    recorder = Recorder()
    life(pump, recorder)
    assert recorder.calls == [
        ("probe", "0000:00:00.0"),
        ("probe", "0000:00:02.0"),
        ("remove", "0000:00:00.0"),
        ("remove", "0000:00:02.0"),
    ]


@pytest.mark.parametrize(
    ("entry", "matches"),
    [
        (PciDeviceId(0x8086, 0x10D3), True),
        (PciDeviceId(0x8086, 0x10D3, 0x8086, 0xA01F), True),
        (PciDeviceId(0x8086, 0x10D3, 0x8086, 0xA01E), False),
        (PciDeviceId(0x8086, 0x10D3, 0x1234), False),
        (PciDeviceId(0x1234, 0x10D3), False),
    ],
)
def test_the_table_may_name_subsystems(entry: PciDeviceId, matches: bool) -> None:
    function = FakeFunction()
    function.config[0x2C:0x30] = bytes.fromhex("86801fa0")
    recorder = Recorder(entry)
    life(machine(function), recorder)
    assert bool(recorder.calls) == matches


def test_a_device_is_driven_by_one_driver() -> None:
    pump, first, second = machine(FakeFunction()), Recorder(), Recorder()

    async def task() -> None:
        assert await pci_register_driver(first.driver) == 0
        assert await pci_register_driver(first.driver) == -EBUSY
        assert await pci_register_driver(second.driver) == 0
        await pci_unregister_driver(first.driver)
        await pci_unregister_driver(second.driver)

    pump.run(task())
    assert [len(first.calls), len(second.calls)] == [2, 0]


def test_a_failed_probe_leaves_the_device_to_others() -> None:
    pump, second = machine(FakeFunction()), Recorder()

    async def fail(pdev: PciDev) -> int:
        return -ENODEV

    async def task() -> None:
        assert await pci_register_driver(Recorder(probe=fail).driver) == 0
        assert await pci_register_driver(second.driver) == 0

    pump.run(task())
    assert second.calls == [("probe", "0000:00:00.0")]
    assert any("-ENODEV" in line.text for line in pump.kernel.log)


def test_bars_are_sized_with_decoding_off_and_assigned_apart() -> None:
    first, second = FakeFunction(bars=(0x20000, 0x1000)), FakeFunction(bars=(0x80,))
    first.config[4] = 7
    pump = machine(first, second)
    one, two = pump.run(pci_devices())
    assert [bar.size for dev in (one, two) for bar in dev.bars.values()] == [0x20000, 0x1000, 0x80]
    spans = sorted((bar.address, bar.address + bar.size) for dev in (one, two) for bar in dev.bars.values())
    assert all(a_end <= b_start for (_, a_end), (b_start, _) in pairwise(spans))
    for dev, function in ((one, first), (two, second)):
        for bar in dev.bars.values():
            assert bar.address % bar.size == 0
            assert function.config_read(0x10 + 4 * bar.index, 4) == bar.address
    writes = [request for _, request in pump.host.log if isinstance(request, ConfigWrite) and not request.function]
    assert writes[0] == ConfigWrite(0, 0, 4, 4, 2)
    assert writes[1] == ConfigWrite(0, 0, 0x10, 0xFFFFFFFF, 4)


class WideBar(FakeFunction):
    """BAR 0 is 64 bits wide, 16 KiB; BAR 2 is an I/O BAR of 32 bytes."""

    def config_write(self, offset: int, value: int, size: int) -> None:
        fixed = {0x10: (0xFFFFC000, 4), 0x14: (0xFFFFFFFF, 0), 0x18: (0xFFE0, 1)}
        if 0x10 <= offset < 0x28:
            mask, low = fixed.get(offset, (0, 0))
            value = value & mask | low
        self.config[offset : offset + size] = value.to_bytes(size, "little")


def test_wide_and_io_bars() -> None:
    function = WideBar()
    (dev,) = machine(function).run(pci_devices())
    assert function.config_read(0x10, 8) == dev.bars[0].address | 4
    assert function.config_read(0x18, 4) == dev.bars[2].address | 1
    assert {index: (bar.size, bar.is_io, bar.is_64bit) for index, bar in dev.bars.items()} == {
        0: (0x4000, False, True),
        2: (32, True, False),
    }


def test_absent_functions_and_bridges_are_passed_over() -> None:
    absent, bridge = FakeFunction(vendor=0xFFFF, device=0xFFFF), FakeFunction()
    bridge.config[0x0E] = 1
    assert [dev.function for dev in machine(absent, bridge, FakeFunction()).run(pci_devices())] == [2]


def test_what_a_probe_needs_works() -> None:
    function = FakeFunction()
    pump, seen = machine(function), {}

    async def probe(pdev: PciDev) -> int:
        assert await pci_enable_device(pdev) == 0
        assert pci_request_regions(pdev, "driver") == 0
        assert pci_request_regions(pdev, "other") == -EBUSY
        pci_set_master(pdev)
        assert pci_iomap(pdev, 5) is None
        mem = pdev.drvdata = pci_iomap(pdev, 0)
        assert mem is not None
        writel(0x1234, mem, 0x18)
        seen["register"] = await readl(mem, 0x18)
        seen["command"] = await pci_read_config_word(pdev, 4)
        seen["identity"] = await pci_read_config_dword(pdev, 0)
        seen["pin"] = await pci_read_config_byte(pdev, 0x3D)
        pci_write_config_word(pdev, 0x40, 0xBEEF)
        return 0

    async def remove(pdev: PciDev) -> None:
        pci_iounmap(pdev, pdev.drvdata)
        pci_release_regions(pdev)
        pci_disable_device(pdev)

    life(pump, Recorder(probe=probe, remove=remove))
    assert seen == {"register": 0x1234, "command": 6, "identity": 0x10D38086, "pin": 1}
    assert function.config_read(0x40, 2) == 0xBEEF
    assert function.config_read(4, 2) == 2, "no bus master after pci_disable_device"
    assert not pump.kernel.violations


def test_enabling_counts() -> None:
    function = FakeFunction()
    pump = machine(function)

    async def task() -> None:
        (dev,) = await pci_devices()
        assert await pci_enable_device(dev) == await pci_enable_device(dev) == 0
        pci_set_master(dev)
        pci_disable_device(dev)
        assert await pci_read_config_word(dev, 4) == 6
        pci_disable_device(dev)
        assert await pci_read_config_word(dev, 4) == 2

    pump.run(task())


@pytest.mark.parametrize(("gone", "error"), [(False, -EINVAL), (True, -EIO)])
def test_enabling_fails(gone: bool, error: int) -> None:
    function = FakeFunction(bars=(0x1000,) if gone else ())
    pump = machine(function)

    async def task() -> None:
        (dev,) = await pci_devices()
        function.config_write = lambda offset, value, size: None  # type: ignore[method-assign]
        assert await pci_enable_device(dev) == error
        assert dev.enable_count == 0

    pump.run(task())


def test_shutdown_reaches_the_drivers() -> None:
    recorder = Recorder()

    async def task() -> None:
        await pci_register_driver(recorder.driver)
        await device_shutdown()

    machine(FakeFunction()).run(task())
    assert recorder.calls[1:] == [("shutdown", "0000:00:00.0")]


async def _leak_regions(pdev: PciDev) -> None:
    pci_request_regions(pdev, "forgetful")


async def _leak_enable(pdev: PciDev) -> None:
    await pci_enable_device(pdev)


async def _leak_map(pdev: PciDev) -> None:
    await pci_enable_device(pdev)
    pci_iomap(pdev, 0)
    pci_disable_device(pdev)


async def _leak_irq(pdev: PciDev) -> None:
    request_irq(pdev.irq, lambda irq, dev_id: IRQ_NONE, IRQF_SHARED, "forgetful", pdev)


async def _leak_dma(pdev: PciDev) -> None:
    buffer = kmalloc(100)
    assert buffer is not None
    dma_set_mask_and_coherent(pdev, (1 << 64) - 1)
    dma_mapping_error(pdev, dma_map_single(pdev, buffer, 100, DMA_TO_DEVICE))


LEAKS = [
    (_leak_regions, "pci-leak.*regions still belong to forgetful"),
    (_leak_enable, "pci-leak.*still enabled"),
    (_leak_map, "pci-leak.*BAR 0 is still mapped"),
    (_leak_irq, "pci-leak.*interrupt handler forgetful"),
    (_leak_dma, "dma-leak.*still mapped"),
]


@pytest.mark.parametrize(("leak", "message"), LEAKS)
def test_rule_pci_leak_at_remove(leak: Callable[[PciDev], Any], message: str) -> None:
    with pytest.raises(ContractViolation, match=message):
        life(machine(FakeFunction()), Recorder(probe=leak))


@pytest.mark.parametrize(("leak", "message"), LEAKS)
def test_rule_pci_leak_after_a_failed_probe(leak: Callable[[PciDev], Any], message: str) -> None:
    async def probe(pdev: PciDev) -> int:
        await leak(pdev)
        return -ENODEV

    with pytest.raises(ContractViolation, match=message):
        life(machine(FakeFunction()), Recorder(probe=probe))


def test_a_neighbours_handler_on_a_shared_line_is_no_leak() -> None:
    pump = machine(FakeFunction(), FakeFunction(device=0x1234))
    pump.host.irq_of = lambda function: 16  # type: ignore[method-assign]
    neighbour = Recorder(PciDeviceId(0x8086, 0x1234), probe=_leak_irq)

    async def task() -> None:
        await pci_register_driver(neighbour.driver)
        mine = Recorder()
        await pci_register_driver(mine.driver)
        await pci_unregister_driver(mine.driver)

    pump.run(task())
    assert not pump.kernel.violations


@pytest.mark.parametrize("known", [True, False])
def test_rule_pci_leak_on_a_line_shared_with_a_device_that_has_no_handler(known: bool) -> None:
    pump = machine(FakeFunction(), FakeFunction(device=0x1234))
    pump.host.irq_of = lambda function: 16  # type: ignore[method-assign]
    idle = Recorder(PciDeviceId(0x8086, 0x1234))

    async def leaks_another(pdev: PciDev) -> None:
        await _leak_irq(pdev)
        if not known:  # two handlers that tell nothing: the idle neighbour's may be one of them
            for name in ("first", "second"):
                request_irq(pdev.irq, lambda irq, dev_id: IRQ_NONE, IRQF_SHARED, name, object())
            free_irq(pdev.irq, pdev)

    async def task() -> None:
        await pci_register_driver(idle.driver)
        forgetful = Recorder(probe=leaks_another)
        await pci_register_driver(forgetful.driver)
        await pci_unregister_driver(forgetful.driver)

    with pump.kernel.expecting("pci-leak") as caught:
        pump.run(task())
    assert [violation.message.split("handler ")[1].split()[0] for violation in caught] == (
        ["forgetful"] if known else ["second"]
    )


def test_rule_pci_leak_of_a_handler_that_tells_nothing_beside_a_neighbours_own() -> None:
    pump = machine(FakeFunction(), FakeFunction(device=0x1234))
    pump.host.irq_of = lambda function: 16  # type: ignore[method-assign]

    async def leaks(pdev: PciDev) -> None:
        request_irq(pdev.irq, lambda irq, dev_id: IRQ_NONE, IRQF_SHARED, "unknown", object())

    async def task() -> None:
        await pci_register_driver(Recorder(PciDeviceId(0x8086, 0x1234), probe=_leak_irq).driver)
        forgetful = Recorder(probe=leaks)
        await pci_register_driver(forgetful.driver)
        await pci_unregister_driver(forgetful.driver)

    with pump.kernel.expecting("pci-leak") as caught:
        pump.run(task())
    assert [violation.message.split("handler ")[1].split()[0] for violation in caught] == ["unknown"]


def test_configuration_space_is_written_in_every_width() -> None:
    function = FakeFunction()
    pump = machine(function)

    async def task() -> list[int]:
        (pdev,) = await pci_devices()
        pci_write_config_dword(pdev, 0x40, 0x11223344)
        pci_write_config_word(pdev, 0x42, 0xAABB)
        pci_write_config_byte(pdev, 0x41, 0xCC)
        return [await pci_read_config_dword(pdev, 0x40), await pci_read_config_byte(pdev, 0x41)]

    assert pump.run(task()) == [0xAABBCC44, 0xCC]


async def _map_before_enabling(pdev: PciDev) -> None:
    pci_iomap(pdev, 0)


async def _release_unrequested(pdev: PciDev) -> None:
    pci_release_regions(pdev)


async def _disable_too_often(pdev: PciDev) -> None:
    pci_disable_device(pdev)


async def _unmap_twice(pdev: PciDev) -> None:
    await pci_enable_device(pdev)
    mem = pci_iomap(pdev, 0)
    assert mem is not None
    pci_iounmap(pdev, mem)
    pci_iounmap(pdev, mem)


async def _use_after_iounmap(pdev: PciDev) -> None:
    await pci_enable_device(pdev)
    mem = pci_iomap(pdev, 0)
    assert mem is not None
    pci_iounmap(pdev, mem)
    await readl(mem, 0)


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (_map_before_enabling, "pci-enable"),
        (_release_unrequested, "pci-release"),
        (_disable_too_often, "pci-release"),
        (_unmap_twice, "pci-release"),
        (_use_after_iounmap, "io-unmapped"),
    ],
)
def test_rules_of_the_calls(broken: Callable[[PciDev], Any], rule: str) -> None:
    with pytest.raises(ContractViolation, match=f"{rule}:"):
        life(machine(FakeFunction()), Recorder(probe=broken))


def test_free_irq_before_remove_is_no_leak() -> None:
    async def remove(pdev: PciDev) -> None:
        free_irq(pdev.irq, pdev)

    pump = machine(FakeFunction())
    life(pump, Recorder(probe=_leak_irq, remove=remove))
    assert not pump.kernel.violations
