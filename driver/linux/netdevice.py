# SPDX-License-Identifier: MIT
"""Network devices as a driver sees them (include/linux/netdevice.h): the names; the code is in net/.

Coroutines, to be awaited: register_netdev, unregister_netdev, dev_open, dev_close, dev_set_mtu, dev_set_mac_address,
dev_set_promiscuity, dev_set_allmulti, dev_{uc,mc}_{add,del}, dev_get_stats, rtnl_lock. Everything else is plain.
"""

from __future__ import annotations

from driver.linux.etherdevice import alloc_etherdev
from driver.linux.net.addr_lists import (
    dev_mc_add,
    dev_mc_del,
    dev_set_allmulti,
    dev_set_promiscuity,
    dev_set_rx_mode,
    dev_uc_add,
    dev_uc_del,
)
from driver.linux.net.core import (
    dev_change_tx_queue_len,
    dev_close,
    dev_get_flags,
    dev_get_stats,
    dev_open,
    dev_set_mac_address,
    dev_set_mtu,
    free_netdev,
    netdev_leak_check,
    register_netdev,
    unregister_netdev,
)
from driver.linux.net.device import (
    IFF_ALLMULTI,
    IFF_BROADCAST,
    IFF_LIVE_ADDR_CHANGE,
    IFF_MULTICAST,
    IFF_NOARP,
    IFF_PROMISC,
    IFF_RUNNING,
    IFF_UNICAST_FLT,
    IFF_UP,
    NET_RX_DROP,
    NET_RX_SUCCESS,
    NET_XMIT_CN,
    NET_XMIT_DROP,
    NET_XMIT_SUCCESS,
    NETDEV_TX_BUSY,
    NETDEV_TX_OK,
    HwAddrList,
    NetDevice,
    NetDeviceOps,
    RegState,
    RtnlLinkStats64,
    netdev_mc_count,
    netdev_priv,
    netdev_uc_count,
    netif_carrier_ok,
    netif_device_present,
    netif_running,
)
from driver.linux.net.link import netif_carrier_off, netif_carrier_on, netif_device_attach, netif_device_detach
from driver.linux.net.receive import netif_receive_skb
from driver.linux.net.rtnl import assert_rtnl, rtnl, rtnl_is_locked, rtnl_lock, rtnl_unlock
from driver.linux.net.sch_generic import netdev_start_xmit
from driver.linux.net.transmit import (
    dev_queue_xmit,
    netdev_xmit_more,
    netif_queue_stopped,
    netif_start_queue,
    netif_stop_queue,
    netif_trans_update,
    netif_tx_disable,
    netif_wake_queue,
    netif_xmit_stopped,
)
from driver.linux.skbuff import dev_consume_skb_any, dev_kfree_skb_any, dev_kfree_skb_irq

__all__ = [
    "IFF_ALLMULTI", "IFF_BROADCAST", "IFF_LIVE_ADDR_CHANGE", "IFF_MULTICAST", "IFF_NOARP", "IFF_PROMISC",
    "IFF_RUNNING", "IFF_UNICAST_FLT", "IFF_UP", "NETDEV_TX_BUSY", "NETDEV_TX_OK", "NET_RX_DROP", "NET_RX_SUCCESS",
    "NET_XMIT_CN", "NET_XMIT_DROP", "NET_XMIT_SUCCESS", "HwAddrList", "NetDevice", "NetDeviceOps", "RegState",
    "RtnlLinkStats64", "alloc_etherdev", "assert_rtnl", "dev_change_tx_queue_len", "dev_close",
    "dev_consume_skb_any", "dev_get_flags", "dev_get_stats", "dev_kfree_skb_any", "dev_kfree_skb_irq", "dev_mc_add",
    "dev_mc_del", "dev_open", "dev_queue_xmit", "dev_set_allmulti", "dev_set_mac_address", "dev_set_mtu",
    "dev_set_promiscuity", "dev_set_rx_mode", "dev_uc_add", "dev_uc_del", "free_netdev", "netdev_leak_check",
    "netdev_mc_count", "netdev_priv", "netdev_start_xmit", "netdev_uc_count", "netdev_xmit_more",
    "netif_carrier_off", "netif_carrier_ok", "netif_carrier_on", "netif_device_attach", "netif_device_detach",
    "netif_device_present", "netif_queue_stopped", "netif_receive_skb", "netif_running", "netif_start_queue",
    "netif_stop_queue", "netif_trans_update", "netif_tx_disable", "netif_wake_queue", "netif_xmit_stopped",
    "register_netdev", "rtnl", "rtnl_is_locked", "rtnl_lock", "rtnl_unlock", "unregister_netdev",
]  # fmt: skip
