# SPDX-License-Identifier: MIT
"""DMA fails: error responses, accesses that the IOMMU refuses, memory that does not answer. A queue that met an error
stands until the card is reset: the driver's watchdog sees to that for transmission, somebody has to ask for it for
reception. The other queue goes on meanwhile."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from driver.e1000e.adapter import Ring
from driver.e1000e.desc import DESC_BYTES
from driver.e1000e.rx import RX_BUFFER_WRITE
from driver.linux.delay import usleep_range
from driver.linux.dma_mapping import DMA_FROM_DEVICE, dma_unmap_single
from sim.bench import Bench
from sim.config import BenchConfig, DriverConfig, HostConfig, SimConfig
from sim.host.axi_memory import DECERR, SLVERR, Burst
from sim.launch import launch
from sim.traffic import frames_to, transmit
from tests.system.helpers import bench_up, on_both, varied
from tests.system.trouble import log_has, proved, reset_by_driver, trouble

RING = 64


@dataclass(frozen=True, slots=True)
class Access:
    """One kind of access of the card. ring: None for payload."""

    queue: str
    write: bool
    descriptors: bool

    def __str__(self) -> str:
        what = ("write-back" if self.write else "fetch") if self.descriptors else "payload"
        return f"{self.queue} {what}"

    def is_made_by(self, bench: Bench) -> Callable[[Burst], bool]:
        rings = {"transmit": bench.adapter.tx_ring, "receive": bench.adapter.rx_ring}

        def matches(burst: Burst) -> bool:
            inside = {name for name, ring in rings.items() if ring.dma <= burst.first < ring.dma + ring.size}
            return self.queue in inside if self.descriptors else not inside

        return matches


ACCESSES = [
    Access("transmit", write=False, descriptors=True),
    Access("transmit", write=False, descriptors=False),
    Access("transmit", write=True, descriptors=True),
    Access("receive", write=False, descriptors=True),
    Access("receive", write=True, descriptors=False),
    Access("receive", write=True, descriptors=True),
]


class Reported:
    """What the card reports of its failed accesses, on the side-band: (write, address) each."""

    def __init__(self, dut: Any) -> None:
        self.errors: list[tuple[bool, int]] = []
        self._dut = dut
        cocotb.start_soon(self._watch())

    async def _watch(self) -> None:
        dut = self._dut
        while True:
            await RisingEdge(dut.dma_err_valid_o)
            self.errors.append((bool(dut.dma_err_write_o.value), int(dut.dma_err_addr_o.value)))


async def recovered(bench: Bench, queue: str) -> None:
    """After the error: by the driver itself, or because somebody asks it to. The other direction goes on until then."""
    if queue == "transmit":
        timeouts, resets = bench.adapter.tx_timeout_count, bench.device.carrier_changes
        had = bench.books.host_frames
        await bench.until(lambda: bench.books.host_frames > had + 20, "frames of the other direction")
        assert bench.adapter.tx_timeout_count == timeouts, "only because of a reset"
        await bench.until(
            lambda: bench.adapter.tx_timeout_count > timeouts and bench.device.carrier_changes >= resets + 2,
            "the reset", timeout_ns=50_000_000,
        )  # fmt: skip
        await bench.linked()
    else:
        sent, had = bench.books.card_frames, bench.books.host_frames
        await bench.until(lambda: bench.books.card_frames > sent + 20, "frames of the other direction")
        assert bench.books.host_frames <= had + 64, "a queue that failed goes on"
        await reset_by_driver(bench)


@cocotb.test()
async def each_access_is_answered_with_an_error(dut: Any) -> None:
    bench = await bench_up(dut)
    reported = Reported(dut)
    native = bench.config.sim.compiled
    for response in (SLVERR, DECERR) if native else (SLVERR,):
        for access in bench.random.sample(ACCESSES, len(ACCESSES) if native else 2):
            hit: list[int] = []
            made = access.is_made_by(bench)

            def matches(burst: Burst, made: Callable[[Burst], bool] = made, hit: list[int] = hit) -> bool:
                if made(burst):
                    hit.append(burst.first)
                return made(burst)

            reported.errors.clear()
            # A transmit queue that fails retires nothing more, sent or not.
            told = access.queue == "receive"
            async with trouble(bench, unreported=0 if told else RING):
                bench.host.dma.fail_next(write=access.write, response=response, match=matches)
                await bench.until(lambda: bool(reported.errors), f"an error of {access}")
                assert reported.errors == [(access.write, hit[0])], str(access)
                await recovered(bench, access.queue)
            assert len(hit) == 1 and len(reported.errors) == 1, str(access)
    totals = await bench.down()
    if native:
        assert log_has(bench, "Reset adapter")
        assert totals.transmit is not None and totals.transmit.drops["dropped by the driver"] > 0


# ------------------------------------------------------------------ the IOMMU
async def misdirected(bench: Bench, address: Callable[[Ring, int], int]) -> int:
    """Send a frame whose descriptor names another address than was mapped; that address. In the kernel."""
    ring, device = bench.adapter.tx_ring, bench.device
    while True:
        index = ring.next_to_use
        transmit(device, frames_to(bench.partner.config.mac, device.dev_addr, bench.random, 1, (100, 1000))[0])
        if ring.next_to_use != index:  # else the queue was stopped, and it waits before the ring
            wild = address(ring, index)
            struct.pack_into("<Q", ring.desc, index * DESC_BYTES, wild)
            return wild
        await usleep_range(bench.kernel.time_scale, bench.kernel.time_scale)


@cocotb.test()
async def transmit_descriptors_point_where_they_must_not(dut: Any) -> None:
    bench = await bench_up(dut)
    rx = bench.adapter.rx_ring  # of it a buffer that the card will take last
    wild: dict[str, Callable[[Ring, int], int]] = {
        "is outside the IOMMU's window": lambda ring, index: 0x1000,
        "is outside this buffer": lambda ring, index: ring.buffer_info[index].dma + 0xF000,
        "is against its direction": lambda ring, index: rx.buffer_info[rx.next_to_use - RX_BUFFER_WRITE].dma,
        "never mapped": lambda ring, index: ring.buffer_info[index].dma + (7000 << 17),
    }
    for what, address in wild.items():
        with bench.dma_faults_expected() as faults:
            async with trouble(bench, unreported=RING):
                at = await bench.run(misdirected(bench, address))
                await recovered(bench, "transmit")
        assert faults and what in faults[0].message and f"{at:#x}" in faults[0].message, [str(f) for f in faults]
    await bench.down()


@cocotb.test()
async def receive_buffers_are_unmapped_too_early(dut: Any) -> None:
    """A driver's bug: the card still has the buffer. Nothing is written; the queue stands until it is reset."""
    bench = await bench_up(dut)
    reported = Reported(dut)

    async def unmap() -> int:
        ring = bench.adapter.rx_ring
        buffer = ring.buffer_info[ring.next_to_use - RX_BUFFER_WRITE]  # one that the card will take last
        dma_unmap_single(bench.adapter.pdev, buffer.dma, buffer.length, DMA_FROM_DEVICE)
        at, buffer.dma = buffer.dma, 0
        return at

    with bench.dma_faults_expected() as faults:
        async with trouble(bench):
            at = await bench.run(unmap())
            await bench.until(lambda: bool(reported.errors), "the fault")
            await recovered(bench, "receive")
    assert faults and all("unmapped" in fault.message for fault in faults)
    assert reported.errors[0] == (True, at)
    await bench.down()


