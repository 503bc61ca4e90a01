# SPDX-License-Identifier: MIT
"""The network device: open, close, reset, filters, MTU, statistics (Linux: netdev.c without the data path).

All but e1000e_set_rx_mode and e1000_tx_timeout run under the RTNL, so one at a time.
"""

from __future__ import annotations

from driver.e1000e.adapter import FRAME_OVERHEAD_BYTES, Adapter, e1000_desc_unused
from driver.e1000e.fc import e1000_setup_pba
from driver.e1000e.hw import e1e_flush, rmw32
from driver.e1000e.irq import (
    e1000_free_irq,
    e1000_irq_disable,
    e1000_irq_enable,
    e1000_request_irq,
    e1000e_trigger_lsc,
)
from driver.e1000e.mac import (
    e1000_init_hw_82571,
    e1000_reset_hw_82571,
    e1000e_rar_set_generic,
    e1000e_update_mc_addr_list_generic,
)
from driver.e1000e.regs import CTRL_EXT, RCTL, TCTL
from driver.e1000e.ring import e1000e_free_ring, e1000e_setup_ring
from driver.e1000e.rx import (
    e1000_alloc_rx_buffers,
    e1000_clean_rx_ring,
    e1000_configure_rx,
    e1000_rx_buffer_len,
    e1000_setup_rctl,
    e1000e_change_rctl,
)
from driver.e1000e.stats import e1000e_clear_hw_cntrs_base, e1000e_update_stats
from driver.e1000e.tx import e1000_clean_tx_ring, e1000_configure_tx, e1000_xmit_frame
from driver.linux.delay import usleep_range
from driver.linux.errno import EADDRNOTAVAIL, EBUSY, ENODEV, ENOMEM
from driver.linux.etherdevice import eth_hw_addr_set, eth_validate_addr, is_valid_ether_addr
from driver.linux.if_ether import ETH_ALEN
from driver.linux.mm import GFP_ATOMIC, kfree, kmalloc
from driver.linux.napi import napi_disable, napi_enable
from driver.linux.netdevice import (
    IFF_ALLMULTI,
    IFF_PROMISC,
    NetDevice,
    NetDeviceOps,
    RtnlLinkStats64,
    dev_close,
    netif_carrier_off,
    netif_tx_disable,
    rtnl,
)
from driver.linux.printk import dev_err, dev_info
from driver.linux.skbuff import SkBuff
from driver.linux.timer import del_timer_sync
from driver.linux.workqueue import Work, cancel_work_sync, schedule_work

__all__ = [
    "E1000NetdevOps",
    "e1000_change_mtu",
    "e1000_reset_task",
    "e1000_set_mac",
    "e1000_tx_timeout",
    "e1000e_begin_resetting",
    "e1000e_close",
    "e1000e_down",
    "e1000e_end_resetting",
    "e1000e_get_hw_control",
    "e1000e_get_stats64",
    "e1000e_open",
    "e1000e_reinit_locked",
    "e1000e_release_hw_control",
    "e1000e_reset",
    "e1000e_set_rx_mode",
    "e1000e_up",
]

RESETTING_TRIES = 100


# ---------------------------------------------------------------- up and down
async def e1000e_get_hw_control(adapter: Adapter) -> None:
    """Tell management firmware that a driver is in charge."""
    await rmw32(adapter.hw, CTRL_EXT, set=CTRL_EXT.DRV_LOAD)


async def e1000e_release_hw_control(adapter: Adapter) -> None:
    await rmw32(adapter.hw, CTRL_EXT, clear=CTRL_EXT.DRV_LOAD)


async def e1000e_reset(adapter: Adapter) -> int:
    """Put the card into a known state: idle, filters and counters empty, link negotiating."""
    share = await e1000_setup_pba(adapter.hw, adapter.max_frame_size)
    error = share if share < 0 else await e1000_reset_hw_82571(adapter.hw)
    if not error:
        await e1000e_get_hw_control(adapter)
        error = await e1000_init_hw_82571(adapter.hw)
    if error:
        dev_err(adapter.netdev, "the card cannot be reset: error %d", error)
        return error
    await e1000e_clear_hw_cntrs_base(adapter.hw)
    return -ENODEV if adapter.hw.gone else 0


