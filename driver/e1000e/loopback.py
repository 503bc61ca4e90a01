# SPDX-License-Identifier: MIT
"""The loopback part of the self-test (Linux: ethtool.c, e1000_loopback_test and what it calls).

Rings and buffers of its own, the PHY turned back on itself, and frames that are all different: nine rounds of 64 go
through rings of 256 descriptors, so that both ends wrap, and every byte of every frame is compared.
"""

from __future__ import annotations

from typing import Final

from driver.e1000e.adapter import Adapter, Ring
from driver.e1000e.desc import (
    DESC_BYTES,
    RXD,
    RXD_STAT_DD,
    RXD_STAT_EOP,
    RXD_STATUS_OFFSET,
    TXD,
    TXD_CMD_EOP,
    TXD_CMD_IFCS,
    TXD_CMD_RS,
    TXD_STAT_DD,
    TXD_STATUS_OFFSET,
)
from driver.e1000e.hw import e1e_flush, er32, ew32, rmw32
from driver.e1000e.mac import e1000_reset_hw_82571
from driver.e1000e.phy import e1e_rphy, e1e_wphy
from driver.e1000e.regs import (
    CTRL,
    PHY_BMCR,
    RCTL,
    RDBAH,
    RDBAL,
    RDH,
    RDLEN,
    RDT,
    STATUS,
    TCTL,
    TDBAH,
    TDBAL,
    TDH,
    TDLEN,
    TDT,
    Speed,
)
from driver.e1000e.ring import e1000e_free_ring, e1000e_setup_ring
from driver.linux.delay import msleep, usleep_range
from driver.linux.dma_mapping import (
    DMA_FROM_DEVICE,
    DMA_TO_DEVICE,
    dma_map_single,
    dma_mapping_error,
    dma_sync_single_for_cpu,
    dma_sync_single_for_device,
    dma_unmap_single,
)
from driver.linux.mm import GFP_KERNEL, Buffer, kfree, kmalloc
from driver.linux.printk import dev_err

__all__ = ["e1000_loopback_test"]

# Results.
NO_RINGS, NO_PHY, NOT_SENT, NOT_RETURNED, WRONG_CONTENT = 1, 2, 13, 14, 15

DESCRIPTORS: Final = 256
FRAME_BYTES: Final = 1024
RX_BUFFER_BYTES: Final = 2048
BATCH: Final = 64
ROUNDS: Final = DESCRIPTORS // BATCH * 2 + 1
DESTINATION: Final = b"\xff" * 6
SOURCE: Final = bytes.fromhex("020000000001")
LINK_TRIES, LINK_POLL_MS = 50, 10
RETURN_TRIES, RETURN_POLL_US = 1000, 20
PHY_1000_FULL: Final = PHY_BMCR.SPEED_MSB | PHY_BMCR.FULL_DUPLEX


class LoopbackRing:
    """A ring with a buffer for each descriptor, mapped for as long as the test takes."""

    def __init__(self, ring: Ring, buffer_bytes: int, direction: int) -> None:
        self.ring = ring
        self.buffer_bytes = buffer_bytes
        self.direction = direction
        self.buffers: list[tuple[Buffer, int]] = []  # and where the card sees it

    def setup(self) -> bool:
        """Whatever it got stays until `free`."""
        if e1000e_setup_ring(self.ring):
            return False
        for _ in range(self.ring.count):
            buffer = kmalloc(self.buffer_bytes, GFP_KERNEL)
            if buffer is None:
                return False
            buffer.view[:] = bytes(self.buffer_bytes)
            dma = dma_map_single(self.ring.adapter.pdev, buffer, self.buffer_bytes, self.direction)
            if dma_mapping_error(self.ring.adapter.pdev, dma):
                kfree(buffer)
                return False
            self.buffers.append((buffer, dma))
        return True

    def free(self) -> None:
        for buffer, dma in self.buffers:
            dma_unmap_single(self.ring.adapter.pdev, dma, self.buffer_bytes, self.direction)
            kfree(buffer)
        self.buffers = []
        e1000e_free_ring(self.ring)

    def to_cpu(self, index: int) -> Buffer:
        buffer, dma = self.buffers[index]
        dma_sync_single_for_cpu(self.ring.adapter.pdev, dma, self.buffer_bytes, self.direction)
        return buffer

    def to_card(self, index: int) -> int:
        """Where the card sees the buffer."""
        _, dma = self.buffers[index]
        dma_sync_single_for_device(self.ring.adapter.pdev, dma, self.buffer_bytes, self.direction)
        return dma


async def e1000_loopback_test(adapter: Adapter) -> int:
    """0, or why not: NO_RINGS, NO_PHY, NOT_SENT, NOT_RETURNED, WRONG_CONTENT. The card needs a reset afterwards."""
    tx = LoopbackRing(Ring(adapter, DESCRIPTORS, TDH, TDT), FRAME_BYTES, DMA_TO_DEVICE)
    rx = LoopbackRing(Ring(adapter, DESCRIPTORS, RDH, RDT), RX_BUFFER_BYTES, DMA_FROM_DEVICE)
    result = NO_RINGS
    if tx.setup() and rx.setup():
        _configure(adapter, tx.ring, rx.ring)
        result = NO_PHY
        if await e1000_setup_loopback_test(adapter):
            result = await e1000_run_loopback_test(adapter, tx, rx)
        await e1000_reset_hw_82571(adapter.hw)  # no DMA is under way any more: the buffers may go
        await e1000_loopback_cleanup(adapter)
    tx.free()
    rx.free()
    if result:
        dev_err(adapter.netdev, "loopback: test %d failed", result)
    return result


