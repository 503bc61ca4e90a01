# SPDX-License-Identifier: MIT
"""sk_buff: room, counts, copies, queues, and every rule tripped."""

from __future__ import annotations

from typing import Any

import pytest

from driver.linux.errno import ENOMEM
from driver.linux.mm import Buffer
from driver.linux.net.skb import NOT_SET
from driver.linux.net.state import net_state
from driver.linux.netdevice import alloc_etherdev
from driver.linux.sched import Kernel
from driver.linux.skbuff import (
    NET_IP_ALIGN,
    NET_SKB_PAD,
    SkbDropReason,
    SkBuff,
    SkBuffHead,
    alloc_skb,
    consume_skb,
    dev_consume_skb_any,
    dev_kfree_skb_any,
    eth_skb_pad,
    kfree_skb,
    live_skbs,
    netdev_alloc_skb,
    netdev_alloc_skb_ip_align,
    pskb_copy,
    pskb_expand_head,
    pskb_may_pull,
    skb_clone,
    skb_cloned,
    skb_copy,
    skb_copy_expand,
    skb_cow,
    skb_dequeue,
    skb_get,
    skb_headroom,
    skb_leak_check,
    skb_peek,
    skb_pull,
    skb_push,
    skb_put,
    skb_put_data,
    skb_queue_head,
    skb_queue_len,
    skb_queue_purge,
    skb_queue_tail,
    skb_reserve,
    skb_reset_mac_header,
    skb_reset_network_header,
    skb_reset_transport_header,
    skb_share_check,
    skb_tailroom,
    skb_trim,
    skb_unlink,
)
from driver.linux.softirq import NET_TX_SOFTIRQ, open_softirq
from tests.unit.linux.net.conftest import Trips
from tests.unit.pump import machine


def made(data: bytes = b"", room: int = 128, headroom: int = 32) -> SkBuff:
    skb = alloc_skb(room)
    assert skb is not None
    skb_reserve(skb, headroom)
    skb_put_data(skb, data)
    return skb


def drops() -> dict[str, int]:
    return net_state().drop_counts()


# ---- room and shape


def test_a_new_skb_is_empty_with_all_its_room_behind(kernel: Kernel) -> None:
    skb = made(headroom=0)
    assert (skb.len, skb_headroom(skb), skb_tailroom(skb), bytes(skb.view())) == (0, 0, 128, b"")
    consume_skb(skb)


def test_put_push_pull_trim_move_the_ends(kernel: Kernel) -> None:
    skb = made(b"payload")
    skb_push(skb, 4)[:] = b"head"
    skb_put(skb, 4)[:] = b"tail"
    assert bytes(skb.view()) == b"headpayloadtail" and skb.len == 15
    assert skb_pull(skb, 4) and not skb_pull(skb, 12)
    skb_trim(skb, 7)
    assert bytes(skb.view()) == b"payload"
    skb_trim(skb, 70)
    assert skb_pull(skb, 7) and skb.len == 0
    skb_push(skb, 7)
    assert (skb.len, skb_headroom(skb), skb_tailroom(skb)) == (7, 32, 89)
    consume_skb(skb)


def test_the_bytes_lie_in_host_memory(kernel: Kernel) -> None:
    skb = made(b"find me")
    index = skb.addr - kernel.host.memory_base
    assert bytes(kernel.host.memory[index : index + 7]) == b"find me"
    consume_skb(skb)


@pytest.mark.parametrize(
    ("alloc", "headroom"),
    [(netdev_alloc_skb, NET_SKB_PAD), (netdev_alloc_skb_ip_align, NET_SKB_PAD + NET_IP_ALIGN)],
)
def test_a_receive_skb_has_headroom_and_its_device(kernel: Kernel, alloc: Any, headroom: int) -> None:
    dev = alloc_etherdev()
    skb = alloc(dev, 1522)
    assert skb.dev is dev and skb_headroom(skb) == headroom and skb_tailroom(skb) >= 1522
    consume_skb(skb)


