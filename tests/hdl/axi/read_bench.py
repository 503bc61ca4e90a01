# SPDX-License-Identifier: MIT
"""nic_axi_rd between a ReadSlave and its clients: every burst, beat and error pulse is checked in every cycle."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from tests.hdl.axi.slave import Burst, ReadSlave, Settings

CLIENTS = 3
CMD_BITS = 64 + 16 + 4
PERIOD = 65521  # memory repeats after that many bytes; a prime, so that no address bit is without effect


@dataclass(slots=True)
class Command:
    addr: int
    bytes: int
    lane: int
    asked: int = 0  # bytes that bursts have asked for
    given: int = 0  # bytes that beats have brought
    failed: bool = False
    accepted_cycle: int = -1
    asked_cycle: int = -1
    done_cycle: int = -1

    @property
    def packed(self) -> int:
        return self.lane << 80 | self.bytes << 64 | self.addr


class ReadBench:
    def __init__(self, dut: Any, settings: Settings, *, eager: float = 1.0) -> None:
        self.dut, self.eager = dut, eager
        self.rng = Random(cocotb.RANDOM_SEED)
        self.bus_bytes = len(dut.m_axi_rdata) // 8
        self._content = self.rng.randbytes(PERIOD) * 2
        self.slave = ReadSlave(settings, self.rng, self.bus_bytes, self.memory)
        self.cycle = 0
        self.stop = self.stopped = 0  # wanted, and on the pin
        self.offers: list[deque[Command]] = [deque() for _ in range(CLIENTS)]  # not yet taken
        self.offered: list[Command | None] = [None] * CLIENTS  # on the pins
        self.to_ask: list[deque[Command]] = [deque() for _ in range(CLIENTS)]  # taken, bursts to come
        self.open: list[deque[Command]] = [deque() for _ in range(CLIENTS)]  # taken, beats to come
        self.errors_due: list[int] = []  # addresses of failed bursts
        self.done: list[Command] = []
        self.beat_cycles: list[int] = []
        self.ar_cycles: list[int] = []
        self.r_stalls = 0  # cycles in which R waited

    def memory(self, addr: int, count: int) -> bytes:
        start = addr % PERIOD
        return self._content[start : start + count]

    async def start(self) -> ReadBench:
        dut = self.dut
        dut.rst_ni.value = 0
        for name in ("stop_i", "cmd_valid_i", "cmd_i", "m_axi_arready", "m_axi_rvalid"):
            getattr(dut, name).value = 0
        Clock(dut.clk_i, 6.4, "ns").start()
        for _ in range(3):
            await RisingEdge(dut.clk_i)
        dut.rst_ni.value = 1
        await RisingEdge(dut.clk_i)
        return self

    def ask(self, client: int, addr: int, count: int, lane: int) -> Command:
        self.offers[client].append(command := Command(addr, count, lane))
        return command

    @property
    def busy(self) -> bool:
        return any(self.open)

    @property
    def waiting(self) -> bool:
        return any(self.offers) or any(self.offered)

    async def run(self, until: Callable[[], bool] | None = None, *, limit: int = 200_000) -> None:
        """Clocks until `until`, or by default until every command is done and the engine says so."""
        begin = self.cycle
        while not (until() if until else not self.waiting and not self.busy and self.dut.idle_o.value):
            await self.step()
            assert self.cycle - begin < limit, f"after {limit} cycles still waiting for {self.open}"
        if until is None:
            assert not self.errors_due, f"never reported: {self.errors_due}"

    async def step(self) -> None:
        dut, slave = self.dut, self.slave
        await RisingEdge(dut.clk_i)
        self.cycle += 1
        had_work = self.busy or bool(slave.request.outstanding)
        self._take_commands(int(dut.cmd_ready_o.value))
        ar = None
        if dut.m_axi_arvalid.value:
            ar = int(dut.m_axi_arid.value), int(dut.m_axi_araddr.value), int(dut.m_axi_arlen.value)
            self._check_attributes()
        rready = int(dut.m_axi_rready.value)
        self.r_stalls += slave.r is not None and not rready
        before = slave.r
        burst, _ = slave.step(self.cycle, ar, rready)
        if burst:
            self._asked(burst)
        if valid := int(dut.beat_valid_o.value):
            assert valid & (valid - 1) == 0, f"one beat for several clients: {valid:03b}"
            self._beat(valid.bit_length() - 1, int(dut.beat_o.value))
        if (error := int(dut.err_o.value)) >> 65:
            assert not error >> 64 & 1, "a read error that says write"
            self.errors_due.remove(error & (1 << 64) - 1)
        if dut.idle_o.value:
            assert not had_work and ar is None, "idle, with work left"
        self._drive(before)

    def _check_attributes(self) -> None:
        dut = self.dut
        assert int(dut.m_axi_arsize.value) == self.bus_bytes.bit_length() - 1
        assert int(dut.m_axi_arburst.value) == 1 and int(dut.m_axi_arlock.value) == 0
        assert int(dut.m_axi_arcache.value) == 0b0011 and int(dut.m_axi_arprot.value) == 0b010

    def _take_commands(self, ready: int) -> None:
        assert not (self.stopped and ready), "ready for a command although stopped"
        for client, command in enumerate(self.offered):
            if command and ready >> client & 1:
                command.accepted_cycle = self.cycle
                self.to_ask[client].append(command)
                self.open[client].append(command)
                self.offered[client] = None

    def _asked(self, burst: Burst) -> None:
        """A client's bursts ask for its commands' bytes, in order, all of them and none besides."""
        assert burst.id < CLIENTS and self.to_ask[burst.id], f"burst that nobody asked for: {burst}"
        command = self.to_ask[burst.id][0]
        assert burst.addr == command.addr + command.asked, f"{burst} for {command}"
        end = burst.addr - burst.addr % self.bus_bytes + burst.beats * self.bus_bytes
        assert end - self.bus_bytes < command.addr + command.bytes, f"{burst} asks for more than {command}"
        assert end - burst.addr <= 512, f"{burst} is too long"
        self.ar_cycles.append(self.cycle)
        command.asked = min(command.bytes, end - command.addr)
        if burst.failed:
            command.failed = True
            self.errors_due.append(burst.addr)
        if command.asked == command.bytes:
            command.asked_cycle = self.cycle
            self.to_ask[burst.id].popleft()

    def _beat(self, client: int, beat: int) -> None:
        data, strb, last, err = beat & (1 << 128) - 1, beat >> 128 & 0xFFFF, beat >> 144 & 1, beat >> 145
        assert self.open[client], f"client {client} gets a beat it did not ask for"
        command = self.open[client][0]
        lane = 0 if command.given else command.lane
        count = min(16 - lane, command.bytes - command.given)
        assert strb == ((1 << count) - 1) << lane, f"strb {strb:016b} in {command}"
        got = data.to_bytes(16, "little")[lane : lane + count]
        want = self.memory(command.addr + command.given, count)
        assert got == want, f"{got.hex()} for {want.hex()} in {command}"
        command.given += count
        self.beat_cycles.append(self.cycle)
        assert last == (command.given == command.bytes), f"last={last} in {command}"
        assert err == (last and command.failed), f"err={err} in {command}"
        if last:
            command.done_cycle = self.cycle
            self.done.append(self.open[client].popleft())

    def _drive(self, r_before: object) -> None:
        dut, slave = self.dut, self.slave
        valid = packed = 0
        for client in range(CLIENTS):
            # While stopped, a client may withdraw what it offered.
            if self.stop and self.offered[client] and self.rng.random() < 0.5:
                self.offers[client].appendleft(self.offered[client])  # type: ignore[arg-type]
                self.offered[client] = None
            if not self.offered[client] and self.offers[client] and self.rng.random() < self.eager:
                self.offered[client] = self.offers[client].popleft()
            if command := self.offered[client]:
                valid |= 1 << client
                packed |= command.packed << (client * CMD_BITS)
        dut.cmd_valid_i.value = valid
        if valid:
            dut.cmd_i.value = packed
        dut.stop_i.value = self.stopped = self.stop
        dut.m_axi_arready.value = slave.request.ready
        if slave.r is not r_before:
            dut.m_axi_rvalid.value = int(slave.r is not None)
            if slave.r:
                dut.m_axi_rid.value, dut.m_axi_rdata.value = slave.r[0], slave.r[1]
                dut.m_axi_rresp.value, dut.m_axi_rlast.value = slave.r[2], slave.r[3]
