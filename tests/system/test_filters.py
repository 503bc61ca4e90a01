# SPDX-License-Identifier: MIT
"""The receive filter under random lists and random traffic: what arrives is, frame by frame, what an independent
reading of the datasheet lets pass (sim/check/filter.py). The lists are this test's own; the device is not asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import cocotb
import pytest

from driver.e1000e.hw import er32, rmw32
from driver.e1000e.regs import RCTL
from driver.linux.netdevice import (
    NetDevice,
    dev_mc_add,
    dev_mc_del,
    dev_set_allmulti,
    dev_set_promiscuity,
    dev_uc_add,
    dev_uc_del,
)
from driver.linux.packet import PacketType, dev_add_pack, dev_remove_pack
from driver.linux.skbuff import SkBuff, consume_skb
from sim.bench import Bench
from sim.check.filter import FilterConfig, multicast_hash, stored
from sim.config import BenchConfig, DriverConfig, HostConfig, SimConfig
from sim.launch import launch
from sim.traffic import ETHER_TYPE, frames_to
from sim.wire import Frame
from tests.system.helpers import bench_up, on_any_cpus, on_both

BROADCAST = b"\xff" * 6
EXACT = 15  # addresses beside the card's own
ROUNDS, FRAMES = 8, 80
OFFSETS = (36, 35, 34, 32)  # of the twelve bits in the 48-bit address


class Listener:
    """What comes up to the host with the test's protocol, in order."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.frames: list[bytes] = []
        self._packet_type = PacketType(int.from_bytes(ETHER_TYPE, "big"), self._hear)
        with bench.kernel.entered():
            dev_add_pack(self._packet_type)

    def _hear(self, skb: SkBuff, dev: NetDevice, packet_type: PacketType) -> int:
        self.frames.append(bytes(skb.head_view()[skb.mac_header : skb.tail]))
        consume_skb(skb)
        return 0

    def stop(self) -> None:
        with self.bench.kernel.entered():
            dev_remove_pack(self._packet_type)


def one_bit_off(address: bytes, random: Random, among: range = range(48)) -> bytes:
    number = int.from_bytes(address, "little") ^ 1 << random.choice(among)
    return number.to_bytes(6, "little")


def group(random: Random) -> bytes:
    return bytes([random.randrange(256) | 1]) + random.randbytes(5)


def station(random: Random) -> bytes:
    return bytes([random.randrange(256) & 0xFC | 2]) + random.randbytes(5)


