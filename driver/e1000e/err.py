# SPDX-License-Identifier: MIT
"""The bus reports an error of the card: stop, start over from a reset, go on (Linux: the error handlers in netdev.c).

A card whose DMA failed has stopped a queue, and only a reset gets it going: the hang watchdog would find out about
transmission in seconds, and nobody about reception. Between the calls the device is detached and its card idle.
"""

from __future__ import annotations

from typing import Final

from driver.e1000e.adapter import Adapter
from driver.e1000e.irq import e1000_free_irq, e1000_request_irq
from driver.e1000e.netdev import e1000e_down, e1000e_release_hw_control, e1000e_reset, e1000e_up
from driver.linux.netdevice import (
    dev_close,
    netif_device_attach,
    netif_device_detach,
    netif_device_present,
    netif_running,
    rtnl,
)
from driver.linux.pci import PciDev, pci_disable_device, pci_enable_device, pci_restore_state, pci_set_master
from driver.linux.pci_err import PciChannelState, PciErrorHandlers, PciErsResult
from driver.linux.printk import dev_err

__all__ = ["E1000_ERR_HANDLER", "e1000_io_error_detected", "e1000_io_resume", "e1000_io_slot_reset"]


async def e1000_io_error_detected(pdev: PciDev, state: PciChannelState) -> PciErsResult:
    """Everything stops. A device that was detached already is gone, or shut down for good: there is nothing to save.

    But a frozen slot reads all ones: a card in it that has been taken for gone may come back.
    """
    adapter: Adapter = pdev.drvdata
    async with rtnl():
        frozen = adapter.hw.gone and state is PciChannelState.IO_FROZEN
        lost = not netif_device_present(adapter.netdev) and not frozen
        netif_device_detach(adapter.netdev)
        if not adapter.down:
            await e1000e_down(adapter)
            await e1000_free_irq(adapter)
    if lost or state is PciChannelState.IO_PERM_FAILURE:
        return PciErsResult.DISCONNECT
    pci_disable_device(pdev)
    return PciErsResult.NEED_RESET


async def e1000_io_slot_reset(pdev: PciDev) -> PciErsResult:
    """The card is as after power-on, or just as it was: from here on it is as after a probe."""
    adapter: Adapter = pdev.drvdata
    error = await pci_enable_device(pdev)
    if error:
        dev_err(pdev, "cannot be enabled after its reset: error %d", error)
        return PciErsResult.DISCONNECT
    pci_restore_state(pdev)
    pci_set_master(pdev)
    adapter.hw.gone = False  # e1000e_reset finds out
    async with rtnl():
        error = await e1000e_reset(adapter)
    return PciErsResult.DISCONNECT if error else PciErsResult.RECOVERED


async def e1000_io_resume(pdev: PciDev) -> None:
    """An interface that is up goes on; it may have been taken down meanwhile, but not up."""
    adapter: Adapter = pdev.drvdata
    async with rtnl():
        if not netif_running(adapter.netdev):
            await e1000e_release_hw_control(adapter)  # until the interface is opened
        elif e1000_request_irq(adapter):
            dev_err(adapter.netdev, "the interface is closed: it has no interrupt after the recovery of its card")
            await dev_close(adapter.netdev)
        else:
            await e1000e_up(adapter)
        if not adapter.hw.gone:
            netif_device_attach(adapter.netdev)


E1000_ERR_HANDLER: Final = PciErrorHandlers(e1000_io_error_detected, e1000_io_slot_reset, e1000_io_resume)
