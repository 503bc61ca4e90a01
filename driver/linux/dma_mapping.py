# SPDX-License-Identifier: MIT
"""The DMA API over an IOMMU: what the card may touch is what is mapped, for as long as it is, in its direction.

An IOVA names a slot of the table that driver/host.py describes; the table lies in host memory, so that compiled bus
models check every access themselves. Slots go round: a freed one is used again only after all the others that are
free, and never while fewer than QUARANTINE are, so an address that the card kept too long meets no mapping.

Rules: dma-map (what is mapped is live memory, large enough, and no other device-written mapping of it is live),
dma-error-unchecked (dma_mapping_error is asked before the address is used), dma-unmap (pairs with the map: same
device, address, size, direction), dma-sync (same, and the owner changes), dma-fault (the card left its mappings, or
wrote to one that was lent to the CPU).
"""

from __future__ import annotations

import struct
import sys
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, Protocol

from driver.linux.bug import Violation, Where, told, warn_violation
from driver.linux.current import ON
from driver.linux.errno import EIO
from driver.linux.mm import PAGE_SIZE, Buffer

if TYPE_CHECKING:
    from driver.linux.sched import Kernel

__all__ = [
    "DMA_BIDIRECTIONAL",
    "DMA_FROM_DEVICE",
    "DMA_MAPPING_ERROR",
    "DMA_TO_DEVICE",
    "DmaDevice",
    "Iommu",
    "Mapping",
    "dma_alloc_coherent",
    "dma_free_coherent",
    "dma_map_single",
    "dma_mapping_error",
    "dma_set_mask_and_coherent",
    "dma_sync_single_for_cpu",
    "dma_sync_single_for_device",
    "dma_unmap_single",
]

# As in the kernel; the table's own direction codes are a bit for what the device may do: 1 read, 2 write.
DMA_BIDIRECTIONAL: Final = 0
DMA_TO_DEVICE: Final = 1
DMA_FROM_DEVICE: Final = 2
_MAY: Final = (3, 1, 2)
_DIRECTION_NAMES: Final = ("bidirectional", "to device", "from device")

DMA_MAPPING_ERROR: Final = (1 << 64) - 1
DEFAULT_DMA_MASK: Final = (1 << 32) - 1

SLOT_BITS: Final = 17
QUARANTINE: Final = 64
POISON_MAPPED: Final = 0xD5  # what the CPU finds in a buffer that the card was to fill and did not

_ENTRY: Final = struct.Struct("<4Q")
_MAY_OFFSET: Final = 16  # in an entry, little-endian: of the byte that holds the direction
_POISON: Final = memoryview(bytes([POISON_MAPPED]) * (1 << SLOT_BITS))
_OFFSET: Final = PAGE_SIZE - 1
_SLOT: Final = -1 << SLOT_BITS  # an iova without what is inside its slot


class DmaDevice(Protocol):
    """What can be a bus master. dma_mask: the largest address it can drive."""

    dma_mask: int

    @property
    def name(self) -> str: ...


class Mapping:
    """The mapping that a slot is, or last was. direction: DMA_*; may: what the device may do now.

    slot_iova, entry: where the slot's addresses begin, and where its entry in the table does; generation: how often it
    was used; the rest: Iommu.insert.
    """

    __slots__ = (
        "addr", "buffer", "checked", "coherent", "device", "direction", "entry", "generation", "iova", "live", "may",
        "size", "slot_iova", "where", "with_cpu",
    )  # fmt: skip
    addr: int
    buffer: Buffer
    checked: bool  # dma_mapping_error was asked
    coherent: bool  # made by dma_alloc_coherent
    device: DmaDevice
    direction: int
    iova: int
    may: int
    size: int
    where: Where
    with_cpu: bool  # the CPU owns it: dma_sync_single_for_cpu

    def __init__(self, slot: int, slot_iova: int) -> None:
        self.slot_iova = slot_iova
        self.entry = slot * _ENTRY.size
        self.generation = 0
        self.live = False

    @property
    def name(self) -> str:
        kind = "coherent" if self.coherent else _DIRECTION_NAMES[self.direction]
        return f"{self.device.name} dma {self.iova:#x}+{self.size} ({kind})"


