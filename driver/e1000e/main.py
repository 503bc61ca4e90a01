# SPDX-License-Identifier: MIT
"""Probe and remove (Linux: the PCI part of netdev.c)."""

from __future__ import annotations

from collections.abc import Mapping

from driver.e1000e.adapter import FRAME_OVERHEAD_BYTES, MAX_FRAME_BYTES, Adapter, Ring
from driver.e1000e.err import E1000_ERR_HANDLER
from driver.e1000e.hw import Hw
from driver.e1000e.irq import e1000_free_irq, e1000e_poll
from driver.e1000e.mac import e1000_reset_hw_82571
from driver.e1000e.netdev import (
    E1000NetdevOps,
    e1000_reset_task,
    e1000e_down,
    e1000e_release_hw_control,
    e1000e_reset,
)
from driver.e1000e.nvm import e1000_read_mac_addr_generic, e1000e_validate_nvm_checksum_generic
from driver.e1000e.param import Params, e1000e_check_options
from driver.e1000e.phy import e1000_get_phy_id_82571
from driver.e1000e.regs import RDH, RDT, TDH, TDT
from driver.e1000e.watchdog import e1000_print_hw_hang, e1000_watchdog, e1000_watchdog_task
from driver.linux.dma_mapping import dma_set_mask_and_coherent
from driver.linux.errno import EIO, ENODEV
from driver.linux.etherdevice import alloc_etherdev, eth_hw_addr_set, is_valid_ether_addr, mac_text
from driver.linux.if_ether import ETH_MIN_MTU
from driver.linux.io import IoMem
from driver.linux.napi import netif_napi_add
from driver.linux.netdevice import (
    IFF_LIVE_ADDR_CHANGE,
    IFF_UNICAST_FLT,
    NetDevice,
    free_netdev,
    netif_carrier_off,
    netif_device_detach,
    register_netdev,
    rtnl,
    unregister_netdev,
)
from driver.linux.pci import (
    PciDev,
    PciDeviceId,
    PciDriver,
    pci_clear_master,
    pci_disable_device,
    pci_enable_device,
    pci_iomap,
    pci_iounmap,
    pci_is_enabled,
    pci_release_regions,
    pci_request_regions,
    pci_set_master,
)
from driver.linux.printk import dev_err, dev_info
from driver.linux.timer import TimerList, del_timer_sync
from driver.linux.workqueue import Work, cancel_work_sync

__all__ = ["E1000_PCI_TBL", "e1000_probe", "e1000_remove", "e1000e_driver"]

DRIVER_NAME = "e1000e"
PCI_VENDOR_ID_INTEL = 0x8086
E1000_DEV_ID_82574L = 0x10D3
E1000_PCI_TBL = (PciDeviceId(PCI_VENDOR_ID_INTEL, E1000_DEV_ID_82574L),)
WATCHDOG_TIMEO_MS = 5000


def e1000e_driver(params: Mapping[str, int] | None = None) -> PciDriver:
    """The driver, for pci_register_driver; `params` are its module parameters (param.py).

    Raises: ModuleParamError.
    """
    options = e1000e_check_options(params or {})

    async def probe(pdev: PciDev, entry: PciDeviceId) -> int:
        return await e1000_probe(pdev, options)

    return PciDriver(DRIVER_NAME, E1000_PCI_TBL, probe, e1000_remove, e1000_shutdown, E1000_ERR_HANDLER)


# ---------------------------------------------------------------- probe: each step undone by the one who called it
async def e1000_probe(pdev: PciDev, params: Params) -> int:
    """Make a network device of a PCI function: 0, or a negative errno and nothing is left behind."""
    error = await pci_enable_device(pdev)
    if error:
        return error
    error = await _probe_enabled(pdev, params)
    if error:
        pci_disable_device(pdev)
    return error


async def _probe_enabled(pdev: PciDev, params: Params) -> int:
    error = dma_set_mask_and_coherent(pdev, (1 << 64) - 1)
    if error:
        dev_err(pdev, "the machine has no 64-bit DMA: error %d", error)
        return error
    error = pci_request_regions(pdev, DRIVER_NAME)
    if error:
        return error
    pci_set_master(pdev)
    netdev = alloc_etherdev()
    iomem = pci_iomap(pdev, 0)
    error = await _probe_mapped(pdev, netdev, iomem, params) if iomem is not None else -EIO
    if error:
        if iomem is not None:
            pci_iounmap(pdev, iomem)
        free_netdev(netdev)
        pci_release_regions(pdev)
    return error


