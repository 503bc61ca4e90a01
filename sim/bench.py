# SPDX-License-Identifier: MIT
"""The one place that builds a bench: card + clocks + host + kernel + driver + wire + partner, and its books.

    bench = Bench(dut, config, folder)
    await bench.start()            # power on
    await bench.up()               # probe, ifup, link
    ...                            # traffic
    await bench.unload()           # ifdown, remove: `up` may follow
    await bench.down()             # the same, then leak check, books closed

Every frame in either direction goes through a scoreboard, whatever a test does beside that; `down` raises when a byte
was wrong, a frame is nowhere, a contract was broken or something leaked.
"""

from __future__ import annotations

import logging
import weakref
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, Event, SimTimeoutError, Timer, with_timeout

from driver.e1000e.adapter import Adapter
from driver.e1000e.main import e1000e_driver
from driver.linux.bug import Violation
from driver.linux.inet import UdpSocket, inet_addr_add
from driver.linux.net.state import net_state
from driver.linux.netdevice import (
    NetDevice,
    RtnlLinkStats64,
    dev_close,
    dev_get_stats,
    dev_open,
    dev_set_mtu,
    netif_carrier_ok,
)
from driver.linux.pci import PciDriver, pci_register_driver, pci_unregister_driver
from driver.linux.sched import Cpu, Kernel
from driver.linux.skbuff import live_skbs
from sim.books import Books
from sim.check.accounting import Account
from sim.config import PERIOD_PS, BenchConfig
from sim.host.axi import AxiHost
from sim.host.error_reporting import report_dma_errors
from sim.host.machine import IRQ
from sim.host.native import NativeHost
from sim.native.library import library
from sim.native.serve import serve, start_clock
from sim.observe.bins import Bins
from sim.observe.host_tap import HostTap
from sim.observe.pcap import PcapngWriter
from sim.observe.trace import FILE, Trace
from sim.runner import cover_folder
from sim.wire.capture import capture
from sim.wire.cocotbext import XgmiiWire
from sim.wire.native import NativeWire
from sim.wire.partner import Exchange, LinkPartner

__all__ = ["HOST_IP", "PERIOD_PS", "Bench", "BenchFailure", "Totals"]

_RESET_CYCLES = 40
# Software finds a card that has read its NVM: PCIe gives it 100 ms, it needs 2 us.
_POWER_ON_CYCLES = 400
_IDLE_XGMII = 0x0707_0707_0707_0707
_ALL_CONTROL = 0xFF
HOST_IP, _PREFIX_LENGTH = "10.82.57.1", 24
_ECHO_PORT = 7
# A frame that has arrived may wait this long for its interrupt (4000 interrupts/s, and the receive delay timers).
_QUIET_NS = 400_000
_POLL_NS = 5_000
# What of the driver's own counters the accounts need: of frames that the card passed on, and of those it never saw.
_SOFTWARE_COUNTS = ("rx_length_errors", "rx_desc_errors", "rx_dropped", "tx_dropped")