class Iommu:
    """The translation table (driver.host.DmaTable) and who is behind its entries.

    beat_bytes: width of the bus that `translate` serves. A bus model knows beats, not bytes: a read may run over the
    end of a buffer as far as the bus beat of its last byte reaches, and no further. Writes carry byte strobes and are
    exact.
    """

    def __init__(self, kernel: Kernel, iova_base: int, slots: int) -> None:
        table = kernel.mm.reserve(slots * _ENTRY.size)
        if table is None or iova_base % (1 << SLOT_BITS):
            raise ValueError(f"no memory for {slots} slots, or iova_base {iova_base:#x} not a multiple of 128 KiB")
        self.kernel = kernel
        self.iova_base = iova_base
        self.address = table.addr
        self.slots = slots
        self.beat_bytes = 16
        self.view = table.view
        self.view[:] = bytes(table.size)
        self._slots: dict[int, Mapping] = {}  # by slot_iova; those that were ever used
        self._free: deque[int | Mapping] = deque(range(slots))  # the next first; one that was never used by its number
        self._inject: Callable[[int, int], bool] | None = None

    def fail_if(self, predicate: Callable[[int, int], bool] | None) -> None:
        """dma_map_single fails when predicate(size in bytes, direction) holds; None: as the table allows again."""
        self._inject = predicate

    # ------------------------------------------------------------------------------------------ the table
    def insert(
        self, device: DmaDevice, buffer: Buffer, addr: int, size: int, direction: int, where: Where,
        coherent: bool = False,
    ) -> int:  # fmt: skip
        """Fill a slot; the iova, or DMA_MAPPING_ERROR when none is free or the device cannot reach it."""
        free = self._free
        offset = addr & _OFFSET
        if len(free) <= QUARANTINE or size + offset > 1 << SLOT_BITS:
            return DMA_MAPPING_ERROR
        mapping = free[0]
        if isinstance(mapping, int):
            mapping = free[0] = self._new_slot(mapping)
        iova = mapping.slot_iova + offset
        if iova + size - 1 > device.dma_mask:
            return DMA_MAPPING_ERROR
        free.popleft()
        mapping.live = True
        mapping.generation = generation = mapping.generation + 1
        mapping.device = device
        mapping.buffer = buffer
        mapping.addr = addr
        mapping.size = size
        mapping.direction = direction
        mapping.may = may = _MAY[direction]
        mapping.iova = iova
        mapping.where = where
        mapping.coherent = mapping.checked = mapping.with_cpu = coherent
        _ENTRY.pack_into(self.view, mapping.entry, addr, size, may, generation)
        return iova

    def _new_slot(self, slot: int) -> Mapping:
        slot_iova = self.iova_base + (slot << SLOT_BITS)
        mapping = self._slots[slot_iova] = Mapping(slot, slot_iova)
        return mapping

    def remove(self, mapping: Mapping) -> None:
        self.view[mapping.entry + _MAY_OFFSET] = 0
        mapping.live = False
        self._free.append(mapping)

    def at(self, iova: int) -> Mapping | None:
        """The live mapping whose slot `iova` is in."""
        mapping = self._slots.get(iova & _SLOT)
        return mapping if mapping is not None and mapping.live else None

    def live(self, device: DmaDevice | None = None) -> list[Mapping]:
        """What is mapped (for one device), with where it was."""
        return [m for m in self._slots.values() if m.live and (device is None or m.device is device)]

    # ------------------------------------------------------------------------------------------ the bus models' side
    def translate(self, iova: int, nbytes: int, is_write: bool) -> int | None:
        """The physical address of an access of the card, or None: a fault, recorded (rule dma-fault), to be answered
        with an error response. May be called outside of step; a panic comes out of the next one."""
        mapping = self.at(iova)
        if mapping is not None:
            offset = iova - mapping.iova
            end = offset + nbytes
            if end > mapping.size and not is_write and nbytes:
                beat = self.beat_bytes
                if (iova + nbytes - 1) // beat == (mapping.iova + mapping.size - 1) // beat:
                    end = mapping.size
            if offset >= 0 and end <= mapping.size and mapping.may & (2 if is_write else 1):
                return mapping.addr + offset
        self.fault(iova, nbytes, is_write)
        return None

    def fault(self, iova: int, nbytes: int, is_write: bool) -> None:
        """Record an access that the table forbids; compiled bus models report theirs here."""
        does = "write" if is_write else "read"
        nearest, relation = self._nearest(iova)
        if nearest is None:
            name, where = f"dma {iova:#x}", None
        else:
            name, where = nearest.name, nearest.where
        message = f"the card's {does} of {nbytes} bytes at {iova:#x} {relation}"
        self.kernel.report(Violation("dma-fault", name, told(where), message, self.kernel.now_ns), at_once=False)

    def _nearest(self, iova: int) -> tuple[Mapping | None, str]:
        mapping = self.at(iova)
        if mapping is not None:
            if not 0 <= iova - mapping.iova < mapping.size:
                return mapping, "is outside this buffer"
            if mapping.may != _MAY[mapping.direction]:
                return mapping, "is to a buffer that the CPU owns (dma_sync_single_for_cpu), or runs over its end"
            return mapping, "is against its direction or runs over its end"
        if not 0 <= (iova - self.iova_base) >> SLOT_BITS < self.slots:
            return None, "is outside the IOMMU's window"
        gone = self._slots.get(iova & _SLOT)
        if gone is not None and gone.generation:
            return gone, "is to a buffer that was unmapped"
        return None, "is to a slot that was never mapped"

    # ------------------------------------------------------------------------------------------ the API's side
    def map(
        self, device: DmaDevice, memory: Buffer | int, size: int, direction: int, offset: int, where: Where
    ) -> int:
        if isinstance(memory, int):
            buffer = self.kernel.mm.find(memory + offset)
            if buffer is None:
                warn_violation("dma-map", device.name, f"{memory + offset:#x}+{size} is no live memory")
                return DMA_MAPPING_ERROR
            offset += memory - buffer.addr
        else:
            buffer = memory
        addr = buffer.addr + offset
        if buffer.freed is not None or size <= 0 or offset < 0 or offset + size > buffer.size:
            what = f"does not lie within {buffer.name}" if buffer.freed is None else "is no live memory"
            warn_violation("dma-map", device.name, f"{addr:#x}+{size} {what}", buffer.where)
            return DMA_MAPPING_ERROR
        if buffer.mappings and (direction != DMA_TO_DEVICE or buffer.written):
            warn_violation("dma-map", buffer, "mapped twice at a time, and the device may write to it", buffer.where)
        if self._inject is not None and self._inject(size, direction):
            return DMA_MAPPING_ERROR
        iova = self.insert(device, buffer, addr, size, direction, where)
        if iova != DMA_MAPPING_ERROR:
            buffer.mapped += 1
            buffer.mappings += 1
            if direction != DMA_TO_DEVICE:
                buffer.written += 1
                if direction == DMA_FROM_DEVICE:
                    buffer.view[offset : offset + size] = _POISON[:size]
        return iova

    def unmap(self, device: DmaDevice, iova: int, size: int, direction: int) -> None:
        mapping = self._slots.get(iova & _SLOT)
        if mapping is None or not mapping.live or mapping.coherent:
            self._unmapped_badly(device, iova)
            return
        if (
            mapping.iova != iova
            or mapping.size != size
            or mapping.direction != direction
            or mapping.device is not device
        ):
            asked = f"{device.name} {iova:#x}+{size} ({_DIRECTION_NAMES[direction]})"
            warn_violation("dma-unmap", mapping, f"unmapped as {asked}", mapping.where)
        if not mapping.checked:
            warn_violation("dma-error-unchecked", mapping, "dma_mapping_error was never asked", mapping.where)
        buffer = mapping.buffer
        if not mapping.with_cpu:
            buffer.mapped -= 1
        buffer.mappings -= 1
        if mapping.direction != DMA_TO_DEVICE:
            buffer.written -= 1
        self.remove(mapping)

    def _unmapped_badly(self, device: DmaDevice, iova: int) -> None:
        nearest, _ = self._nearest(iova)
        if nearest is None:
            warn_violation("dma-unmap", device.name, f"{iova:#x} was never mapped")
        elif nearest.coherent:
            warn_violation("dma-unmap", nearest, "coherent memory unmapped", nearest.where)
        else:
            warn_violation("dma-unmap", nearest, "unmapped twice", nearest.where)

    def sync(self, device: DmaDevice, iova: int, size: int, direction: int, for_cpu: bool) -> None:
        mapping = self.at(iova)
        if mapping is None or mapping.coherent:
            warn_violation("dma-sync", device.name, f"{iova:#x} is not mapped")
            return
        inside = iova >= mapping.iova and iova + size <= mapping.iova + mapping.size
        if not inside or mapping.direction != direction or mapping.device is not device:
            asked = f"{device.name} {iova:#x}+{size} ({_DIRECTION_NAMES[direction]})"
            warn_violation("dma-sync", mapping, f"synchronised as {asked}", mapping.where)
        if mapping.with_cpu == for_cpu:
            owner = "the CPU" if for_cpu else "the device"
            warn_violation("dma-sync", mapping, f"synchronised for {owner}, which owns it already", mapping.where)
            return
        mapping.with_cpu = for_cpu
        mapping.buffer.mapped += -1 if for_cpu else 1
        mapping.may = _MAY[mapping.direction] & 1 if for_cpu else _MAY[mapping.direction]
        self.view[mapping.entry + _MAY_OFFSET] = mapping.may

    def leaked(self, device: DmaDevice, mappings: Iterable[Mapping]) -> None:
        """Rule dma-leak: a device that goes leaves no mapping."""
        for mapping in mappings:
            warn_violation("dma-leak", mapping, f"{device.name} is gone and it is still mapped", mapping.where)