async def e1000_configure(adapter: Adapter) -> None:
    """Everything that a reset forgot: rings, receive control, filters, buffers."""
    await e1000_configure_tx(adapter)
    await e1000_setup_rctl(adapter)
    await e1000_configure_rx(adapter)
    with adapter.netdev.addr_list_lock.bh():
        await e1000e_set_rx_mode(adapter.netdev)
    e1000_alloc_rx_buffers(adapter.rx_ring, e1000_desc_unused(adapter.rx_ring))


async def e1000e_up(adapter: Adapter) -> None:
    """Start work on allocated rings. The watchdog, woken by the link interrupt, starts the transmit queue."""
    await e1000_configure(adapter)
    adapter.down = False
    adapter.counting = True
    napi_enable(adapter.napi)
    e1000_irq_enable(adapter)
    adapter.hw.mac.get_link_status = True
    e1000e_trigger_lsc(adapter)


async def e1000e_down(adapter: Adapter) -> int:
    """Stop everything that e1000e_up started, reset the card, and only then take back what it could still reach.

    0, or a negative errno: nothing runs then either, but the card did not reset and must not be started.
    """
    hw, netdev = adapter.hw, adapter.netdev
    adapter.down = True
    netif_carrier_off(netdev)
    await e1000e_change_rctl(adapter, clear=RCTL.EN)
    netif_tx_disable(netdev)
    await rmw32(hw, TCTL, clear=TCTL.EN)
    await e1e_flush(hw)
    await usleep_range(10_000, 11_000)
    await e1000_irq_disable(adapter)
    await napi_disable(adapter.napi)
    del_timer_sync(adapter.watchdog_timer)
    await cancel_work_sync(adapter.watchdog_task)
    await cancel_work_sync(adapter.print_hang_task)
    await e1000e_update_stats(adapter)
    adapter.counting = False
    adapter.link_speed = 0
    adapter.link_full_duplex = False
    error = await e1000e_reset(adapter)
    e1000_clean_tx_ring(adapter.tx_ring)
    e1000_clean_rx_ring(adapter.rx_ring)
    return error


async def e1000e_begin_resetting(adapter: Adapter) -> bool:
    """Take __E1000_RESETTING; False when whoever has it does not give it back."""
    for _ in range(RESETTING_TRIES):
        if not adapter.resetting:
            adapter.resetting = True
            return True
        await usleep_range(1000, 1100)
    dev_err(adapter.netdev, "a reset does not end")
    return False


async def e1000e_end_resetting(adapter: Adapter, error: int) -> int:
    """Give __E1000_RESETTING back after an e1000e_down: up again, or what that said.

    A card that did not reset is not started: the interface is closed, and opening it tries once more. One that is gone
    is detached already, and waits for the bus or for being removed, as after an error of the bus.
    """
    if not error:
        await e1000e_up(adapter)
        adapter.resetting = False
        return 0
    adapter.resetting = False
    await e1000_free_irq(adapter)
    if not adapter.hw.gone:
        dev_err(adapter.netdev, "the interface is closed: its card did not come back from a reset")
        await dev_close(adapter.netdev)
    return error


async def e1000e_reinit_locked(adapter: Adapter) -> int:
    """Down and up again, with the RTNL held; 0, -EBUSY, or what e1000e_down said, and the interface is down."""
    if not await e1000e_begin_resetting(adapter):
        return -EBUSY
    return await e1000e_end_resetting(adapter, await e1000e_down(adapter))


async def e1000e_open(netdev: NetDevice) -> int:
    """ndo_open: the interface becomes active. Link and transmission follow when the watchdog sees the link."""
    adapter: Adapter = netdev.priv
    if adapter.resetting:
        return -EBUSY
    netif_carrier_off(netdev)
    error = e1000e_setup_ring(adapter.tx_ring)
    if error:
        return error
    error = e1000e_setup_ring(adapter.rx_ring)
    if error:
        e1000e_free_ring(adapter.tx_ring)
        return error
    await e1000e_get_hw_control(adapter)
    error = await e1000e_reset(adapter) or e1000_request_irq(adapter)
    if error:
        await e1000e_release_hw_control(adapter)
        e1000e_free_ring(adapter.rx_ring)
        e1000e_free_ring(adapter.tx_ring)
        return error
    await e1000e_up(adapter)
    return 0


