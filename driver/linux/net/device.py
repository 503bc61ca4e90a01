# SPDX-License-Identifier: MIT
"""struct net_device, its operations and its counters."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, fields
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from driver.linux.bug import Where, warn_violation
from driver.linux.errno import EADDRNOTAVAIL, EOPNOTSUPP
from driver.linux.if_ether import BROADCAST_ADDR, ETH_ALEN, ETH_DATA_LEN, ETH_HLEN, ETH_MIN_MTU
from driver.linux.spinlock import SpinLock

if TYPE_CHECKING:
    from driver.linux.napi import NapiStruct
    from driver.linux.net.sch_generic import NetdevQueue, Watchdog
    from driver.linux.skbuff import SkBuff

__all__ = [
    "IFF_ALLMULTI", "IFF_BROADCAST", "IFF_LIVE_ADDR_CHANGE", "IFF_MULTICAST", "IFF_NOARP", "IFF_PROMISC",
    "IFF_RUNNING", "IFF_UNICAST_FLT", "IFF_UP", "NETDEV_TX_BUSY", "NETDEV_TX_OK", "NET_RX_DROP", "NET_RX_SUCCESS",
    "NET_XMIT_CN", "NET_XMIT_DROP", "NET_XMIT_SUCCESS", "Answer", "HwAddrList", "NetDevice",
    "NetDeviceOps", "RegState", "RtnlLinkStats64", "finish", "netdev_mc_count", "netdev_priv", "netdev_uc_count",
    "netif_carrier_ok", "netif_device_present", "netif_running",
]  # fmt: skip

IFF_UP: Final = 0x1
IFF_BROADCAST: Final = 0x2
IFF_RUNNING: Final = 0x40
IFF_NOARP: Final = 0x80
IFF_PROMISC: Final = 0x100
IFF_ALLMULTI: Final = 0x200
IFF_MULTICAST: Final = 0x1000

# priv_flags
IFF_UNICAST_FLT: Final = 1 << 12  # the device filters more unicast addresses than its own
IFF_LIVE_ADDR_CHANGE: Final = 1 << 15  # the address may change while the device is up

NETDEV_TX_OK: Final = 0x00
NETDEV_TX_BUSY: Final = 0x10
NET_XMIT_SUCCESS: Final = 0x00
NET_XMIT_DROP: Final = 0x01
NET_XMIT_CN: Final = 0x02
NET_RX_SUCCESS: Final = 0
NET_RX_DROP: Final = 1

DEFAULT_TX_QUEUE_LEN: Final = 1000
TX_TIMEOUT_MS: Final = 5000  # where the driver sets no watchdog_timeo

Answer = int | Awaitable[int]  # what an operation returns that may or may not have to wait


async def finish(answer: Answer) -> int:
    """The result of an operation, plain or not."""
    return answer if isinstance(answer, int) else await answer


@dataclass(slots=True)
class RtnlLinkStats64:
    """struct rtnl_link_stats64: `ip -s -s link`."""

    rx_packets: int = 0
    tx_packets: int = 0
    rx_bytes: int = 0
    tx_bytes: int = 0
    rx_errors: int = 0
    tx_errors: int = 0
    rx_dropped: int = 0
    tx_dropped: int = 0
    multicast: int = 0
    collisions: int = 0
    rx_length_errors: int = 0
    rx_over_errors: int = 0
    rx_crc_errors: int = 0
    rx_frame_errors: int = 0
    rx_fifo_errors: int = 0
    rx_missed_errors: int = 0
    tx_aborted_errors: int = 0
    tx_carrier_errors: int = 0
    tx_fifo_errors: int = 0
    tx_heartbeat_errors: int = 0
    tx_window_errors: int = 0
    rx_compressed: int = 0
    tx_compressed: int = 0
    rx_nohandler: int = 0

    def add(self, other: RtnlLinkStats64) -> None:
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


class RegState(Enum):
    UNINITIALIZED = "uninitialized"
    REGISTERED = "registered"
    UNREGISTERING = "unregistering"
    UNREGISTERED = "unregistered"
    RELEASED = "released"


class NetDeviceOps:
    """struct net_device_ops. An operation left alone does what Linux does where the pointer is NULL.

    Every one but ndo_start_xmit's caller waits for coroutines; an ndo_start_xmit that is a coroutine function is only
    ever called from the NET_TX softirq, because dev_queue_xmit itself cannot wait.
    """

    def ndo_init(self, dev: NetDevice) -> Answer:
        """At registration, before the device is visible."""
        return 0

    def ndo_uninit(self, dev: NetDevice) -> Answer:
        """At unregistration, when the device is no longer visible."""
        return 0

    def ndo_open(self, dev: NetDevice) -> Answer:
        return 0

    def ndo_stop(self, dev: NetDevice) -> Answer:
        return 0

    def ndo_start_xmit(self, skb: SkBuff, dev: NetDevice) -> Answer:
        """NETDEV_TX_OK: the driver owns the skb, sent or not; NETDEV_TX_BUSY: it does not."""
        raise NotImplementedError(f"{dev.name} has no ndo_start_xmit")

    def ndo_validate_addr(self, dev: NetDevice) -> int:
        """0, or -EADDRNOTAVAIL keeps the device from being opened."""
        addr = dev.dev_addr
        return -EADDRNOTAVAIL if addr[0] & 1 or not any(addr) else 0

    def ndo_set_rx_mode(self, dev: NetDevice) -> Answer | None:
        """Flags or address lists changed; called with addr_list_lock held."""
        return None

    def ndo_set_mac_address(self, dev: NetDevice, addr: bytes) -> Answer:
        return -EOPNOTSUPP

    def ndo_change_mtu(self, dev: NetDevice, new_mtu: int) -> Answer:
        """Within min_mtu and max_mtu."""
        dev.mtu = new_mtu
        return 0

    def ndo_tx_timeout(self, dev: NetDevice, txqueue: int) -> Answer | None:
        """From the TIMER softirq: the queue has been stopped for longer than watchdog_timeo."""
        return None

    def ndo_get_stats64(self, dev: NetDevice, storage: RtnlLinkStats64) -> Awaitable[None] | None:
        """Fill `storage` (all 0)."""
        storage.add(dev.stats)
        return None


class HwAddrList:
    """Link layer addresses with a count of the users of each; iterates over the addresses.

    genid: another number whenever there are other addresses.
    """

    __slots__ = ("genid", "users")

    def __init__(self) -> None:
        self.users: dict[bytes, int] = {}
        self.genid = 0

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.users)

    def __len__(self) -> int:
        return len(self.users)

    def __contains__(self, addr: bytes) -> bool:
        return addr in self.users

    def add(self, addr: bytes) -> bool:
        """True: it was not there."""
        if addr in self.users:
            self.users[addr] += 1
            return False
        self.users[addr] = 1
        self.genid += 1
        return True

    def remove(self, addr: bytes) -> bool:
        """True: it is gone. Raises: KeyError when it was not there."""
        self.users[addr] -= 1
        if self.users[addr]:
            return False
        del self.users[addr]
        self.genid += 1
        return True


class NetDevice:
    """struct net_device, with one transmit queue."""

    __slots__ = (
        "addr_len",
        "addr_list_lock",
        "allmulti",
        "broadcast",
        "carrier_changes",
        "carrier_off",
        "dev_addr",
        "flags",
        "hard_header_len",
        "ifindex",
        "ip_ptr",
        "link_event",
        "made",
        "max_mtu",
        "mc",
        "min_mtu",
        "mtu",
        "name",
        "napi_list",
        "needed_headroom",
        "netdev_ops",
        "parent",
        "perm_addr",
        "present",
        "priv",
        "priv_flags",
        "promiscuity",
        "reg_state",
        "rx_nohandler",
        "started",
        "stats",
        "tx_queue_len",
        "txq",
        "uc",
        "uc_promisc",
        "watchdog",
        "watchdog_timeo",
        "xmit_waits",
    )
    txq: NetdevQueue  # these two: sch_generic.dev_init_scheduler
    watchdog: Watchdog

    def __init__(self, name: str, priv: Any, made: Where) -> None:
        self.name = name  # a %d in it is replaced at registration
        self.priv = priv
        self.made = made
        self.parent: Any = None  # SET_NETDEV_DEV
        self.netdev_ops = NetDeviceOps()
        self.ifindex = 0
        self.reg_state = RegState.UNINITIALIZED
        self.flags = IFF_BROADCAST | IFF_MULTICAST
        self.priv_flags = 0
        self.mtu = ETH_DATA_LEN
        self.min_mtu = ETH_MIN_MTU
        self.max_mtu = ETH_DATA_LEN
        self.hard_header_len = ETH_HLEN
        self.needed_headroom = 0
        self.addr_len = ETH_ALEN
        self.dev_addr = bytes(ETH_ALEN)
        self.perm_addr = bytes(ETH_ALEN)
        self.broadcast = BROADCAST_ADDR
        self.uc = HwAddrList()
        self.mc = HwAddrList()
        self.addr_list_lock = SpinLock(f"{name} addresses")
        self.promiscuity = 0
        self.allmulti = 0
        self.uc_promisc = False  # promiscuous because the device cannot filter the uc list
        self.started = False  # __LINK_STATE_START
        self.present = False
        self.carrier_off = False
        self.carrier_changes = 0
        self.link_event = False  # the link watch has yet to look at carrier_off
        self.stats = RtnlLinkStats64()  # for drivers without ndo_get_stats64
        self.rx_nohandler = 0  # the stack's own counter: packets of a protocol nobody handles
        self.tx_queue_len = DEFAULT_TX_QUEUE_LEN
        self.xmit_waits = False  # ndo_start_xmit is a coroutine function
        self.watchdog_timeo = 0  # ms; 0: TX_TIMEOUT_MS from registration on
        self.napi_list: list[NapiStruct] = []
        self.ip_ptr: Any = None  # struct in_device

    def __repr__(self) -> str:
        return f"<netdev {self.name}>"


def netdev_priv(dev: NetDevice) -> Any:
    """The driver's own structure."""
    return dev.priv


def netif_running(dev: NetDevice) -> bool:
    """Between dev_open's call of ndo_open and dev_close's of ndo_stop."""
    return dev.started


def netif_carrier_ok(dev: NetDevice) -> bool:
    return not dev.carrier_off


def netif_device_present(dev: NetDevice) -> bool:
    return dev.present


def netdev_mc_count(dev: NetDevice) -> int:
    return len(dev.mc)


def netdev_uc_count(dev: NetDevice) -> int:
    return len(dev.uc)


def netdev_violation(dev: NetDevice, rule: str, message: str) -> None:
    warn_violation(rule, dev, message, dev.made)
