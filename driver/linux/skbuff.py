# SPDX-License-Identifier: MIT
"""sk_buff: a packet whose bytes lie in host memory, where the device reads and writes them without a copy.

`data`, `tail` and `end` are offsets into the head buffer; `skb.view()` is the packet as a memoryview. An skb has a
count of users; a head has a count of the skbs that share it (clones). Rules that are always checked, as violations:

    skb-over-panic, skb-under-panic   put beyond `end`, push below the head (always raised: nothing sane can follow)
    skb-use-after-free                any attribute of an skb that nobody holds any more
    skb-double-free                   freed with no user left
    skb-mapped                        packet bytes touched while the head belongs to a device
    skb-on-list                       queued twice, or freed while queued
    skb-shared                        head replaced, or the skb queued for transmission, while others hold it
    skb-hardirq                       freed in a hard interrupt other than by dev_kfree_skb_any/_irq
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from sys import _getframe
from typing import TYPE_CHECKING, Final

from driver.linux.cpu import HARDIRQ_MASK
from driver.linux.current import ON
from driver.linux.errno import ENOMEM
from driver.linux.if_ether import ETH_ZLEN
from driver.linux.mm import kfree, kmalloc
from driver.linux.net.skb import (
    CHECKSUM_COMPLETE,
    CHECKSUM_NONE,
    CHECKSUM_PARTIAL,
    CHECKSUM_UNNECESSARY,
    NOT_SET,
    SKB_OVERHEAD,
    FreedSkBuff,
    SkBuff,
    skb_bug,
    skb_violation,
    touched_while_mapped,
)
from driver.linux.net.state import net_state, this_softnet
from driver.linux.skb_drop_reason import SkbDropReason
from driver.linux.softirq import NET_TX_SOFTIRQ, raise_softirq

if TYPE_CHECKING:
    from driver.linux.net.device import NetDevice

__all__ = [
    "CHECKSUM_COMPLETE", "CHECKSUM_NONE", "CHECKSUM_PARTIAL", "CHECKSUM_UNNECESSARY", "NET_IP_ALIGN", "NET_SKB_PAD",
    "SkBuff", "SkBuffHead", "SkbDropReason", "alloc_skb", "consume_skb", "dev_consume_skb_any", "dev_kfree_skb",
    "dev_kfree_skb_any", "dev_kfree_skb_irq", "eth_skb_pad", "kfree_skb", "live_skbs", "netdev_alloc_skb",
    "netdev_alloc_skb_ip_align", "pskb_copy", "pskb_expand_head", "pskb_may_pull", "skb_clone", "skb_cloned",
    "skb_copy", "skb_copy_expand", "skb_cow", "skb_cow_head", "skb_dequeue", "skb_get", "skb_headroom",
    "skb_leak_check", "skb_peek", "skb_pull", "skb_push", "skb_put", "skb_put_data", "skb_put_padto",
    "skb_queue_empty", "skb_queue_head", "skb_queue_len", "skb_queue_purge", "skb_queue_tail", "skb_reserve",
    "skb_reset_mac_header", "skb_reset_network_header", "skb_reset_transport_header", "skb_share_check",
    "skb_shared", "skb_tailroom", "skb_trim", "skb_truesize", "skb_unlink",
]  # fmt: skip

SMP_CACHE_BYTES: Final = 64
NET_SKB_PAD: Final = 64  # headroom of a received frame
NET_IP_ALIGN: Final = 2  # puts the IP header behind the 14 bytes of Ethernet on a word boundary


# ---- making ----------------------------------------------------------------------------------------------------------


def _new(size: int, headroom: int, dev: NetDevice | None, depth: int) -> SkBuff | None:
    """An skb with `size` bytes of room, made (for the leak report) by the caller `depth` frames up."""
    end = (size + SMP_CACHE_BYTES - 1) & -SMP_CACHE_BYTES
    frame = _getframe(depth)
    where = frame.f_code, frame.f_lasti
    mm = ON.kernel.mm
    head = mm.alloc(end, where)
    if head is None:
        return None
    skb = SkBuff(head, end, where, headroom, dev)
    mm.skbs[skb] = True
    return skb


def skb_truesize(size: int) -> int:
    """SKB_TRUESIZE: what an skb with room for `size` bytes takes of its sender's room."""
    return ((size + SMP_CACHE_BYTES - 1) & -SMP_CACHE_BYTES) + SKB_OVERHEAD


def alloc_skb(size: int) -> SkBuff | None:
    """No headroom; None: out of memory."""
    return _new(size, 0, None, 2)


