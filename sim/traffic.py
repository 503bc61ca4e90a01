# SPDX-License-Identifier: MIT
"""Raw frames at both ends: made from a seed, and handed to the device as a packet socket does it."""

from __future__ import annotations

from random import Random

from driver.linux.delay import usleep_range
from driver.linux.errno import ENOBUFS
from driver.linux.netdevice import NetDevice, dev_queue_xmit
from driver.linux.skbuff import alloc_skb, skb_put_data, skb_reserve

__all__ = ["ETHER_TYPE", "frames_to", "transmit", "transmit_all"]

ETHER_TYPE = b"\x88\xb5"  # local experimental: no protocol handler answers it


def frames_to(destination: bytes, source: bytes, random: Random, count: int, lengths: tuple[int, int]) -> list[bytes]:
    """Random payload; lengths: least and most bytes without FCS, both included."""
    header = destination + source + ETHER_TYPE
    return [header + random.randbytes(random.randint(*lengths) - len(header)) for _ in range(count)]


def transmit(device: NetDevice, frame: bytes) -> int:
    """Hand a whole frame to the device; inside the kernel. -ENOBUFS: no memory; else what dev_queue_xmit says."""
    skb = alloc_skb(device.hard_header_len + len(frame))
    if skb is None:
        return -ENOBUFS
    skb_reserve(skb, device.hard_header_len)
    skb_put_data(skb, frame)
    skb.dev = device
    return dev_queue_xmit(skb)


async def transmit_all(device: NetDevice, frames: list[bytes]) -> int:
    """As fast as the queue takes them; how many it dropped. A kernel process."""
    dropped = 0
    for frame in frames:
        while len(device.txq.qdisc.packets) >= device.tx_queue_len - 1:
            await usleep_range(1000, 2000)
        dropped += transmit(device, frame) != 0
    return dropped
