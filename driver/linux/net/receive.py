# SPDX-License-Identifier: MIT
"""From the driver to the protocols (net/core/dev.c, the receiving half)."""

from __future__ import annotations

from typing import Final

from driver.linux.bug import fatal_violation
from driver.linux.current import ON
from driver.linux.net.device import NET_RX_DROP
from driver.linux.net.skb import NOT_SET, SkBuff
from driver.linux.skbuff import SkbDropReason, kfree_skb

__all__ = ["netif_receive_skb"]

_UNHANDLED_PROTO: Final = SkbDropReason.UNHANDLED_PROTO


def netif_receive_skb(skb: SkBuff) -> int:
    """Give a packet up to the stack, after eth_type_trans; the caller's reference goes with it.

    A VLAN tag stays in the data, so its frames are of protocol 0x8100. A protocol that nobody handles counts in
    rx_nohandler, with or without taps.
    """
    dev = skb.dev
    if dev is None:
        raise fatal_violation("rx-no-device", "skb", "netif_receive_skb without skb.dev", skb.made)
    cpu = ON.cpu
    kernel = cpu.kernel
    net = kernel.net
    if not skb.tstamp:
        skb.tstamp = kernel.now_ns
    skb.network_header = skb.data
    if skb.transport_header == NOT_SET:
        skb.transport_header = skb.data
    net.softnet[cpu.index].processed += 1
    tracer = kernel.tracer
    if tracer is not None:
        tracer.netif_receive_skb_entry(skb)
    for tap in net.ptype_all:
        if tap.dev is None or tap.dev is dev:
            skb.users += 1
            tap.func(skb, dev, tap)
    previous = None
    for handler in net.ptype_base.get(skb.protocol, ()):
        if handler.dev is None or handler.dev is dev:
            if previous is not None:
                skb.users += 1
                previous.func(skb, dev, previous)
            previous = handler
    if previous is not None:
        answer = previous.func(skb, dev, previous)
    else:
        answer = NET_RX_DROP
        dev.rx_nohandler += 1
        kfree_skb(skb, _UNHANDLED_PROTO)
    if tracer is not None:
        tracer.netif_receive_skb_exit(answer)
    return answer
