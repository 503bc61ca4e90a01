# SPDX-License-Identifier: MIT
"""Which kernel, and which of its CPUs, is executing: what makes Linux signatures possible without a `self`.

Set by Kernel.step for as long as it runs, and by `with kernel.entered():` elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from driver.linux.sched import Cpu, Kernel

__all__ = ["ON", "NoKernelError", "current", "this_cpu"]


class NoKernelError(RuntimeError):
    """A Linux function was called outside Kernel.step and outside Kernel.entered."""


class _On:
    """The slots are empty while no kernel runs, so hot paths read them without a check."""

    __slots__ = ("cpu", "kernel")
    kernel: Kernel
    cpu: Cpu

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise NoKernelError("no kernel is running here: call it from a task, or inside `with kernel.entered():`")


ON = _On()


def current() -> Kernel:
    """The kernel that executes."""
    return ON.kernel


def this_cpu() -> Cpu:
    """The CPU that executes (smp_processor_id, as an object)."""
    return ON.cpu
