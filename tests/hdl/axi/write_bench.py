# SPDX-License-Identifier: MIT
"""nic_axi_wr between its clients and a WriteSlave: every burst, strobe and done pulse is checked in every cycle."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from tests.hdl.axi.slave import Burst, Settings, WriteSlave

CLIENTS = 3
CMD_BITS = 64 + 16
MAX_GAP = 20  # cycles a client may pause in its data


@dataclass(slots=True)
class Command:
    addr: int
    data: bytes
    asked: int = 0  # bytes that AW has announced
    stored: int = 0  # bytes that have arrived with W
    answers: int = 0  # bursts whose B is to come
    failed: bool = False
    accepted_cycle: int = -1
    stored_cycle: int = -1
    done_cycle: int = -1

    @property
    def packed(self) -> int:
        return len(self.data) << 64 | self.addr

    @property
    def answered(self) -> bool:
        return self.stored == len(self.data) and not self.answers


class WriteBench:
    def __init__(self, dut: Any, settings: Settings, *, eager: float = 1.0, flow: float = 1.0) -> None:
        """`eager`: chance per cycle that a client offers its next command; `flow`: that it goes on with its data."""
        self.dut, self.eager, self.flow = dut, eager, flow
        self.rng = Random(cocotb.RANDOM_SEED)
        self.bus_bytes = len(dut.m_axi_wdata) // 8
        self.slave = WriteSlave(settings, self.rng, self.bus_bytes, self._stored)
        self.cycle = 0
        self.stop = self.stopped = 0  # wanted, and on the pin
        self.offers: list[deque[Command]] = [deque() for _ in range(CLIENTS)]  # not yet taken
        self.offered: list[Command | None] = [None] * CLIENTS  # on the pins
        self.to_ask: list[deque[Command]] = [deque() for _ in range(CLIENTS)]  # taken, AW to come
        self.to_store: list[deque[Command]] = [deque() for _ in range(CLIENTS)]  # taken, W to come
        self.open: list[deque[Command]] = [deque() for _ in range(CLIENTS)]  # taken, done to come
        self.data: list[deque[int]] = [deque() for _ in range(CLIENTS)]  # beats of the commands taken
        self.data_on_pins = [False] * CLIENTS
        self.gap = [0] * CLIENTS
        self.unanswered: list[deque[tuple[Burst, Command]]] = [deque() for _ in range(CLIENTS)]
        self.errors_due: list[int] = []
        self.done: list[Command] = []
        self.aw_cycles: list[int] = []
        self.w_cycles: list[int] = []
        self.stored_order: list[int] = []  # client of each burst
        self.w_before_aw = 0

    async def start(self) -> WriteBench:
        dut = self.dut
        dut.rst_ni.value = 0
        inputs = "stop_i cmd_valid_i cmd_i data_valid_i data_i m_axi_awready m_axi_wready m_axi_bvalid"
        for name in inputs.split():
            getattr(dut, name).value = 0
        Clock(dut.clk_i, 6.4, "ns").start()
        for _ in range(3):
            await RisingEdge(dut.clk_i)
        dut.rst_ni.value = 1
        await RisingEdge(dut.clk_i)
        return self

    def put(self, client: int, addr: int, count: int) -> Command:
        self.offers[client].append(command := Command(addr, self.rng.randbytes(count)))
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
            assert not any(self.data) and not any(self.data_on_pins) and not self.slave.beats and not self.slave.data

    async def step(self) -> None:
        dut, slave = self.dut, self.slave
        await RisingEdge(dut.clk_i)
        self.cycle += 1
        had_work = self.busy or bool(slave.request.outstanding)
        self._take_data(int(dut.data_ready_o.value))
        self._take_commands(int(dut.cmd_ready_o.value))
        aw = w = None
        if dut.m_axi_awvalid.value:
            aw = int(dut.m_axi_awid.value), int(dut.m_axi_awaddr.value), int(dut.m_axi_awlen.value)
            self._check_attributes()
        if dut.m_axi_wvalid.value:
            w = int(dut.m_axi_wdata.value), int(dut.m_axi_wstrb.value), int(dut.m_axi_wlast.value)
        before = slave.b
        self.w_before_aw += len(slave.data) > 0
        burst, w_taken, b = slave.step(self.cycle, aw, w, int(dut.m_axi_bready.value))
        if burst:
            self.aw_cycles.append(self.cycle)
        if w_taken:
            self.w_cycles.append(self.cycle)
        if b:
            self._answered(*b)
        self._check_done(int(dut.done_o.value), int(dut.done_err_o.value))
        if (error := int(dut.err_o.value)) >> 65:
            assert error >> 64 & 1, "a write error that says read"
            self.errors_due.remove(error & (1 << 64) - 1)
        if dut.idle_o.value:
            assert not had_work and aw is None and w is None, "idle, with work left"
        self._drive(before)

    def _check_attributes(self) -> None:
        dut = self.dut
        assert int(dut.m_axi_awsize.value) == self.bus_bytes.bit_length() - 1
        assert int(dut.m_axi_awburst.value) == 1 and int(dut.m_axi_awlock.value) == 0
        assert int(dut.m_axi_awcache.value) == 0b0011 and int(dut.m_axi_awprot.value) == 0b010

    def _take_commands(self, ready: int) -> None:
        assert not (self.stopped and ready), "ready for a command although stopped"
        for client, command in enumerate(self.offered):
            if command and ready >> client & 1:
                command.accepted_cycle = self.cycle
                for queue in (self.to_ask, self.to_store, self.open):
                    queue[client].append(command)
                for start in range(0, len(command.data), 16):
                    self.data[client].append(int.from_bytes(command.data[start : start + 16], "little"))
                self.offered[client] = None

    def _take_data(self, ready: int) -> None:
        for client in range(CLIENTS):
            if ready >> client & 1 and self.data_on_pins[client]:
                self.data[client].popleft()
                self.data_on_pins[client] = False

    def _stored(self, burst: Burst, beats: list[tuple[int, int]]) -> None:
        """AW and all W of a burst have been taken: exactly the command's next bytes, exactly their strobes."""
        assert burst.id < CLIENTS and self.to_store[burst.id], f"burst that nobody asked for: {burst}"
        command = self.to_store[burst.id][0]
        assert burst.addr == command.addr + command.stored, f"{burst} for {command}"
        begin = command.stored
        for number, (data, strb) in enumerate(beats):
            lane = burst.addr % self.bus_bytes if number == 0 else 0
            count = min(self.bus_bytes - lane, len(command.data) - command.stored)
            assert count > 0, f"{burst} goes beyond {command}"
            assert strb == ((1 << count) - 1) << lane, f"strb {strb:0{self.bus_bytes}b} in beat {number} of {burst}"
            got = data.to_bytes(self.bus_bytes, "little")[lane : lane + count]
            want = command.data[command.stored : command.stored + count]
            assert got == want, f"{got.hex()} for {want.hex()} in beat {number} of {burst}"
            command.stored += count
        assert command.stored - begin <= 512, f"{burst} is too long"
        command.answers += 1
        self.stored_order.append(burst.id)
        self.unanswered[burst.id].append((burst, command))
        if command.stored == len(command.data):
            command.stored_cycle = self.cycle
            self.to_store[burst.id].popleft()

    def _answered(self, id: int, response: int) -> None:
        burst, command = self.unanswered[id].popleft()
        command.answers -= 1
        if response:
            assert burst.failed
            command.failed = True
            self.errors_due.append(burst.addr)

    def _check_done(self, done: int, err: int) -> None:
        assert not err & ~done, "done_err without done"
        for client in range(CLIENTS):
            if done >> client & 1:
                assert self.open[client], f"client {client} is told of a command it did not give"
                command = self.open[client].popleft()
                assert command.answered, f"done before its last B: {command}"
                assert err >> client & 1 == command.failed, f"done_err={err:03b} for {command}"
                command.done_cycle = self.cycle
                self.done.append(command)

    def _drive(self, b_before: object) -> None:
        dut, slave = self.dut, self.slave
        valid = packed = 0
        for client in range(CLIENTS):
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
        self._drive_data()
        dut.stop_i.value = self.stopped = self.stop
        dut.m_axi_awready.value = slave.request.ready
        dut.m_axi_wready.value = slave.wready
        if slave.b is not b_before:
            dut.m_axi_bvalid.value = int(slave.b is not None)
            if slave.b:
                dut.m_axi_bid.value, dut.m_axi_bresp.value = slave.b

    def _drive_data(self) -> None:
        valid = packed = 0
        for client in range(CLIENTS):
            if not self.data_on_pins[client] and self.data[client]:
                self.gap[client] += 1
                self.data_on_pins[client] = self.rng.random() < self.flow or self.gap[client] > MAX_GAP
            if self.data_on_pins[client]:
                self.gap[client] = 0
                valid |= 1 << client
                packed |= self.data[client][0] << (client * 128)
        self.dut.data_valid_i.value = valid
        if valid:
            self.dut.data_i.value = packed
