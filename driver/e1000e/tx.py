# SPDX-License-Identifier: MIT
"""Transmission: ring, start_xmit, cleaning (Linux: the transmit half of netdev.c)."""

from __future__ import annotations

from driver.e1000e.adapter import MAX_FRAME_BYTES, Adapter, Buffer, Ring, e1000_desc_unused
from driver.e1000e.desc import (
    DESC_BYTES,
    TXD,
    TXD_CMD_EOP,
    TXD_STAT_DD,
    TXD_STATUS_OFFSET,
)
from driver.e1000e.hw import ew32, rmw32
from driver.e1000e.regs import TADV, TCTL, TDBAH, TDBAL, TDH, TDLEN, TDT, TIDV, TXDCTL
from driver.e1000e.ring import e1000e_empty_ring
from driver.linux.delay import HZ, jiffies
from driver.linux.dma_mapping import (
    DMA_TO_DEVICE,
    dma_map_single,
    dma_mapping_error,
    dma_unmap_single,
)
from driver.linux.if_ether import ETH_FCS_LEN
from driver.linux.netdevice import (
    NETDEV_TX_BUSY,
    NETDEV_TX_OK,
    NetDevice,
    netdev_xmit_more,
    netif_carrier_ok,
    netif_queue_stopped,
    netif_stop_queue,
    netif_wake_queue,
    netif_xmit_stopped,
)
from driver.linux.skbuff import SkBuff, dev_consume_skb_any, dev_kfree_skb_any, skb_put_padto
from driver.linux.workqueue import schedule_work

__all__ = [
    "MAX_TXD_BYTES",
    "MAX_TX_BYTES",
    "TX_WAKE_THRESHOLD",
    "e1000_clean_tx_irq",
    "e1000_clean_tx_ring",
    "e1000_configure_tx",
    "e1000_xmit_frame",
]

MAX_TXD_BYTES = 8192  # of a frame that one descriptor carries; longer frames take several
MAX_TX_BYTES = MAX_FRAME_BYTES - ETH_FCS_LEN  # longer ones are dropped, whatever the MTU
MOST_DESCRIPTORS = (MAX_TX_BYTES + MAX_TXD_BYTES - 1) // MAX_TXD_BYTES
TX_MIN_BYTES = 17  # the card pads only frames that are at least this long
TX_WAKE_THRESHOLD = 32
TXD_LOW_SPACE = 2  # descriptors left between tail and head, so that they share no cache line


# ---------------------------------------------------------------- ring
def e1000_clean_tx_ring(ring: Ring) -> None:
    """Give back all that is queued; the card's DMA must have ended. What it sent in the meantime is not dropped."""
    _put_sent(ring)
    for buffer in ring.buffer_info:
        e1000_put_txbuf(ring, buffer, drop=True)
    e1000e_empty_ring(ring)
    ring.adapter.detect_tx_hung = False
    ring.adapter.tx_hang_head = None


def e1000_put_txbuf(ring: Ring, buffer: Buffer, drop: bool = False) -> None:
    """Give back what a descriptor held. drop: the packet was not sent."""
    if buffer.dma:
        dma_unmap_single(ring.adapter.pdev, buffer.dma, buffer.length, DMA_TO_DEVICE)
        buffer.dma = 0
    if buffer.skb is not None:
        if drop:
            ring.adapter.tx_dropped += 1
            dev_kfree_skb_any(buffer.skb)
        else:
            dev_consume_skb_any(buffer.skb)
        buffer.skb = None
    buffer.time_stamp = 0


async def e1000_configure_tx(adapter: Adapter) -> None:
    """Tell the card where the ring is. TCTL.EN follows when the link is up."""
    hw, ring = adapter.hw, adapter.tx_ring
    ew32(hw, TDBAL, ring.dma & 0xFFFF_FFFF)
    ew32(hw, TDBAH, ring.dma >> 32)
    ew32(hw, TDLEN, ring.size)
    ew32(hw, TDH, 0)
    ew32(hw, TDT, 0)
    ew32(hw, TIDV, adapter.params.TxIntDelay)
    ew32(hw, TADV, adapter.params.TxAbsIntDelay)
    # Prefetch up to 31 descriptors, as soon as one is there. More than one at a time in the write-back would leave
    # the last frames of a burst unreported.
    thresholds = (
        TXDCTL.PTHRESH.put(31) | TXDCTL.HTHRESH.put(1) | TXDCTL.WTHRESH.put(1)
    )
    await rmw32(
        hw,
        TXDCTL,
        clear=TXDCTL.PTHRESH | TXDCTL.HTHRESH | TXDCTL.WTHRESH,
        set=thresholds | TXDCTL.GRAN | TXDCTL.COUNT_DESC,
    )
    await rmw32(hw, TCTL, clear=TCTL.CT, set=TCTL.PSP | TCTL.RTLC | TCTL.CT.put(15))


# ---------------------------------------------------------------- sending
def e1000_xmit_frame(skb: SkBuff, netdev: NetDevice) -> int:
    """ndo_start_xmit: put a packet on the ring. It is ours in every case but NETDEV_TX_BUSY."""
    adapter: Adapter = netdev.priv
    ring, answer = adapter.tx_ring, NETDEV_TX_OK
    if adapter.down or adapter.hw.gone or not 0 < skb.len <= MAX_TX_BYTES:
        adapter.tx_dropped += 1
        dev_kfree_skb_any(skb)
    elif skb.len < TX_MIN_BYTES and skb_put_padto(skb, TX_MIN_BYTES):
        adapter.tx_dropped += 1  # and freed already
    else:
        answer = e1000_tx_frame(ring, skb)
    # Also where this packet was dropped or refused: those before it may have been left to it.
    if ring.next_to_use != ring.next_to_tell and (not netdev_xmit_more() or netif_xmit_stopped(netdev)):
        ring.next_to_tell = ring.next_to_use
        ew32(adapter.hw, ring.tail, ring.next_to_use)
    return answer