class BenchFailure(AssertionError):
    """Something that a whole bench promises was not kept; one line for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(slots=True)
class Totals:
    """What a bench came to, taken by `down` before the device is gone."""

    receive: Account | None = None
    transmit: Account | None = None
    irqs: int = 0
    polls: int = 0
    link: RtnlLinkStats64 = field(default_factory=RtnlLinkStats64)
    hardware: dict[str, int] = field(default_factory=dict)


class Bench:
    """One card in one host, with a partner on the wire."""

    def __init__(self, dut: Any, config: BenchConfig, folder: Path | None = None) -> None:
        self.dut = dut
        self.config = config
        self.random = Random(f"{config.seed} bench")
        if config.sim.main == "nicosim":
            library().restart()
        make_host = NativeHost if config.sim.host == "native" else AxiHost
        self.host = make_host(config.host, config.seed)
        driver = config.driver
        self.kernel = Kernel(
            self.host, cpus=driver.cpus, seed=config.seed, time_scale=driver.time_scale, schedule=driver.schedule
        )
        self._which_cpu = Random(f"{config.seed} cpus")
        self.kernel.irq(IRQ).cpu = self._any_cpu()
        with self.kernel.entered():
            self._memory_before = {buffer.addr for buffer in self.kernel.mm.live()}
        self.totals = Totals()
        self._folder = folder
        # Made whole however the run ends: a failing test is read by its captures.
        self._files: list[PcapngWriter | Trace] = []
        weakref.finalize(self, _close, self._files)
        self._trace: Trace | None = None
        self._bins: Bins | None = None
        self._device: NetDevice | None = None
        self._driver: PciDriver | None = None
        self._echo: UdpSocket | None = None
        self._earlier: Counter[str] = Counter()  # counts of drivers that were unloaded
        self._excused_faults = 0

    # ------------------------------------------------------------------ power
    async def start(self) -> None:
        """Clocks, reset, and everything that is plugged into the card."""
        dut, config = self.dut, self.config
        # cocotbext tells every register access and frame: most of the time of a run would go into its log.
        logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.WARNING)
        dut.rst_ni.value = 1
        dut.phy_link_i.value = 1
        dut.time_skip_i.value = 0
        dut.wake_i.value = 0
        dut.xgmii_rxd.value, dut.xgmii_rxc.value = _IDLE_XGMII, _ALL_CONTROL
        # Reset is asserted by its edge, before any clock runs: registers start with anything.
        await Timer(1, "ns")
        dut.rst_ni.value = 0
        await Timer(1, "ns")
        rx_clock, tx_clock = await self._start_clocks()
        await ClockCycles(dut.clk_i, _RESET_CYCLES)
        dut.rst_ni.value = 1
        await ClockCycles(dut.clk_i, _POWER_ON_CYCLES)
        if config.trace and self._folder is not None:
            self._trace = self.kernel.tracer = self.host.observer = Trace(self._folder / FILE, len(self.kernel.cpus))
            self._files.append(self._trace)
        self.host.attach(dut, dut.clk_i, self.kernel.dma_table)
        gap_bytes = config.wire.gap_bytes
        if config.sim.wire == "native":
            wire: NativeWire | XgmiiWire = NativeWire(gap_bytes)
        else:
            wire = XgmiiWire(dut, rx_clock=rx_clock, tx_clock=tx_clock, gap_bytes=gap_bytes)
        wire.observer, self.wire = self._trace, wire
        if config.sim.native:
            serve(dut, config)
        self.books = Books(self.wire, config.driver.mc_filter_type)
        self.partner = LinkPartner(self.wire, seed=config.seed)
        if (writer := self._writer("wire")) is not None:
            capture(self.wire, writer)
        if cover_folder() is not None:
            self._bins = Bins(self)
        self.tap = HostTap(self.books.host_received, (self._bins or self.books).host_sent, self._writer("host"))
        self.host.start(self.kernel)
        if config.host.error_reporting:
            cocotb.start_soon(report_dma_errors(dut, self.host))

    async def _start_clocks(self) -> tuple[Any, Any]:
        """The clocks that drive the receive and the transmit side of the XGMII."""
        dut, clock = self.dut, self.config.clock
        self._start_clock("clk_i", clock.core_ps)
        if clock.shared:
            return dut.clk_i, dut.clk_i
        for name, ppm, phase_ps in (
            ("xgmii_rx_clk_i", clock.rx_ppm, clock.rx_phase_ps),
            ("xgmii_tx_clk_i", clock.tx_ppm, clock.tx_phase_ps),
        ):
            if phase_ps:
                await Timer(phase_ps, "ps")
            # In steps of 1 ps, which is 156 ppm.
            self._start_clock(name, round(PERIOD_PS * (1 - ppm * 1e-6)))
        return dut.xgmii_rx_clk_i, dut.xgmii_tx_clk_i

    def _start_clock(self, name: str, period_ps: int) -> None:
        if self.config.sim.main == "nicosim":
            start_clock(name, period_ps)
        else:
            Clock(getattr(self.dut, name), period_ps, unit="ps", period_high=period_ps // 2).start()

    def _writer(self, name: str) -> PcapngWriter | None:
        if self._folder is None:
            return None
        writer = PcapngWriter(self._folder / f"{name}.pcapng", interfaces=[name])
        self._files.append(writer)
        return writer

    # ------------------------------------------------------------------ the host's software
    async def run(
        self, coro: Coroutine[Any, Any, Any], *, timeout_ns: int = 200_000_000, cpu: int | None = None
    ) -> Any:
        """Run `coro` as a process of the kernel, on any CPU or on `cpu`; its result.

        Raises: what it raises; TimeoutError, saying where it hangs.
        """
        ended = Event()

        async def process() -> Any:
            try:
                return await coro
            finally:
                ended.set()

        name = getattr(coro, "__qualname__", "process")
        task = self.kernel.run(process(), name, self._any_cpu().index if cpu is None else cpu)
        self.host.wake()
        try:
            await with_timeout(ended.wait(), timeout_ns, "ns")
        except SimTimeoutError:
            raise TimeoutError(f"{task.name} did not end within {timeout_ns} ns; it is at {task.position()}") from None
        # `finally` ran inside the step; the task itself ends with it.
        return task.result()

    def _any_cpu(self) -> Cpu:
        return self._which_cpu.choice(self.kernel.cpus)

    @property
    def device(self) -> NetDevice:
        """The network device; there is one between `up` and `down`."""
        if self._device is None:
            raise RuntimeError("the bench is not up")
        return self._device

    @property
    def adapter(self) -> Adapter:
        """The driver's own state, for counters that no interface shows."""
        adapter: Adapter = self.device.priv
        return adapter

    async def load(self) -> None:
        """Load the driver: it probes the card."""
        driver = self.config.driver
        self._driver = e1000e_driver(
            {
                "RxDescriptors": driver.rx_ring,
                "TxDescriptors": driver.tx_ring,
                "InterruptThrottleRate": driver.interrupt_throttle,
                "RxIntDelay": driver.rx_int_delay,
                "TxIntDelay": driver.tx_int_delay,
                "mc_filter_type": driver.mc_filter_type,
            }
        )
        await self.run(pci_register_driver(self._driver))

    async def probe(self) -> NetDevice:
        """Load the driver; the device it made.

        Raises: BenchFailure when it made none.
        """
        await self.load()
        with self.kernel.entered():
            devices = list(net_state().devices.values())
        if len(devices) != 1:
            raise BenchFailure([f"probe made {len(devices)} network devices", *self.kernel_log()])
        self._device = self.books.device = devices[0]
        with self.kernel.entered():
            self.tap.attach(self._device)
        return self._device

    async def up(self) -> None:
        """probe, MTU, address, ifup, link. After it the partner may talk to HOST_IP, where UDP port 7 echoes."""
        device = await self.probe()
        if self.config.driver.mtu != device.mtu:
            self._must(await self.run(dev_set_mtu(device, self.config.driver.mtu)), "MTU")
        await self.open()
        with self.kernel.entered():
            self._must(inet_addr_add(device, HOST_IP, _PREFIX_LENGTH), "address")
            self._echo = UdpSocket()
            self._must(self._echo.bind(_ECHO_PORT), "bind")
            self._echo.data_ready = _echo

    async def open(self) -> None:
        """ifup, and wait for the link."""
        device = self.device
        self._must(await self.run(dev_open(device)), "ifup")
        await self.linked()
        self.books.receiver_on(device)

    async def linked(self, *, timeout_ns: int = 50_000_000) -> None:
        """Until there is a link and the stack sends: before its link watch has run it drops what it is given."""
        device, txq = self.device, self.device.txq
        await self.until(
            lambda: netif_carrier_ok(device) and txq.qdisc is txq.qdisc_sleeping, "link", timeout_ns=timeout_ns
        )

    async def close(self) -> None:
        """ifdown. Frames that are on the wire meanwhile may be ignored by the card."""
        self.books.receiver_off()
        await self.run(dev_close(self.device))

    @staticmethod
    def _must(error: int, what: str) -> None:
        if error < 0:
            raise BenchFailure([f"{what}: error {error}"])

    @property
    def cycles_leapt(self) -> int:
        """Cycles of idle time that were not simulated."""
        return library().leapt if self.config.sim.main == "nicosim" else 0

    def kernel_log(self) -> list[str]:
        """What the driver and the kernel printed."""
        return [str(record) for record in self.kernel.log]

    # ------------------------------------------------------------------ waiting
    async def until(
        self, condition: Callable[[], bool], what: str, *, timeout_ns: int = 10_000_000, poll_ns: int = 2_000
    ) -> None:
        """Raises: TimeoutError naming `what`."""
        waited = 0
        while not condition():
            if waited >= timeout_ns:
                raise TimeoutError(f"{what} did not come within {timeout_ns} ns")
            await Timer(poll_ns, "ns")
            waited += poll_ns

    async def answered(self, exchange: Exchange, *, timeout_ns: int = 2_000_000) -> None:
        """Wait for the right answer.

        Raises: BenchFailure.
        """
        done = Event()
        exchange.on_done = done.set
        if not exchange.done:
            try:
                await with_timeout(done.wait(), timeout_ns, "ns")
            except SimTimeoutError:
                raise BenchFailure([f"{exchange.what}: no answer within {timeout_ns} ns"]) from None
        if exchange.error is not None:
            raise BenchFailure([f"{exchange.what}: {exchange.error}"])

    async def settle(self, *, timeout_ns: int = 50_000_000) -> None:
        """Until every frame has arrived, or nothing has moved for so long that the missing ones will not.

        Raises: TimeoutError when it never comes to rest.
        """
        try:
            await with_timeout(self.wire.drained(), timeout_ns, "ns")
        except SimTimeoutError:
            raise TimeoutError(f"{self.wire.pending} frames did not leave for the card in {timeout_ns} ns") from None
        books, dma = self.books, self.host.dma
        quiet_ns = waited_ns = 0
        before: tuple[int, ...] = ()
        while not (books.nothing_outstanding and dma.idle and quiet_ns) and quiet_ns < _QUIET_NS:
            if waited_ns > timeout_ns:
                raise TimeoutError(f"the card did not come to rest within {timeout_ns} ns")
            await Timer(_POLL_NS, "ns")
            waited_ns += _POLL_NS
            now = (books.host_frames, books.card_frames, books.sent, dma.reads, dma.writes)
            quiet_ns = quiet_ns + _POLL_NS if now == before else 0
            before = now

    @contextmanager
    def dma_faults_expected(self) -> Iterator[list[Violation]]:
        """In here the card may ask for memory that it may not have; what the IOMMU said of it."""
        before = self.host.dma.faults
        with self.kernel.expecting("dma-fault") as caught:
            yield caught
        self._excused_faults += self.host.dma.faults - before

    # ------------------------------------------------------------------ the end
    async def unload(self) -> None:
        """Take the totals, ifdown, remove; frames on the way may be ignored. Without a device: just remove."""
        if self._device is not None:
            await self.take_totals()
            self._earlier = self._counts()
            await self.close()
            with self.kernel.entered():
                self.tap.detach()
                if self._echo is not None:
                    self._echo.close()
                    self._echo = None
        assert self._driver is not None
        await self.run(pci_unregister_driver(self._driver))
        self._device = self.books.device = None

    async def down(self) -> Totals:
        """Settle, unload where that was not done yet; then look for what is wrong.

        Raises: BenchFailure with everything that is.
        """
        await self.settle()
        if self._device is not None:
            await self.unload()
        self.host.stop()
        self.close_captures()
        if self._bins is not None and (folder := cover_folder()) is not None:
            self._bins.write(folder)
        if problems := self.problems():
            raise BenchFailure(problems)
        return self.totals

    async def take_totals(self) -> Totals:
        """Counters so far, of all drivers that were loaded; `link` is the device's, and gone with it."""
        totals, books = self.totals, self.books
        totals.link = await self.run(dev_get_stats(self.device))
        counts = self._counts()
        totals.hardware = {name: counts[name] for name in counts if name not in _SOFTWARE_COUNTS}
        totals.irqs = self.kernel.irq_count(self.host.irq_of(0))
        totals.polls = self.adapter.napi.polls
        totals.receive = books.receive_account(counts)
        totals.transmit = books.transmit_account(counts["tx_dropped"])
        return totals

    def _counts(self) -> Counter[str]:
        """The card's statistics, as summed up by drivers so far, and the drivers' own."""
        adapter, counts = self.adapter, Counter(self._earlier)
        counts.update(adapter.stats.counts)
        counts.update({name: getattr(adapter, name) for name in _SOFTWARE_COUNTS})
        return counts

    def close_captures(self) -> None:
        _close(self._files)

    def problems(self) -> list[str]:
        """What is wrong now; after `down` also what was left behind."""
        found = self.books.problems() + self.partner.complaints
        for name, account in (("receive", self.totals.receive), ("transmit", self.totals.transmit)):
            if account is not None and not account.closed:
                found.append(f"{name} accounting is open: {account}")
        found += [f"contract: {violation}" for violation in self.kernel.violations]
        found += [f"process {name}: {error!r}" for name, error in self.kernel.unseen_errors()]
        if faults := self.host.dma.faults - self._excused_faults:
            found.append(f"{faults} DMA accesses went where nothing is mapped")
        if self._driver is not None and self._device is None:
            found += self._leaks()
        return found

    def _leaks(self) -> list[str]:
        kernel = self.kernel
        with kernel.entered():
            found = [f"leaked: {skb!r}" for skb in live_skbs()]
            kept = self._memory_before
            found += [f"leaked: {buffer!r}" for buffer in kernel.mm.live() if buffer.addr not in kept]
            found += [f"leaked: {mapping!r}" for mapping in kernel.dma_table.live()]
            found += [f"not freed: {device!r}" for device in net_state().allocated]
        return found


def _close(files: list[PcapngWriter | Trace]) -> None:
    while files:
        files.pop().close()


def _echo(sock: UdpSocket) -> None:
    """Send every datagram back where it came from."""
    while (datagram := sock.recvfrom_nowait()) is not None:
        data, sender = datagram
        sock.sendto(data, sender)