def dma_set_mask_and_coherent(device: DmaDevice, mask: int) -> int:
    """Tell how far the device's addresses reach; -EIO when that is not the whole of the IOMMU's window.

    Until then a device reaches 32 bits, and the window lies above: mappings fail.
    """
    iommu = ON.kernel.dma_table
    if iommu.iova_base + (iommu.slots << SLOT_BITS) - 1 > mask:
        return -EIO
    device.dma_mask = mask
    return 0


def dma_map_single(device: DmaDevice, memory: Buffer | int, size: int, direction: int, offset: int = 0) -> int:
    """Hand memory to the device: `size` bytes at `offset` of a Buffer, or of a physical address inside one.

    Gives the iova, or DMA_MAPPING_ERROR. FROM_DEVICE memory is filled with 0xd5: what the CPU then reads came from
    the card or is recognisably not there.
    """
    frame = sys._getframe(1)
    kernel = ON.kernel
    iova = kernel.dma_table.map(device, memory, size, direction, offset, (frame.f_code, frame.f_lasti))
    if kernel.tracer is not None:
        start = memory if isinstance(memory, int) else memory.addr
        kernel.tracer.dma_map_page(start + offset, iova, size, direction)
    return iova


def dma_mapping_error(device: DmaDevice, iova: int) -> int:
    """Nonzero when the mapping failed. Must be asked for every mapping."""
    if iova == DMA_MAPPING_ERROR:
        return 1
    mapping = ON.kernel.dma_table.at(iova)
    if mapping is not None:
        mapping.checked = True
    return 0


