# SPDX-License-Identifier: MIT
"""netif_receive_skb: taps, handlers, and who gets nothing."""

from __future__ import annotations

from driver.linux.etherdevice import alloc_etherdev, eth_type_trans
from driver.linux.if_ether import ETH_P_ALL, ETH_P_IP
from driver.linux.net.device import NET_RX_DROP, NetDevice
from driver.linux.net.state import net_state
from driver.linux.netdevice import netif_receive_skb
from driver.linux.packet import PacketType, dev_add_pack, dev_remove_pack
from driver.linux.sched import Kernel
from driver.linux.skbuff import (
    SkBuff,
    consume_skb,
    live_skbs,
    netdev_alloc_skb,
    skb_put_data,
    skb_share_check,
    skb_shared,
)
from tests.unit.linux.net.conftest import Trips

FRAME = bytes.fromhex("020000000001 020000000002 0800") + b"payload"


class Handler:
    """Keeps what it gets, and counts."""

    def __init__(self, type: int, dev: NetDevice | None = None) -> None:
        self.got: list[bytes] = []
        self.shared: list[bool] = []
        self.pt = PacketType(type, self.func, dev)
        dev_add_pack(self.pt)

    def func(self, skb: SkBuff, dev: NetDevice, pt: PacketType) -> int:
        self.shared.append(skb_shared(skb))
        self.got.append(bytes(skb.head_view()[skb.mac_header : skb.tail]))
        consume_skb(skb)
        return 0


def receive(dev: NetDevice, frame: bytes = FRAME) -> int:
    skb = netdev_alloc_skb(dev, len(frame))
    assert skb is not None
    skb_put_data(skb, frame)
    skb.protocol = eth_type_trans(skb, dev)
    return netif_receive_skb(skb)


def test_handlers_of_the_protocol_and_taps_each_get_it(kernel: Kernel) -> None:
    dev, other = alloc_etherdev(), alloc_etherdev()
    wanted = [Handler(ETH_P_IP), Handler(ETH_P_IP, dev), Handler(ETH_P_ALL), Handler(ETH_P_ALL, dev)]
    unwanted = [Handler(0x86DD), Handler(ETH_P_IP, other), Handler(ETH_P_ALL, other)]
    assert receive(dev) == 0
    assert [handler.got for handler in wanted] == [[FRAME]] * 4
    assert [handler.got for handler in unwanted] == [[]] * 3
    assert wanted[1].shared == [False]  # the last one has it to himself
    assert not live_skbs() and dev.rx_nohandler == 0


def test_a_packet_nobody_wants_is_counted_with_or_without_taps(kernel: Kernel) -> None:
    dev = alloc_etherdev()
    assert receive(dev) == NET_RX_DROP
    tap = Handler(ETH_P_ALL)
    assert receive(dev) == NET_RX_DROP
    assert dev.rx_nohandler == 2 and tap.got == [FRAME]
    assert net_state().drop_counts() == {"UNHANDLED_PROTO": 2} and not live_skbs()


def test_a_handler_that_left_gets_nothing(kernel: Kernel) -> None:
    dev, handler = alloc_etherdev(), Handler(ETH_P_IP)
    dev_remove_pack(handler.pt)
    assert receive(dev) == NET_RX_DROP and handler.got == []


def test_a_tagged_frame_keeps_its_tag(kernel: Kernel) -> None:
    dev, handler = alloc_etherdev(), Handler(0x8100)
    frame = FRAME[:12] + bytes.fromhex("81000064") + FRAME[12:]
    receive(dev, frame)
    assert handler.got == [frame]


def test_a_handler_may_leave_from_within(kernel: Kernel) -> None:
    dev = alloc_etherdev()
    left: list[int] = []

    def func(skb: SkBuff, dev: NetDevice, pt: PacketType) -> int:
        dev_remove_pack(pt)
        left.append(skb.len)
        consume_skb(skb)
        return 0

    dev_add_pack(PacketType(ETH_P_IP, func))
    later = [Handler(ETH_P_IP) for _ in range(3)]
    receive(dev)
    receive(dev)
    assert left == [7] and [handler.got for handler in later] == [[FRAME, FRAME]] * 3


def test_a_tap_that_keeps_a_packet_does_not_disturb_the_handler(kernel: Kernel) -> None:
    dev = alloc_etherdev()
    kept: list[SkBuff] = []

    def keep(skb: SkBuff, dev: NetDevice, pt: PacketType) -> int:
        kept.append(skb_share_check(skb))
        return 0

    dev_add_pack(PacketType(ETH_P_ALL, keep))
    handler = Handler(ETH_P_IP)
    receive(dev)
    assert handler.got == [FRAME] and bytes(kept[0].view()) == b"payload"
    consume_skb(kept[0])
    assert not live_skbs()


def test_packets_are_stamped_and_counted_per_cpu(kernel: Kernel) -> None:
    dev = alloc_etherdev()
    kernel.now_ns = 4711
    stamps: list[int] = []

    def func(skb: SkBuff, dev: NetDevice, pt: PacketType) -> int:
        stamps.append(skb.tstamp)
        consume_skb(skb)
        return 0

    dev_add_pack(PacketType(ETH_P_IP, func))
    receive(dev)
    assert stamps == [4711] and net_state().softnet[0].processed == 1


def test_a_packet_needs_a_device(kernel: Kernel, trips: Trips) -> None:
    skb = netdev_alloc_skb(None, 60)
    assert skb is not None
    trips("rx-no-device", lambda: netif_receive_skb(skb))
    consume_skb(skb)


def test_a_handler_is_added_and_removed_once(kernel: Kernel, trips: Trips) -> None:
    handler = Handler(ETH_P_IP)
    trips("packet-type", lambda: dev_add_pack(handler.pt))
    dev_remove_pack(handler.pt)
    trips("packet-type", lambda: dev_remove_pack(handler.pt))
