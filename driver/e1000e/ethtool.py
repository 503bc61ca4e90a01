# SPDX-License-Identifier: MIT
"""What `ethtool`, `ethtool -i`, `-g` and `-S` show (Linux: ethtool.c)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from driver.e1000e.adapter import Adapter
from driver.e1000e.param import PARAMS
from driver.e1000e.stats import e1000e_update_stats
from driver.linux.netdevice import NetDevice, netif_carrier_ok

__all__ = [
    "DrvInfo",
    "LinkSettings",
    "RingParam",
    "e1000_get_drvinfo",
    "e1000_get_ethtool_stats",
    "e1000_get_link_ksettings",
    "e1000_get_ringparam",
    "e1000_get_strings",
]

SPEED_UNKNOWN: Final = -1

# The name that `ethtool -S` shows, and the card's counter (HwStats) behind it.
_CARD: Final = {
    "rx_packets": "gprc",
    "tx_packets": "gptc",
    "rx_bytes": "gorc",
    "tx_bytes": "gotc",
    "rx_broadcast": "bprc",
    "tx_broadcast": "bptc",
    "rx_multicast": "mprc",
    "tx_multicast": "mptc",
    "rx_crc_errors": "crcerrs",
    "rx_symbol_errors": "rxerrc",
    "rx_no_buffer_count": "rnbc",
    "rx_missed_errors": "mpc",
    "rx_short_length_errors": "ruc",
    "rx_fragments": "rfc",
    "rx_long_length_errors": "roc",
    "rx_jabber": "rjc",
    "rx_total_packets": "tpr",
    "tx_total_packets": "tpt",
    "rx_total_bytes": "tor",
    "tx_total_bytes": "tot",
    "rx_size_64": "prc64",
    "rx_size_127": "prc127",
    "rx_size_255": "prc255",
    "rx_size_511": "prc511",
    "rx_size_1023": "prc1023",
    "rx_size_1522": "prc1522",
    "tx_size_64": "ptc64",
    "tx_size_127": "ptc127",
    "tx_size_255": "ptc255",
    "tx_size_511": "ptc511",
    "tx_size_1023": "ptc1023",
    "tx_size_1522": "ptc1522",
}
_DRIVER: Final[dict[str, Callable[[Adapter], int]]] = {
    "tx_restart_queue": lambda adapter: adapter.restart_queue,
    "tx_timeout_count": lambda adapter: adapter.tx_timeout_count,
    "tx_dropped": lambda adapter: adapter.tx_dropped,
    "tx_dma_failed": lambda adapter: adapter.tx_dma_failed,
    "rx_dma_failed": lambda adapter: adapter.rx_dma_failed,
    "alloc_rx_buff_failed": lambda adapter: adapter.alloc_rx_buff_failed,
    "rx_over_buffer": lambda adapter: adapter.rx_length_errors,
    "rx_bad_descriptors": lambda adapter: adapter.rx_desc_errors,
}


@dataclass(frozen=True, slots=True)
class DrvInfo:
    driver: str
    bus_info: str


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """speed: Mbit/s, SPEED_UNKNOWN without link."""

    speed: int
    full_duplex: bool


@dataclass(frozen=True, slots=True)
class RingParam:
    """Descriptors."""

    rx_pending: int
    tx_pending: int
    rx_max_pending: int
    tx_max_pending: int


def e1000_get_strings(netdev: NetDevice) -> tuple[str, ...]:
    return (*_CARD, *_DRIVER)


async def e1000_get_ethtool_stats(netdev: NetDevice) -> tuple[int, ...]:
    """The values, in the order of e1000_get_strings."""
    adapter: Adapter = netdev.priv
    await e1000e_update_stats(adapter)
    card = tuple(adapter.stats[name] for name in _CARD.values())
    return card + tuple(value(adapter) for value in _DRIVER.values())


def e1000_get_drvinfo(netdev: NetDevice) -> DrvInfo:
    adapter: Adapter = netdev.priv
    return DrvInfo("e1000e", adapter.pdev.name)


def e1000_get_link_ksettings(netdev: NetDevice) -> LinkSettings:
    adapter: Adapter = netdev.priv
    if not netif_carrier_ok(netdev):
        return LinkSettings(SPEED_UNKNOWN, False)
    return LinkSettings(adapter.link_speed, adapter.link_full_duplex)


def e1000_get_ringparam(netdev: NetDevice) -> RingParam:
    adapter: Adapter = netdev.priv
    highest = {param.name: param.highest for param in PARAMS}
    return RingParam(
        adapter.rx_ring.count, adapter.tx_ring.count, highest["RxDescriptors"], highest["TxDescriptors"]
    )
