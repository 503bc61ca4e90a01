# SPDX-License-Identifier: MIT
"""A checker alone: its pins driven clock by clock, the rules it finds broken by name, the names from its own source."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge, Timer

from sim.launch import EYES
from sim.runner import Design

Cycle = Mapping[str, int]
PERIOD_NS = 6.4
RESET_CYCLES = 12


def source(checker: str) -> Path:
    return next(path for path in EYES if path.stem == checker)


def design(checker: str, **parameters: int) -> Design:
    """The checker as the top module, with what it is made of."""
    return Design(checker, tuple(path for path in EYES if path.stem != "nic_eyes"), parameters)


def rules(checker: str) -> list[str]:
    """In the order of the bits of `broken_o`."""
    names = re.search(r"typedef enum [\w ]+(?:\[3:0\])? \{(.*?)\} rule_e;", source(checker).read_text(), re.S)
    assert names
    return re.findall(r"\w+", re.sub(r"//.*", "", names[1]))


class Pins:
    """idle: what an input is when a cycle does not say otherwise; 0 where this says nothing."""

    def __init__(self, dut: Any, checker: str, idle: Cycle | None = None) -> None:
        self.dut = dut
        self.rules = rules(checker)
        self.inputs = re.findall(r"input +logic +(?:\[[^\]]*\] *)?(\w+)_i\b", source(checker).read_text())
        self.idle = {"enable": 1, **(idle or {})}

    async def start(self) -> Pins:
        self._set({"rst_n": 0})
        Clock(self.dut.clk_i, PERIOD_NS, unit="ns").start()
        await self.reset()
        return self

    async def reset(self) -> None:
        await self.play([{"rst_n": 0}] * RESET_CYCLES + [{}] * 2)

    def _set(self, cycle: Cycle) -> None:
        for name in self.inputs:
            if name not in ("clk", "rst_n"):
                getattr(self.dut, f"{name}_i").value = cycle.get(name, self.idle.get(name, 0))
        assert not set(cycle) - {*self.inputs, "rst_n"}, cycle
        self.dut.rst_ni.value = cycle.get("rst_n", 1)

    async def play(self, script: Sequence[Cycle]) -> set[str]:
        """One clock for each entry; the rules that were broken in any of them."""
        broken = 0
        for cycle in script:
            self._set(cycle)
            await RisingEdge(self.dut.clk_i)
            await ReadOnly()
            broken |= int(self.dut.broken_o.value)
            await Timer(1, "ns")
        return {name for bit, name in enumerate(self.rules) if broken >> bit & 1}