def test_headers_are_remembered_and_move_with_a_new_head(kernel: Kernel) -> None:
    skb = made(b"eeiitt")
    skb_reset_mac_header(skb)
    skb_pull(skb, 2)
    skb_reset_network_header(skb)
    skb_pull(skb, 2)
    skb_reset_transport_header(skb)
    assert pskb_expand_head(skb, 64, 0) == 0
    head = bytes(skb.head_view())
    assert [head[at : at + 2] for at in (skb.mac_header, skb.network_header, skb.transport_header)] == [
        b"ee",
        b"ii",
        b"tt",
    ]
    consume_skb(skb)


def test_padding_is_zeros_even_where_there_was_no_room(kernel: Kernel) -> None:
    skb = made(b"x" * 10, room=64, headroom=50)
    assert eth_skb_pad(skb) == 0
    assert bytes(skb.view()) == b"x" * 10 + bytes(50)
    consume_skb(skb)


def test_padding_without_memory_frees_the_skb(kernel: Kernel) -> None:
    skb = made(b"x" * 10, room=64, headroom=50)
    kernel.mm.fail_after(0)
    assert eth_skb_pad(skb) == -ENOMEM
    assert not live_skbs() and drops() == {"NOMEM": 1}


def test_no_memory_gives_none(kernel: Kernel) -> None:
    kernel.mm.fail_after(0)
    assert alloc_skb(64) is None and netdev_alloc_skb(None, 64) is None and netdev_alloc_skb_ip_align(None, 64) is None
    assert not live_skbs()


# ---- counts and copies


def test_the_last_user_frees(kernel: Kernel) -> None:
    skb = skb_get(made())
    kfree_skb(skb)
    assert live_skbs() == [skb] and not drops()
    kfree_skb(skb, SkbDropReason.IP_CSUM)
    assert not live_skbs() and not kernel.mm.live() and drops() == {"IP_CSUM": 1}


def test_consumed_is_not_dropped(kernel: Kernel) -> None:
    consume_skb(made())
    dev_consume_skb_any(made())
    assert not drops()
    kfree_skb(made())
    dev_kfree_skb_any(made())
    assert drops() == {"NOT_SPECIFIED": 1, "DEV_TX": 1}


def test_a_clone_shares_the_bytes_until_the_last_is_gone(kernel: Kernel) -> None:
    skb = made(b"shared")
    clone = skb_clone(skb)
    clone.view()[0:1] = b"S"
    skb_pull(clone, 1)
    assert bytes(skb.view()) == b"Shared" and skb_cloned(skb) and skb_cloned(clone)
    consume_skb(skb)
    assert bytes(clone.view()) == b"hared" and not skb_cloned(clone)
    consume_skb(clone)
    assert not kernel.mm.live()


@pytest.mark.parametrize("copy", [skb_copy, pskb_copy, lambda skb: skb_copy_expand(skb, 30, 0)])
def test_a_copy_has_the_headers_that_were_pulled(kernel: Kernel, copy: Any) -> None:
    skb = made(bytes(range(64)), headroom=20)
    skb.mac_header = skb.data
    skb_pull(skb, 14)
    other = copy(skb)
    assert bytes(other.head_view()[other.mac_header : other.tail]) == bytes(range(64))
    consume_skb(skb)
    consume_skb(other)


def test_a_copy_with_less_headroom_loses_the_headers_that_do_not_fit(kernel: Kernel) -> None:
    skb = made(bytes(range(64)), headroom=20)
    skb.mac_header = skb.data
    skb.network_header = skb.data + 14
    skb_pull(skb, 14)
    other = skb_copy_expand(skb, 10, 0)
    assert other is not None
    assert other.mac_header == NOT_SET and other.network_header == other.data == 10
    assert bytes(other.head_view()[: other.tail]) == bytes(range(4, 64))
    consume_skb(skb)
    consume_skb(other)


@pytest.mark.parametrize("copy", [skb_copy, lambda skb: skb_copy_expand(skb, 3, 200)])
def test_a_copy_is_independent(kernel: Kernel, copy: Any) -> None:
    skb = made(b"original")
    skb.protocol, skb.network_header = 0x800, skb.data + 2
    other = copy(skb)
    skb.view()[:] = b"scribble"
    assert bytes(other.view()) == b"original" and other.protocol == 0x800
    assert bytes(other.head_view()[other.network_header : other.tail]) == b"iginal"
    consume_skb(skb)
    consume_skb(other)
    assert not kernel.mm.live()