def netdev_alloc_skb(dev: NetDevice | None, length: int) -> SkBuff | None:
    """For receiving: with NET_SKB_PAD of headroom."""
    return _new(length + NET_SKB_PAD, NET_SKB_PAD, dev, 2)


def netdev_alloc_skb_ip_align(dev: NetDevice | None, length: int) -> SkBuff | None:
    """For receiving: headroom such that the IP header is aligned."""
    return _new(length + NET_SKB_PAD + NET_IP_ALIGN, NET_SKB_PAD + NET_IP_ALIGN, dev, 2)


def _copy_header(new: SkBuff, old: SkBuff) -> None:
    """Everything but the bytes, where they are, and the counts."""
    new.len = old.len
    new.protocol = old.protocol
    new.pkt_type = old.pkt_type
    new.ip_summed = old.ip_summed
    new.csum = old.csum
    new.tstamp = old.tstamp
    new.cb = old.cb
    new.mac_header = old.mac_header
    new.network_header = old.network_header
    new.transport_header = old.transport_header


def _shift_headers(skb: SkBuff, shift: int) -> None:
    """The bytes have moved within the head. A header that would lie in front of it is lost."""
    if skb.mac_header != NOT_SET:
        skb.mac_header = max(skb.mac_header + shift, NOT_SET)
    if skb.network_header != NOT_SET:
        skb.network_header = max(skb.network_header + shift, NOT_SET)
    if skb.transport_header != NOT_SET:
        skb.transport_header = max(skb.transport_header + shift, NOT_SET)


def skb_clone(skb: SkBuff) -> SkBuff:
    """A second skb on the same bytes."""
    skb.head.dataref += 1
    frame = _getframe(1)
    clone = SkBuff(skb.head, skb.end, (frame.f_code, frame.f_lasti), skb.data, skb.dev)
    clone.tail = skb.tail
    clone.truesize = skb.truesize
    _copy_header(clone, skb)
    ON.kernel.mm.skbs[clone] = True
    return clone


def _copied(skb: SkBuff, headroom: int, tailroom: int) -> SkBuff | None:
    new = _new(headroom + skb.len + tailroom, headroom, skb.dev, 3)
    if new is not None:
        kept = min(headroom, skb.data)  # of the headroom: headers that were pulled are there
        new.head.view[headroom - kept : headroom + skb.len] = skb.head_view()[skb.data - kept : skb.tail]
        new.tail = headroom + skb.len
        _copy_header(new, skb)
        _shift_headers(new, headroom - skb.data)
    return new


def skb_copy(skb: SkBuff) -> SkBuff | None:
    """An independent copy, with as much headroom (its bytes too) and tailroom."""
    return _copied(skb, skb.data, skb.end - skb.tail)


def pskb_copy(skb: SkBuff) -> SkBuff | None:
    """As skb_copy: there is only a linear part."""
    return _copied(skb, skb.data, skb.end - skb.tail)


def skb_copy_expand(skb: SkBuff, headroom: int, tailroom: int) -> SkBuff | None:
    """An independent copy with the room asked for."""
    return _copied(skb, headroom, tailroom)


def pskb_expand_head(skb: SkBuff, nhead: int, ntail: int) -> int:
    """Give the skb a head of its own, `nhead` and `ntail` bytes roomier. 0 or -ENOMEM. Views taken before are stale."""
    if skb.users > 1:
        raise skb_bug(skb, "skb-shared", f"head replaced while {skb.users} hold the skb")
    if skb.head.mapped:
        raise skb_bug(skb, "skb-mapped", "head replaced while it is mapped for DMA")
    old = skb.head_view()
    end = (skb.end + nhead + ntail + SMP_CACHE_BYTES - 1) & -SMP_CACHE_BYTES
    head = kmalloc(end)
    if head is None:
        return -ENOMEM
    head.view[nhead : nhead + skb.tail] = old[: skb.tail]
    if skb.head.dataref > 1:
        skb.head.dataref -= 1
    else:
        kfree(skb.head)
    skb.head = head
    if skb.sk is None:  # what is charged to a socket stays what it was charged as
        skb.truesize += end - skb.end
    skb.end = end
    skb.data += nhead
    skb.tail += nhead
    _shift_headers(skb, nhead)
    return 0


# ---- counting --------------------------------------------------------------------------------------------------------


