# SPDX-License-Identifier: MIT
"""Registers of an Intel 82574L for its driver.

A register knows what may be done to it: `modify` exists only where reading and writing back is harmless, and
a write of no ones to a register that only ones change raises instead of doing nothing.

    await CTRL.modify(bus, set=CTRL.SLU, clear=CTRL.FRCSPD | CTRL.FRCDPLX)
    IMC.clear(bus, ALL_ONES)
    FIELD_GET(STATUS.SPEED, await STATUS.read(bus)) == Speed.M1000

`bus` is whatever has `read32` and `write32`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum  # noqa: F401
from typing import Final, Protocol

ALL_ONES: Final = 0xFFFF_FFFF


def FIELD_GET(mask: int, value: int) -> int:
    """The field under `mask`, shifted down."""
    return (value & mask) >> (mask & -mask).bit_length() - 1


def FIELD_PREP(mask: int, value: int) -> int:
    """`value` shifted up to where `mask` is.

    Raises: ValueError when it does not fit.
    """
    shifted = value << (mask & -mask).bit_length() - 1
    if shifted & ~mask:
        raise ValueError(f"{value:#x} does not fit a field of mask {mask:#x}")
    return shifted


class RegisterBus(Protocol):
    """Access to one card's BAR0."""

    async def read32(self, offset: int) -> int: ...

    def write32(self, offset: int, value: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Register:
    """One 32-bit register. offset: bytes in BAR0; reset: value after reset."""

    name: str
    offset: int
    reset: int


def _word(register: Register, value: int) -> int:
    if not 0 <= value <= ALL_ONES:
        raise ValueError(f"{register.name}: {value:#x} is no 32-bit value")
    return value


def _ones(register: Register, bits: int) -> int:
    if not bits:
        raise ValueError(f"{register.name}: writing no ones does nothing")
    return _word(register, bits)


class _Readable(Register):
    __slots__ = ()

    async def read(self, bus: RegisterBus) -> int:
        return await bus.read32(self.offset)


class _Writable(Register):
    __slots__ = ()

    def write(self, bus: RegisterBus, value: int) -> None:
        bus.write32(self.offset, _word(self, value))


class Ro(_Readable):
    """Read only."""

    __slots__ = ()


class Rc(_Readable):
    """Reading clears it, or prepares the clearing of its pair."""

    __slots__ = ()


class Rw(_Readable, _Writable):
    """Keeps what is written."""

    __slots__ = ()

    async def modify(self, bus: RegisterBus, *, set: int = 0, clear: int = 0) -> int:
        """Read, change, write back; the value written."""
        value = await self.read(bus) & ~clear | set
        self.write(bus, value)
        return value


class Command(_Readable, _Writable):
    """A write starts something, reads tell how it went."""

    __slots__ = ()


class Semaphore(_Readable, _Writable):
    """Reading takes it."""

    __slots__ = ()


class RcW1c(_Readable):
    """Reading clears, and so does writing ones."""

    __slots__ = ()

    def clear(self, bus: RegisterBus, bits: int) -> None:
        """Raises: ValueError for no bits."""
        bus.write32(self.offset, _ones(self, bits))


class W1s(_Readable):
    """Writing ones sets."""

    __slots__ = ()

    def set(self, bus: RegisterBus, bits: int) -> None:
        """Raises: ValueError for no bits."""
        bus.write32(self.offset, _ones(self, bits))


class WoSet(Register):
    """Writing ones sets; not readable."""

    __slots__ = ()

    def set(self, bus: RegisterBus, bits: int) -> None:
        """Raises: ValueError for no bits."""
        bus.write32(self.offset, _ones(self, bits))


class WoClr(Register):
    """Writing ones clears; not readable."""

    __slots__ = ()

    def clear(self, bus: RegisterBus, bits: int) -> None:
        """Raises: ValueError for no bits."""
        bus.write32(self.offset, _ones(self, bits))


class W0c(_Readable):
    """Writing zeros clears, ones change nothing."""

    __slots__ = ()

    def clear(self, bus: RegisterBus, bits: int) -> None:
        """Raises: ValueError for no bits."""
        bus.write32(self.offset, ALL_ONES & ~_ones(self, bits))


@dataclass(frozen=True, slots=True)
class PhyRegister:
    """One 16-bit register of the PHY, reached through MDIC. number: PHY register, on page 0."""

    name: str
    number: int
    reset: int
