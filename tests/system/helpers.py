# SPDX-License-Identifier: MIT
"""What system tests share: a bench that is up, frames to send on it."""

from __future__ import annotations

from random import Random
from typing import Any

from driver.linux.delay import usleep_range
from driver.linux.netdevice import NetDevice, dev_queue_xmit
from driver.linux.skbuff import alloc_skb, skb_put_data, skb_reserve
from sim.bench import Bench
from sim.launch import configured

ETHER_TYPE = b"\x88\xb5"  # local experimental: no protocol handler answers it


async def bench_up(dut: Any) -> Bench:
    """The bench that `launch` configured, started, driver loaded, link up."""
    config, folder = configured()
    bench = Bench(dut, config, folder)
    await bench.start()
    await bench.up()
    return bench


def frames_to(destination: bytes, source: bytes, random: Random, count: int, lengths: tuple[int, int]) -> list[bytes]:
    """Random payload; lengths: least and most bytes without FCS, both included."""
    header = destination + source + ETHER_TYPE
    return [header + random.randbytes(random.randint(*lengths) - len(header)) for _ in range(count)]


def transmit(device: NetDevice, frame: bytes) -> int:
    """What a packet socket does: hand a whole frame to the device. Inside the kernel."""
    skb = alloc_skb(device.hard_header_len + len(frame))
    assert skb is not None
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