def test_cow_copies_only_what_is_shared_or_cramped(kernel: Kernel) -> None:
    skb = made(b"data", headroom=16)
    head = skb.head
    assert skb_cow(skb, 16) == 0 and skb.head is head
    clone = skb_clone(skb)
    assert skb_cow(skb, 0) == 0 and skb.head is not head
    skb.view()[:] = b"mine"
    assert bytes(clone.view()) == b"data"
    assert skb_cow(clone, 17) == 0 and skb_headroom(clone) >= 17
    kernel.mm.fail_after(0)
    assert skb_cow(clone, 1000) == -ENOMEM and bytes(clone.view()) == b"data"
    consume_skb(skb)
    consume_skb(clone)
    assert not kernel.mm.live()


def test_may_pull_looks_and_does_not_pull(kernel: Kernel) -> None:
    skb = made(b"data")
    assert pskb_may_pull(skb, 4) and not pskb_may_pull(skb, 5) and skb.len == 4
    consume_skb(skb)


def test_share_check_gives_an_skb_of_ones_own(kernel: Kernel) -> None:
    skb = made(b"x")
    assert skb_share_check(skb) is skb
    mine = skb_share_check(skb_get(skb))
    assert mine is not skb and skb.users == 1 and mine.users == 1
    consume_skb(skb)
    consume_skb(mine)


# ---- queues


def test_queues_keep_order(kernel: Kernel) -> None:
    queue, (a, b, c, d) = SkBuffHead(), (made() for _ in range(4))
    skb_queue_tail(queue, b)
    skb_queue_tail(queue, c)
    skb_queue_head(queue, a)
    skb_queue_tail(queue, d)
    skb_unlink(c, queue)
    consume_skb(c)
    assert skb_peek(queue) is a and skb_queue_len(queue) == 3
    assert [skb_dequeue(queue) for _ in range(4)] == [a, b, d, None]
    for skb in (a, b, d):
        skb_queue_tail(queue, skb)
    skb_queue_purge(queue)
    assert not live_skbs() and drops() == {"QUEUE_PURGE": 3}


# ---- rules


def test_put_over_the_end(kernel: Kernel, trips: Trips) -> None:
    skb = made(room=64, headroom=0)
    skb_put(skb, 64)
    trips("skb-over-panic", lambda: skb_put(skb, 1))
    trips("skb-over-panic", lambda: skb_put_data(skb, b"x"))
    assert skb.len == 64
    consume_skb(skb)


def test_push_under_the_head(kernel: Kernel, trips: Trips) -> None:
    skb = made(headroom=4)
    skb_push(skb, 4)
    trips("skb-under-panic", lambda: skb_push(skb, 1))
    consume_skb(skb)


@pytest.mark.parametrize("length", [-1, 129])
def test_reserve_beyond_the_room(kernel: Kernel, trips: Trips, length: int) -> None:
    skb = made(headroom=0)
    trips("skb-over-panic", lambda: skb_reserve(skb, length))
    consume_skb(skb)


def test_reserve_in_an_skb_that_is_not_empty(kernel: Kernel, trips: Trips) -> None:
    skb = made(b"x")
    trips("skb-over-panic", lambda: skb_reserve(skb, 1))
    consume_skb(skb)


@pytest.mark.parametrize(
    "use",
    [lambda s: s.len, lambda s: s.view(), lambda s: skb_put(s, 1), skb_get, skb_clone, lambda s: setattr(s, "cb", 1)],
)
def test_use_after_free_names_who_made_and_who_freed_it(kernel: Kernel, use: Any) -> None:
    skb = made(b"x")
    consume_skb(skb)
    with kernel.expecting("skb-use-after-free") as caught, kernel.expecting("use-after-free"):
        try:
            use(skb)
        except Exception as raised:
            assert "use-after-free" in str(raised)
    assert caught and "test_skbuff.py" in caught[0].object and "(made)" in caught[0].where_made
    kernel.mm.skbs.clear()  # a clone of a freed skb is nothing to give back


