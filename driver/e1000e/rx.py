# SPDX-License-Identifier: MIT
"""Reception: ring, buffers, cleaning (Linux: the receive half of netdev.c).

A buffer holds the largest standard frame, or a page when the MTU is larger. A frame that lies in several of them is
copied together, and the buffers are used again: skbs here are linear, where Linux hands up the pages themselves.
"""

from __future__ import annotations

from driver.e1000e.adapter import MAX_FRAME_BYTES, Adapter, Buffer, Ring, e1000_desc_unused
from driver.e1000e.desc import (
    DESC_BYTES,
    RXD,
    RXD_ERR_FRAME_ERR_MASK,
    RXD_STAT_DD,
    RXD_STAT_EOP,
    RXD_STATUS_OFFSET,
)
from driver.e1000e.hw import e1e_flush, er32, ew32, rmw32
from driver.e1000e.itr import e1000e_write_itr
from driver.e1000e.regs import (
    ALL_ONES,
    CTRL_EXT,
    IAM,
    RADV,
    RCTL,
    RDBAH,
    RDBAL,
    RDH,
    RDLEN,
    RDT,
    RDTR,
    RXDCTL,
)
from driver.e1000e.ring import e1000e_empty_ring
from driver.linux.dma_mapping import (
    DMA_FROM_DEVICE,
    dma_map_single,
    dma_mapping_error,
    dma_unmap_single,
)
from driver.linux.etherdevice import eth_type_trans
from driver.linux.if_ether import ETH_DATA_LEN, ETH_FCS_LEN, ETH_HLEN
from driver.linux.netdevice import netif_receive_skb
from driver.linux.skbuff import (
    SkBuff,
    dev_consume_skb_any,
    dev_kfree_skb_any,
    netdev_alloc_skb_ip_align,
    skb_put,
    skb_put_data,
    skb_trim,
)

__all__ = [
    "RX_BUFFER_WRITE",
    "e1000_alloc_rx_buffers",
    "e1000_clean_rx_irq",
    "e1000_clean_rx_ring",
    "e1000_configure_rx",
    "e1000_rx_buffer_len",
    "e1000_setup_rctl",
    "e1000e_change_rctl",
]

RX_BUFFER_WRITE = 16  # buffers are handed to the card this many at a time; a power of two
# What e1000_setup_rctl decides.
RCTL_SETUP = (
    RCTL.MO | RCTL.BSIZE | RCTL.RDMTS | RCTL.LBM | RCTL.FLXBUF | RCTL.EN | RCTL.SBP | RCTL.LPE | RCTL.SECRC | RCTL.BSEX
)
STANDARD_BUFFER_BYTES, JUMBO_BUFFER_BYTES = 2048, 4096


def e1000_rx_buffer_len(max_frame: int) -> int:
    """Bytes of a buffer when frames have up to `max_frame` bytes, FCS included: a longer one takes several."""
    return STANDARD_BUFFER_BYTES if max_frame <= STANDARD_BUFFER_BYTES else JUMBO_BUFFER_BYTES


# ---------------------------------------------------------------- ring
def e1000_clean_rx_ring(ring: Ring) -> None:
    """Take all buffers back; the card's DMA must have ended. Frames that nobody has polled are dropped."""
    _drop_received(ring)
    for buffer in ring.buffer_info:
        _unmap(ring, buffer)
        if buffer.skb is not None:
            dev_consume_skb_any(buffer.skb)
            buffer.skb = None
    e1000e_empty_ring(ring)


def _drop_received(ring: Ring) -> None:
    """Count what nobody has polled; of a frame that the card was about to store in pieces the rest will never come."""
    adapter, index = ring.adapter, ring.next_to_clean
    inside = ring.rx_skb_top is not None
    while index != ring.next_to_use and ring.desc[index * DESC_BYTES + RXD_STATUS_OFFSET] & RXD_STAT_DD:
        _, length, _, status, errors, _ = RXD.unpack_from(ring.desc, index * DESC_BYTES)
        if not status & RXD_STAT_EOP:
            inside = not adapter.rx_discarding
        elif adapter.rx_discarding:
            adapter.rx_discarding = False
        elif inside and not errors & RXD_ERR_FRAME_ERR_MASK:
            adapter.rx_dropped += 1
            inside = False
        else:
            adapter.rx_dropped += bool(_frame_bytes(adapter, ring.buffer_info[index], length, errors))
            inside = False
        index = (index + 1) % ring.count
    ring.next_to_clean = index
    adapter.rx_dropped += inside
    adapter.rx_discarding = False
    if ring.rx_skb_top is not None:
        dev_kfree_skb_any(ring.rx_skb_top)
        ring.rx_skb_top = None


