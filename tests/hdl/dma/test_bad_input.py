# SPDX-License-Identifier: MIT
"""nic_dma and a driver that does everything wrong: accesses stay in rings and buffers, a reset mends the rest."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import cocotb

from sim.runner import Design, nic_sources, simulate
from tests.hdl.axi.slave import HARSH, Burst, Settings
from tests.hdl.dma.dma_bench import RX_DATA, RX_DESC, RX_WB, TX_DATA, DmaBench, Setup
from tests.hdl.dma.layout import TX_DEXT, TX_EOP, TX_IFCS, TX_RS, Frame, RxStat, ring_int
from tests.hdl.dma.rings import Memory, TxFrame

RING = 64  # descriptors there is memory for, each way
BUFFERS_BYTES = 1 << 16


class WildBench(DmaBench):
    """Looks at where accesses go, not at what they mean; every descriptor is filled, and any may be used."""

    def _rings(self) -> None:
        super()._rings()
        self.base = self.memory.alloc(16 * RING, 16), self.memory.alloc(16 * RING, 16)
        self.rx_buffers = self.memory.alloc(BUFFERS_BYTES, 4096, 4000)
        self.tx_buffers = self.memory.alloc(BUFFERS_BYTES, 4096, 4000)
        self.ring = [[RING, 0], [RING, 0]]  # receive, transmit: count, tail
        self.wild = False
        self.fetched: Counter[str] = Counter()

    def fill(self) -> None:
        for index in range(RING):
            self.fill_rx(index)
            self.fill_tx(index)

    def fill_rx(self, index: int) -> None:
        addr = self.rx_buffers + self.rng.randrange(BUFFERS_BYTES - 16384)
        self.memory.write(self.base[0] + 16 * index, addr.to_bytes(8, "little") + self.rng.randbytes(8))

    def fill_tx(self, index: int) -> None:
        rng = self.rng
        length = rng.choice((0, 1, rng.randrange(100), rng.randrange(2000), rng.randrange(65536), 65535))
        addr = self.tx_buffers + rng.randrange(BUFFERS_BYTES - length)
        cmd = rng.getrandbits(8) & ~TX_DEXT | rng.choice((0, 0, 0, TX_DEXT))
        raw = addr.to_bytes(8, "little") + length.to_bytes(2, "little") + rng.randbytes(1) + bytes([cmd])
        self.memory.write(self.base[1] + 16 * index, raw + rng.randbytes(4))

    def _configure(self) -> None:
        if not self.wild:
            super()._configure()
            return
        for name, on, base, ring in zip(
            ("rx_ring_i", "tx_ring_i"), (self.rx_enabled, self.tx_enabled), self.base, self.ring, strict=True
        ):
            self._set(name, ring_int(on, base, *ring))
        self._set("stop_i", int(self.stop))

    def _inside(self, addr: int, end: int, start: int, size: int, what: str) -> None:
        assert start <= addr and end <= start + size, f"{what}: {addr - start:#x}..{end - start:#x} of {size:#x}"
        self.fetched[what] += 1

    def _see_read(self, burst: Burst) -> None:
        if not self.wild:
            super()._see_read(burst)
            return
        end = burst.addr - burst.addr % 16 + 16 * burst.beats
        if burst.id == TX_DATA:
            self._inside(burst.addr, end - 15, self.tx_buffers, BUFFERS_BYTES, "payload read")
        else:
            self._inside(burst.addr, end, self.base[burst.id != RX_DESC], 16 * RING, "descriptors read")

    def _see_write_offered(self, id: int, addr: int, length: int) -> None:
        if not self.wild:
            super()._see_write_offered(id, addr, length)

    def _store(self, burst: Burst, beats: list[tuple[int, int]]) -> None:
        if not self.wild:
            super()._store(burst, beats)
            return
        end = burst.addr - burst.addr % 16 + 16 * burst.beats
        if burst.id == RX_DATA:
            self._inside(burst.addr, end - 15, self.rx_buffers, BUFFERS_BYTES, "payload written")
        else:
            self._inside(burst.addr, end, self.base[burst.id != RX_WB], 16 * RING, "write-back")

    def _see_answer(self, id: int) -> None:
        if not self.wild:
            super()._see_answer(id)

    def _pulses(self) -> None:
        if not self.wild:
            super()._pulses()

    def _see_rx_stat(self, stat: RxStat, overrun: bool) -> None:
        if not self.wild:
            super()._see_rx_stat(stat, overrun)

    def _see_sent(self, frame: TxFrame) -> None:
        if not self.wild:
            super()._see_sent(frame)

    async def do_wrong(self) -> None:
        """One thing that no driver should do."""
        rng, way = self.rng, self.rng.randrange(2)
        ring = self.ring[way]
        match rng.randrange(8):
            case 0:
                ring[0] = rng.choice((0, 8, RING, RING, RING, RING, rng.randrange(RING + 1)))
            case 1:
                ring[1] = rng.choice((rng.getrandbits(16), ring[0], *(rng.randrange(RING) for _ in range(4))))
            case 2:
                name = ("rx_head_load_i", "tx_head_load_i")[way]
                places = [rng.randrange(RING) for _ in range(4)]
                self._set("head_value_i", rng.choice((rng.getrandbits(16), ring[0], *places)))
                self._set(name, 1)
                await self.step()
                self._set(name, 0)
            case 3:
                self.rx_enabled, self.tx_enabled = rng.random() < 0.8, rng.random() < 0.8
            case 4:  # a storm of doorbells
                for _ in range(rng.randrange(60)):
                    ring[1] = rng.randrange(RING)
                    await self.step()
            case 5:
                self.configure(replace(self.setup, buf_bytes=rng.choice((256, 512, 1024, 4096, 16384)),
                                       rdmts=rng.randrange(3), low=rng.randrange(128)))  # fmt: skip
            case 6:
                for _ in range(10):
                    self.fill_rx(rng.randrange(RING))
                    self.fill_tx(rng.randrange(RING))
            case 7:
                self.stop = not self.stop and rng.random() < 0.5


@cocotb.test()
@cocotb.parametrize(settings=[HARSH, Settings(latency=(5, 5))])
async def whatever_a_driver_does_a_reset_mends_it(dut: Any, settings: Settings) -> None:
    setup = Setup(rx_count=16, tx_count=16, memory_bytes=1 << 20, tx_pool_bytes=1 << 18, tx_ready=0.8, beat_every=2)
    bench = await WildBench(dut, settings, setup).start()
    seen: Counter[str] = Counter()
    for _ in range(15):
        bench.fill()
        bench.wild, bench.heads_known = True, False
        bench.rx_enabled = bench.tx_enabled = True
        for _ in range(bench.rng.randint(10, 60)):
            await bench.do_wrong()
            if len(bench.rx_frames) < 3:
                bench.rx_frames.append(Frame(bench.rng.randbytes(bench.rng.choice((64, 300, 1500, 9000)))))
            await bench.cycles(bench.rng.choice((1, 3, 30, 200)))
        seen += bench.fetched
        bench.configure(setup)
        await bench.reset()
        bench.rx_ended.clear()
        bench.tx_stats.clear()
        bench.rx_enabled = bench.tx_enabled = True
        bench.rx.post(8)
        bench.rx_frames.extend(Frame(bench.rng.randbytes(size)) for size in (64, 700))
        for size in (60, 900):
            bench.tx.post_frame(bench.rng.randbytes(size), [20])
        await bench.run()
        bench.check_all_done()
        assert bench.rx.frames_visible == 2 and len(bench.tx_sent) == 2
        await bench.reset()  # and forgets the descriptors it has read ahead
    assert min(seen[what] for what in ("payload read", "descriptors read", "payload written", "write-back")) > 20, seen


@cocotb.test()
async def a_frame_without_end_only_wastes_descriptors(dut: Any) -> None:
    """No EOP, ring after ring: what fits is read, all retire, nothing is sent but what comes after the end."""
    bench = await DmaBench(dut, HARSH, Setup(tx_count=32)).start()
    for _ in range(100):
        while not bench.tx.free:
            await bench.step()
        bench.tx.post(bench.rng.randbytes(bench.rng.randint(1, 1500)), bench.rng.choice((0, TX_RS)) | TX_IFCS)
    await bench.run()
    assert bench.tx.head == 100 and not bench.tx_sent
    bench.tx.post(b"", TX_EOP | TX_RS)
    bench.tx.post_frame(bench.rng.randbytes(60), [])
    await bench.run()
    bench.check_all_done()
    assert len(bench.tx_sent) == 1


@cocotb.test()
async def heads_outside_of_the_ring_stop_it_until_set_right(dut: Any) -> None:
    bench = await DmaBench(dut, Settings(latency=(5, 5)), Setup(rx_count=16, tx_count=16)).start()
    for wrong in (16, 17, 0x7FFF, 0xFFFF):
        bench.rx_enabled = bench.tx_enabled = False
        await bench.write_heads(wrong, wrong)
        bench.heads_known = False
        bench.rx_enabled = bench.tx_enabled = True
        bench.rx.tail = bench.tx.tail = 5
        reads = bench.counts["r0"] + bench.counts["r1"]
        await bench.cycles(200)
        assert bench.counts["r0"] + bench.counts["r1"] == reads and dut.idle_o.value
        assert int(dut.rx_head_o.value) == int(dut.tx_head_o.value) == wrong
        bench.rx_enabled = bench.tx_enabled = False
        await bench.step()
        await bench.load_heads(3, 4)
        bench.rx_enabled = bench.tx_enabled = True
        bench.rx.post(4)
        bench.rx_frames.append(Frame(bench.rng.randbytes(64)))
        bench.tx.post_frame(bench.rng.randbytes(60), [])
        await bench.run()
        bench.check_all_done()


def test_memory_is_above_4_gib() -> None:
    assert Memory.BASE >> 32


def test_bad_input(tmp_path: Path) -> None:
    result = simulate(Design("nic_dma", nic_sources("nic_dma")), __name__, folder=tmp_path)
    assert result.passed == 4
