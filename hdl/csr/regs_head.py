# SPDX-License-Identifier: MIT
"""Registers of an Intel 82574L for its driver.

What may be done to a register is its type: functions that read take a `Readable`, that write a `Writable`, and
read-modify-write takes an `Rw`, which nothing is that changes by being read or acts on being written. Whoever
writes passes the value through `to_write`, which refuses what could have no effect.

    ew32(hw, IMC, IMC.ALL)               er32(hw, STATUS) & STATUS.LU
    rmw32(hw, CTRL, set=CTRL.SLU)        TXDCTL.WTHRESH.put(1), STATUS.SPEED.get(value) == Speed.M1000
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum  # noqa: F401
from typing import ClassVar, Final, Generic, TypeVar

ALL_ONES: Final = 0xFFFF_FFFF


class Mask(int):
    """A field: as a number its mask, so that masks combine with | and ~."""

    @property
    def mask(self) -> int:
        return int(self)

    @property
    def shift(self) -> int:
        return (self & -self).bit_length() - 1

    def get(self, value: int) -> int:
        """This field of a register's value, shifted down."""
        return (value & self) >> self.shift

    def put(self, value: int) -> int:
        """`value` shifted up to where the field is.

        Raises: ValueError when it does not fit.
        """
        shifted = value << self.shift
        if shifted & ~self:
            raise ValueError(f"{value:#x} does not fit a field of mask {int(self):#x}")
        return shifted


@dataclass(frozen=True, slots=True)
class Register:
    """One 32-bit register. offset: bytes in BAR0; reset: value after reset."""

    name: str
    offset: int
    reset: int

    access: ClassVar[str] = ""
    readable: ClassVar[bool] = False
    writable: ClassVar[bool] = False
    keeps: ClassVar[bool] = False  # what is written is what is read: read-modify-write means something
    acts_on_ones: ClassVar[bool] = False


class Readable(Register):
    """May be read."""

    __slots__ = ()
    readable = True


class Writable(Register):
    """May be written."""

    __slots__ = ()
    writable = True

    def to_write(self, value: int) -> int:
        """The value, fit to be written.

        Raises: ValueError when it is not 32 bits wide, or 0 for a register in which only ones mean something.
        """
        if not 0 <= value <= ALL_ONES:
            raise ValueError(f"{self.name}: {value:#x} is no 32-bit value")
        if self.acts_on_ones and not value:
            raise ValueError(f"{self.name} is {self.access}: writing 0 to it does nothing")
        return value


class Ro(Readable):
    """Read only."""

    __slots__ = ()
    access = "RO"


class Rc(Readable):
    """Reading clears it."""

    __slots__ = ()
    access = "RC"


class Rw(Readable, Writable):
    """Keeps what is written."""

    __slots__ = ()
    access = "RW"
    keeps = True


class Command(Readable, Writable):
    """A write starts something, reads tell how it went."""

    __slots__ = ()
    access = "command"


class Semaphore(Readable, Writable):
    """Reading takes it, writing gives it back."""

    __slots__ = ()
    access = "semaphore"


class RcW1c(Readable, Writable):
    """Reading clears, and so does writing ones."""

    __slots__ = ()
    access = "RC/W1C"
    acts_on_ones = True


class W1s(Readable, Writable):
    """Writing ones sets."""

    __slots__ = ()
    access = "W1S"
    acts_on_ones = True


class WoSet(Writable):
    """Writing ones sets; not readable."""

    __slots__ = ()
    access = "WO/W1S"
    acts_on_ones = True


class WoClr(Writable):
    """Writing ones clears; not readable."""

    __slots__ = ()
    access = "WO/W1C"
    acts_on_ones = True


class W0c(Readable, Writable):
    """Writing zeros clears, ones change nothing."""

    __slots__ = ()
    access = "W0C"

    def to_write(self, value: int) -> int:
        """Raises: ValueError when it is not 32 bits wide, or all ones, which changes nothing."""
        if value == ALL_ONES:
            raise ValueError(f"{self.name} is {self.access}: writing all ones to it does nothing")
        return Writable.to_write(self, value)


R = TypeVar("R", bound=Register)


class RegisterArray(Generic[R]):
    """Registers of one kind at equal distances."""

    __slots__ = ("_items", "name")

    def __init__(self, kind: Callable[[str, int, int], R], name: str, place: tuple[int, int, int], reset: int) -> None:
        """place: offset of the first, bytes from one to the next, how many."""
        start, stride, count = place
        self.name = name
        self._items = tuple(kind(f"{name}[{i}]", start + stride * i, reset) for i in range(count))

    @property
    def count(self) -> int:
        return len(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[R]:
        return iter(self._items)

    def __getitem__(self, index: int) -> R:
        return self._items[index]


@dataclass(frozen=True, slots=True)
class PhyRegister:
    """One 16-bit register of the PHY, reached through MDIC. number: PHY register, on page 0."""

    name: str
    number: int
    reset: int
