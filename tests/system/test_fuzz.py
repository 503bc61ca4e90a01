# SPDX-License-Identifier: MIT
"""Register fuzz: whatever is written to whichever register, a reset makes the card good again. The IOMMU confines what
the card does to memory meanwhile, the bus models hold it to AXI's rules, and every register access is answered."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import Timer

from driver.e1000e import regs
from driver.e1000e.desc import DESC_BYTES
from driver.e1000e.regs import ALL_ONES, CTRL, RCTL, TCTL, Register
from driver.linux.io import readl, writel
from sim.bench import Bench
from sim.config import BenchConfig, DriverConfig, HostConfig, SimConfig
from sim.launch import configured, launch
from sim.wire import Frame
from tests.system.bare_driver import ARENA_BYTES, BareDriver
from tests.system.helpers import AXI, NATIVE, on_any_cpus
from tests.system.trouble import proved

WRITES_VARIABLE, FACTS = "NICOSIM_FUZZ_WRITES", "fuzz.json"
BAR_BYTES = 128 << 10
RING_BYTES = 4096  # of each ring that has its place in the arena
WRITES_PER_READ = 16
WRITES_PER_ARENA = 2000
RESET_SHARE = 1 / 800
WILD_SHARE = 1 / 300  # of descriptors
SETUP_SHARE = 1 / 60
CALM_READS = 12  # at most, behind a set-up: time for both rings to do something
RING_AT = {"R": 0, "T": RING_BYTES}  # in the arena

REGISTERS = [thing for thing in vars(regs).values() if isinstance(thing, Register)]
RINGS = {name: getattr(regs, name).offset for name in (
    "RDBAL", "RDBAH", "RDLEN", "RDH", "RDT", "TDBAL", "TDBAH", "TDLEN", "TDH", "TDT",
)}  # fmt: skip
NAMED = [thing.offset for thing in REGISTERS if not thing.name.startswith("PHY_") and thing.name not in RINGS]


class Fuzz:
    """Random writes of one seed."""

    def __init__(self, bench: Bench, bare: BareDriver) -> None:
        self.bench, self.bare, self.random = bench, bare, bench.random
        self.resets = self.garbage = 0
        self._kinds = [self._tail] * 16 + [self._enable] + [self._named] * 8 + [self._anywhere] * 8 + [self._ring]
        self._next: list[tuple[int, int]] = []  # what belongs together
        self.calm = False  # it was written to its end
        self.named = {offset: 0 for offset in [*NAMED, *RINGS.values()]}  # writes of each register

    # ------------------------------------------------------------------ one write: (offset, value)
    def write(self) -> tuple[int, int]:
        offset, value = self._write()
        if offset in self.named:
            self.named[offset] += 1
        return offset, value

    def _write(self) -> tuple[int, int]:
        random = self.random
        if self._next and random.random() < 0.8:
            self.calm = len(self._next) == 1
            return self._next.pop()
        if random.random() < RESET_SHARE:
            self.resets += 1
            self._next = [(CTRL.offset, CTRL.RST | random.getrandbits(8))]
        elif random.random() < SETUP_SHARE:
            self._next = [*self._good_ring("T"), *self._good_ring("R"), (CTRL.offset, CTRL.SLU | CTRL.FD)]
            if random.random() < 0.02:  # negotiates anew; whatever was done to the PHY is forgotten
                self._next.append((CTRL.offset, CTRL.PHY_RST))
        return random.choice(self._kinds)()

    def _any_value(self) -> int:
        random = self.random
        kind = random.randrange(6)
        if kind < 2:
            return random.getrandbits(32)
        return (0, ALL_ONES, 1 << random.randrange(32), random.randrange(256))[kind - 2]

    def _good_ring(self, way: str) -> list[tuple[int, int]]:
        """All that makes a ring of the arena run, last write first: off, base, length, head, tail, on."""
        random, bare = self.random, self.bare
        base, count = bare.iova + RING_AT[way], 8 * random.randint(1, 32)
        control, on = (TCTL, TCTL.EN | TCTL.PSP) if way == "T" else (RCTL, RCTL.EN | RCTL.UPE | RCTL.BAM)
        values = {"BAL": base & ALL_ONES, "BAH": base >> 32, "LEN": count * DESC_BYTES, "H": 0, "T": count - 1}
        writes = [(control.offset, 0), *((RINGS[f"{way}D{name}"], value) for name, value in values.items())]
        return [*writes, (control.offset, on | random.getrandbits(32) & random.getrandbits(32))][::-1]

    def _tail(self) -> tuple[int, int]:
        """Doorbells, most of them inside the ring."""
        return RINGS[self.random.choice(("RDT", "TDT"))], self.random.randrange(self.random.choice((8, 64, 260)))

    def _ring(self) -> tuple[int, int]:
        return self.random.choice(list(RINGS.values())), self._any_value()

    def _enable(self) -> tuple[int, int]:
        register, on = self.random.choice(((RCTL, RCTL.EN), (TCTL, TCTL.EN)))
        return register.offset, self.random.choice((on, on, on, 0)) | self.random.getrandbits(32)

    def _named(self) -> tuple[int, int]:
        return self._tamed(self.random.choice(NAMED), self._any_value())

    def _anywhere(self) -> tuple[int, int]:
        return self._tamed(self.random.randrange(0, BAR_BYTES, 4), self._any_value())

    def _tamed(self, offset: int, value: int) -> tuple[int, int]:
        """A card that may not use the bus until the next reset would be a dull one."""
        if offset == CTRL.offset and self.random.random() < 0.9:
            value &= ~(CTRL.RST | CTRL.GIO_MASTER_DISABLE)
        return offset, value

    # ------------------------------------------------------------------ memory
    def scribble(self) -> None:
        """Descriptors of both rings anew: most point into the arena."""
        random, bare = self.random, self.bare
        for ring in RING_AT.values():
            for at in range(ring, ring + RING_BYTES, DESC_BYTES):
                length = random.choice((0, 1, 60, 300, 1500, 4000, random.getrandbits(14)))
                address = bare.iova + random.randrange(ARENA_BYTES - 16384)
                command = random.choice((0x0B, 0x0B, 0x0B, 0x08, 0x01, random.getrandbits(8)))
                if random.random() < WILD_SHARE:
                    address, length = random.getrandbits(64), random.getrandbits(16)
                struct.pack_into("<QHBBBBH", bare.arena, at, address, length, random.getrandbits(8), command, 0, 0, 0)

    # ------------------------------------------------------------------ the whole
    async def process(self, writes: int) -> None:
        random, mem = self.random, self.bare.mem
        for number in range(writes):
            if number % WRITES_PER_ARENA == 0:
                self.scribble()
            offset, value = self.write()
            writel(value, mem, offset)
            if self.calm:
                self.calm = False
                for _ in range(random.randint(0, CALM_READS)):
                    await readl(mem, regs.STATUS.offset)
            if number % WRITES_PER_READ == 0:
                await readl(mem, random.choice((random.randrange(0, BAR_BYTES, 4), random.choice(NAMED))))
        await self.bare.reset()


async def garbage(bench: Bench, fuzz: Fuzz) -> None:
    """Frames of any kind on the wire, for ever."""
    random = bench.random
    while True:
        for _ in range(random.randint(1, 6)):
            data = random.choice((b"\xff" * 6, random.randbytes(6))) + random.randbytes(random.randint(10, 400))
            bench.wire.send(Frame(data, pad=random.random() < 0.9, bad_fcs=random.random() < 0.1))
            fuzz.garbage += 1
        await bench.wire.drained()
        await Timer(random.randint(1, 8000), "ns")


@cocotb.test()
async def random_writes_then_the_driver(dut: Any) -> None:
    config, folder = configured()
    bench = Bench(dut, config, folder)
    await bench.start()
    bare = BareDriver(bench)
    await bare.load()
    fuzz = Fuzz(bench, bare)
    writes = int(os.environ[WRITES_VARIABLE])
    with bench.books.shut(), bench.dma_faults_expected() as faults:
        traffic = cocotb.start_soon(garbage(bench, fuzz))
        await bench.run(fuzz.process(writes), timeout_ns=2_000_000_000)
        traffic.cancel()
        await bench.wire.drained()
        await Timer(20, "us")  # what the MAC still had
        assert bench.host.dma.idle
        dma = bench.host.dma
        moved = dma.reads, dma.writes
        received = bench.wire.received
        fuzzed_writes = bench.host.mmio_writes
    bench.partner.complaints.clear()
    await bare.unload()
    await bench.up()
    for _ in range(5):
        await proved(bench, frames=60)
    await bench.down()
    facts = {
        "resets": fuzz.resets, "faults": len(faults), "reads": moved[0], "writes": moved[1], "frames": fuzz.garbage,
        "received": received, "mmio_writes": fuzzed_writes, "fewest": min(fuzz.named.values()),
    }  # fmt: skip
    (folder / FACTS).write_text(json.dumps(facts))


def fuzzed(writes: int, config: BenchConfig, folder: Path) -> dict[str, int]:
    launch(config, "tests.system.test_fuzz", folder, environment={WRITES_VARIABLE: str(writes)})
    facts: dict[str, int] = json.loads((folder / FACTS).read_text())
    return facts


HOST = HostConfig(latency_ns=100, latency_spread_ns=600, reorder=True, backpressure=0.1)
DRIVER = DriverConfig(time_scale=4000, rx_ring=64, tx_ring=64)


def config(seed: int, sim: SimConfig = NATIVE) -> BenchConfig:
    return BenchConfig(host=HOST, driver=on_any_cpus(DRIVER, seed, "fuzz"), sim=sim).seeded(seed)


def test_a_hundred_thousand_random_writes(tmp_path: Path, bench_seed: int) -> None:
    """Of every register a good many, and they do something: the card moved thousands of bursts, sent and received,
    was refused memory, and was reset. The bounds are about half of the least of four seeds."""
    facts = fuzzed(100_000, config(bench_seed), tmp_path)
    assert facts["mmio_writes"] >= 100_000 and facts["fewest"] > 50 and facts["frames"] > 1000, facts
    assert facts["reads"] > 2500 and facts["writes"] > 400 and facts["received"] > 120, facts
    assert facts["resets"] > 50 and facts["faults"] > 20, facts


def test_random_writes_on_the_reference_models(tmp_path: Path, bench_seed: int) -> None:
    facts = fuzzed(1500, config(bench_seed, AXI), tmp_path)
    assert facts["reads"] > 5, facts
