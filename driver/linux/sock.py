# SPDX-License-Identifier: MIT
"""struct sock, as far as sending goes (net/sock.h, net/core/sock.c): how much a sender may have in skbs that are not
sent yet, and how it waits for room.

An skb that is charged to a sock (skb_set_owner_w) gives its room back when it is freed, wherever that happens. A
sender that waits is woken when half of its room is free, so that it can send for a while.
"""

from __future__ import annotations

from typing import Final

from driver.linux.skbuff import SkBuff
from driver.linux.wait import WaitQueueHead, wait_event

__all__ = ["SK_WMEM_DEFAULT", "Sock", "skb_set_owner_w", "sock_wait_for_wmem", "sock_wfree"]

SK_WMEM_DEFAULT: Final = 212_992  # net.core.wmem_default


class Sock:
    """sndbuf: bytes it may have on the way; wmem_alloc: bytes it has, as their skbs' truesize counts them."""

    __slots__ = ("sndbuf", "wait", "wmem_alloc")

    def __init__(self, sndbuf: int = SK_WMEM_DEFAULT) -> None:
        self.sndbuf = sndbuf
        self.wmem_alloc = 0
        self.wait = WaitQueueHead()


def skb_set_owner_w(skb: SkBuff, sk: Sock) -> None:
    """Charge a packet to its sender, until it is freed."""
    skb.sk = sk
    skb.destructor = sock_wfree
    sk.wmem_alloc += skb.truesize


def sock_wfree(skb: SkBuff) -> None:
    """The destructor of such a packet."""
    sk: Sock = skb.sk
    sk.wmem_alloc -= skb.truesize
    if sk.wait.waiting and sk.wmem_alloc << 1 <= sk.sndbuf:
        sk.wait.wake_up()


async def sock_wait_for_wmem(sk: Sock) -> None:
    """Sleep until it may send one more, whatever its size (what sock_alloc_send_pskb does)."""
    await wait_event(sk.wait, lambda: sk.wmem_alloc < sk.sndbuf)
