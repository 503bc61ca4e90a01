# SPDX-License-Identifier: MIT
"""Every register of nic.rdl: reset value, access kind, second address; and what is between the registers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cocotb

from sim.runner import simulate
from tests.hdl.csr.csr_bench import MAC_WORDS, CsrBench, design
from tests.hdl.sim_helpers import struct

from generate import Register, registers  # isort: skip  (its folder is put on the path by csr_bench)

ALL_ONES = 0xFFFF_FFFF
MAC = MAC_WORDS[0] | MAC_WORDS[1] << 16 | MAC_WORDS[2] << 32
ICR, ICS, IMS, IMC = 0x00C0, 0x00C8, 0x00D0, 0x00D8
SWSM, STATUS = 0x5B50, 0x0008


def places(register: Register) -> Iterator[int]:
    yield from (register.address + i * register.stride for i in range(register.count or 1))


def reset_value(register: Register, address: int) -> int:
    return {0x5400: MAC & ALL_ONES, 0x5404: 0x8000_0000 | MAC >> 32}.get(address, register.reset)


def read_only(register: Register) -> int:
    """Bits that hardware decides: not to be judged by what was written."""
    return sum(f.mask for f in register.fields if not f.writable)


def harmless(register: Register) -> int:
    """Bits that a test may set: those that start nothing."""
    return ALL_ONES & ~sum(f.mask for f in register.fields if f.self_clearing)


@cocotb.test()
async def reset_values(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    checked = 0
    for register in registers():
        for address in places(register):
            if not any("r" in f.sw for f in register.fields):
                assert await bench.read(address) == 0, f"{register.name} is write-only"
                continue
            assert await bench.read(address) == reset_value(register, address), f"{register.name} at {address:#x}"
            checked += 1
    assert checked > 200


@cocotb.test()
async def plain_registers_keep_their_writable_bits(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    checked = 0
    for register in registers():
        if register.kind != "Rw" or register.name == "PBA":  # which has limits: see below
            continue
        for address in [*places(register)][:: 1 if register.count != 128 else 21]:
            for pattern in (ALL_ONES, 0, 0x5A5A_5A5A, bench.random.getrandbits(32), register.reset):
                await bench.write(address, pattern & harmless(register), skew=bench.random.randint(-2, 2))
                got = await bench.read(address)
                assert got & ~read_only(register) == pattern & register.writable, f"{register.name}: {pattern:#x}"
                checked += 1
    assert checked > 250


@cocotb.test()
async def registers_do_not_disturb_each_other(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    plain = [(r, a) for r in registers() if r.kind == "Rw" and r.name != "PBA" for a in places(r)]
    values = {}
    for register, address in plain:
        values[address] = bench.random.getrandbits(32) & register.writable & ~0x8000_0004 * (register.name == "CTRL")
        await bench.write(address, values[address])
    for register, address in plain:
        got = await bench.read(address) & ~read_only(register)
        assert got == values[address], f"{register.name} at {address:#x}"
    assert len(plain) > 170


@cocotb.test()
async def read_only_registers_ignore_writes(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    checked = 0
    for register in registers():
        if register.kind in ("Ro", "Rc"):
            await bench.write(register.address, ALL_ONES)
            assert await bench.read(register.address) == register.reset, register.name
            checked += 1
    assert checked > 35


@cocotb.test()
async def mask_and_cause_registers_set_and_clear_by_ones(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    (causes,) = (sum(f.mask for f in r.fields) for r in registers() if r.name == "IMS")
    await bench.write(IMS, 0x0000_0085)
    await bench.write(IMS, ALL_ONES)
    assert await bench.read(IMS) == causes
    await bench.write(IMC, 0x0000_0084)
    await bench.write(IMC, 0)
    assert await bench.read(IMS) == causes & ~0x84
    await bench.write(IMC, ALL_ONES)
    await bench.write(ICS, ALL_ONES)
    await bench.write(ICR, 0x0000_0085)
    assert await bench.read(ICR) == causes & ~0x85
    assert await bench.read(ICR) == 0


@cocotb.test()
async def semaphore_is_taken_by_reading_and_given_by_writing(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    assert [await bench.read(SWSM) & 1 for _ in range(3)] == [0, 1, 1]
    await bench.write(SWSM, 2)
    assert [await bench.read(SWSM) for _ in range(2)] == [2, 3]


@cocotb.test()
async def phy_reset_asserted_is_cleared_by_zero_only(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    await bench.write(STATUS, ALL_ONES)
    assert await bench.read(STATUS) & 1 << 10
    await bench.write(STATUS, ALL_ONES & ~(1 << 10))
    assert not await bench.read(STATUS) & 1 << 10
    await bench.write(0, 1 << 31)  # CTRL.PHY_RST
    await bench.write(0, 0)
    assert await bench.read(STATUS) & 1 << 10


@cocotb.test()
async def second_addresses_are_the_same_registers(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    checked = 0
    for register in registers():
        if register.legacy is None:
            continue
        for index, address in enumerate(places(register)):
            alias = register.legacy + index * register.stride
            value = bench.random.getrandbits(32) & register.writable
            await bench.write(alias if index & 1 else address, value)
            assert await bench.read(alias) == value == await bench.read(address), f"{register.name} at {alias:#x}"
            checked += 1
    assert checked > 160


@cocotb.test()
async def nothing_is_between_the_registers(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    known = {a for r in registers() for a in places(r)}
    known |= {r.legacy + i * r.stride for r in registers() if r.legacy is not None for i in range(r.count or 1)}
    holes = [a for a in range(0, 1 << 17, 4) if a not in known]
    near = [a for a in holes if a + 4 in known or a - 4 in known]
    for address in [*near, *bench.random.sample(holes, 60), 0x1FFFC]:
        await bench.write(address, ALL_ONES)
        assert await bench.read(address) == 0, hex(address)
    assert len(near) > 40
    for register in registers():  # and none of those writes went anywhere
        assert await bench.read(register.address) & ~read_only(register) == (
            reset_value(register, register.address) & ~read_only(register)
        ), register.name


@cocotb.test()
async def writes_of_less_than_a_word_are_ignored(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    for strobes in range(15):
        await bench.write(0x5408, ALL_ONES, strobes=strobes)
        assert await bench.read(0x5408) == 0, f"strobes {strobes:04b}"
    await bench.write(0x5408, ALL_ONES)
    assert await bench.read(0x5408) == ALL_ONES


@cocotb.test()
async def a_read_beside_a_write_sees_its_effect(dut: Any) -> None:
    """Both wait at once, or the read comes some cycles later: the write goes first, its neighbour is as it was.

    RDT is flip-flops, MTA has a memory of its own, VFTA, RETA and TIMINCA share that of the storage registers.
    """
    bench = await CsrBench(dut).start()
    dut.s_axil_bready.value = 1
    for address in (0x2818, 0x5214, 0x56F0, 0x5C0C, 0xB608):
        before = await bench.read(address + 4)
        for value, delay in ((0x1234, 0), (0xFFFF, 1), (0, 2), (0xA5A5, 3), (0x5A5A, 0), (0x3C3C, 4)):
            dut.s_axil_awaddr.value = address
            dut.s_axil_wdata.value, dut.s_axil_wstrb.value = value, 0xF
            dut.s_axil_awvalid.value = dut.s_axil_wvalid.value = 1
            reading = cocotb.start_soon(read_later(bench, address, delay))
            await bench.cycles(1)
            dut.s_axil_awvalid.value = dut.s_axil_wvalid.value = 0
            assert await reading == value, f"{address:#x}, {delay} cycles later"
            await bench.cycles(4)
            assert await bench.read(address + 4) == before, f"beside {address:#x}"


async def read_later(bench: CsrBench, address: int, delay: int) -> int:
    if delay:
        await bench.cycles(delay)
    return await bench.read(address)


CTRL, RCTL, TCTL, PBA = 0x0000, 0x0100, 0x0400, 0x1000
BUFFERS = {
    **{(0, 0): 2048, (1, 0): 1024, (2, 0): 512, (3, 0): 256},
    **{(0, 1): 2048, (1, 1): 16384, (2, 1): 8192, (3, 1): 4096},
}


@cocotb.test()
async def data_path_gets_what_the_registers_say(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    rx_cfg, tx_cfg, ring = struct("rx_cfg_t"), struct("tx_cfg_t"), struct("ring_cfg_t")
    for (size, times16), expected in BUFFERS.items():
        await bench.write(RCTL, size << 16 | times16 << 25)
        assert rx_cfg.unpack(int(dut.rx_cfg_o.value)).buf_bytes == expected
    await bench.write(RCTL, 3 << 27 | 2 << 16)
    assert rx_cfg.unpack(int(dut.rx_cfg_o.value)).buf_bytes == 3072
    for bit, name in {1: "en", 2: "sbp", 3: "upe", 4: "mpe", 5: "lpe", 15: "bam", 26: "secrc"}.items():
        await bench.write(RCTL, 1 << bit)
        got = rx_cfg.unpack(int(dut.rx_cfg_o.value))
        assert [n for n, width in rx_cfg.fields if width == 1 and getattr(got, n)] == [name]
    await bench.write(RCTL, 2 << 8 | 3 << 12)
    got = rx_cfg.unpack(int(dut.rx_cfg_o.value))
    assert (got.rdmts, got.mo) == (2, 3)
    await bench.write(TCTL, 1 << 1)
    await bench.write(0x0410, 0x0060_2123)
    expected = {"en": 1, "psp": 0, "loopback": 0, "low": 0, "buf_kb": 20, "ipgt": 0x123}
    assert vars(tx_cfg.unpack(int(dut.tx_cfg_o.value))) == expected
    await bench.write(0x3828, 0xAA << 24)
    assert tx_cfg.unpack(int(dut.tx_cfg_o.value)).low == 0x55
    await bench.write(0x2C00, 0xFABC)
    assert rx_cfg.unpack(int(dut.rx_cfg_o.value)).small_bytes == 0xABC
    for base, port in ((0x2800, dut.rx_ring_o), (0x3800, dut.tx_ring_o)):
        for offset, value in ((0, 0x89AB_CDE0), (4, 0x0123_4567), (8, 256 * 16), (0x18, 77)):
            await bench.write(base + offset, value)
        got = ring.unpack(int(port.value))
        assert (got.base, got.count, got.tail) == (0x0123_4567_89AB_CDE0, 256, 77)


@cocotb.test()
async def packet_memory_is_shared_out(dut: Any) -> None:
    """RXA within its limits, TXA the rest; both reach the data path."""
    bench = await CsrBench(dut).start()
    rx_cfg, tx_cfg = struct("rx_cfg_t"), struct("tx_cfg_t")
    shares = {0: 4, 3: 4, 4: 4, 5: 5, 20: 20, 32: 32, 35: 35, 36: 36, 37: 36, 64: 36, 0x100: 36, 0xFFFF: 36}
    for written, receive in shares.items():
        await bench.write(PBA, bench.random.getrandbits(16) << 16 | written)
        assert await bench.read(PBA) == (40 - receive) << 16 | receive, written
        assert rx_cfg.unpack(int(dut.rx_cfg_o.value)).buf_kb == receive
        assert tx_cfg.unpack(int(dut.tx_cfg_o.value)).buf_kb == 40 - receive


FLOW = {  # register, value written: what the data path gets
    (0x0028, 0x89AB_CDEF): {"addr": 0x0100_89AB_CDEF},
    (0x002C, 0xFFFF_4567): {"addr": 0x4567_89AB_CDEF},
    (0x0030, 0xFFFF_1234): {"ethertype": 0x1234},
    (0x0170, 0xFFFF_4321): {"quanta": 0x4321},
    (0x2160, 0x7FFF_FFFF): {"low": 0xFFF8, "xon": 0},
    (0x2160, 0x8000_1237): {"low": 0x1230, "xon": 1},
    (0x2168, 0xFFFF_FFFF): {"high": 0xFFF8},
    (CTRL, 1 << 27): {"rx_en": 1, "tx_en": 0},
    (CTRL, 1 << 28): {"rx_en": 0, "tx_en": 1},
    (RCTL, 1 << 22): {"discard": 1, "pass": 0},
    (RCTL, 1 << 23): {"discard": 0, "pass": 1},
}


@cocotb.test()
async def flow_control_gets_what_the_registers_say(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    flow = struct("flow_cfg_t")
    expected = dict.fromkeys((name for name, _ in flow.fields), 0) | {"addr": 0x0100_00C2_8001, "ethertype": 0x8808}
    assert vars(flow.unpack(int(dut.flow_cfg_o.value))) == expected
    for (address, value), changes in FLOW.items():
        await bench.write(address, value)
        expected |= changes
        assert vars(flow.unpack(int(dut.flow_cfg_o.value))) == expected, f"{address:#x}"
    for paused in (1, 0):
        dut.paused_i.value = paused
        await bench.cycles(1)
        assert (await bench.read(STATUS) >> 4 & 1) == paused, "TXOFF"


@cocotb.test()
async def mac_loopback_has_a_link_of_its_own(dut: Any) -> None:
    bench = await CsrBench(dut).start(cable=False)
    tx_cfg = struct("tx_cfg_t")
    for mode, loops in ((0, 0), (1, 1), (2, 0), (3, 0), (1, 1)):
        for set_link_up in (0, 1):
            await bench.write(CTRL, set_link_up << 6)
            await bench.write(RCTL, mode << 6)
            await bench.cycles(4)
            assert tx_cfg.unpack(int(dut.tx_cfg_o.value)).loopback == loops
            assert (await bench.read(STATUS) >> 1 & 1) == int(dut.link_o.value) == (loops and set_link_up)


@cocotb.test()
async def filters_get_addresses_and_the_multicast_table(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    entry = struct("mac_filter_t")

    def filters() -> list[Any]:
        packed = int(dut.filter_o.value)
        return [entry.unpack(packed >> i * entry.width & (1 << entry.width) - 1) for i in range(16)]

    assert (filters()[0].valid, filters()[0].addr) == (1, MAC)
    assert not any(f.valid for f in filters()[1:])
    await bench.write(0x5400 + 8 * 15, 0x4433_2211)
    await bench.write(0x5404 + 8 * 15, 0x8000_6655)
    assert (filters()[15].valid, filters()[15].select, filters()[15].addr) == (1, 0, 0x6655_4433_2211)
    await bench.write(0x5404 + 8 * 15, 0x8001_6655)
    assert filters()[15].select == 1, "ASEL"

    bits = {bench.random.randrange(4096) for _ in range(40)} | {0, 31, 32, 4095}
    for word in {b >> 5 for b in bits}:
        await bench.write(0x5200 + 4 * word, sum(1 << (b & 31) for b in bits if b >> 5 == word))
    for bit in [*bits, *bench.random.sample(range(4096), 60)]:
        dut.mta_en_i.value, dut.mta_index_i.value = 1, bit
        await bench.cycles(1)
        dut.mta_en_i.value = 0
        await bench.cycles(1)
        assert int(dut.mta_bit_o.value) == (bit in bits), bit


def test_registers_are_what_the_rdl_says(tmp_path):
    assert simulate(design(), "tests.hdl.csr.test_registers", folder=tmp_path).passed == 16