async def e1000e_close(netdev: NetDevice) -> int:
    """ndo_stop: no interrupt, no poll, no DMA when it returns."""
    adapter: Adapter = netdev.priv
    if not await e1000e_begin_resetting(adapter):
        return -EBUSY
    if not adapter.down:  # as it is after a shutdown, or a reset that failed
        await e1000e_down(adapter)
        await e1000_free_irq(adapter)
        dev_info(netdev, "NIC Link is Down")
    e1000e_free_ring(adapter.tx_ring)
    e1000e_free_ring(adapter.rx_ring)
    await e1000e_release_hw_control(adapter)
    adapter.resetting = False
    return 0


# ---------------------------------------------------------------- recovery
def e1000_tx_timeout(netdev: NetDevice, txqueue: int) -> None:
    """ndo_tx_timeout, from a softirq: a reset is due, and needs to sleep."""
    adapter: Adapter = netdev.priv
    adapter.tx_timeout_count += 1
    schedule_work(adapter.reset_task)


async def e1000_reset_task(work: Work) -> None:
    adapter: Adapter = work.data
    async with rtnl():
        expected, adapter.restart_now = adapter.restart_now, False
        if adapter.down or adapter.hw.gone:
            return
        if not expected:
            dev_err(adapter.netdev, "Reset adapter: transmission stands still")
        await e1000e_reinit_locked(adapter)


# ---------------------------------------------------------------- filters
async def e1000e_set_rx_mode(netdev: NetDevice) -> None:
    """ndo_set_rx_mode, under addr_list_lock: which addresses the card lets pass."""
    adapter: Adapter = netdev.priv
    if adapter.testing:
        return  # the next open does it
    mode = 0
    if netdev.flags & IFF_PROMISC:
        mode = RCTL.UPE | RCTL.MPE
    else:
        if netdev.flags & IFF_ALLMULTI:
            mode |= RCTL.MPE
        elif await e1000e_write_mc_addr_list(netdev) < 0:
            mode |= RCTL.MPE  # rather every group than one too few
        if await e1000e_write_uc_addr_list(netdev) < 0:
            mode |= RCTL.UPE
    await rmw32(adapter.hw, RCTL, clear=RCTL.UPE | RCTL.MPE, set=mode)


async def e1000e_write_mc_addr_list(netdev: NetDevice) -> int:
    """Hash every group into the multicast table, where all have room: how many, or -ENOMEM when their list finds none.

    The list is flat, as the hardware layer knows nothing of net devices. Linux: e1000e_write_mc_addr_list.
    """
    hw, groups = netdev.priv.hw, tuple(netdev.mc)
    if not groups:
        await e1000e_update_mc_addr_list_generic(hw, b"")
        return 0
    mta_list = kmalloc(len(groups) * ETH_ALEN, GFP_ATOMIC)
    if mta_list is None:
        return -ENOMEM
    mta_list.view[: len(groups) * ETH_ALEN] = b"".join(groups)
    await e1000e_update_mc_addr_list_generic(hw, bytes(mta_list.view[: len(groups) * ETH_ALEN]))
    kfree(mta_list)
    return len(groups)


async def e1000e_write_uc_addr_list(netdev: NetDevice) -> int:
    """Put the secondary unicast addresses into the exact filter: how many, or -ENOMEM when it is too small.

    Entry 0 is the device's own address. Linux: e1000e_write_uc_addr_list.
    """
    hw = netdev.priv.hw
    room = hw.mac.rar_entry_count - 1
    addresses = tuple(netdev.uc)
    if len(addresses) > room:
        return -ENOMEM
    for index in range(1, hw.mac.rar_entry_count):
        address = addresses[index - 1] if index <= len(addresses) else bytes(6)
        await e1000e_rar_set_generic(hw, address, index)
    return len(addresses)


