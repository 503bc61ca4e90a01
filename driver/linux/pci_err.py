# SPDX-License-Identifier: MIT
"""A function reports an uncorrectable error: its driver is led out of it (Linux: pcie/aer.c, pcie/err.c).

Reports come from any context; recovery is work, one of a device at a time, and holds the device's lock (as probe and
remove do) around each call of the driver: a driver that is unbound meanwhile hears no more, nor does its successor.

    error_detected      stop everything; NEED_RESET, CAN_RECOVER, NONE (go on without a reset), DISCONNECT
    slot_reset          after NEED_RESET: start from a card that was reset; RECOVERED, NONE, DISCONNECT
    resume              after either: back to work

A fatal error resets the slot before that, by PciDev.reset_slot; where there is no way to, it cannot be recovered.
What a device reports between error_detected and the end of slot_reset is part of the same error.

Where this differs from Linux: mmio_enabled is left out; a device whose recovery failed is disconnected, and its driver
hears so by error_detected(IO_PERM_FAILURE), as with EEH.

Rule: pci-ers-result (an answer that a handler may not give at that step).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from driver.linux.bug import warn_violation
from driver.linux.printk import dev_err, dev_info
from driver.linux.workqueue import Work, schedule_work

if TYPE_CHECKING:
    from driver.linux.pci import PciDev

__all__ = ["PciChannelState", "PciErrorHandlers", "PciErsResult", "aer_irq", "aer_isr", "pci_dev_is_disconnected"]


class PciChannelState(Enum):
    """pci_channel_state_t: what works between device and machine."""

    IO_NORMAL = "non-fatal"
    IO_FROZEN = "fatal"
    IO_PERM_FAILURE = "permanent"


class PciErsResult(Enum):
    """pci_ers_result_t."""

    NONE = 1
    CAN_RECOVER = 2
    NEED_RESET = 3
    DISCONNECT = 4
    RECOVERED = 5
    NO_AER_DRIVER = 6  # of a device without handlers


@dataclass(frozen=True, slots=True)
class PciErrorHandlers:
    """struct pci_error_handlers: coroutine functions, in process context."""

    error_detected: Callable[[PciDev, PciChannelState], Awaitable[PciErsResult]]
    slot_reset: Callable[[PciDev], Awaitable[PciErsResult]]
    resume: Callable[[PciDev], Awaitable[None]]


_AFTER_DETECTION: Final = (
    PciErsResult.NONE, PciErsResult.CAN_RECOVER, PciErsResult.NEED_RESET, PciErsResult.DISCONNECT,
)  # fmt: skip
_AFTER_RESET: Final = (PciErsResult.NONE, PciErsResult.RECOVERED, PciErsResult.DISCONNECT)


def pci_dev_is_disconnected(dev: PciDev) -> bool:
    """Given up, or gone: its configuration space reads all ones."""
    return dev.error_state is PciChannelState.IO_PERM_FAILURE


def aer_irq(dev: PciDev, fatal: bool) -> None:
    """The device has reported an uncorrectable error. From any context."""
    if fatal or dev.error_reported is None:
        dev.error_reported = PciChannelState.IO_FROZEN if fatal else PciChannelState.IO_NORMAL
    schedule_work(dev.aer_work)


async def aer_isr(work: Work) -> None:
    """Recover the device from what it has reported."""
    dev: PciDev = work.data
    state, dev.error_reported = dev.error_reported, None
    if state is None:
        return
    dev_err(dev, "PCI bus error: uncorrected, %s", state.value)
    outcome = await _recovered(dev, state)
    if outcome is PciErsResult.RECOVERED:
        await _resume(dev)
        dev_info(dev, "device recovery successful")
        return
    if outcome is not PciErsResult.NO_AER_DRIVER:
        await _disconnect(dev)
    dev_err(dev, "device recovery failed")


async def _recovered(dev: PciDev, state: PciChannelState) -> PciErsResult:
    """All but the end: RECOVERED, NO_AER_DRIVER, or DISCONNECT."""
    vote = await _error_detected(dev, state)
    if vote in (PciErsResult.NO_AER_DRIVER, PciErsResult.DISCONNECT):
        return vote
    if state is PciChannelState.IO_FROZEN and (dev.reset_slot is None or not await dev.reset_slot()):
        dev_err(dev, "its slot cannot be reset")
        return PciErsResult.DISCONNECT
    return await _slot_reset(dev) if vote is PciErsResult.NEED_RESET else PciErsResult.RECOVERED


async def _error_detected(dev: PciDev, state: PciChannelState) -> PciErsResult:
    async with dev.lock:
        if pci_dev_is_disconnected(dev):
            return PciErsResult.DISCONNECT
        handlers = dev.driver.err_handler if dev.driver is not None else None
        if handlers is None:
            dev_info(dev, "cannot recover: nobody to tell")
            return PciErsResult.NO_AER_DRIVER
        dev.error_state, dev.recovering = state, handlers
        return _checked(dev, await handlers.error_detected(dev, state), _AFTER_DETECTION, "error_detected")


async def _slot_reset(dev: PciDev) -> PciErsResult:
    async with dev.lock:
        vote = PciErsResult.NONE
        if dev.recovering is not None:
            vote = _checked(dev, await dev.recovering.slot_reset(dev), _AFTER_RESET, "slot_reset")
        if dev.error_reported is PciChannelState.IO_NORMAL:
            dev.error_reported = None
        return PciErsResult.RECOVERED if vote is PciErsResult.NONE else vote


async def _resume(dev: PciDev) -> None:
    async with dev.lock:
        dev.error_state = PciChannelState.IO_NORMAL
        handlers, dev.recovering = dev.recovering, None
        if handlers is not None:
            await handlers.resume(dev)


async def _disconnect(dev: PciDev) -> None:
    async with dev.lock:
        if pci_dev_is_disconnected(dev):
            return
        dev.error_state = PciChannelState.IO_PERM_FAILURE
        handlers, dev.recovering = dev.recovering, None
        if handlers is not None:
            vote = await handlers.error_detected(dev, PciChannelState.IO_PERM_FAILURE)
            _checked(dev, vote, (PciErsResult.DISCONNECT,), "error_detected of a permanent failure")


def _checked(dev: PciDev, vote: PciErsResult, allowed: tuple[PciErsResult, ...], what: str) -> PciErsResult:
    """The driver's answer, if it may give it; else that of one that cannot go on."""
    if vote in allowed:
        return vote
    warn_violation("pci-ers-result", dev, f"{what} answered {vote}")
    return PciErsResult.DISCONNECT