def _configure(adapter: Adapter, tx: Ring, rx: Ring) -> None:
    """Both rings, and the transmitter runs. The receiver, off since the reset, has to wait for the loopback."""
    hw = adapter.hw
    ew32(hw, TDBAL, tx.dma & 0xFFFF_FFFF)
    ew32(hw, TDBAH, tx.dma >> 32)
    ew32(hw, TDLEN, tx.size)
    ew32(hw, TDH, 0)
    ew32(hw, TDT, 0)
    ew32(hw, TCTL, TCTL.EN | TCTL.PSP | TCTL.MULR | TCTL.CT.put(15) | TCTL.COLD.put(63))
    ew32(hw, RDBAL, rx.dma & 0xFFFF_FFFF)
    ew32(hw, RDBAH, rx.dma >> 32)
    ew32(hw, RDLEN, rx.size)
    ew32(hw, RDH, 0)
    ew32(hw, RDT, 0)


# ---------------------------------------------------------------- PHY
async def e1000_setup_loopback_test(adapter: Adapter) -> bool:
    """PHY loopback at a gigabit, and the MAC told so: there is nobody to negotiate with. True with link."""
    hw = adapter.hw
    if await e1e_wphy(hw, PHY_BMCR, PHY_BMCR.LOOPBACK | PHY_1000_FULL):
        return False
    await rmw32(
        hw,
        CTRL,
        clear=CTRL.SPEED,
        set=CTRL.FRCSPD | CTRL.FRCDPLX | CTRL.SPEED.put(Speed.M1000) | CTRL.FD | CTRL.SLU,
    )
    for _ in range(LINK_TRIES):
        await msleep(LINK_POLL_MS)
        if await er32(hw, STATUS) & STATUS.LU:
            return not hw.gone
    return False


async def e1000_loopback_cleanup(adapter: Adapter) -> None:
    hw = adapter.hw
    control = await e1e_rphy(hw, PHY_BMCR)
    if control >= 0 and control & PHY_BMCR.LOOPBACK:
        control &= ~PHY_BMCR.LOOPBACK
        await e1e_wphy(hw, PHY_BMCR, control)
        await e1e_wphy(hw, PHY_BMCR, control | PHY_BMCR.RESET)


# ---------------------------------------------------------------- frames
def e1000_create_lbtest_frame(number: int) -> bytes:
    """FRAME_BYTES without FCS, different for every number."""
    payload = b"".join((number << 16 | at).to_bytes(4, "big") for at in range(FRAME_BYTES // 4))
    return (DESTINATION + SOURCE + b"\x88\xb5" + payload)[:FRAME_BYTES]


async def e1000_run_loopback_test(adapter: Adapter, tx: LoopbackRing, rx: LoopbackRing) -> int:
    """Frames of every kind are received, broken ones too, so not before the PHY has turned away from the wire: a frame
    that the turn cuts would come in before the first of the test."""
    ew32(adapter.hw, RCTL, RCTL.EN | RCTL.UPE | RCTL.MPE | RCTL.BAM | RCTL.LPE | RCTL.SBP | RCTL.SECRC)
    for index in range(DESCRIPTORS):
        RXD.pack_into(rx.ring.desc, index * DESC_BYTES, rx.buffers[index][1], 0, 0, 0, 0, 0)
    ew32(adapter.hw, RDT, DESCRIPTORS - 1)
    for round in range(ROUNDS):
        first = round * BATCH
        for number in range(first, first + BATCH):
            _put_frame(tx, number)
        ew32(adapter.hw, TDT, (first + BATCH) % DESCRIPTORS)
        last = (first + BATCH - 1) % DESCRIPTORS
        if not await _written_back(adapter, tx.ring, last * DESC_BYTES + TXD_STATUS_OFFSET, TXD_STAT_DD):
            return NOT_SENT
        if not await _written_back(adapter, rx.ring, last * DESC_BYTES + RXD_STATUS_OFFSET, RXD_STAT_DD):
            return NOT_RETURNED
        if not all(e1000_check_lbtest_frame(rx, number) for number in range(first, first + BATCH)):
            return WRONG_CONTENT
        ew32(adapter.hw, RDT, last)
    return 0


def _put_frame(tx: LoopbackRing, number: int) -> None:
    index = number % DESCRIPTORS
    tx.to_cpu(index).view[:] = e1000_create_lbtest_frame(number)
    command = TXD_CMD_EOP | TXD_CMD_IFCS | TXD_CMD_RS
    TXD.pack_into(tx.ring.desc, index * DESC_BYTES, tx.to_card(index), FRAME_BYTES, 0, command, 0, 0, 0)


async def _written_back(adapter: Adapter, ring: Ring, at: int, done: int) -> bool:
    """Wait until the descriptor whose status is at offset `at` is done; those before it are, too."""
    for _ in range(RETURN_TRIES):
        if ring.desc[at] & done:
            return True
        if adapter.hw.gone:
            break
        await e1e_flush(adapter.hw)
        await usleep_range(RETURN_POLL_US, RETURN_POLL_US)
    return False


def e1000_check_lbtest_frame(rx: LoopbackRing, number: int) -> bool:
    """Is it this frame, whole and without error? Its buffer is the card's again."""
    index = number % DESCRIPTORS
    _, length, _, status, errors, _ = RXD.unpack_from(rx.ring.desc, index * DESC_BYTES)
    buffer = rx.to_cpu(index)
    same = buffer.view[:FRAME_BYTES] == e1000_create_lbtest_frame(number)
    RXD.pack_into(rx.ring.desc, index * DESC_BYTES, rx.to_card(index), 0, 0, 0, 0, 0)
    return bool(same and length == FRAME_BYTES and status & RXD_STAT_EOP and not errors)
