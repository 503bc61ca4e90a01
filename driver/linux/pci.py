# SPDX-License-Identifier: MIT
"""PCI: finds the functions, sizes and assigns their BARs, and brings drivers and devices together.

What reads configuration space is awaited; what only writes it (pci_set_master, pci_disable_device) is a plain call,
from a copy of the command register that nobody else changes.

Rules: pci-leak (remove, and a failed probe, leave no region, mapping, interrupt handler, DMA mapping and no enabled
device behind), pci-enable (registers are mapped only of an enabled device), pci-release (pairs with the request),
io-unmapped (in io.py).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass, replace
from types import coroutine
from typing import Any, Final, NamedTuple

from driver.host import ConfigRead, ConfigWrite, PciError
from driver.linux.bug import here, warn_violation
from driver.linux.cpu import might_sleep
from driver.linux.current import ON
from driver.linux.dma_mapping import DEFAULT_DMA_MASK
from driver.linux.errno import EBUSY, EINVAL, EIO, errname
from driver.linux.interrupt import IrqAction
from driver.linux.io import IoMem
from driver.linux.mutex import Mutex
from driver.linux.pci_err import (
    PciChannelState,
    PciErrorHandlers,
    aer_irq,
    aer_isr,
    pci_dev_is_disconnected,
)
from driver.linux.printk import dev_err, dev_info
from driver.linux.workqueue import Work

__all__ = [
    "PCI_ANY_ID",
    "PciBar",
    "PciDev",
    "PciDeviceId",
    "PciDriver",
    "device_shutdown",
    "pci_clear_master",
    "pci_devices",
    "pci_disable_device",
    "pci_enable_device",
    "pci_iomap",
    "pci_iounmap",
    "pci_is_enabled",
    "pci_read_config_byte",
    "pci_read_config_dword",
    "pci_read_config_word",
    "pci_register_driver",
    "pci_release_regions",
    "pci_request_regions",
    "pci_restore_state",
    "pci_set_master",
    "pci_unregister_driver",
    "pci_write_config_byte",
    "pci_write_config_dword",
    "pci_write_config_word",
]

PCI_ANY_ID: Final = 0xFFFFFFFF

PCI_VENDOR_ID: Final = 0x00
PCI_DEVICE_ID: Final = 0x02
PCI_COMMAND: Final = 0x04
PCI_CLASS_REVISION: Final = 0x08
PCI_HEADER_TYPE: Final = 0x0E
PCI_BASE_ADDRESS_0: Final = 0x10
PCI_SUBSYSTEM_VENDOR_ID: Final = 0x2C
PCI_SUBSYSTEM_ID: Final = 0x2E
PCI_COMMAND_IO: Final = 0x1
PCI_COMMAND_MEMORY: Final = 0x2
PCI_COMMAND_MASTER: Final = 0x4
PCI_COMMAND_INTX_DISABLE: Final = 0x400

_BARS: Final = 6
_IO_WINDOW: Final = 0x2000
_MEMORY_WINDOW: Final = 0xE000_0000


@dataclass(frozen=True, slots=True)
class PciBar:
    """A base address register that exists. address: where the bus has it; size: bytes."""

    index: int
    address: int
    size: int
    is_io: bool
    is_64bit: bool


class PciDev:
    """One PCI function. drvdata is the driver's."""

    def __init__(self, function: int, irq: int) -> None:
        self.function = function
        self.irq = irq
        self.kernel = ON.kernel
        self.vendor = self.device = 0
        self.subsystem_vendor = self.subsystem_device = 0
        self.class_code = 0  # base class, subclass, programming interface: 24 bits
        self.revision = 0
        self.command = 0
        self.bars: dict[int, PciBar] = {}
        self.driver: PciDriver | None = None
        self.drvdata: Any = None
        self.dma_mask = DEFAULT_DMA_MASK
        self.enable_count = 0
        self.region_owner: str | None = None
        self.iomaps: list[IoMem] = []
        self.lock = Mutex(f"device {self.name}")  # device_lock: one call of its driver from here at a time
        # pci_err.py
        self.error_state = PciChannelState.IO_NORMAL
        self.error_reported: PciChannelState | None = None  # and not looked at yet
        self.recovering: PciErrorHandlers | None = None  # whose error_detected was called, and resume not yet
        self.aer_work = Work(aer_isr, self)
        self.reset_slot: Callable[[], Awaitable[bool]] | None = None  # how the machine resets it: has it worked?

    @property
    def name(self) -> str:
        return f"0000:00:{self.function:02x}.0"

    def __repr__(self) -> str:
        return f"<PciDev {self.name} {self.vendor:04x}:{self.device:04x}>"