class Lists:
    """What one round asks of the driver."""

    def __init__(self, random: Random, own: bytes, offset: int) -> None:
        self.own, self.offset = own, offset
        self.unicast = [station(random) for _ in range(random.choice([0, 1, 5, EXACT - 1, EXACT, EXACT + 1, 20]))]
        self.multicast = [group(random) for _ in range(random.choice([0, 1, 3, 40, 200]))]
        self.promiscuous = random.random() < 0.15
        self.all_groups = random.random() < 0.15

    def filter(self) -> FilterConfig:
        table: dict[int, int] = {}
        for address in self.multicast:
            bit = multicast_hash(address, self.offset)
            table[bit // 32] = table.get(bit // 32, 0) | 1 << bit % 32
        overflow = len(self.unicast) > EXACT
        return FilterConfig(
            exact=(self.own, *self.unicast),
            unicast_promiscuous=self.promiscuous or overflow,
            multicast_promiscuous=self.promiscuous or self.all_groups,
            multicast_offset=self.offset,
            table=table,
        )

    def destination(self, random: Random) -> bytes:
        """Members of the lists, what is nearly one, what falls on the same bit of the table, and strangers."""
        hash_bits = range(OFFSETS[self.offset], OFFSETS[self.offset] + 12)
        other_bits = [bit for bit in range(1, 48) if bit not in hash_bits]
        member = random.choice(self.multicast or [group(random)])
        twin = member
        for _ in range(3):
            twin = one_bit_off(twin, random, other_bits)  # type: ignore[arg-type]
        one = random.choice([self.own, *self.unicast])
        return random.choice([
            one, one_bit_off(one, random), BROADCAST, one_bit_off(BROADCAST, random), member, twin,
            one_bit_off(member, random, hash_bits), station(random), group(random),
        ])  # fmt: skip

    async def apply(self, device: NetDevice, sign: int) -> None:
        """sign: 1 to ask for it, -1 to take it back."""
        for address in self.unicast:
            assert await (dev_uc_add if sign > 0 else dev_uc_del)(device, address) == 0
        for address in self.multicast:
            assert await (dev_mc_add if sign > 0 else dev_mc_del)(device, address) == 0
        if self.promiscuous:
            await dev_set_promiscuity(device, sign)
        if self.all_groups:
            await dev_set_allmulti(device, sign)


@cocotb.test()
async def random_lists_and_random_traffic(dut: Any) -> None:
    bench = await bench_up(dut)
    device, random, partner = bench.device, bench.random, bench.partner.config.mac
    offset = bench.config.driver.mc_filter_type
    listener, passed, sent = Listener(bench), 0, 0
    for _ in range(ROUNDS):
        lists = Lists(random, device.dev_addr, offset)
        await bench.run(lists.apply(device, 1))
        frames = [frames_to(lists.destination(random), partner, random, 1, (60, 120))[0] for _ in range(FRAMES)]
        for data in frames:
            bench.wire.send(Frame(data))
        await bench.settle()
        expected = [data for data in frames if stored(data, True, lists.filter())]
        assert listener.frames == expected
        passed, sent = passed + len(expected), sent + len(frames)
        listener.frames.clear()
        await bench.run(lists.apply(device, -1))
    assert ROUNDS * FRAMES // 10 < passed < sent - ROUNDS * FRAMES // 10, "the traffic asks nothing of the filter"
    listener.stop()
    totals = await bench.down()
    assert totals.receive is not None and totals.receive.filtered == sent - passed


@cocotb.test()
async def broken_frames_with_and_without_sbp(dut: Any) -> None:
    """RCTL.SBP: broken frames are stored, wanted ones only, and the driver tells them by their descriptors."""
    bench = await bench_up(dut)
    device, random, partner, adapter = bench.device, bench.random, bench.partner.config.mac, bench.adapter
    listener = Listener(bench)
    for store_bad in (True, False):
        await bench.run(rmw32(adapter.hw, RCTL, clear=RCTL.SBP, set=RCTL.SBP if store_bad else 0))
        config = FilterConfig(exact=(device.dev_addr,), store_bad_packets=store_bad)
        good, broken, before = [], 0, adapter.rx_desc_errors
        for _ in range(FRAMES):
            to = random.choice([device.dev_addr, device.dev_addr, BROADCAST, station(random), group(random)])
            (data,) = frames_to(to, partner, random, 1, (60, 300))
            whole = random.random() < 0.5
            if whole and stored(data, True, config):
                good.append(data)
            broken += not whole and stored(data, False, config)
            # A symbol error behind the address, so that it stays known whose the frame is.
            error_at = random.randrange(20, 60) if not whole and random.random() < 0.5 else None
            bench.wire.send(Frame(data, bad_fcs=not whole and error_at is None, error_at=error_at))
        await bench.settle()
        assert listener.frames == good and len(good) > FRAMES // 8
        assert adapter.rx_desc_errors - before == broken
        assert bool(broken) == store_bad
        listener.frames.clear()
    listener.stop()
    adapter.rx_desc_errors = 0  # the card counted them, too: with SBP a broken frame is in two places
    await bench.down()


@cocotb.test()
async def filters_survive_a_reset(dut: Any) -> None:
    """What was joined stays joined over ifdown and ifup, and the card has forgotten what was left meanwhile."""
    bench = await bench_up(dut)
    device, random, partner = bench.device, bench.random, bench.partner.config.mac
    listener = Listener(bench)
    lists = Lists(random, device.dev_addr, bench.config.driver.mc_filter_type)
    await bench.run(lists.apply(device, 1))
    left = [group(random) for _ in range(5)]
    for address in left:
        assert await bench.run(dev_mc_add(device, address)) == 0
    await bench.close()
    for address in left:
        assert await bench.run(dev_mc_del(device, address)) == 0
    await bench.open()
    frames = [frames_to(lists.destination(random), partner, random, 1, (60, 60))[0] for _ in range(FRAMES)]
    frames += [frames_to(address, partner, random, 1, (60, 60))[0] for address in left]
    for data in frames:
        bench.wire.send(Frame(data))
    await bench.settle()
    assert listener.frames == [data for data in frames if stored(data, True, lists.filter())]
    listener.stop()
    value = await bench.run(er32(bench.adapter.hw, RCTL))
    assert RCTL.MO.get(value) == bench.config.driver.mc_filter_type
    await bench.down()


@cocotb.test()
async def groups_whose_list_finds_no_memory(dut: Any) -> None:
    """At ifup, and when one more is joined: rather every group than one too few. With memory the next list is exact."""
    bench = await bench_up(dut)
    device, random, partner, books = bench.device, bench.random, bench.partner.config.mac, bench.books
    offset = bench.config.driver.mc_filter_type
    listener = Listener(bench)
    lists = Lists(random, device.dev_addr, offset)
    lists.unicast, lists.promiscuous, lists.all_groups = [station(random)], False, False
    lists.multicast = [group(random) for _ in range(3)]
    await bench.run(lists.apply(device, 1))

    async def heard(every_group: bool) -> None:
        config = replace(lists.filter(), multicast_promiscuous=every_group)
        frames = [frames_to(lists.destination(random), partner, random, 1, (60, 120))[0] for _ in range(FRAMES)]
        for data in frames:
            bench.wire.send(Frame(data))
        await bench.settle()
        expected = [data for data in frames if stored(data, True, config)]
        assert listener.frames == expected and 0 < len(expected) < FRAMES
        listener.frames.clear()

    async def join() -> None:
        lists.multicast.append(group(random))
        assert await bench.run(dev_mc_add(device, lists.multicast[-1])) == 0

    await heard(every_group=False)
    for opens in (True, False):
        if opens:
            await bench.close()
        bench.kernel.mm.fail_if(lambda wanted: wanted == len(device.mc) * len(BROADCAST))
        await (bench.open() if opens else join())
        bench.kernel.mm.fail_if(None)
        books.every_group = True
        await heard(every_group=True)
        books.every_group = False
        await join()
        await heard(every_group=False)
    listener.stop()
    await bench.down()


@on_both
@pytest.mark.parametrize("offset", range(4))
def test_filter(offset: int, sim: SimConfig, tmp_path: Path, bench_seed: int) -> None:
    driver = on_any_cpus(DriverConfig(time_scale=4000, mc_filter_type=offset), bench_seed + offset, "filters")
    host = HostConfig(memory_base=1 << 33)
    config = BenchConfig(host=host, driver=driver, sim=sim).seeded(bench_seed + offset)
    assert launch(config, "tests.system.test_filters", tmp_path).passed == 4
