# SPDX-License-Identifier: MIT
"""Simulated time as integers. Every build has 1 ps steps (sim/runner.py)."""

from __future__ import annotations

from cocotb.triggers import Timer
from cocotb.utils import get_sim_time

__all__ = ["now_ns", "now_ps", "until_ps"]


def now_ps() -> int:
    return int(get_sim_time("step"))


def now_ns() -> int:
    """Rounded down, so that a time in the future is never taken for now."""
    return now_ps() // 1000


def until_ps(moment_ps: int) -> Timer:
    """A trigger that fires at `moment_ps`; one step from now when that is not in the future."""
    return Timer(max(1, moment_ps - now_ps()), "step")