def _unref(skb: SkBuff, depth: int) -> bool:
    """Drop one use; True when it was the last and the skb is gone."""
    if type(skb) is not SkBuff:
        skb_violation(skb, "skb-double-free", "freed again")
        return False
    if skb.users > 1:
        skb.users -= 1
        return False
    if skb.queue is not None:
        skb_violation(skb, "skb-on-list", "freed while it is on a queue")
    if ON.cpu.preempt_count & HARDIRQ_MASK:
        skb_violation(skb, "skb-hardirq", "freed in a hard interrupt: dev_kfree_skb_any is for that")
    if skb.destructor is not None:
        skb.destructor(skb)
    frame = _getframe(depth)
    where = frame.f_code, frame.f_lasti
    mm, head = ON.kernel.mm, skb.head
    if head.dataref > 1:
        head.dataref -= 1
    else:
        mm.free(head, where)
    del mm.skbs[skb]
    skb.freed = where
    skb.users = 0
    skb.__class__ = FreedSkBuff
    return True


def skb_get(skb: SkBuff) -> SkBuff:
    """One more user."""
    skb.users += 1
    return skb


def kfree_skb(skb: SkBuff | None, reason: SkbDropReason = SkbDropReason.NOT_SPECIFIED) -> None:
    """Drop a packet: counted by reason when the last user lets go."""
    if skb is not None and _unref(skb, 2):
        net_state().skb_drops[reason] += 1


def consume_skb(skb: SkBuff | None) -> None:
    """Let go of a packet that served its purpose."""
    if skb is not None:
        _unref(skb, 2)


dev_kfree_skb = consume_skb


def _free_later(skb: SkBuff, reason: SkbDropReason | None) -> None:
    """From a hard interrupt: the NET_TX softirq of this CPU will do it."""
    softnet = this_softnet()
    softnet.completion_queue.append((skb, reason))
    raise_softirq(NET_TX_SOFTIRQ)


def dev_kfree_skb_irq(skb: SkBuff) -> None:
    """kfree_skb for hard interrupts."""
    _free_later(skb, SkbDropReason.DEV_TX)


def dev_kfree_skb_any(skb: SkBuff | None) -> None:
    """A driver drops a packet, in any context."""
    if skb is None:
        return
    if ON.cpu.preempt_count & HARDIRQ_MASK:
        _free_later(skb, SkbDropReason.DEV_TX)
    elif _unref(skb, 2):
        net_state().skb_drops[SkbDropReason.DEV_TX] += 1


def dev_consume_skb_any(skb: SkBuff | None) -> None:
    """A driver is done with a packet that was sent, in any context."""
    if skb is None:
        return
    if ON.cpu.preempt_count & HARDIRQ_MASK:
        _free_later(skb, None)
    else:
        _unref(skb, 2)


def skb_shared(skb: SkBuff) -> bool:
    return skb.users != 1


def skb_cloned(skb: SkBuff) -> bool:
    """Do others see the same bytes?"""
    return skb.head.dataref != 1


def skb_share_check(skb: SkBuff) -> SkBuff:
    """An skb that only the caller holds: itself, or a clone in exchange for the caller's reference."""
    if skb.users == 1:
        return skb
    clone = skb_clone(skb)
    consume_skb(skb)
    return clone


# ---- shape -----------------------------------------------------------------------------------------------------------


def skb_headroom(skb: SkBuff) -> int:
    return skb.data


def skb_tailroom(skb: SkBuff) -> int:
    return skb.end - skb.tail


def skb_reserve(skb: SkBuff, length: int) -> None:
    """Make headroom in an empty skb."""
    if skb.len or not 0 <= length <= skb.end - skb.tail:
        raise skb_bug(skb, "skb-over-panic", f"reserve of {length}: {skb.len} bytes held, {skb.end - skb.tail} of room")
    skb.data += length
    skb.tail += length


def skb_put(skb: SkBuff, length: int) -> memoryview:
    """Take `length` bytes behind the tail into the packet; returns them."""
    tail = skb.tail
    new_tail = tail + length
    if new_tail > skb.end or length < 0:
        raise skb_bug(skb, "skb-over-panic", f"put of {length} bytes with {skb.end - tail} of room")
    head = skb.head
    if head.mapped:
        touched_while_mapped(skb)
    skb.tail = new_tail
    skb.len += length
    return head.view[tail:new_tail]


def skb_put_data(skb: SkBuff, data: bytes | bytearray | memoryview) -> None:
    """Append bytes."""
    skb_put(skb, len(data))[:] = data


def skb_push(skb: SkBuff, length: int) -> memoryview:
    """Take `length` bytes in front of the data into the packet; returns them."""
    data = skb.data
    new_data = data - length
    if new_data < 0 or length < 0:
        raise skb_bug(skb, "skb-under-panic", f"push of {length} bytes with {data} of headroom")
    head = skb.head
    if head.mapped:
        touched_while_mapped(skb)
    skb.data = new_data
    skb.len += length
    return head.view[new_data:data]


