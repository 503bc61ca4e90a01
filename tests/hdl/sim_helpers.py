# SPDX-License-Identifier: MIT
"""What tests of single modules share: packed structs of hdl/pkg by field name, and clock plus reset."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

PACKAGE = Path(__file__).resolve().parents[2] / "hdl" / "pkg" / "nic_pkg.sv"
CORE_PERIOD_NS = 6.4


class Struct:
    """A packed struct as one number, as it appears at a port: `pack(data=..., last=1)`, `unpack(number).data`."""

    def __init__(self, fields: list[tuple[str, int]]) -> None:
        self.fields = fields  # most significant first
        self.width = sum(width for _, width in fields)

    def pack(self, **values: int) -> int:
        number = 0
        for name, width in self.fields:
            value = values.pop(name, 0)
            if value >> width:
                raise ValueError(f"{name} = {value} does not fit in {width} bits")
            number = number << width | value
        if values:
            raise ValueError(f"no such field: {', '.join(values)}")
        return number

    def unpack(self, number: int) -> SimpleNamespace:
        values = {}
        for name, width in reversed(self.fields):
            values[name] = number & (1 << width) - 1
            number >>= width
        return SimpleNamespace(**values)


@cache
def struct(name: str) -> Struct:
    """The packed struct `name` of nic_pkg, read from its source: nested structs are one field.

    Raises: KeyError when the package has no such struct.
    """
    text = re.sub(r"//.*", "", PACKAGE.read_text())
    constants = _constants(text)
    bodies = {found[2]: found[1] for found in re.finditer(r"typedef struct packed \{(.*?)\}\s*(\w+);", text, re.S)}
    fields = []
    for line in bodies[name].split(";"):
        if found := re.fullmatch(r"\s*logic\s+(?:\[(.+):0\])?\s*(\w+)\s*", line):
            fields.append((found[2], _value(found[1], constants) + 1 if found[1] else 1))
        elif found := re.fullmatch(r"\s*(\w+)\s+(\w+)\s*", line):
            fields.append((found[2], struct(found[1]).width))
        elif line.strip():
            raise KeyError(f"{name}: cannot read `{line.strip()}`")
    return Struct(fields)


def constant(name: str) -> int:
    """An integer localparam of nic_pkg."""
    return _constants(PACKAGE.read_text())[name]


def _constants(text: str) -> dict[str, int]:
    constants: dict[str, int] = {}
    for found in re.finditer(r"localparam int unsigned (\w+)\s*=\s*([^;]+);", text):
        constants[found[1]] = _value(found[2], constants)
    return constants


def _value(expression: str, constants: dict[str, int]) -> int:
    words = re.findall(r"\w+|[-+*/()]", expression)
    python = " ".join(str(constants.get(word, word)) for word in words).replace("/", "//")
    return int(eval(python, {"__builtins__": {}}))


async def start_clock_and_reset(dut: Any, cycles: int = 5) -> None:
    """Start `clk_i`, hold `rst_ni` low for some cycles; returns after the first edge that sees it high."""
    dut.rst_ni.value = 0
    Clock(dut.clk_i, CORE_PERIOD_NS, unit="ns").start()
    for _ in range(cycles):
        await RisingEdge(dut.clk_i)
    dut.rst_ni.value = 1
    await RisingEdge(dut.clk_i)
