# SPDX-License-Identifier: MIT
"""Raw frames at both ends: made from a seed, and handed to the device as a packet socket does it."""

from __future__ import annotations

from random import Random

from driver.linux.errno import ENOBUFS
from driver.linux.netdevice import NetDevice, dev_queue_xmit
from driver.linux.skbuff import alloc_skb, skb_put_data, skb_reserve, skb_truesize
from driver.linux.sock import Sock, skb_set_owner_w, sock_wait_for_wmem

__all__ = ["ETHER_TYPE", "frames_to", "transmit", "transmit_all"]

ETHER_TYPE = b"\x88\xb5"  # local experimental: no protocol handler answers it


def frames_to(destination: bytes, source: bytes, random: Random, count: int, lengths: tuple[int, int]) -> list[bytes]:
    """Random payload; lengths: least and most bytes without FCS, both included."""
    header = destination + source + ETHER_TYPE
    return [header + random.randbytes(random.randint(*lengths) - len(header)) for _ in range(count)]


def transmit(device: NetDevice, frame: bytes, sk: Sock | None = None) -> int:
    """Hand a whole frame to the device; inside the kernel. -ENOBUFS: no memory; else what dev_queue_xmit says."""
    skb = alloc_skb(device.hard_header_len + len(frame))
    if skb is None:
        return -ENOBUFS
    skb_reserve(skb, device.hard_header_len)
    skb_put_data(skb, frame)
    skb.dev = device
    if sk is not None:
        skb_set_owner_w(skb, sk)
    return dev_queue_xmit(skb)


async def transmit_all(device: NetDevice, frames: list[bytes]) -> int:
    """As fast as the device takes them; how many it dropped. A kernel process.

    Its send buffer holds what fits the device's queue, and when that is full it sleeps until half of it was sent.
    """
    if not frames:
        return 0
    least = skb_truesize(device.hard_header_len + min(map(len, frames)))
    sk = Sock(sndbuf=least * max(1, device.tx_queue_len - 1))
    dropped = 0
    for frame in frames:
        if sk.wmem_alloc >= sk.sndbuf:
            await sock_wait_for_wmem(sk)
        dropped += transmit(device, frame, sk) != 0
    return dropped
