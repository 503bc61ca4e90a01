# SPDX-License-Identifier: MIT
"""Which kernel, and which of its CPUs, is executing: what makes Linux signatures possible without a `self`.

Set by Kernel.step for as long as it runs, and by `with kernel.entered():` elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from driver.linux.sched import Cpu, Kernel

__all__ = ["ON", "NoKernelError", "current", "enter", "leave", "this_cpu"]


class NoKernelError(RuntimeError):
    """A Linux function was called outside Kernel.step and outside Kernel.entered."""


class _On:
    """While a kernel runs: hot paths read the slots without a check."""

    __slots__ = ("cpu", "kernel")
    kernel: Kernel
    cpu: Cpu


class _Off(_On):
    """While none does. The slots are empty then, and this is what `ON` is: a class that has a __getattr__ is slower to
    read, whether or not it is called."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise NoKernelError("no kernel is running here: call it from a task, or inside `with kernel.entered():`")


ON: _On = _Off()


def enter(kernel: Kernel, cpu: Cpu) -> None:
    """From here on this kernel executes."""
    ON.__class__ = _On
    ON.kernel, ON.cpu = kernel, cpu


def leave() -> None:
    """None does."""
    del ON.kernel, ON.cpu
    ON.__class__ = _Off


def current() -> Kernel:
    """The kernel that executes."""
    return ON.kernel


def this_cpu() -> Cpu:
    """The CPU that executes (smp_processor_id, as an object)."""
    return ON.cpu