def test_double_free(kernel: Kernel, trips: Trips) -> None:
    skb = made()
    kfree_skb(skb)
    for again in (kfree_skb, consume_skb, dev_kfree_skb_any, dev_consume_skb_any):
        trips("skb-double-free", lambda again=again: again(skb))
    assert "freed at" in repr(skb)


@pytest.mark.parametrize(
    "touch",
    [
        lambda s: s.view(),
        lambda s: s.head_view(),
        lambda s: skb_put(s, 1),
        lambda s: skb_push(s, 1),
        lambda s: pskb_expand_head(s, 1, 1),
    ],
)
def test_bytes_of_a_mapped_head_are_not_to_be_touched(kernel: Kernel, trips: Trips, touch: Any) -> None:
    skb = made(b"x")
    skb.head.mapped += 1
    trips("skb-mapped", lambda: touch(skb))
    skb.head.mapped = 0
    kfree_skb(skb)


def test_a_clone_of_a_mapped_head_is_mapped_too(kernel: Kernel, trips: Trips) -> None:
    skb = made(b"x")
    clone = skb_clone(skb)
    skb.head.mapped += 1
    trips("skb-mapped", clone.view)
    skb.head.mapped -= 1
    assert bytes(clone.view()) == b"x"
    consume_skb(skb)
    consume_skb(clone)


def test_an_skb_is_on_one_queue(kernel: Kernel, trips: Trips) -> None:
    one, other, skb = SkBuffHead(), SkBuffHead(), made()
    skb_queue_tail(one, skb)
    trips("skb-on-list", lambda: skb_queue_tail(other, skb))
    trips("skb-on-list", lambda: skb_queue_head(one, skb))
    trips("skb-on-list", lambda: skb_unlink(skb, other))
    assert skb_dequeue(one) is skb
    consume_skb(skb)


def test_an_skb_on_a_queue_is_not_freed(kernel: Kernel, trips: Trips) -> None:
    queue, skb = SkBuffHead(), made()
    skb_queue_tail(queue, skb)
    trips("skb-on-list", lambda: kfree_skb(skb))


def test_a_shared_skb_keeps_its_head(kernel: Kernel, trips: Trips) -> None:
    skb = skb_get(made())
    trips("skb-shared", lambda: pskb_expand_head(skb, 1, 1))
    consume_skb(skb)
    consume_skb(skb)


def test_the_leak_report_names_who_made_it(kernel: Kernel, trips: Trips) -> None:
    skb = made(b"lost")
    violation = trips("skb-leak", skb_leak_check)
    assert "test_skbuff.py" in violation.where_made and "4 bytes" in violation.message
    consume_skb(skb)
    skb_leak_check()


def test_in_a_hard_interrupt_freeing_is_left_to_a_softirq() -> None:
    from driver.host import IrqLevel
    from driver.linux.interrupt import IRQ_HANDLED, request_irq
    from driver.linux.net.transmit import net_tx_action

    pump = machine(memory_bytes=1 << 20)
    heads: list[Buffer] = []
    live: list[int] = []

    def handler(irq: int, dev_id: object) -> int:
        for free in (dev_kfree_skb_any, dev_consume_skb_any):
            skb = made()
            heads.append(skb.head)
            free(skb)
        live.append(len(live_skbs()))
        bad = made()
        with pump.kernel.expecting("skb-hardirq") as caught:
            kfree_skb(bad)
        assert len(caught) == 1
        return IRQ_HANDLED

    async def setup() -> None:
        open_softirq(NET_TX_SOFTIRQ, net_tx_action)
        request_irq(20, handler, 0, "test", handler)

    pump.run(setup())
    pump.at(1000, lambda: IrqLevel(20, True))
    pump.at(1001, lambda: IrqLevel(20, False))
    pump.advance(10_000)
    assert live == [2] and len(heads) == 2 and all(head.freed for head in heads)
    with pump.kernel.entered():
        assert drops() == {"DEV_TX": 1, "NOT_SPECIFIED": 1} and not live_skbs()
