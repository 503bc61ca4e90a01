# SPDX-License-Identifier: MIT
"""A sender's room: charged with a packet, given back when it is freed."""

from __future__ import annotations

import pytest

from driver.linux.sched import Kernel
from driver.linux.skbuff import (
    SMP_CACHE_BYTES,
    SkBuff,
    alloc_skb,
    consume_skb,
    kfree_skb,
    pskb_expand_head,
    skb_clone,
    skb_get,
    skb_put_data,
    skb_truesize,
)
from driver.linux.sock import Sock, skb_set_owner_w, sock_wait_for_wmem
from tests.unit.pump import machine


def packet(sk: Sock, size: int = 1000) -> SkBuff:
    skb = alloc_skb(size)
    assert skb is not None
    skb_put_data(skb, bytes(size))
    skb_set_owner_w(skb, sk)
    return skb


@pytest.mark.parametrize("free", [consume_skb, kfree_skb])
def test_a_packet_takes_its_truesize_until_its_last_user_frees_it(kernel: Kernel, free: object) -> None:
    sk = Sock()
    skb = packet(sk)
    assert sk.wmem_alloc == skb.truesize == skb_truesize(1000) > 1000
    skb_get(skb)
    consume_skb(skb)
    assert sk.wmem_alloc
    free(skb)  # type: ignore[operator]
    assert sk.wmem_alloc == 0


def test_a_clone_is_nobodys(kernel: Kernel) -> None:
    sk = Sock()
    skb = packet(sk)
    clone = skb_clone(skb)
    assert clone.sk is None
    consume_skb(skb)
    assert sk.wmem_alloc == 0
    consume_skb(clone)
    assert sk.wmem_alloc == 0


def test_what_is_charged_is_what_is_given_back(kernel: Kernel) -> None:
    sk = Sock()
    skb = packet(sk)
    assert pskb_expand_head(skb, 0, 5000) == 0
    consume_skb(skb)
    assert sk.wmem_alloc == 0
    other = alloc_skb(10)
    assert other is not None
    before = other.truesize
    assert pskb_expand_head(other, 0, 640) == 0 and other.truesize == before + 640
    consume_skb(other)


def test_a_sender_waits_for_half_of_its_room() -> None:
    pump = machine(memory_bytes=1 << 20)
    sk, on_the_way, ended = Sock(sndbuf=10 * skb_truesize(1000)), [], []

    async def sender() -> None:
        for _ in range(30):
            await sock_wait_for_wmem(sk)
            on_the_way.append(packet(sk))
        ended.append(True)

    pump.kernel.run(sender())
    pump.advance(1000)
    seen = []
    while on_the_way:
        seen.append(len(on_the_way))
        with pump.kernel.entered():
            consume_skb(on_the_way.pop())
        pump.advance(1000)
    assert ended and sk.wmem_alloc == 0
    assert seen == [10, 9, 8, 7, 6] * 5 + [5, 4, 3, 2, 1]
    assert pump.kernel.deadline_ns is None  # it did not look again and again


def test_truesize_counts_whole_cache_lines() -> None:
    assert skb_truesize(1) == skb_truesize(SMP_CACHE_BYTES) == skb_truesize(SMP_CACHE_BYTES + 1) - SMP_CACHE_BYTES
