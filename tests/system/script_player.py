# SPDX-License-Identifier: MIT
"""Plays scripts (script.py) on driver and card: the outer side, and inside the simulator one bench for each.

A simulator plays one script after the other, each on a card that was powered on anew under a new kernel. Where a script
ends the simulator (an assertion of the RTL, a contract that was broken), the next one gets another.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import tempfile
import threading
from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import Timer

from driver.linux.netdevice import (
    dev_get_stats,
    dev_mc_add,
    dev_mc_del,
    dev_open,
    dev_set_allmulti,
    dev_set_mtu,
    dev_set_promiscuity,
    netif_carrier_ok,
    netif_device_present,
)
from sim.bench import Bench
from sim.config import BenchConfig
from sim.launch import configured, launch
from sim.runner import SimulationFailed
from sim.traffic import frames_to, transmit_all
from sim.wire import Frame
from tests.system.driver_bugs import BUGS
from tests.system.script import FORGETTING, GROUPS, HEADER_BYTES, STANDARD_MTU, Observed
from tests.system.trouble import Traffic, reset_by_driver

__all__ = ["Broken", "Player"]

SOCKET_VARIABLE, BUG_VARIABLE = "NICOSIM_SCRIPT_SOCKET", "NICOSIM_SCRIPT_BUG"
START_S, SCRIPT_S = 590, 120
LINK_NS = 50_000_000
BURST = 16  # frames in a row: jumbo ones, too, find their buffers while moderation holds the interrupt back for 250 us
BROADCAST, OTHER = b"\xff" * 6, bytes.fromhex("020000000099")
_COUNTS = ("rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "multicast")


class Broken(Exception):
    """Not the model but something else says that it is wrong: bytes, contracts, leaks, accounts, a dead simulator."""


class Player:
    """The outer side. Close it at the end. bug: one of driver_bugs.py, planted in the driver."""

    def __init__(self, config: BenchConfig, folder: Path, bug: str | None = None) -> None:
        self._config, self._folder, self._bug = config, folder, bug
        self._number = self._pid = 0
        self._stream: Any = None
        self._thread: threading.Thread | None = None
        self._said = ""

    def play(self, script: list[str]) -> list[Observed]:
        """What was seen after each step. Raises: Broken."""
        if self._stream is None:
            self._start()
        try:
            self._stream.write(json.dumps(script) + "\n")
            self._stream.flush()
            line = self._stream.readline()
        except OSError as gone:
            if isinstance(gone, TimeoutError):
                os.kill(self._pid, signal.SIGKILL)
            line = ""
        if not line:
            self._end()
            raise Broken(f"the simulator ended: {self._said}")
        answer = json.loads(line)
        if answer["broken"]:
            raise Broken(answer["broken"])
        observed: list[Observed] = answer["observed"]
        if not self._config.sim.compiled:
            self._end()  # the reference models' tasks would go on under the next bench
        return observed

    def close(self) -> None:
        if self._stream is not None:
            self._end()
            if self._said:
                raise Broken(self._said)

    def _start(self) -> None:
        self._number += 1
        folder = self._folder / str(self._number)
        with tempfile.TemporaryDirectory() as short, socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"{short}/socket")  # a path of at most 107 bytes
            listener.listen()
            self._thread = threading.Thread(target=self._simulate, args=(folder, f"{short}/socket"))
            self._thread.start()
            listener.settimeout(START_S)
            connection, _ = listener.accept()
        connection.settimeout(SCRIPT_S)
        with connection:  # the stream goes on without
            self._stream = connection.makefile("rw")
        self._pid = int(self._stream.readline())

    def _simulate(self, folder: Path, address: str) -> None:
        self._said = ""
        environment = {SOCKET_VARIABLE: address} | ({BUG_VARIABLE: self._bug} if self._bug else {})
        try:
            launch(self._config, "tests.system.script_player", folder, environment=environment)
        except SimulationFailed as failure:
            self._said = str(failure)

    def _end(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.close()
        self._stream = None
        assert self._thread is not None
        self._thread.join()


# ------------------------------------------------------------------ inside the simulator
class Stage:
    """One script on one bench."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.up, self.cable = False, True

    async def play(self, script: list[str]) -> list[Observed]:
        """Raises: whatever went wrong beside what the model judges."""
        bench, observed = self.bench, []
        await bench.start()
        await bench.probe()
        for text in script:
            word, *arguments = text.split()
            books = bench.books
            before = books.host_frames, books.card_frames
            await getattr(self, f"do_{word}")(*arguments)
            await bench.settle()
            if not self.up:
                books.card_was_reset()  # frames for a card that is off are gone
            stats = await bench.run(dev_get_stats(bench.device))
            observed.append({
                "at_host": books.host_frames - before[0], "on_wire": books.card_frames - before[1],
                "carrier": int(netif_carrier_ok(bench.device)), **{name: getattr(stats, name) for name in _COUNTS},
            })  # fmt: skip
        await bench.down()
        return observed

    # ------------------------------------------------------------------ frames
    def _frames(self, destination: bytes, source: bytes, count: str, length: str, mtu: int) -> list[bytes]:
        size = min(int(length), mtu + HEADER_BYTES)
        return frames_to(destination, source, self.bench.random, int(count), (size, size))

    async def do_send(self, count: str, length: str) -> None:
        device, partner = self.bench.device, self.bench.partner.config.mac
        frames = self._frames(partner, device.dev_addr, count, length, device.mtu)
        await self.bench.run(transmit_all(device, frames))
        await self.bench.until(lambda: not device.txq.qdisc.packets, "an empty queue")

    async def do_receive(self, who: str, count: str, length: str) -> None:
        if not self.cable:
            return
        device, partner = self.bench.device, self.bench.partner.config.mac
        destination = {"me": device.dev_addr, "all": BROADCAST, "other": OTHER}.get(who) or _group(who)
        mtu = device.mtu if device.mtu > STANDARD_MTU else 1 << 16
        frames = self._frames(destination, partner, count, length, mtu)
        for begin in range(0, len(frames), BURST):
            for data in frames[begin : begin + BURST]:
                self.bench.wire.send(Frame(data))
            await self.bench.settle()

    async def do_storm(self, word: str, *arguments: str) -> None:
        """Frames both ways from some time before to some time after. Lost are those that a reset finds on their way."""
        bench, books, step = self.bench, self.bench.books, getattr(self, f"do_{word}")
        if not (self.up and self.cable):
            await step(*arguments)
            return
        lost = books.receive.lost, books.transmit.lost
        traffic = Traffic(bench)
        traffic.start()
        await self._moment()
        with books.receiver_may_be_off() if word in FORGETTING else contextlib.nullcontext():
            await step(*arguments)
            await self._moment()
            await traffic.stop()
            await bench.settle()
            if word in FORGETTING:
                books.in_card_at_reset += books.transmit.lost - lost[1]
                books.card_was_reset(unreported=bench.config.driver.tx_ring)
            else:
                assert (books.receive.lost, books.transmit.lost) == lost and books.nothing_outstanding

    async def _moment(self) -> None:
        await Timer(self.bench.random.randint(1, 20_000), "ns")

    # ------------------------------------------------------------------ state
    async def _linked(self) -> None:
        if self.up and self.cable:
            await self.bench.linked()
        elif self.up:
            device = self.bench.device
            await self.bench.until(lambda: not netif_carrier_ok(device), "the loss of the link", timeout_ns=LINK_NS)

    async def do_up(self) -> None:
        if not self.up:
            self.up = True
            assert await self.bench.run(dev_open(self.bench.device)) == 0
            await self._linked()
            self.bench.books.receiver_on(self.bench.device)

    async def do_down(self) -> None:
        if self.up:
            self.up = False
            await self.bench.close()

    async def do_mtu(self, mtu: str) -> None:
        with self.bench.books.receiver_may_be_off():
            assert await self.bench.run(dev_set_mtu(self.bench.device, int(mtu))) == 0
            await self._linked()

    async def do_promisc(self, how: str) -> None:
        device, wanted = self.bench.device, how == "on"
        if bool(device.promiscuity) != wanted:
            await self.bench.run(dev_set_promiscuity(device, 1 if wanted else -1))

    async def do_allmulti(self, how: str) -> None:
        device, wanted = self.bench.device, how == "on"
        if bool(device.allmulti) != wanted:
            await self.bench.run(dev_set_allmulti(device, 1 if wanted else -1))

    async def do_join(self, group: str) -> None:
        device = self.bench.device
        if _group(group) not in device.mc:
            assert await self.bench.run(dev_mc_add(device, _group(group))) == 0

    async def do_leave(self, group: str) -> None:
        device = self.bench.device
        if _group(group) in device.mc:
            assert await self.bench.run(dev_mc_del(device, _group(group))) == 0

    async def do_cable(self, how: str) -> None:
        self.cable = how == "in"
        self.bench.dut.phy_link_i.value = int(self.cable)
        await Timer(20, "us")  # the PHY's time to negotiate
        await self._linked()

    async def do_reset(self) -> None:
        if self.up:
            with self.bench.books.receiver_may_be_off():
                await reset_by_driver(self.bench, linked=self.cable)

    async def do_reload(self) -> None:
        self.up = False
        await self.bench.unload()
        await self.bench.probe()

    async def do_pull(self) -> None:
        bench = self.bench
        with bench.dma_faults_expected() as faults:
            bench.host.unplug()
            device = bench.device
            if self.up:
                await bench.until(lambda: not netif_device_present(device), "the driver's notice")
            self.up = False
            await bench.unload()
            bench.host.plug()
        assert faults == []
        await bench.probe()


def _group(number: str) -> bytes:
    """Of different hashes, whichever bits of the address they are made of."""
    return bytes.fromhex("01005e000000")[:5] + bytes([0x11 * (1 + GROUPS.index(number))])


async def answer_to(dut: Any, script: list[str]) -> dict[str, Any]:
    """Play it on a new bench; what to tell the outer side."""
    config, _ = configured()
    bench = Bench(dut, config)
    try:
        return {"observed": await Stage(bench).play(script), "broken": ""}
    except Exception as wrong:
        return {"observed": [], "broken": f"{type(wrong).__name__}: {wrong}"}
    finally:
        bench.host.stop()
        bench.kernel.close()


@cocotb.test()
async def serve(dut: Any) -> None:
    if bug := os.environ.get(BUG_VARIABLE):
        BUGS[bug]()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(os.environ[SOCKET_VARIABLE])
        stream = connection.makefile("rw")
        stream.write(f"{os.getpid()}\n")
        stream.flush()
        while line := stream.readline():
            stream.write(json.dumps(await answer_to(dut, json.loads(line))) + "\n")
            stream.flush()