def _unmap(ring: Ring, buffer: Buffer) -> None:
    if buffer.dma:
        dma_unmap_single(ring.adapter.pdev, buffer.dma, buffer.length, DMA_FROM_DEVICE)
        buffer.dma = 0


async def e1000_setup_rctl(adapter: Adapter) -> None:
    """RCTL but for the filter bits, which are e1000e_set_rx_mode's, and EN, which is e1000_configure_rx's."""
    value = RCTL.BAM | RCTL.MO.put(adapter.hw.mac.mc_filter_type)
    if adapter.netdev.mtu > ETH_DATA_LEN:
        value |= RCTL.LPE
    if adapter.params.CrcStripping:
        value |= RCTL.SECRC
    # BSIZE halves from 0 on, and BSEX multiplies by 16: 2048 is 0 without, 4096 is 3 with it.
    if adapter.rx_buffer_len == JUMBO_BUFFER_BYTES:
        value |= RCTL.BSEX | RCTL.BSIZE.put(3)
    await e1000e_change_rctl(adapter, clear=RCTL_SETUP, set=value)


async def e1000e_change_rctl(adapter: Adapter, *, clear: int = 0, set: int = 0) -> None:
    """Under the lock that e1000e_set_rx_mode runs under, whose bits are in the same register."""
    with adapter.netdev.addr_list_lock.bh():
        await rmw32(adapter.hw, RCTL, clear=clear, set=set)


async def e1000_configure_rx(adapter: Adapter) -> None:
    """Tell the card where the ring is and how to report, then let it receive, into nothing yet."""
    hw, ring, params = adapter.hw, adapter.rx_ring, adapter.params
    # No write-back waits for the next frame: the card only stores WTHRESH, and gathers for 64 cycles at most. With
    # RDTR 0 it is announced at once; a delay is for the interrupt alone, and a poll finds what is in memory before.
    thresholds = (
        RXDCTL.PTHRESH.put(32) | RXDCTL.HTHRESH.put(4) | RXDCTL.WTHRESH.put(4)
    )
    ew32(hw, RXDCTL, thresholds | RXDCTL.GRAN)
    ew32(hw, RDTR, params.RxIntDelay)
    ew32(hw, RADV, params.RxAbsIntDelay)
    e1000e_write_itr(adapter, adapter.itr)
    # Reading ICR in the handler shall mask everything at once: IAM says what, IAME that.
    ctrl_ext = await er32(hw, CTRL_EXT)
    ew32(hw, IAM, ALL_ONES)
    ew32(hw, CTRL_EXT, ctrl_ext | CTRL_EXT.IAME)
    await e1e_flush(hw)
    ew32(hw, RDBAL, ring.dma & 0xFFFF_FFFF)
    ew32(hw, RDBAH, ring.dma >> 32)
    ew32(hw, RDLEN, ring.size)
    ew32(hw, RDH, 0)
    ew32(hw, RDT, 0)
    await e1000e_change_rctl(adapter, set=RCTL.EN)


# ---------------------------------------------------------------- buffers
def e1000_alloc_rx_buffers(ring: Ring, count: int) -> None:
    """Fill up to `count` descriptors. What fails now is tried again by the next poll, which the watchdog forces.

    The tail moves only at multiples of RX_BUFFER_WRITE, so that the card is told, and fetches, in whole batches.
    """
    adapter, desc, buffer_info, end = ring.adapter, ring.desc, ring.buffer_info, ring.count
    pdev, netdev, size = adapter.pdev, adapter.netdev, adapter.rx_buffer_len
    index = ring.next_to_use
    for _ in range(count):
        buffer = buffer_info[index]
        skb = buffer.skb
        if skb is None:
            skb = buffer.skb = netdev_alloc_skb_ip_align(netdev, size)
            if skb is None:
                adapter.alloc_rx_buff_failed += 1
                break
        dma = dma_map_single(pdev, skb.head, size, DMA_FROM_DEVICE, skb.data)
        if dma_mapping_error(pdev, dma):
            adapter.rx_dma_failed += 1
            break
        buffer.dma = dma
        buffer.length = size
        RXD.pack_into(desc, index * DESC_BYTES, dma, 0, 0, 0, 0, 0)
        if not index & (RX_BUFFER_WRITE - 1):
            ew32(adapter.hw, ring.tail, index)
        index += 1
        if index == end:
            index = 0
    ring.next_to_use = index