# ------------------------------------------------------------------ no answer
@cocotb.test()
async def memory_does_not_answer_for_a_while(dut: Any) -> None:
    """Transmission hangs. Answers come when the hang was noticed, or only while the card waits to be reset."""
    bench = await bench_up(dut)
    native = bench.config.sim.compiled
    for write in (False, True) if native else (False,):
        for until in ("Hang", "Reset adapter") if native else ("Reset adapter",):
            async with trouble(bench):
                hangs = sum(until in line for line in bench.kernel_log())
                bench.host.dma.hold(write=write, held=True)
                await bench.until(
                    lambda text=until, hangs=hangs: sum(text in line for line in bench.kernel_log()) > hangs,
                    until, timeout_ns=50_000_000,
                )  # fmt: skip
                bench.host.dma.hold(write=write, held=False)
                await bench.linked()
                sent = bench.books.card_frames
                await bench.until(lambda sent=sent: bench.books.card_frames > sent + 5, "frames again")
    await proved(bench)
    await bench.down()


DRIVER = DriverConfig(time_scale=4000, rx_ring=RING, tx_ring=RING)
HOSTS = {
    "calm": HostConfig(),
    "hostile": HostConfig(memory_base=0x2_4000_0000, latency_ns=100, latency_spread_ns=1500, reorder=True,
                          backpressure=0.2),
}  # fmt: skip


def play(cases: str, sim: SimConfig, folder: Path, seed: int, host: HostConfig | None = None) -> None:
    driver = varied(DRIVER, seed, cases)
    config = BenchConfig(sim=sim, driver=driver, host=host or HostConfig()).seeded(seed)
    assert launch(config, "tests.system.test_faults_dma", folder, test_filter=cases).passed == cases.count("|") + 1


@on_both
def test_error_responses(sim: SimConfig, tmp_path: Path, bench_seed: int) -> None:
    play("each_access", sim, tmp_path, bench_seed, HOSTS["hostile" if sim.compiled else "calm"])


@on_both
def test_iommu(sim: SimConfig, tmp_path: Path, bench_seed: int) -> None:
    cases = "transmit_descriptors|receive_buffers" if sim.compiled else "receive_buffers"
    play(cases, sim, tmp_path, bench_seed)


@on_both
def test_memory_that_does_not_answer(sim: SimConfig, tmp_path: Path, bench_seed: int) -> None:
    play("memory_does_not", sim, tmp_path, bench_seed)
