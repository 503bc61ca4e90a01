# SPDX-License-Identifier: MIT
"""PciFunction: the configuration space of the card, for hosts that have no real PCIe endpoint in front of it.

Type 0 header of an 82574L: memory BAR0 of 128 KiB, INTA, command and status. It decides what the command register
decides in hardware: whether registers answer, whether the card may use the bus, whether INTA is let through. The error
bits of the status register are never set: nothing here reports errors that way.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntFlag

from driver.host import BarInfo

__all__ = ["Command", "PciFunction", "PciIdentity"]

_CONFIG_BYTES = 256
_VENDOR, _DEVICE, _COMMAND, _STATUS, _REVISION, _CLASS = 0x00, 0x02, 0x04, 0x06, 0x08, 0x09
_CACHE_LINE, _BAR0, _SUBSYSTEM_VENDOR, _SUBSYSTEM, _LINE, _PIN = 0x0C, 0x10, 0x2C, 0x2E, 0x3C, 0x3D
_STATUS_INTERRUPT = 1 << 3


class Command(IntFlag):
    """Bits of the command register that this function implements."""

    MEMORY = 1 << 1
    BUS_MASTER = 1 << 2
    PARITY = 1 << 6
    SERR = 1 << 8
    INTX_DISABLE = 1 << 10


@dataclass(frozen=True, slots=True)
class PciIdentity:
    """Who the function says it is."""

    vendor: int = 0x8086
    device: int = 0x10D3
    subsystem_vendor: int = 0x8086
    subsystem: int = 0xA01F
    revision: int = 0
    class_code: int = 0x020000


class PciFunction:
    """One function's configuration space. Offsets and sizes as on the bus: 1, 2 or 4 bytes, naturally aligned."""

    bars = (BarInfo(index=0, size=128 << 10),)

    def __init__(self, identity: PciIdentity | None = None) -> None:
        who = identity or PciIdentity()
        self._bytes = bytearray(_CONFIG_BYTES)
        self._writable = bytearray(_CONFIG_BYTES)
        self._intx = False
        self._put(_VENDOR, "<HH", who.vendor, who.device)
        self._put(_REVISION, "<I", who.revision | who.class_code << 8)
        self._put(_SUBSYSTEM_VENDOR, "<HH", who.subsystem_vendor, who.subsystem)
        self._bytes[_PIN] = 1
        all_commands = sum(Command)
        struct.pack_into("<H", self._writable, _COMMAND, all_commands)
        struct.pack_into("<I", self._writable, _BAR0, ~(self.bars[0].size - 1) & 0xFFFF_FFFF)
        self._writable[_CACHE_LINE] = 0xFF
        self._writable[_LINE] = 0xFF

    def _put(self, offset: int, layout: str, *values: int) -> None:
        struct.pack_into(layout, self._bytes, offset, *values)

    @property
    def command(self) -> Command:
        return Command(int.from_bytes(self._bytes[_COMMAND : _COMMAND + 2], "little"))

    @property
    def bus_master(self) -> bool:
        return Command.BUS_MASTER in self.command

    @property
    def memory_enabled(self) -> bool:
        return Command.MEMORY in self.command

    @property
    def intx_asserted(self) -> bool:
        """What leaves the function on INTA, given what set_intx was told."""
        return self._intx and Command.INTX_DISABLE not in self.command

    def set_intx(self, level: bool) -> None:
        """The card's interrupt output is now `level`."""
        self._intx = level
        self._bytes[_STATUS] = (self._bytes[_STATUS] & ~_STATUS_INTERRUPT) | (_STATUS_INTERRUPT if level else 0)

    def config_read(self, offset: int, size: int) -> int:
        """Zero beyond the first 256 bytes: no extended capabilities."""
        self._check(offset, size)
        return int.from_bytes(self._bytes[offset : offset + size], "little")

    def config_write(self, offset: int, value: int, size: int) -> None:
        self._check(offset, size)
        for at, new in zip(range(offset, offset + size), value.to_bytes(size, "little"), strict=True):
            if at < _CONFIG_BYTES:
                mask = self._writable[at]
                self._bytes[at] = self._bytes[at] & ~mask | new & mask

    @staticmethod
    def _check(offset: int, size: int) -> None:
        if size not in (1, 2, 4) or offset % size or not 0 <= offset < 4096:
            raise ValueError(f"configuration access of {size} bytes at {offset:#x}")
