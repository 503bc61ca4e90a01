# SPDX-License-Identifier: MIT
"""Who gets a received packet: handlers of a protocol, and taps, which see everything both ways.

A handler owns the reference it is given; several may share one skb (skb_share_check before writing). A tap's view is
good during the call: afterwards the driver may have mapped the bytes, so a tap that keeps a packet copies it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from driver.linux.bug import warn_violation
from driver.linux.current import ON
from driver.linux.if_ether import ETH_P_ALL
from driver.linux.net.state import net_state
from driver.linux.skbuff import SkBuff, skb_clone

if TYPE_CHECKING:
    from driver.linux.net.device import NetDevice

__all__ = [
    "PACKET_BROADCAST", "PACKET_HOST", "PACKET_MULTICAST", "PACKET_OTHERHOST", "PACKET_OUTGOING", "PacketType",
    "dev_add_pack", "dev_queue_xmit_nit", "dev_remove_pack",
]  # fmt: skip

PACKET_HOST: Final = 0
PACKET_BROADCAST: Final = 1
PACKET_MULTICAST: Final = 2
PACKET_OTHERHOST: Final = 3
PACKET_OUTGOING: Final = 4


class PacketType:
    """struct packet_type. type: an ETH_P_ number, ETH_P_ALL for a tap; dev: None for every device."""

    __slots__ = ("dev", "func", "type")

    def __init__(
        self,
        type: int,
        func: Callable[[SkBuff, NetDevice, PacketType], int],
        dev: NetDevice | None = None,
    ) -> None:
        self.type = type
        self.func = func
        self.dev = dev


def _handlers(pt: PacketType) -> tuple[PacketType, ...]:
    net = net_state()
    return net.ptype_all if pt.type == ETH_P_ALL else net.ptype_base.get(pt.type, ())


def _set_handlers(pt: PacketType, handlers: tuple[PacketType, ...]) -> None:
    """Replaced, not changed: a delivery under way goes on with those it found."""
    net = net_state()
    if pt.type == ETH_P_ALL:
        net.ptype_all = handlers
    else:
        net.ptype_base[pt.type] = handlers


def dev_add_pack(pt: PacketType) -> None:
    """From now on `pt` gets packets. Rule packet-type: not twice."""
    handlers = _handlers(pt)
    if pt in handlers:
        warn_violation("packet-type", f"packet type {pt.type:#06x}", "added twice")
        return
    _set_handlers(pt, (*handlers, pt))


def dev_remove_pack(pt: PacketType) -> None:
    """`pt` gets no more packets. Rule packet-type: it was there."""
    handlers = _handlers(pt)
    if pt not in handlers:
        warn_violation("packet-type", f"packet type {pt.type:#06x}", "removed, but it was not there")
        return
    _set_handlers(pt, tuple(other for other in handlers if other is not pt))


def dev_queue_xmit_nit(skb: SkBuff, dev: NetDevice) -> None:
    """Show a packet to the taps on its way to the driver."""
    for tap in net_state().ptype_all:
        if tap.dev is None or tap.dev is dev:
            seen = skb_clone(skb)
            seen.tstamp = ON.kernel.now_ns
            seen.pkt_type = PACKET_OUTGOING
            seen.mac_header = seen.data
            tap.func(seen, dev, tap)