# ---------------------------------------------------------------- cleaning
def e1000_clean_rx_irq(ring: Ring, budget: int) -> int:
    """Pass received frames up, in NAPI context; the number of frames (and pieces of frames) dealt with."""
    adapter, desc, buffer_info, end = ring.adapter, ring.desc, ring.buffer_info, ring.count
    netdev, pdev = adapter.netdev, adapter.pdev
    work_done = cleaned = 0
    index = ring.next_to_clean
    # next_to_use: a descriptor that was never refilled still has its old DD.
    while work_done < budget and index != ring.next_to_use:
        if not desc[index * DESC_BYTES + RXD_STATUS_OFFSET] & RXD_STAT_DD:
            break
        work_done += 1
        _, length, _, status, errors, _ = RXD.unpack_from(desc, index * DESC_BYTES)
        buffer = buffer_info[index]
        dma_unmap_single(pdev, buffer.dma, buffer.length, DMA_FROM_DEVICE)
        buffer.dma = 0
        index += 1
        if index == end:
            index = 0
        ring.next_to_clean = index
        skb = _take_frame(adapter, buffer, length, status, errors)
        if skb is not None:
            adapter.total_rx_bytes += skb.len
            adapter.total_rx_packets += 1
            skb.protocol = eth_type_trans(skb, netdev)
            netif_receive_skb(skb)
        cleaned += 1
        if cleaned >= RX_BUFFER_WRITE:
            e1000_alloc_rx_buffers(ring, cleaned)
            cleaned = 0
    unused = e1000_desc_unused(ring)
    if unused:
        e1000_alloc_rx_buffers(ring, unused)
    return work_done


def _take_frame(adapter: Adapter, buffer: Buffer, length: int, status: int, errors: int) -> SkBuff | None:
    """The frame that ends in an unmapped buffer; None when none does, or it is not to be passed on. A buffer that
    keeps its skb is used again."""
    if not status & RXD_STAT_EOP or adapter.rx_ring.rx_skb_top is not None or adapter.rx_discarding:
        return _take_piece(adapter, buffer, length, status, errors)
    length = _frame_bytes(adapter, buffer, length, errors)
    if not length:
        return None
    skb = buffer.skb
    assert skb is not None, "a descriptor was handed to the card without a buffer"
    if length < adapter.params.copybreak:
        copy = netdev_alloc_skb_ip_align(adapter.netdev, length)
        if copy is not None:
            skb_put_data(copy, skb.head_view()[skb.data : skb.data + length])
            return copy
    buffer.skb = None
    skb_put(skb, length)
    return skb


def _frame_bytes(adapter: Adapter, buffer: Buffer, length: int, errors: int) -> int:
    """Length without FCS of the frame that lies in one buffer; 0 when it is none to pass on, which is counted."""
    if errors & RXD_ERR_FRAME_ERR_MASK:
        adapter.rx_desc_errors += 1
        return 0
    if not adapter.params.CrcStripping:
        length -= ETH_FCS_LEN
    if not ETH_HLEN <= length <= buffer.length:
        adapter.rx_length_errors += 1
        return 0
    return length


# ---------------------------------------------------------------- frames in several buffers
def _take_piece(adapter: Adapter, buffer: Buffer, length: int, status: int, errors: int) -> SkBuff | None:
    """Append a piece to the frame that it belongs to (rx_skb_top); the frame when it was the last and all is well."""
    ring = adapter.rx_ring
    if ring.rx_skb_top is None and not adapter.rx_discarding:
        ring.rx_skb_top = netdev_alloc_skb_ip_align(adapter.netdev, MAX_FRAME_BYTES)
        if ring.rx_skb_top is None:
            adapter.alloc_rx_buff_failed += 1
            adapter.rx_dropped += 1
            adapter.rx_discarding = True
    top, piece = ring.rx_skb_top, buffer.skb
    assert piece is not None, "a descriptor was handed to the card without a buffer"
    if top is not None:
        if length > buffer.length or top.len + length > MAX_FRAME_BYTES:
            adapter.rx_length_errors += 1
            adapter.rx_discarding = True
            dev_kfree_skb_any(top)
            top = ring.rx_skb_top = None
        else:
            skb_put_data(top, piece.head_view()[piece.data : piece.data + length])
    if not status & RXD_STAT_EOP:
        return None
    ring.rx_skb_top, adapter.rx_discarding = None, False
    return None if top is None else _whole_frame(adapter, top, errors)


def _whole_frame(adapter: Adapter, top: SkBuff, errors: int) -> SkBuff | None:
    if errors & RXD_ERR_FRAME_ERR_MASK:
        adapter.rx_desc_errors += 1
        dev_kfree_skb_any(top)
        return None
    length = top.len if adapter.params.CrcStripping else top.len - ETH_FCS_LEN
    if length < ETH_HLEN:  # _take_piece has seen to the longest
        adapter.rx_length_errors += 1
        dev_kfree_skb_any(top)
        return None
    skb_trim(top, length)
    return top
