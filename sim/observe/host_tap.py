# SPDX-License-Identifier: MIT
"""HostTap: what the host's stack sees of a device, as tcpdump would: into a pcapng file, and to whoever listens."""

from __future__ import annotations

from collections.abc import Callable

from driver.linux.if_ether import ETH_P_ALL
from driver.linux.net.device import NetDevice
from driver.linux.packet import PACKET_OUTGOING, PacketType, dev_add_pack, dev_remove_pack
from driver.linux.skbuff import SkBuff, consume_skb
from sim.observe.pcap import PcapngWriter

__all__ = ["HostTap"]


class HostTap:
    """A ptype_all tap. Counts received and sent frames; on_received and on_sent hear each of them, whole.

    attach and detach run in the kernel (inside `entered` or a task).
    """

    def __init__(
        self,
        on_received: Callable[[bytes], None],
        on_sent: Callable[[bytes], None],
        writer: PcapngWriter | None = None,
    ) -> None:
        self._on_received = on_received
        self._on_sent = on_sent
        self._writer = writer
        self._tap: PacketType | None = None
        self.received = self.sent = 0

    def attach(self, device: NetDevice) -> None:
        self._tap = PacketType(ETH_P_ALL, self._see, device)
        dev_add_pack(self._tap)

    def detach(self) -> None:
        if self._tap is not None:
            dev_remove_pack(self._tap)
            self._tap = None

    def _see(self, skb: SkBuff, device: NetDevice, packet_type: PacketType) -> int:
        outgoing = skb.pkt_type == PACKET_OUTGOING
        frame = skb.head_view()[skb.mac_header : skb.tail].tobytes()  # the one copy: for the file and the listener
        if self._writer is not None:
            self._writer.write(0, skb.tstamp, frame, "", outgoing)
        consume_skb(skb)
        if outgoing:
            self.sent += 1
            self._on_sent(frame)
        else:
            self.received += 1
            self._on_received(frame)
        return 0
