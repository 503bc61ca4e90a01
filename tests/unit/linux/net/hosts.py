# SPDX-License-Identifier: MIT
"""Hosts on one wire, without a simulator: each a kernel with one fake card, all pumped in one simulated time.

The card is as simple as an honest driver can be: a receive FIFO, a line that is asserted while it holds frames and is
not masked, NAPI; a transmit ring that a host may stop from draining (`hold`).
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from driver.host import Event, IrqLevel
from driver.linux.etherdevice import alloc_etherdev, eth_mac_addr, eth_type_trans
from driver.linux.inet import inet_addr_add, inet_state
from driver.linux.interrupt import IRQ_HANDLED, free_irq, request_irq
from driver.linux.napi import napi_complete_done, napi_disable, napi_enable, napi_schedule, netif_napi_add
from driver.linux.net.state import net_state
from driver.linux.netdevice import (
    NETDEV_TX_BUSY,
    NETDEV_TX_OK,
    NetDevice,
    NetDeviceOps,
    dev_close,
    dev_open,
    free_netdev,
    netdev_leak_check,
    netif_receive_skb,
    netif_start_queue,
    netif_stop_queue,
    netif_wake_queue,
    register_netdev,
    unregister_netdev,
)  # fmt: skip
from driver.linux.sched import Kernel
from driver.linux.skbuff import (
    SkBuff,
    dev_consume_skb_any,
    netdev_alloc_skb_ip_align,
    skb_leak_check,
    skb_put_data,
)  # fmt: skip
from tests.unit import pump

IRQ = pump.FIRST_IRQ
WIRE_NS = 2_000


class Card(NetDeviceOps):
    """Hardware and driver of one host."""

    def __init__(self, host: Host, ring: int = 8) -> None:
        self.host = host
        self.ring = ring
        self.hold = False  # what is transmitted stays in the ring
        self.in_ring: deque[SkBuff] = deque()
        self.received: deque[bytes] = deque()
        self.masked = False
        self.calls: list[str] = []

    def attach(self, dev: NetDevice) -> None:
        self.dev = dev
        dev.max_mtu = 9000
        self.napi = netif_napi_add(dev, self.poll)

    # ---- driver
    def ndo_open(self, dev: NetDevice) -> int:
        self.calls.append("open")
        napi_enable(self.napi)
        self.masked = False
        error = request_irq(IRQ, self.interrupt, 0, dev.name, self)
        netif_start_queue(dev)
        return error

    async def ndo_stop(self, dev: NetDevice) -> int:
        self.calls.append("stop")
        netif_stop_queue(dev)
        await napi_disable(self.napi)
        free_irq(IRQ, self)
        self.reclaim()
        return 0

    def ndo_set_mac_address(self, dev: NetDevice, addr: bytes) -> int:
        return eth_mac_addr(dev, addr)

    def ndo_start_xmit(self, skb: SkBuff, dev: NetDevice) -> int:
        if len(self.in_ring) == self.ring:
            netif_stop_queue(dev)
            return NETDEV_TX_BUSY
        self.in_ring.append(skb)
        dev.stats.tx_packets += 1
        dev.stats.tx_bytes += skb.len
        self.host.net.carry(self.host, bytes(skb.view()))
        if not self.hold:
            self.reclaim()
        elif len(self.in_ring) == self.ring:
            netif_stop_queue(dev)
        return NETDEV_TX_OK

    def reclaim(self) -> None:
        """The hardware is done with the ring."""
        while self.in_ring:
            dev_consume_skb_any(self.in_ring.popleft())

    def wake(self) -> None:
        self.hold = False
        self.reclaim()
        netif_wake_queue(self.dev)

    def interrupt(self, irq: int, dev_id: object) -> int:
        self.masked = True
        self.host.line()
        napi_schedule(self.napi)
        return IRQ_HANDLED

    def poll(self, napi: Any, budget: int) -> int:
        done = 0
        while self.received and done < budget:
            frame = self.received.popleft()
            skb = netdev_alloc_skb_ip_align(self.dev, len(frame))
            if skb is None:
                self.dev.stats.rx_dropped += 1
                continue
            skb_put_data(skb, frame)
            self.dev.stats.rx_packets += 1
            self.dev.stats.rx_bytes += len(frame)
            skb.protocol = eth_type_trans(skb, self.dev)
            netif_receive_skb(skb)
            done += 1
        if done < budget and napi_complete_done(napi, done):
            self.masked = False
            self.host.line()
        return done

    # ---- hardware
    def arrive(self, frame: bytes) -> None:
        self.received.append(frame)
        self.host.line()


class Host:
    """One kernel and its card."""

    def __init__(self, net: Net, number: int, **options: Any) -> None:
        self.net = net
        self.number = number
        self.kernel: Kernel = pump.machine(memory_bytes=2 << 20, **options).kernel
        self.mac = bytes([2, 0, 0, 0, 0, number])
        self.ip = f"10.0.0.{number}"
        self.card = Card(self)
        self.events: list[Event] = []
        self.asserted = False

    async def start(self) -> None:
        self.dev = dev = alloc_etherdev(self.card)
        self.card.attach(dev)
        dev.netdev_ops = self.card
        dev.dev_addr = self.mac
        assert await register_netdev(dev) == 0
        assert await dev_open(dev) == 0
        assert inet_addr_add(dev, self.ip) == 0

    async def stop(self) -> None:
        await dev_close(self.dev)
        await unregister_netdev(self.dev)
        free_netdev(self.dev)
        skb_leak_check()
        netdev_leak_check()

    def line(self) -> None:
        """The interrupt line follows the FIFO."""
        asserted = bool(self.card.received) and not self.card.masked
        if asserted != self.asserted:
            self.asserted = asserted
            self.net.after(0, lambda: self.events.append(IrqLevel(IRQ, asserted)))

    def run(self, coro: Coroutine[Any, Any, Any], timeout_ns: int = 60_000_000_000) -> Any:
        """Run a process to its end."""
        task = self.kernel.run(coro)
        self.net.until(lambda: task.done, timeout_ns, task.position)
        return task.result()

    def call(self, function: Callable[[], Any]) -> Any:
        """Run a plain function as a process."""

        async def process() -> Any:
            return function()

        return self.run(process())

    @property
    def mib(self) -> dict[str, int]:
        with self.kernel.entered():
            return inet_state().mib

    @property
    def drops(self) -> dict[str, int]:
        with self.kernel.entered():
            return net_state().drop_counts()

    def arrive(self, frame: bytes) -> None:
        """A frame from the wire, and what the host makes of it."""
        self.card.arrive(frame)
        self.net.advance(1_000_000)


class Net:
    """The wire. sent: every frame, with the number of the host that sent it; lose(frame): does the wire lose it?"""

    def __init__(self, hosts: int = 2, **options: Any) -> None:
        self.now_ns = 0
        self.agenda: list[tuple[int, int, Callable[[], None]]] = []
        self.serial = 0
        self.sent: list[tuple[int, bytes]] = []
        self.lose: Callable[[bytes], bool] = lambda frame: False
        self.change: Callable[[bytes], bytes] = lambda frame: frame
        self.hosts = [Host(self, number + 1, **options) for number in range(hosts)]
        for host in self.hosts:
            host.run(host.start())

    def carry(self, sender: Host, frame: bytes) -> None:
        self.sent.append((sender.number, frame))
        if self.lose(frame):
            return
        frame = self.change(frame)
        for host in self.hosts:
            if host is not sender:
                self.after(WIRE_NS, lambda host=host: host.card.arrive(frame))  # type: ignore[misc]

    def after(self, delay_ns: int, what: Callable[[], None]) -> None:
        self.serial += 1
        heapq.heappush(self.agenda, (self.now_ns + delay_ns, self.serial, what))

    def advance(self, duration_ns: int) -> None:
        self._loop(self.now_ns + duration_ns, lambda: False)

    def until(self, condition: Callable[[], bool], timeout_ns: int, what: Callable[[], str] = lambda: "") -> None:
        self._loop(self.now_ns + timeout_ns, condition)
        if not condition():
            raise TimeoutError(f"not within {timeout_ns} ns {what()}")

    def _loop(self, end_ns: int, condition: Callable[[], bool]) -> None:
        while True:
            while self.agenda and self.agenda[0][0] <= self.now_ns:
                heapq.heappop(self.agenda)[2]()
            for host in self.hosts:
                events, host.events = host.events, []
                assert not host.kernel.step(self.now_ns, events)  # the card has no registers
            if condition():
                return
            times = [when for host in self.hosts if (when := host.kernel.deadline_ns) is not None]
            times += [self.agenda[0][0]] if self.agenda else []
            if not times or min(times) > end_ns:
                self.now_ns = end_ns
                for host in self.hosts:
                    host.kernel.step(end_ns, [])
                return
            self.now_ns = max(self.now_ns, min(times))

    def stop(self) -> None:
        """Take every host down; nothing may be left."""
        for host in self.hosts:
            host.run(host.stop())
            assert host.kernel.violations == []
            assert host.kernel.mm.live() == []