class PciDeviceId(NamedTuple):
    """One row of a driver's table. driver_data: what probe wants to know of it."""

    vendor: int
    device: int
    subvendor: int = PCI_ANY_ID
    subdevice: int = PCI_ANY_ID
    driver_data: Any = None

    def matches(self, dev: PciDev) -> bool:
        pairs = (
            (self.vendor, dev.vendor),
            (self.device, dev.device),
            (self.subvendor, dev.subsystem_vendor),
            (self.subdevice, dev.subsystem_device),
        )
        return all(wanted in (PCI_ANY_ID, found) for wanted, found in pairs)


class PciDriver:
    """probe(pdev, id) -> 0 or -errno; remove(pdev); shutdown(pdev): coroutine functions, in process context.

    err_handler: None: errors of its devices are only told in the log.
    """

    def __init__(
        self,
        name: str,
        id_table: Sequence[PciDeviceId],
        probe: Callable[[PciDev, PciDeviceId], Awaitable[int]],
        remove: Callable[[PciDev], Awaitable[None]],
        shutdown: Callable[[PciDev], Awaitable[None]] | None = None,
        err_handler: PciErrorHandlers | None = None,
    ) -> None:
        self.name = name
        self.id_table = id_table
        self.probe = probe
        self.remove = remove
        self.shutdown = shutdown
        self.err_handler = err_handler

    def match(self, dev: PciDev) -> PciDeviceId | None:
        return next((entry for entry in self.id_table if entry.matches(dev)), None)


class _Bus:
    """What one kernel knows of its PCI bus."""

    def __init__(self) -> None:
        self.lock = Mutex("pci bus")
        self.devices: list[PciDev] | None = None  # None: not looked for yet
        self.drivers: list[PciDriver] = []
        self.next_io = _IO_WINDOW
        self.next_memory = _MEMORY_WINDOW

    def error(self, event: PciError) -> None:
        """A function that drivers can be bound to reports one."""
        for dev in self.devices or ():
            if dev.function == event.function:
                aer_irq(dev, event.fatal)


# ---------------------------------------------------------------------------------------------- configuration space
@coroutine
def _read(dev: PciDev, offset: int, size: int) -> Generator[ConfigRead, Any, int]:
    if pci_dev_is_disconnected(dev):
        return (1 << 8 * size) - 1
    value: int = yield ConfigRead(ON.cpu.index, dev.function, offset, size)
    return value


def _write(dev: PciDev, offset: int, value: int, size: int) -> None:
    if pci_dev_is_disconnected(dev):
        return
    cpu = ON.cpu
    cpu.kernel.requests.append(ConfigWrite(cpu.index, dev.function, offset, value, size))


async def pci_read_config_byte(dev: PciDev, offset: int) -> int:
    return await _read(dev, offset, 1)


async def pci_read_config_word(dev: PciDev, offset: int) -> int:
    return await _read(dev, offset, 2)


async def pci_read_config_dword(dev: PciDev, offset: int) -> int:
    return await _read(dev, offset, 4)


def pci_write_config_byte(dev: PciDev, offset: int, value: int) -> None:
    _write(dev, offset, value, 1)


def pci_write_config_word(dev: PciDev, offset: int, value: int) -> None:
    _write(dev, offset, value, 2)


def pci_write_config_dword(dev: PciDev, offset: int, value: int) -> None:
    _write(dev, offset, value, 4)


def _set_command(dev: PciDev, bits: int, clear: int = 0) -> None:
    dev.command = dev.command & ~clear | bits
    _write(dev, PCI_COMMAND, dev.command, 2)


# ---------------------------------------------------------------------------------------------- enumeration
async def pci_devices() -> list[PciDev]:
    """The functions on the bus; looks for them at the first call."""
    kernel = ON.kernel
    bus = kernel.subsystem(_Bus)
    if bus.devices is None:
        found = []
        for function in kernel.host.functions:
            dev = PciDev(function, kernel.host.irq_of(function))
            if await _identify(dev):
                await _assign_bars(bus, dev)
                found.append(dev)
        bus.devices = found
        kernel.on_pci_error = bus.error
    return bus.devices