async def _probe_mapped(pdev: PciDev, netdev: NetDevice, iomem: IoMem, params: Params) -> int:
    adapter = e1000_sw_init(pdev, netdev, iomem, params)
    hw = adapter.hw
    error = await e1000_get_phy_id_82571(hw)
    if error:
        return error
    # The NVM may be read only by a card that whoever had it before has no hold on.
    error = await e1000_reset_hw_82571(hw) or await _read_nvm(adapter)
    if error:
        return error
    error = await e1000e_reset(adapter)
    await e1000e_release_hw_control(adapter)  # until the interface is opened, and that may be as soon as registered
    if hw.gone:  # whoever registers it now has a device that is not detached
        return -ENODEV
    if not error:
        error = await register_netdev(netdev)
    if error:
        return error
    netif_carrier_off(netdev)
    dev_info(netdev, "Intel 82574L, %s, irq %d", mac_text(netdev.dev_addr), pdev.irq)
    return 0


def e1000_sw_init(pdev: PciDev, netdev: NetDevice, iomem: IoMem, params: Params) -> Adapter:
    """Everything in memory: adapter, rings without descriptors, NAPI, timer, works."""
    hw = Hw(iomem, on_gone=lambda: netif_device_detach(netdev))
    hw.mac.mc_filter_type = params.mc_filter_type
    adapter = Adapter(pdev, netdev, hw, params)
    netdev.priv = pdev.drvdata = adapter
    netdev.parent = pdev
    netdev.netdev_ops = E1000NetdevOps()
    netdev.watchdog_timeo = WATCHDOG_TIMEO_MS
    netdev.min_mtu = ETH_MIN_MTU
    netdev.max_mtu = MAX_FRAME_BYTES - FRAME_OVERHEAD_BYTES
    netdev.priv_flags |= IFF_UNICAST_FLT | IFF_LIVE_ADDR_CHANGE
    adapter.tx_ring = Ring(adapter, params.TxDescriptors, TDH, TDT)
    adapter.rx_ring = Ring(adapter, params.RxDescriptors, RDH, RDT)
    adapter.napi = netif_napi_add(netdev, e1000e_poll)
    adapter.watchdog_timer = TimerList(e1000_watchdog, adapter)
    adapter.watchdog_task = Work(e1000_watchdog_task, adapter)
    adapter.reset_task = Work(e1000_reset_task, adapter)
    adapter.print_hang_task = Work(e1000_print_hw_hang, adapter)
    return adapter


async def _read_nvm(adapter: Adapter) -> int:
    """Checksum and MAC address. Some systems need the first read to wake the NVM: the checksum has two tries."""
    hw, netdev, pdev = adapter.hw, adapter.netdev, adapter.pdev
    if await e1000e_validate_nvm_checksum_generic(hw) and await e1000e_validate_nvm_checksum_generic(hw):
        if hw.gone:
            return -ENODEV
        dev_err(pdev, "NVM: the checksum is wrong")
        return -EIO
    if await e1000_read_mac_addr_generic(hw) or not is_valid_ether_addr(hw.mac.addr):
        if hw.gone:
            return -ENODEV
        dev_err(pdev, "NVM: %s cannot be a station address", mac_text(hw.mac.addr))
        return -EIO
    eth_hw_addr_set(netdev, hw.mac.addr)
    netdev.perm_addr = hw.mac.perm_addr
    return 0


# ---------------------------------------------------------------- remove
async def e1000_remove(pdev: PciDev) -> None:
    """Unregistering closes the device; after that nothing schedules work any more, and what is scheduled is waited
    for; after that nothing touches registers."""
    adapter: Adapter = pdev.drvdata
    await unregister_netdev(adapter.netdev)
    del_timer_sync(adapter.watchdog_timer)
    for work in (adapter.reset_task, adapter.watchdog_task, adapter.print_hang_task):
        await cancel_work_sync(work)
    await e1000e_release_hw_control(adapter)  # whatever state an error or a reset left it in
    pci_iounmap(pdev, adapter.hw.iomem)
    free_netdev(adapter.netdev)
    pci_release_regions(pdev)
    if pci_is_enabled(pdev):  # else an error took it, and it was not recovered
        pci_disable_device(pdev)


async def e1000_shutdown(pdev: PciDev) -> None:
    """Before a reboot: no interrupt, and no DMA into memory that belongs to the next system."""
    adapter: Adapter = pdev.drvdata
    async with rtnl():
        netif_device_detach(adapter.netdev)
        if not adapter.down:
            await e1000e_down(adapter)
            await e1000_free_irq(adapter)
            await e1000e_release_hw_control(adapter)
        pci_clear_master(pdev)
