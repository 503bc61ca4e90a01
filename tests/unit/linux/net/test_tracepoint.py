# SPDX-License-Identifier: MIT
"""What a tracer hears of the kernel: driver/linux/tracepoint.py."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from driver.linux.delay import msleep, udelay
from driver.linux.dma_mapping import DMA_MAPPING_ERROR, DMA_TO_DEVICE, dma_map_single, dma_mapping_error
from driver.linux.inet import ping
from driver.linux.interrupt import IRQ_HANDLED
from driver.linux.mm import kmalloc
from driver.linux.net.device import NET_RX_DROP
from driver.linux.netdevice import (
    NETDEV_TX_BUSY,
    NETDEV_TX_OK,
    NetDevice,
    NetDeviceOps,
    alloc_etherdev,
    dev_consume_skb_any,
    dev_open,
    dev_queue_xmit,
    netif_receive_skb,
    netif_start_queue,
    netif_stop_queue,
    netif_wake_queue,
    register_netdev,
)
from driver.linux.sched import Kernel
from driver.linux.skbuff import SkBuff, alloc_skb, skb_put_data, skb_reset_mac_header
from driver.linux.softirq import NET_RX_SOFTIRQ
from tests.unit.linux.net.hosts import IRQ, Net
from tests.unit.pump import machine


class Recorder:
    """A Tracer that keeps each call with its time."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.calls: list[tuple[str, int, tuple[Any, ...]]] = []
        kernel.tracer = self  # type: ignore[assignment]  # __getattr__ is each of its methods

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *given: self.calls.append((name, self._kernel.now_ns, given))

    @property
    def names(self) -> list[str]:
        return [name for name, _, _ in self.calls]

    def of(self, name: str) -> list[tuple[Any, ...]]:
        return [given for called, _, given in self.calls if called == name]


def test_a_ping_s_way_through_the_kernel_that_answers_it(net: Net) -> None:
    asker, answerer = net.hosts
    assert asker.run(ping(answerer.ip, 10)) is not None  # ARP is done
    recorder = Recorder(answerer.kernel)
    assert asker.run(ping(answerer.ip, 10)) is not None
    assert recorder.names == [
        "irq_handler_entry", "irq_handler_exit", "softirq_entry", "napi_poll_entry", "netif_receive_skb_entry",
        "net_dev_start_xmit", "net_dev_xmit", "netif_receive_skb_exit", "napi_poll", "softirq_exit",
    ]  # fmt: skip
    dev, napi = answerer.dev, answerer.card.napi
    assert recorder.of("irq_handler_entry") == [(IRQ, dev.name)]
    assert recorder.of("irq_handler_exit") == [(IRQ, IRQ_HANDLED)]
    assert recorder.of("softirq_entry") == recorder.of("softirq_exit") == [(NET_RX_SOFTIRQ,)]
    assert recorder.of("napi_poll_entry") == [(napi, 64)] and recorder.of("napi_poll") == [(napi, 1, 64)]
    assert recorder.of("net_dev_xmit") == [(NETDEV_TX_OK, dev)]


def test_processes_come_and_go() -> None:
    pump = machine()
    recorder = Recorder(pump.kernel)

    async def sleeps() -> None:
        await udelay(3)
        await msleep(1)

    async def fails() -> None:
        raise RuntimeError("as planned")

    pump.run(sleeps())
    with pytest.raises(RuntimeError, match="as planned"):
        pump.run(fails())
    switches = [
        (when, prev and prev.name.rpartition(".")[2], task and task.name.rpartition(".")[2])
        for _, when, (prev, task) in recorder.calls
    ]
    assert switches == [
        (0, None, "sleeps"), (3_000, "sleeps", None), (1_003_000, None, "sleeps"), (1_003_000, "sleeps", None),
        (1_003_000, None, "fails"), (1_003_000, "fails", None),
    ]  # fmt: skip


class Ops(NetDeviceOps):
    """Refuses the first packet; a waiting one takes 1 us over each."""

    def __init__(self) -> None:
        self.refuse = 1

    def ndo_open(self, dev: NetDevice) -> int:
        netif_start_queue(dev)
        return 0

    def take(self, skb: SkBuff, dev: NetDevice) -> int:
        if self.refuse:
            self.refuse -= 1
            netif_stop_queue(dev)
            netif_wake_queue(dev)
            return NETDEV_TX_BUSY
        dev_consume_skb_any(skb)
        return NETDEV_TX_OK

    def ndo_start_xmit(self, skb: SkBuff, dev: NetDevice) -> int:
        return self.take(skb, dev)


class WaitingOps(Ops):
    async def ndo_start_xmit(self, skb: SkBuff, dev: NetDevice) -> int:  # type: ignore[override]
        await udelay(1)
        return self.take(skb, dev)


def a_device(ops: Ops) -> NetDevice:
    dev = alloc_etherdev()
    dev.netdev_ops = ops
    dev.dev_addr = bytes([2, 0, 0, 0, 0, 1])
    return dev


def an_skb(dev: NetDevice) -> SkBuff:
    skb = alloc_skb(64)
    assert skb is not None
    skb_put_data(skb, bytes(60))
    skb.dev = dev
    return skb


@pytest.mark.parametrize(("ops", "takes_ns"), [(Ops(), 0), (WaitingOps(), 1000)], ids=["plain", "waits"])
def test_a_refused_packet_is_told_and_so_is_the_second_try(ops: Ops, takes_ns: int) -> None:
    pump = machine()
    with pump.kernel.entered():
        dev = a_device(ops)
    pump.run(register_netdev(dev))
    pump.run(dev_open(dev))
    recorder = Recorder(pump.kernel)

    async def send() -> None:
        dev_queue_xmit(an_skb(dev))

    pump.run(send())
    pump.advance(10_000)
    told = [(name, when, given) for name, when, given in recorder.calls if name.startswith("net_dev")]
    begin_ns = told[0][1]
    assert [name for name, _, _ in told] == ["net_dev_start_xmit", "net_dev_xmit"] * 2
    assert [given[0] for given in recorder.of("net_dev_xmit")] == [NETDEV_TX_BUSY, NETDEV_TX_OK]
    assert [when - begin_ns for _, when, _ in told] == [0, takes_ns, takes_ns, 2 * takes_ns]


def test_a_packet_that_nobody_handles_has_an_exit_too() -> None:
    pump = machine()
    recorder = Recorder(pump.kernel)
    with pump.kernel.entered():
        skb = an_skb(a_device(Ops()))
        skb_reset_mac_header(skb)
        assert netif_receive_skb(skb) == NET_RX_DROP
    assert recorder.names == ["netif_receive_skb_entry", "netif_receive_skb_exit"]
    assert recorder.of("netif_receive_skb_exit") == [(NET_RX_DROP,)]


def test_mappings_are_told_with_both_addresses() -> None:
    pump = machine(dma_slots=128)
    recorder, card = Recorder(pump.kernel), SimpleNamespace(name="card", dma_mask=(1 << 64) - 1)
    with pump.kernel.entered():
        buffer = kmalloc(256)
        assert buffer is not None
        iova = dma_map_single(card, buffer.addr + 16, 64, DMA_TO_DEVICE)
        assert not dma_mapping_error(card, iova)
        card.dma_mask = 0xFFFF_FFFF  # the window lies above
        assert dma_map_single(card, buffer, 256, DMA_TO_DEVICE) == DMA_MAPPING_ERROR
    assert recorder.of("dma_map_page") == [
        (buffer.addr + 16, iova, 64, DMA_TO_DEVICE),
        (buffer.addr, DMA_MAPPING_ERROR, 256, DMA_TO_DEVICE),
    ]