def dma_unmap_single(device: DmaDevice, iova: int, size: int, direction: int) -> None:
    """Take memory back from the device; arguments as at dma_map_single."""
    ON.kernel.dma_table.unmap(device, iova, size, direction)


def dma_sync_single_for_cpu(device: DmaDevice, iova: int, size: int, direction: int) -> None:
    """Lend mapped memory to the CPU."""
    ON.kernel.dma_table.sync(device, iova, size, direction, True)


def dma_sync_single_for_device(device: DmaDevice, iova: int, size: int, direction: int) -> None:
    """Give it back to the device."""
    ON.kernel.dma_table.sync(device, iova, size, direction, False)


def dma_alloc_coherent(device: DmaDevice, size: int) -> tuple[memoryview, int] | None:
    """Zeroed, page-aligned memory that CPU and device share: (view, iova). At most 128 KiB."""
    kernel = ON.kernel
    frame = sys._getframe(1)
    where = frame.f_code, frame.f_lasti
    buffer = kernel.mm.alloc(size, where, PAGE_SIZE)
    if buffer is None:
        return None
    iova = kernel.dma_table.insert(device, buffer, buffer.addr, size, DMA_BIDIRECTIONAL, where, coherent=True)
    if iova == DMA_MAPPING_ERROR:
        kernel.mm.free(buffer, where)
        return None
    buffer.view[:] = bytes(size)
    return buffer.view, iova


def dma_free_coherent(device: DmaDevice, size: int, view: memoryview, iova: int) -> None:
    """Arguments as dma_alloc_coherent took and gave them. The memory cannot be used any more through `view`."""
    kernel = ON.kernel
    mapping = kernel.dma_table.at(iova)
    frame = sys._getframe(1)
    if mapping is None or not mapping.coherent:
        warn_violation("dma-unmap", device.name, f"{iova:#x} is no coherent memory")
        return
    if (mapping.iova, mapping.size) != (iova, size) or mapping.device is not device:
        warn_violation("dma-unmap", mapping, f"freed as {device.name} {iova:#x}+{size}", mapping.where)
    kernel.dma_table.remove(mapping)
    kernel.mm.free(mapping.buffer, (frame.f_code, frame.f_lasti))
    view.release()
