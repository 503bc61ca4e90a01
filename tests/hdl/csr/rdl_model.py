# SPDX-License-Identifier: MIT
"""What nic.rdl says of each register, read here on its own, and a model of all of them that software alone touches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from systemrdl import RDLCompiler
from systemrdl.node import FieldNode, RegNode

SOURCE = Path(__file__).resolve().parents[3] / "hdl" / "csr" / "nic.rdl"
ALL_ONES = 0xFFFF_FFFF


@dataclass(frozen=True)
class Field:
    mask: int
    reset: int  # in place
    readable: bool
    writable: bool
    on_read: str
    on_write: str
    pulse: bool


@dataclass(frozen=True)
class Word:
    """One 32-bit register; of an array one element. group: what all elements share."""

    name: str
    group: str
    address: int
    legacy: int | None
    command: bool
    fields: tuple[Field, ...]

    def mask(self, which: Callable[[Field], bool]) -> int:
        return sum(f.mask for f in self.fields if which(f))


def _field(node: FieldNode) -> Field:
    sw, on_read, on_write = node.get_property("sw").name, node.get_property("onread"), node.get_property("onwrite")
    return Field(
        mask=((1 << node.width) - 1) << node.low,
        reset=int(node.get_property("reset") or 0) << node.low,
        readable="r" in sw,
        writable="w" in sw,
        on_read=on_read.name if on_read else "",
        on_write=on_write.name if on_write else "",
        pulse=bool(node.get_property("singlepulse")),
    )


def _word(node: RegNode) -> Word:
    array = node if node.is_array else node.parent
    index = array.current_idx[0] if array is not None and array.is_array and array.current_idx else None
    first = node.get_property("legacy", default=None)
    stride = array.array_stride if index is not None else 0
    return Word(
        name=node.inst_name if index is None else f"{node.inst_name}[{index}]",
        group=node.inst_name,
        address=node.absolute_address,
        legacy=None if first is None else first + (index or 0) * stride,
        command=bool(node.get_property("command", default=False)),
        fields=tuple(_field(f) for f in node.fields()),
    )


def words() -> list[Word]:
    compiler = RDLCompiler()
    compiler.compile_file(str(SOURCE))
    top = compiler.elaborate(top_def_name="nic").top
    return [_word(n) for n in top.descendants(unroll=True) if isinstance(n, RegNode)]


class Model:
    """All registers as software sees them, as long as no frame moves, no cable is there and ITR is 0.

    Access kinds come from the RDL. What is said here by name is only which registers share what they hold.
    """

    SAME = {"ICS": "ICR", "IMC": "IMS"}

    def __init__(self, every: list[Word], mac: int) -> None:
        self.words = {w.name: w for w in every}
        self.held = {w.name: sum(f.reset for f in w.fields) for w in every}
        self.held["RAL[0]"] = mac & ALL_ONES
        self.held["RAH[0]"] = 1 << 31 | mac >> 32

    @property
    def asserted(self) -> bool:
        return bool(self.held["ICR"] & self.held["IMS"])

    def read(self, word: Word) -> int:
        """What a read shows, and what it does."""
        holder = self.SAME.get(word.name, word.name)
        value = self.held[holder] & word.mask(lambda f: f.readable)
        if word.name == "ICR":
            value |= self.asserted << 31
            self._acknowledge(ALL_ONES if self.asserted or not self.held["IMS"] else 0)
            return value
        self.held[holder] &= ~word.mask(lambda f: f.on_read == "rclr")
        self.held[holder] |= word.mask(lambda f: f.on_read == "rset")
        return value

    def write(self, word: Word, value: int) -> None:
        before = self.asserted
        if word.name == "ICR":
            self._acknowledge(value & word.mask(lambda f: f.on_write == "woclr"))
            return
        holder = self.SAME.get(word.name, word.name)
        held = self.held[holder]
        kept = word.mask(lambda f: f.writable and not f.on_write and not f.pulse)
        held = held & ~kept | value & kept
        held |= value & word.mask(lambda f: f.on_write == "woset")
        held &= ~(value & word.mask(lambda f: f.on_write == "woclr"))
        held &= ~(~value & word.mask(lambda f: f.on_write == "wzc"))
        self.held[holder] = held
        if word.name == "PBA":
            receive = min(max(value & 0xFFFF, 4), 36)
            self.held["PBA"] = 40 - receive << 16 | receive
        if word.name == "EECD":
            self.held["EECD"] = held & ~0x80 | (held & 0x40) << 1  # granted when asked for
        self.held["IAC"] += self.asserted and not before

    def _acknowledge(self, clear: int) -> None:
        if self.asserted and self.held["CTRL_EXT"] & 1 << 27:
            self.held["IMS"] &= ~self.held["IAM"]
        self.held["ICR"] &= ~clear
