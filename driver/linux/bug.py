# SPDX-License-Identifier: MIT
"""Broken contracts: what a debug kernel would print a splat for.

    ContractViolation   raised where the rule was broken (Kernel(panic_on_violation=True)), and out of Kernel.step
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

from driver.linux.current import ON

__all__ = ["ContractViolation", "Violation", "Where", "fatal_violation", "here", "told", "warn_violation"]

# A place in the source, cheap to take: made readable by `told` when somebody asks.
Where = tuple[CodeType, int]


def here(depth: int = 1) -> Where:
    """The place `depth` callers above the function that calls this."""
    frame = sys._getframe(depth + 1)
    return frame.f_code, frame.f_lasti


def told(where: Where | None) -> str:
    """`folder/file.py:line (function)` of a place; empty for None."""
    if where is None:
        return ""
    code, instruction = where
    line = next((n for low, high, n in code.co_lines() if n and low <= instruction < high), code.co_firstlineno)
    path = Path(code.co_filename)
    return f"{path.parent.name}/{path.name}:{line} ({code.co_qualname})"


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule. where_made: where `object` came from; now_ns: when the rule was broken."""

    rule: str
    object: str
    where_made: str
    message: str
    now_ns: int = 0

    def __str__(self) -> str:
        made = f", made at {self.where_made}" if self.where_made else ""
        return f"[{self.now_ns} ns] {self.rule}: {self.object}{made}: {self.message}"


class ContractViolation(Exception):
    """A rule between the kernel and its drivers was broken; `violation` says which."""

    def __init__(self, violation: Violation) -> None:
        super().__init__(str(violation))
        self.violation = violation


def _name(thing: object) -> str:
    name: Any = thing if isinstance(thing, str) else getattr(thing, "name", None)
    return name if isinstance(name, str) and name else repr(thing)


def warn_violation(rule: str, thing: object, message: str, where_made: Where | None = None) -> None:
    """Record that `rule` was broken. thing: a name, or an object with one.

    Raises: ContractViolation when the kernel panics on violations.
    """
    kernel = ON.kernel
    kernel.report(Violation(rule, _name(thing), told(where_made), message, kernel.now_ns))


def fatal_violation(rule: str, thing: object, message: str, where_made: Where | None = None) -> ContractViolation:
    """As warn_violation, for what there is no way to go on from: `raise fatal_violation(...)`."""
    kernel = ON.kernel
    violation = Violation(rule, _name(thing), told(where_made), message, kernel.now_ns)
    kernel.report(violation)
    return ContractViolation(violation)