async def e1000_set_mac(netdev: NetDevice, address: bytes) -> int:
    """ndo_set_mac_address: 0, or -EADDRNOTAVAIL."""
    adapter: Adapter = netdev.priv
    if not is_valid_ether_addr(address):
        return -EADDRNOTAVAIL
    eth_hw_addr_set(netdev, address)
    adapter.hw.mac.addr = address
    await e1000e_rar_set_generic(adapter.hw, address, 0)
    return 0


# ---------------------------------------------------------------- MTU
async def e1000_change_mtu(netdev: NetDevice, new_mtu: int) -> int:
    """ndo_change_mtu: the reset in e1000e_down shares out the packet memory for the new size, and e1000e_up fills the
    ring anew. Buffers change in between: until then a poll may add one, and the card knows the old size."""
    adapter: Adapter = netdev.priv
    if not await e1000e_begin_resetting(adapter):
        return -EBUSY
    running, old_mtu = not adapter.down, netdev.mtu
    dev_info(netdev, "MTU %d becomes %d", old_mtu, new_mtu)
    _set_mtu(adapter, new_mtu)
    error = await e1000e_down(adapter) if running else 0
    if error:
        _set_mtu(adapter, old_mtu)
    adapter.rx_buffer_len = e1000_rx_buffer_len(adapter.max_frame_size)
    if running:
        return await e1000e_end_resetting(adapter, error)
    adapter.resetting = False
    return 0


def _set_mtu(adapter: Adapter, mtu: int) -> None:
    adapter.netdev.mtu = mtu
    adapter.max_frame_size = mtu + FRAME_OVERHEAD_BYTES


# ---------------------------------------------------------------- statistics
async def e1000e_get_stats64(netdev: NetDevice, storage: RtnlLinkStats64) -> None:
    """ndo_get_stats64: what the card counted, and what the driver threw away after it."""
    adapter: Adapter = netdev.priv
    await e1000e_update_stats(adapter)
    stats = adapter.stats
    storage.rx_packets = stats["gprc"]
    storage.tx_packets = stats["gptc"]
    storage.rx_bytes = stats["gorc"]
    storage.tx_bytes = stats["gotc"]
    storage.multicast = stats["mprc"]
    storage.rx_length_errors = stats["ruc"] + stats["roc"] + adapter.rx_length_errors
    storage.rx_crc_errors = stats["crcerrs"]
    storage.rx_errors = stats["rxerrc"] + stats["crcerrs"] + storage.rx_length_errors
    storage.rx_missed_errors = stats["mpc"]
    storage.rx_dropped = adapter.rx_dropped
    storage.tx_dropped = adapter.tx_dropped


class E1000NetdevOps(NetDeviceOps):
    """Linux: e1000e_netdev_ops."""

    async def ndo_open(self, dev: NetDevice) -> int:
        return await e1000e_open(dev)

    async def ndo_stop(self, dev: NetDevice) -> int:
        return await e1000e_close(dev)

    def ndo_start_xmit(self, skb: SkBuff, dev: NetDevice) -> int:
        return e1000_xmit_frame(skb, dev)

    def ndo_validate_addr(self, dev: NetDevice) -> int:
        return eth_validate_addr(dev)

    async def ndo_set_rx_mode(self, dev: NetDevice) -> int:
        await e1000e_set_rx_mode(dev)
        return 0

    async def ndo_set_mac_address(self, dev: NetDevice, addr: bytes) -> int:
        return await e1000_set_mac(dev, addr)

    async def ndo_change_mtu(self, dev: NetDevice, new_mtu: int) -> int:
        return await e1000_change_mtu(dev, new_mtu)

    def ndo_tx_timeout(self, dev: NetDevice, txqueue: int) -> None:
        e1000_tx_timeout(dev, txqueue)

    async def ndo_get_stats64(self, dev: NetDevice, storage: RtnlLinkStats64) -> None:
        await e1000e_get_stats64(dev, storage)
