# SPDX-License-Identifier: MIT
"""What the driver keeps of one card (Linux: e1000.h): adapter, rings, buffers."""

from __future__ import annotations

from dataclasses import dataclass, field

from driver.e1000e.desc import DESC_BYTES, TXD_CMD_IDE, TXD_CMD_IFCS, TXD_CMD_RS
from driver.e1000e.hw import Hw
from driver.e1000e.param import ITR_ADAPTIVE, ITR_CONSERVATIVE, Params
from driver.e1000e.regs import Rw
from driver.linux.if_ether import ETH_DATA_LEN, ETH_FCS_LEN, ETH_HLEN, VLAN_HLEN
from driver.linux.napi import NapiStruct
from driver.linux.netdevice import NetDevice
from driver.linux.pci import PciDev
from driver.linux.skbuff import SkBuff
from driver.linux.spinlock import SpinLock
from driver.linux.timer import TimerList
from driver.linux.workqueue import Work

__all__ = [
    "DEFAULT_ITR_HZ",
    "FRAME_OVERHEAD_BYTES",
    "ITR_MODES",
    "MAX_FRAME_BYTES",
    "Adapter",
    "Buffer",
    "HwStats",
    "Ring",
    "e1000_desc_unused",
]

MAX_FRAME_BYTES = 9234  # with FCS: what an 82574L receives with RCTL.LPE
FRAME_OVERHEAD_BYTES = ETH_HLEN + VLAN_HLEN + ETH_FCS_LEN  # around the MTU
DEFAULT_RX_BUFFER_BYTES = 2048
DEFAULT_ITR_HZ = 20_000
ITR_MODES = (ITR_ADAPTIVE, ITR_CONSERVATIVE)


class Buffer:
    """What belongs to one descriptor (Linux: struct e1000_buffer). dma: 0 when nothing is mapped."""

    __slots__ = ("bytecount", "dma", "length", "next_to_watch", "skb", "time_stamp")

    def __init__(self) -> None:
        self.skb: SkBuff | None = None
        self.dma = 0
        self.length = 0  # bytes mapped
        # transmit only
        self.time_stamp = 0  # jiffies when the frame was queued; 0: no frame starts here
        self.next_to_watch = 0  # where the frame that starts here ends
        self.bytecount = 0  # of the packet that ends here


class Ring:
    """A descriptor ring (Linux: struct e1000_ring).

    The card works on [next_to_clean, next_to_use); one descriptor always stays free, because head == tail means
    an empty ring.
    """

    def __init__(self, adapter: Adapter, count: int, head: Rw, tail: Rw) -> None:
        self.adapter = adapter
        self.count = count
        self.head = head
        self.tail = tail
        self.desc = memoryview(b"")
        self.dma = 0
        self.next_to_use = 0
        self.next_to_tell = 0  # transmit: what the tail is; behind next_to_use while the stack has more
        self.next_to_clean = 0
        self.rx_skb_top: SkBuff | None = None  # receive: the pieces so far of a frame that lies in several buffers
        self.buffer_info: list[Buffer] = []

    @property
    def size(self) -> int:
        """Bytes of the descriptors."""
        return self.count * DESC_BYTES


def e1000_desc_unused(ring: Ring) -> int:
    """Descriptors that may be filled."""
    unused = ring.next_to_clean - ring.next_to_use - 1
    return unused if unused >= 0 else unused + ring.count


@dataclass(slots=True)
class HwStats:
    """Sums of the card's read-clear counters (Linux: struct e1000_hw_stats); names are the registers', lower case."""

    counts: dict[str, int] = field(default_factory=dict)

    def __getitem__(self, name: str) -> int:
        return self.counts.get(name, 0)

    def add(self, name: str, value: int) -> None:
        self.counts[name] = self.counts.get(name, 0) + value


class Adapter:
    """Linux: struct e1000_adapter."""

    def __init__(self, pdev: PciDev, netdev: NetDevice, hw: Hw, params: Params) -> None:
        self.pdev = pdev
        self.netdev = netdev
        self.hw = hw
        self.params = params
        self.down = True  # __E1000_DOWN: nobody may start work, timers or transmission
        self.resetting = False  # __E1000_RESETTING: somebody takes the card down and up again
        self.testing = False  # __E1000_TESTING: the self-test has the card to itself
        self.test_icr = 0  # causes that the self-test's handler saw
        self.max_frame_size = ETH_DATA_LEN + FRAME_OVERHEAD_BYTES
        self.rx_buffer_len = DEFAULT_RX_BUFFER_BYTES
        self.tx_ring: Ring
        self.rx_ring: Ring
        self.napi: NapiStruct
        self.watchdog_timer: TimerList
        self.watchdog_task: Work
        self.reset_task: Work
        self.print_hang_task: Work
        self.stats64_lock = SpinLock("stats64_lock")
        self.counting = False  # the card's counters hold what adapter.stats lacks: not so in a reset, nor before one
        self.irq_disabled = False  # the handler found the card gone and switched its line off
        self.link_speed = 0  # Mbit/s; 0: no link
        self.link_full_duplex = False
        self.restart_now = False  # FLAG_RESTART_NOW: the next reset is wanted, not a surprise
        # interrupt moderation
        self.itr_setting = params.InterruptThrottleRate
        self.itr = DEFAULT_ITR_HZ if self.itr_setting in ITR_MODES else self.itr_setting  # interrupts/s allowed now
        self.tx_itr = 0
        self.rx_itr = 0
        self.total_tx_bytes = self.total_tx_packets = 0  # since the last poll
        self.total_rx_bytes = self.total_rx_packets = 0
        # receive
        self.rx_discarding = False  # FLAG2_IS_DISCARDING: inside a frame that was given up
        self.alloc_rx_buff_failed = 0
        self.rx_dma_failed = 0
        self.rx_length_errors = 0  # frames of a length that none can have
        self.rx_desc_errors = 0  # frames the card handed over marked as bad
        self.rx_dropped = 0  # good frames that lay on the ring when it was emptied, or found no memory
        # transmit
        self.txd_cmd = TXD_CMD_IFCS | TXD_CMD_RS | (TXD_CMD_IDE if params.TxIntDelay else 0)  # of every descriptor
        self.detect_tx_hung = False
        self.tx_hang_head: int | None = None  # TDH when a frame was first found overdue
        self.tx_timeout_factor = 1
        self.tx_timeout_count = 0
        self.tx_dma_failed = 0
        self.tx_dropped = 0  # packets that the stack gave us and the card did not send
        self.restart_queue = 0  # times the queue was woken because the ring had room again
        self.stats = HwStats()