async def _identify(dev: PciDev) -> bool:
    """Read who it is; False: nobody answers, or it is a bridge."""
    identity = await _read(dev, PCI_VENDOR_ID, 4)
    if identity in (0xFFFFFFFF, 0) or await _read(dev, PCI_HEADER_TYPE, 1) & 0x7F:
        return False
    dev.vendor, dev.device = identity & 0xFFFF, identity >> 16
    class_revision = await _read(dev, PCI_CLASS_REVISION, 4)
    dev.class_code, dev.revision = class_revision >> 8, class_revision & 0xFF
    subsystem = await _read(dev, PCI_SUBSYSTEM_VENDOR_ID, 4)
    dev.subsystem_vendor, dev.subsystem_device = subsystem & 0xFFFF, subsystem >> 16
    dev.command = await _read(dev, PCI_COMMAND, 2)
    return True


async def _assign_bars(bus: _Bus, dev: PciDev) -> None:
    """Size every BAR by writing ones, with decoding off meanwhile, and give it an address."""
    _set_command(dev, 0, PCI_COMMAND_IO | PCI_COMMAND_MEMORY)
    index = 0
    while index < _BARS:
        bar = await _size_bar(dev, index)
        if bar is None:
            index += 1
            continue
        start = bus.next_io if bar.is_io else bus.next_memory
        step = bar.size if bar.is_io else max(bar.size, 4096)
        address = -(-start // step) * step
        if bar.is_io:
            bus.next_io = address + step
        else:
            bus.next_memory = address + step
        dev.bars[index] = replace(bar, address=address)
        _write_bar(dev, dev.bars[index])
        index += 2 if bar.is_64bit else 1


def _write_bar(dev: PciDev, bar: PciBar) -> None:
    register = PCI_BASE_ADDRESS_0 + 4 * bar.index
    _write(dev, register, bar.address & 0xFFFFFFFF, 4)
    if bar.is_64bit:
        _write(dev, register + 4, bar.address >> 32, 4)


async def _size_bar(dev: PciDev, index: int) -> PciBar | None:
    register = PCI_BASE_ADDRESS_0 + 4 * index
    _write(dev, register, 0xFFFFFFFF, 4)
    low = await _read(dev, register, 4)
    if low in (0, 0xFFFFFFFF):
        return None
    if low & 1:
        return PciBar(index, 0, -(low & 0xFFFC) & 0xFFFF, True, False)
    if low & 6 != 4:
        return PciBar(index, 0, -(low & ~0xF) & 0xFFFFFFFF, False, False)
    _write(dev, register + 4, 0xFFFFFFFF, 4)
    high = await _read(dev, register + 4, 4)
    return PciBar(index, 0, -(high << 32 | low & ~0xF) & (1 << 64) - 1, False, True)


# ---------------------------------------------------------------------------------------------- drivers
async def pci_register_driver(driver: PciDriver) -> int:
    """Probe every function that the driver's table names and nobody drives. -EBUSY: registered already."""
    might_sleep("pci_register_driver")
    bus = ON.kernel.subsystem(_Bus)
    async with bus.lock:
        if driver in bus.drivers:
            return -EBUSY
        bus.drivers.append(driver)
        for dev in await pci_devices():
            entry = driver.match(dev) if dev.driver is None else None
            if entry is not None:
                await _probe(driver, dev, entry)
    return 0


async def _probe(driver: PciDriver, dev: PciDev, entry: PciDeviceId) -> None:
    async with dev.lock:
        dev.driver = driver
        error = await driver.probe(dev, entry)
        if error:
            dev_err(dev, "probe by %s failed: %s", driver.name, errname(error))
            _unbind(dev, "its probe failed")
        else:
            dev_info(dev, "driven by %s", driver.name)


async def pci_unregister_driver(driver: PciDriver) -> None:
    """Remove every device of the driver."""
    might_sleep("pci_unregister_driver")
    bus = ON.kernel.subsystem(_Bus)
    async with bus.lock:
        bus.drivers.remove(driver)
        for dev in await pci_devices():
            async with dev.lock:
                if dev.driver is driver:
                    await driver.remove(dev)
                    _unbind(dev, "its driver was removed")


async def device_shutdown() -> None:
    """What a reboot does: every driver's shutdown."""
    for dev in await pci_devices():
        async with dev.lock:
            if dev.driver is not None and dev.driver.shutdown is not None:
                await dev.driver.shutdown(dev)


def _unbind(dev: PciDev, why: str) -> None:
    """The device is nobody's again; tell what its driver left behind."""
    kernel = dev.kernel
    bus = kernel.subsystem(_Bus)
    for action in _handlers_left(dev, [d for d in bus.devices or () if d is not dev and d.driver is not None]):
        warn_violation("pci-leak", dev, f"{why}; interrupt handler {action.name} is still there", action.where)
    for mem in dev.iomaps:
        warn_violation("pci-leak", dev, f"{why}; {mem.name} is still mapped", mem.where)
    if dev.region_owner is not None:
        warn_violation("pci-leak", dev, f"{why}; its regions still belong to {dev.region_owner}")
    if dev.enable_count:
        warn_violation("pci-leak", dev, f"{why}; it is still enabled")
    kernel.dma_table.leaked(dev, kernel.dma_table.live(dev))
    dev.driver, dev.drvdata, dev.recovering = None, None, None


def _handlers_left(dev: PciDev, others: Sequence[PciDev]) -> list[IrqAction]:
    """The handlers on its line that its driver did not free; `others`: devices that are driven.

    A dev_id tells whose a handler is. One that tells nothing may be of a device whose own is not found, one for each.
    """
    sharing = [d for d in others if d.irq == dev.irq]
    left, unknown = [], []
    for action in dev.kernel.irq(dev.irq).actions:
        owner = next((d for d in sharing if _belongs(action, d)), None)
        if owner is not None:
            sharing.remove(owner)
        elif _belongs(action, dev):
            left.append(action)
        else:
            unknown.append(action)
    return left + unknown[len(sharing) :]


def _belongs(action: IrqAction, dev: PciDev) -> bool:
    """dev_id is the device, its drvdata, or a structure that leads to it by the usual names."""
    dev_id = action.dev_id
    if dev_id is dev or (dev_id is not None and dev_id is dev.drvdata):
        return True
    return getattr(dev_id, "pdev", None) is dev or getattr(dev_id, "parent", None) is dev


# ---------------------------------------------------------------------------------------------- what drivers call
async def pci_enable_device(dev: PciDev) -> int:
    """Turn on its decoding; counts. -EINVAL without BARs, -EIO when the function does not take it."""
    might_sleep("pci_enable_device")
    dev.enable_count += 1
    if dev.enable_count > 1:
        return 0
    wanted = 0
    for bar in dev.bars.values():
        wanted |= PCI_COMMAND_IO if bar.is_io else PCI_COMMAND_MEMORY
    error = -EINVAL
    if wanted:
        _set_command(dev, wanted, PCI_COMMAND_INTX_DISABLE)
        found = await _read(dev, PCI_COMMAND, 2)
        error = 0 if found != 0xFFFF and found & wanted == wanted else -EIO
    if error:
        dev.enable_count = 0
    return error


def pci_disable_device(dev: PciDev) -> None:
    """Undo one pci_enable_device; with the last the function can no longer master the bus."""
    if not dev.enable_count:
        warn_violation("pci-release", dev, "disabled more often than enabled")
        return
    dev.enable_count -= 1
    if not dev.enable_count:
        pci_clear_master(dev)


def pci_is_enabled(dev: PciDev) -> bool:
    return dev.enable_count > 0


def pci_restore_state(dev: PciDev) -> None:
    """Write back what a reset of the function took from its configuration space: BARs and command."""
    for bar in dev.bars.values():
        _write_bar(dev, bar)
    _set_command(dev, 0)


def pci_set_master(dev: PciDev) -> None:
    """Let it access memory."""
    _set_command(dev, PCI_COMMAND_MASTER)


def pci_clear_master(dev: PciDev) -> None:
    _set_command(dev, 0, PCI_COMMAND_MASTER)


def pci_request_regions(dev: PciDev, name: str) -> int:
    """Claim all its BARs; -EBUSY when they are claimed."""
    if dev.region_owner is not None:
        return -EBUSY
    dev.region_owner = name
    return 0


def pci_release_regions(dev: PciDev) -> None:
    if dev.region_owner is None:
        warn_violation("pci-release", dev, "its regions were not requested")
    dev.region_owner = None


def pci_iomap(dev: PciDev, bar: int, max_bytes: int = 0) -> IoMem | None:
    """A window to BAR `bar` (its first max_bytes, 0: all of it); None when there is no such BAR."""
    found = dev.bars.get(bar)
    if found is None:
        return None
    if not dev.enable_count:
        warn_violation("pci-enable", dev, f"BAR {bar} mapped while the device is not enabled")
    size = min(found.size, max_bytes) if max_bytes else found.size
    mem = IoMem(dev.function, bar, size, f"{dev.name} BAR {bar}", here())
    dev.iomaps.append(mem)
    return mem


def pci_iounmap(dev: PciDev, mem: IoMem) -> None:
    if mem not in dev.iomaps:
        warn_violation("pci-release", dev, f"{mem.name} was not mapped, or was unmapped before", mem.where)
        return
    dev.iomaps.remove(mem)
    mem.limit = 0