def skb_pull(skb: SkBuff, length: int) -> bool:
    """Take `length` bytes off the front; False (and nothing happened) when there are not that many."""
    if length > skb.len:
        return False
    skb.data += length
    skb.len -= length
    return True


def pskb_may_pull(skb: SkBuff, length: int) -> bool:
    return length <= skb.len


def skb_trim(skb: SkBuff, length: int) -> None:
    """Cut the packet to `length` bytes if it is longer."""
    if length < skb.len:
        skb.len = length
        skb.tail = skb.data + length


def skb_cow(skb: SkBuff, headroom: int) -> int:
    """Bytes that may be written, and at least `headroom` in front of them. 0 or -ENOMEM."""
    missing = max(0, headroom - skb.data)
    if missing or skb_cloned(skb):
        return pskb_expand_head(skb, (missing + NET_SKB_PAD - 1) & -NET_SKB_PAD, 0)
    return 0


skb_cow_head = skb_cow


def skb_put_padto(skb: SkBuff, length: int) -> int:
    """Pad with zeros to `length`; 0, or -ENOMEM and the skb is freed."""
    missing = length - skb.len
    if missing <= 0:
        return 0
    lacking = max(0, missing - (skb.end - skb.tail))
    if (lacking or skb_cloned(skb)) and pskb_expand_head(skb, 0, lacking):
        kfree_skb(skb, SkbDropReason.NOMEM)
        return -ENOMEM
    skb_put(skb, missing)[:] = bytes(missing)
    return 0


def eth_skb_pad(skb: SkBuff) -> int:
    """Pad to the least Ethernet frame; as skb_put_padto."""
    return skb_put_padto(skb, ETH_ZLEN)


def skb_reset_mac_header(skb: SkBuff) -> None:
    skb.mac_header = skb.data


def skb_reset_network_header(skb: SkBuff) -> None:
    skb.network_header = skb.data


def skb_reset_transport_header(skb: SkBuff) -> None:
    skb.transport_header = skb.data


# ---- queues ----------------------------------------------------------------------------------------------------------


class SkBuffHead:
    """struct sk_buff_head: a queue. An skb is on one queue at most."""

    __slots__ = ("packets",)

    def __init__(self) -> None:
        self.packets: deque[SkBuff] = deque()

    @property
    def qlen(self) -> int:
        return len(self.packets)

    def __len__(self) -> int:
        return len(self.packets)

    def __iter__(self) -> Iterator[SkBuff]:
        return iter(self.packets)


def _join(queue: SkBuffHead, skb: SkBuff) -> None:
    if skb.queue is not None:
        raise skb_bug(skb, "skb-on-list", "put on a queue while it is on one")
    skb.queue = queue


def skb_queue_tail(queue: SkBuffHead, skb: SkBuff) -> None:
    _join(queue, skb)
    queue.packets.append(skb)


def skb_queue_head(queue: SkBuffHead, skb: SkBuff) -> None:
    _join(queue, skb)
    queue.packets.appendleft(skb)


def skb_dequeue(queue: SkBuffHead) -> SkBuff | None:
    if not queue.packets:
        return None
    skb = queue.packets.popleft()
    skb.queue = None
    return skb


def skb_peek(queue: SkBuffHead) -> SkBuff | None:
    return queue.packets[0] if queue.packets else None


def skb_unlink(skb: SkBuff, queue: SkBuffHead) -> None:
    """Take it out of the queue it is on."""
    if skb.queue is not queue:
        raise skb_bug(skb, "skb-on-list", "unlinked from a queue it is not on")
    queue.packets.remove(skb)
    skb.queue = None


def skb_queue_len(queue: SkBuffHead) -> int:
    return len(queue.packets)


def skb_queue_empty(queue: SkBuffHead) -> bool:
    return not queue.packets


def skb_queue_purge(queue: SkBuffHead) -> None:
    """Drop all of them."""
    while (skb := skb_dequeue(queue)) is not None:
        kfree_skb(skb, SkbDropReason.QUEUE_PURGE)


# ---- the leak report -------------------------------------------------------------------------------------------------


def live_skbs() -> list[SkBuff]:
    """Every skb of this kernel that nobody has freed, oldest first."""
    return list(ON.kernel.mm.skbs)


def skb_leak_check() -> None:
    """Rule skb-leak: to be called when everything that may hold one is gone."""
    for skb in live_skbs():
        skb_violation(skb, "skb-leak", f"{skb.len} bytes, users {skb.users}: never freed")
