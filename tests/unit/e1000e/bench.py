# SPDX-License-Identifier: MIT
"""A machine with one fake card and the driver, and what every test of it does: load, open, send, receive, unload."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from driver.e1000e import e1000e_driver
from driver.e1000e.adapter import Adapter
from driver.linux.net.state import net_state
from driver.linux.netdevice import (
    NetDevice,
    dev_close,
    dev_get_stats,
    dev_open,
    dev_queue_xmit,
    netdev_leak_check,
    netif_carrier_ok,
)
from driver.linux.packet import PacketType, dev_add_pack, dev_remove_pack
from driver.linux.pci import PciDev, PciDeviceId, pci_register_driver, pci_unregister_driver
from driver.linux.skbuff import SkBuff, alloc_skb, consume_skb, skb_leak_check, skb_put_data, skb_reserve
from tests.unit import pump
from tests.unit.e1000e.fake_card import MAC_ADDRESS, FakeCard

ETH_P_TEST = 0x88B5  # for local experiments
PEER = bytes.fromhex("020000000099")
TIME_SCALE = 1000  # the driver's 2 s are 2 ms of the tests' time
SETTLE_NS = 5_000_000


def frame_of(size: int, number: int = 0, *, to: bytes = MAC_ADDRESS, source: bytes = PEER) -> bytes:
    """A frame of `size` bytes without FCS, different for every number."""
    payload = b"".join((number * 7919 + i).to_bytes(4, "big") for i in range(size // 4))
    return (to + source + ETH_P_TEST.to_bytes(2, "big") + payload)[:size]


class Bench:
    """options: the kernel's. memory_bytes: of the machine."""

    def __init__(
        self,
        params: Mapping[str, int] | None = None,
        *,
        card: FakeCard | None = None,
        time_scale: int = TIME_SCALE,
        memory_bytes: int = 24 << 20,
        **options: Any,
    ) -> None:
        self.card = card or FakeCard()
        self.pump = pump.machine(self.card, time_scale=time_scale, memory_bytes=memory_bytes, **options)
        self.kernel = self.pump.kernel
        self.card.attach(self.pump)
        self.driver = e1000e_driver(params)
        self.probe_result: int | None = None
        self._probe, self.driver.probe = self.driver.probe, self._probe_and_tell
        self.received: list[bytes] = []
        self.packet_type = PacketType(ETH_P_TEST, self._deliver)
        self.loaded = False
        self.used_at_start = {buffer.addr for buffer in self.kernel.mm.live()}

    async def _probe_and_tell(self, pdev: PciDev, entry: PciDeviceId) -> int:
        self.probe_result = await self._probe(pdev, entry)
        return self.probe_result

    def _deliver(self, skb: SkBuff, dev: NetDevice, pt: PacketType) -> int:
        self.received.append(bytes(skb.head_view()[skb.mac_header : skb.tail]))
        consume_skb(skb)
        return 0

    # ------------------------------------------------------------------------------------------ life
    def load(self) -> int:
        """Register the driver; what its probe returned."""
        assert self.pump.run(pci_register_driver(self.driver)) == 0
        self.loaded = True
        assert self.probe_result is not None
        return self.probe_result

    def unload(self) -> None:
        self.pump.run(pci_unregister_driver(self.driver))
        self.loaded = False

    @property
    def netdev(self) -> NetDevice:
        with self.kernel.entered():
            return net_state().devices["eth0"]

    @property
    def adapter(self) -> Adapter:
        adapter: Adapter = self.netdev.priv
        return adapter

    def open(self) -> int:
        """ifup; what ndo_open returned."""
        result = self.pump.run(dev_open(self.netdev))
        if result == 0:
            self.call(lambda: dev_add_pack(self.packet_type))
        return int(result)

    def close(self) -> None:
        self.call(lambda: dev_remove_pack(self.packet_type))
        self.pump.run(dev_close(self.netdev))

    def up(self) -> Bench:
        """Loaded, open, and the link is up."""
        assert self.load() == 0
        assert self.open() == 0
        self.wait_carrier()
        return self

    def wait_carrier(self, wanted: bool = True) -> None:
        self.pump.until(
            lambda: netif_carrier_ok(self.netdev) == wanted, timeout_ns=50_000_000, what=lambda: f"carrier {wanted}"
        )
        self.pump.advance(100_000)  # the link watch

    def finish(self) -> None:
        """Close, unload, and nothing is left."""
        self.close()
        self.unload()
        self.assert_clean()

    def assert_clean(self) -> None:
        """No memory, skb, mapping, device, handler, timer or task of the driver is left, and no rule was broken."""
        with self.kernel.entered():
            skb_leak_check()
            netdev_leak_check()
        assert self.kernel.dma_table.live() == []
        assert {buffer.addr for buffer in self.kernel.mm.live()} == self.used_at_start
        assert self.kernel.irq(self.card.irq).actions == []
        self.pump.advance(SETTLE_NS)
        assert self.kernel.deadline_ns is None, "a timer or a task is still there"
        assert self.kernel.violations == []
        assert self.kernel.unseen_errors() == []
        assert self.card.complaints == []

    # ------------------------------------------------------------------------------------------ doing things
    def call(self, function: Callable[[], Any]) -> Any:
        """Run a plain function as a process."""

        async def process() -> Any:
            return function()

        return self.pump.run(process())

    def send(self, *frames: bytes) -> list[int]:
        """Hand complete frames to the stack, as fast as it takes them; what dev_queue_xmit returned."""
        return [self.call(lambda frame=frame: self._send(frame)) for frame in frames]  # type: ignore[misc]

    def _send(self, frame: bytes) -> int:
        skb = alloc_skb(len(frame) + 64)
        assert skb is not None
        skb_reserve(skb, 32)
        skb_put_data(skb, frame)
        skb.dev = self.netdev_now()
        return dev_queue_xmit(skb)

    @staticmethod
    def netdev_now() -> NetDevice:
        return net_state().devices["eth0"]

    def arrive(self, *frames: bytes, gap_ns: int = 1_000) -> None:
        """Frames from the wire, one every gap_ns from now on."""
        for position, frame in enumerate(frames):

            def then(frame: bytes = frame) -> None:
                self.card.receive(frame)

            self.pump.at(self.pump.now_ns + position * gap_ns, then)

    def settle(self, duration_ns: int = SETTLE_NS) -> None:
        self.pump.advance(duration_ns)

    def stats(self) -> Any:
        return self.pump.run(dev_get_stats(self.netdev))

    def log_has(self, text: str) -> bool:
        return any(text in line.text for line in self.kernel.log)