def e1000_tx_frame(ring: Ring, skb: SkBuff) -> int:
    """Put a packet on the ring, and stop the queue unless there is room for the largest one.

    So who is asked has room, and only a queue that somebody woke too early is refused (NETDEV_TX_BUSY).
    """
    adapter, first = ring.adapter, ring.next_to_use
    count = (skb.len + MAX_TXD_BYTES - 1) // MAX_TXD_BYTES
    if e1000_maybe_stop_tx(ring, count + TXD_LOW_SPACE):
        return NETDEV_TX_BUSY
    if e1000_tx_map(ring, skb, first):
        e1000_tx_queue(ring, skb, first, count)
        e1000_maybe_stop_tx(ring, MOST_DESCRIPTORS + TXD_LOW_SPACE)
    else:
        adapter.tx_dma_failed += 1
        adapter.tx_dropped += 1
        dev_kfree_skb_any(skb)
    return NETDEV_TX_OK


def e1000_maybe_stop_tx(ring: Ring, size: int) -> bool:
    """Stop the queue when fewer than `size` descriptors are free; True when it had to be stopped."""
    if e1000_desc_unused(ring) >= size:
        return False
    netdev = ring.adapter.netdev
    netif_stop_queue(netdev)
    # The ring may have been cleaned on another CPU since the test above; nobody else would wake the queue then.
    if e1000_desc_unused(ring) < size:
        return True
    netif_wake_queue(netdev)
    ring.adapter.restart_queue += 1
    return False


def e1000_tx_map(ring: Ring, skb: SkBuff, first: int) -> bool:
    """Map the packet for as many descriptors as it takes; False, and nothing stays mapped, when that fails."""
    pdev, head, start, left = ring.adapter.pdev, skb.head, skb.data, skb.len
    index = first
    while left:
        length = left if left < MAX_TXD_BYTES else MAX_TXD_BYTES
        dma = dma_map_single(pdev, head, length, DMA_TO_DEVICE, start)
        if dma_mapping_error(pdev, dma):
            _unmap_partly(ring, first, index)
            return False
        buffer = ring.buffer_info[index]
        buffer.dma = dma
        buffer.length = length
        start += length
        left -= length
        index += 1
        if index == ring.count:
            index = 0
    return True


def _unmap_partly(ring: Ring, first: int, end: int) -> None:
    while first != end:
        e1000_put_txbuf(ring, ring.buffer_info[first], drop=True)
        first = (first + 1) % ring.count


def e1000_tx_queue(ring: Ring, skb: SkBuff, first: int, count: int) -> None:
    """Write the descriptors of a mapped packet; the card hears of them when the tail moves."""
    desc, buffer_info = ring.desc, ring.buffer_info
    index = last = first
    command = ring.adapter.txd_cmd
    while count:
        count -= 1
        if not count:
            command |= TXD_CMD_EOP
        buffer = buffer_info[index]
        TXD.pack_into(desc, index * DESC_BYTES, buffer.dma, buffer.length, 0, command, 0, 0, 0)
        last = index
        index += 1
        if index == ring.count:
            index = 0
    # The last descriptor holds the packet: it is freed only when the card has done with all of it.
    buffer = buffer_info[last]
    buffer.skb = skb
    buffer.bytecount = skb.len
    buffer = buffer_info[first]
    buffer.next_to_watch = last
    buffer.time_stamp = jiffies() or 1
    ring.next_to_use = index


# ---------------------------------------------------------------- cleaning
def e1000_clean_tx_irq(ring: Ring) -> None:
    """Give back what the card has sent, in NAPI context."""
    if _put_sent(ring):
        _wake_when_room(ring)
    if ring.adapter.detect_tx_hung:
        _detect_hang(ring)


def _put_sent(ring: Ring) -> bool:
    """Give back the frames that the card has reported; False when there was none."""
    adapter, desc, buffer_info, count = ring.adapter, ring.desc, ring.buffer_info, ring.count
    first = index = ring.next_to_clean
    packets = nbytes = 0
    # next_to_use: behind it lie descriptors of the last round, with DD.
    while index != ring.next_to_use:
        eop = buffer_info[index].next_to_watch
        if not desc[eop * DESC_BYTES + TXD_STATUS_OFFSET] & TXD_STAT_DD:
            break
        packets += 1
        nbytes += buffer_info[eop].bytecount
        done = False
        while not done:
            done = index == eop
            e1000_put_txbuf(ring, buffer_info[index])
            index += 1
            if index == count:
                index = 0
    ring.next_to_clean = index
    adapter.total_tx_packets += packets
    adapter.total_tx_bytes += nbytes
    return index != first


def _wake_when_room(ring: Ring) -> None:
    adapter, netdev = ring.adapter, ring.adapter.netdev
    if (
        netif_queue_stopped(netdev)
        and not adapter.down
        and not adapter.hw.gone
        and netif_carrier_ok(netdev)
        and e1000_desc_unused(ring) >= TX_WAKE_THRESHOLD
    ):
        netif_wake_queue(netdev)
        adapter.restart_queue += 1


def _detect_hang(ring: Ring) -> None:
    """Once per watchdog round: is the oldest frame on the ring older than a frame can be?"""
    adapter = ring.adapter
    adapter.detect_tx_hung = False
    stamp = ring.buffer_info[ring.next_to_clean].time_stamp
    if stamp and jiffies() - stamp > adapter.tx_timeout_factor * HZ:
        schedule_work(adapter.print_hang_task)
    else:
        adapter.tx_hang_head = None
