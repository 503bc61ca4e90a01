# SPDX-License-Identifier: MIT
"""`ethtool -t`: a good card passes, and whatever is broken fails the part that is about it, and no other."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from driver.e1000e import loopback
from driver.e1000e.loopback import NO_PHY, NO_RINGS, NOT_RETURNED, NOT_SENT, WRONG_CONTENT
from driver.e1000e.regs import CTRL_EXT, FCRTH, ICR, ICS, IMC, MTA, PHY_BMCR, RAH, RCTL, STATUS, TDLEN, Register
from driver.e1000e.selftest import (
    MASKED_CAUSE,
    NO_IRQ,
    NO_LINK,
    NVM_CHECKSUM,
    OTHER_CAUSE,
    REGISTERS,
    SILENT_CAUSE,
    STATUS_CHANGED,
    SelfTest,
    e1000_diag_test,
)
from driver.e1000e.watchdog import e1000_watchdog
from driver.host import MmioWrite, PciError
from driver.linux.dma_mapping import DMA_MAPPING_ERROR
from driver.linux.ethtool import dev_ethtool
from driver.linux.interrupt import IRQ_HANDLED, IRQ_NONE, IRQF_SHARED, free_irq, request_irq
from driver.linux.netdevice import dev_mc_add, dev_mc_del, netif_carrier_ok, netif_device_present, netif_running
from tests.unit.e1000e.bench import Bench, frame_of
from tests.unit.e1000e.fake_card import FakeCard

GROUP = bytes.fromhex("01005e010203")


def outcome(bench: Bench, *, offline: bool = True) -> SelfTest:
    result = bench.pump.run(dev_ethtool(bench.netdev, e1000_diag_test, offline))
    assert isinstance(result, SelfTest)
    return result


def works(bench: Bench) -> None:
    bench.wait_carrier()
    bench.received.clear()
    bench.card.transmitted.clear()
    bench.send(frame_of(100, 1))
    bench.arrive(frame_of(200, 2))
    bench.settle()
    assert bench.card.transmitted == [frame_of(100, 1)]
    assert bench.received == [frame_of(200, 2)]


@pytest.mark.parametrize("cpus", [1, 2])
def test_good_card_passes_and_goes_on_as_before(cpus: int) -> None:
    bench = Bench(cpus=cpus).up()
    resets = bench.card.generation
    assert outcome(bench) == SelfTest()
    assert bench.card.generation >= resets + 7, "each part starts from a reset, and so does what comes after"
    assert bench.card.transmitted == [], "nothing of it is on the wire"
    works(bench)
    bench.finish()


def test_link_is_asked_before_the_interface_is_taken_down() -> None:
    """The resets of the other parts make it negotiate again."""
    bench = Bench().up()
    bench.card.plug(False)
    bench.card.link_ns = 10**9
    resets = bench.card.generation
    bench.card.link = True
    assert outcome(bench).link == 0
    assert bench.card.generation > resets
    bench.finish()


def test_link_is_not_there_while_another_task_asks_for_it() -> None:
    """The watchdog runs while an online test asks the PHY, at any moment of it: neither takes the other's question for
    an answer."""
    bench = Bench(cpus=2).up()
    bench.card.plug(False)
    bench.wait_carrier(False)
    test = bench.kernel.run(dev_ethtool(bench.netdev, e1000_diag_test, False), cpu=1)
    asked = 0
    while not test.done:
        bench.pump.advance(1_700)
        asked += bench.adapter.hw.mac.link_mutex.is_locked()
        bench.call(lambda: e1000_watchdog(bench.adapter))
        assert not netif_carrier_ok(bench.netdev)
    assert test.result().link == NO_LINK and asked > 50
    assert sum("Link is Up" in line.text for line in bench.kernel.log) == 1
    bench.card.plug(True)
    works(bench)
    bench.finish()


def test_closed_interface_stays_closed() -> None:
    bench = Bench()
    bench.load()
    assert outcome(bench).passed
    assert bench.kernel.irq(bench.card.irq).actions == []
    assert not bench.card.get(CTRL_EXT) & CTRL_EXT.DRV_LOAD
    assert bench.open() == 0
    works(bench)
    bench.finish()


def test_online_test_asks_for_the_link_and_disturbs_nothing() -> None:
    bench = Bench().up()
    resets = bench.card.generation
    assert outcome(bench, offline=False).passed
    bench.card.plug(False)
    bench.wait_carrier(False)
    assert outcome(bench, offline=False) == SelfTest(link=NO_LINK)
    assert bench.card.generation == resets
    bench.card.plug(True)
    works(bench)
    bench.finish()


# ---------------------------------------------------------------- what is broken
def forgets(register: Register, bit: int) -> Callable[[FakeCard], None]:
    def fault(card: FakeCard) -> None:
        card.kept[register.offset] = card.kept.get(register.offset, 0xFFFF_FFFF) & ~bit

    return fault


def bad_checksum(card: FakeCard) -> None:
    card.nvm[0x20] ^= 1


def cable_out(card: FakeCard) -> None:
    card.plug(False)


def nothing_returns(card: FakeCard) -> None:
    card.loops_back = False


def nothing_is_sent(card: FakeCard) -> None:
    card._start_tx = lambda: None  # type: ignore[method-assign]


def spoils(number: int, at: int) -> Callable[[FakeCard], None]:
    """One bit of the frame that is looped back as number `number`."""

    def fault(card: FakeCard) -> None:
        receive, count = card.receive, iter(range(1_000_000))

        def spoilt(frame: bytes, errors: int = 0) -> None:
            if next(count) == number:
                frame = frame[:at] + bytes([frame[at] ^ 1]) + frame[at + 1 :]
            receive(frame, errors)

        card.receive = spoilt  # type: ignore[method-assign]

    return fault


def masks_nothing(card: FakeCard) -> None:
    def update() -> None:
        level = bool(card.icr)
        if level != card.level:
            card.level = level
            card.pump.irq(card.irq, level)

    card._update_level = update  # type: ignore[method-assign]


def never_interrupts(cause: int) -> Callable[[FakeCard], None]:
    def fault(card: FakeCard) -> None:
        unmask = card._unmask
        card._unmask = lambda value: unmask(value & ~cause)  # type: ignore[method-assign]

    return fault


def unmasks_a_neighbour(card: FakeCard) -> None:
    unmask = card._unmask
    card._unmask = lambda value: unmask(value | (ICR.RXT0 if value == ICR.RXO else 0))  # type: ignore[method-assign]


@pytest.mark.parametrize(
    "fault, expected",
    [
        (forgets(FCRTH, 8), SelfTest(register=FCRTH.offset)),
        (forgets(RAH[14], 1 << 31), SelfTest(register=RAH[14].offset)),
        (forgets(MTA[127], 1 << 31), SelfTest(register=MTA[127].offset)),
        (forgets(TDLEN, 1 << 19), SelfTest(register=TDLEN.offset)),
        (bad_checksum, SelfTest(nvm=NVM_CHECKSUM)),
        (cable_out, SelfTest(link=NO_LINK)),
        (nothing_returns, SelfTest(loopback=NOT_RETURNED)),
        (nothing_is_sent, SelfTest(loopback=NOT_SENT)),
        (spoils(0, 0), SelfTest(loopback=WRONG_CONTENT)),
        (spoils(500, 1023), SelfTest(loopback=WRONG_CONTENT)),
        (never_interrupts(ICR.RXDMT0), SelfTest(interrupt=SILENT_CAUSE)),
        (masks_nothing, SelfTest(interrupt=MASKED_CAUSE)),
        (unmasks_a_neighbour, SelfTest(interrupt=OTHER_CAUSE)),
    ],
)
def test_what_is_broken_fails_its_part_and_no_other(fault: Callable[[FakeCard], None], expected: SelfTest) -> None:
    bench = Bench()
    bench.load()
    fault(bench.card)
    assert outcome(bench) == expected
    bench.unload()
    bench.assert_clean()


def test_receive_control_that_forgets_a_bit_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    bench.load()
    write = bench.card._write_rctl
    monkeypatch.setattr(bench.card, "_write_rctl", lambda value: write(value & ~RCTL.DPF))
    assert outcome(bench) == SelfTest(register=RCTL.offset)
    bench.unload()
    bench.assert_clean()


def test_status_that_can_be_written_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    bench.load()
    write, status = bench.card.write, bench.card._status
    changed = 0

    def keep(bar: int, offset: int, value: int) -> None:
        nonlocal changed
        changed = STATUS.TXOFF if offset == STATUS.offset else changed
        write(bar, offset, value)

    monkeypatch.setattr(bench.card, "write", keep)
    monkeypatch.setattr(bench.card, "_status", lambda: status() | changed)
    assert outcome(bench) == SelfTest(register=STATUS_CHANGED)
    bench.unload()
    bench.assert_clean()


def test_phy_that_does_not_loop_back_fails_the_loopback() -> None:
    bench = Bench()
    bench.load()
    bench.card.plug(False)
    write = bench.card._write_phy
    bench.card._write_phy = lambda number, value: write(number, value & ~(1 << 14))  # type: ignore[method-assign]
    assert outcome(bench) == SelfTest(loopback=NO_PHY, link=NO_LINK)
    bench.unload()
    bench.assert_clean()


def test_frame_that_comes_just_before_the_phy_loops_is_not_received(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    bench.load()
    card, write, loops = bench.card, bench.card._write_phy, 0

    def frame_first(number: int, value: int) -> None:
        nonlocal loops
        if number == PHY_BMCR.number and value & PHY_BMCR.LOOPBACK:
            card._set_link(True)
            card.receive(frame_of(100))
            loops += 1
        write(number, value)

    monkeypatch.setattr(card, "_write_phy", frame_first)
    assert outcome(bench) == SelfTest()
    assert loops == 1
    bench.unload()
    bench.assert_clean()


def test_card_that_goes_during_the_test_is_left_alone() -> None:
    for delay_ns in (1, 100_000, 300_000, 500_000, 900_000, 1_500_000):
        bench = Bench().up()
        bench.pump.at(bench.pump.now_ns + delay_ns, lambda card=bench.card: setattr(card, "gone", True))  # type: ignore[misc]
        assert not outcome(bench).passed
        told = [line.text for line in bench.kernel.log if "does not answer" in line.text]
        assert len(told) == 1 and not netif_device_present(bench.netdev), delay_ns
        bench.finish()


# ---------------------------------------------------------------- the line
def test_line_that_is_not_shared_cannot_be_had() -> None:
    bench = Bench()
    bench.load()
    owner = object()
    bench.call(lambda: request_irq(bench.card.irq, lambda irq, dev: IRQ_NONE, 0, "other", owner))
    assert outcome(bench) == SelfTest(interrupt=NO_IRQ)
    bench.call(lambda: free_irq(bench.card.irq, owner))
    bench.unload()
    bench.assert_clean()


def test_on_a_shared_line_only_what_can_be_told_is_asked() -> None:
    """The neighbour's interrupts are not taken for the card's."""
    bench = Bench().up()
    bench.close()
    owner, line = object(), bench.card.irq

    def neighbour(irq: int, dev: object) -> int:
        return IRQ_HANDLED

    bench.call(lambda: request_irq(line, neighbour, IRQF_SHARED, "other", owner))
    bench.pump.host.log.clear()
    assert outcome(bench).passed
    causes = [r.value for _, r in bench.pump.host.log if isinstance(r, MmioWrite) and r.offset == ICS.offset]
    assert causes and all(cause & (cause - 1) == 0 for cause in causes), "one at a time, and never all others"
    bench.call(lambda: free_irq(line, owner))
    bench.unload()
    bench.assert_clean()


def test_test_ends_with_everything_masked_and_no_handler() -> None:
    bench = Bench()
    bench.load()
    outcome(bench)
    assert bench.card.ims == 0
    writes = [r.offset for _, r in bench.pump.host.log if isinstance(r, MmioWrite)]
    assert len(writes) - writes[::-1].index(ICS.offset) < len(writes) - writes[::-1].index(IMC.offset)
    assert bench.kernel.irq(bench.card.irq).actions == []
    bench.unload()
    bench.assert_clean()


# ---------------------------------------------------------------- memory, and others meanwhile
def test_every_allocation_of_the_loopback_fails_in_its_turn() -> None:
    for allowed in [*range(0, 8), 256, 257, 258, 300, 513]:
        bench = Bench()
        bench.load()
        bench.kernel.mm.fail_after(allowed)
        assert outcome(bench) == SelfTest(loopback=NO_RINGS)
        bench.kernel.mm.fail_after(None)
        bench.unload()
        bench.assert_clean()
    bench = Bench()
    bench.load()
    bench.kernel.mm.fail_after(514)
    assert outcome(bench).passed
    bench.unload()
    bench.assert_clean()


@pytest.mark.parametrize("mapped", [0, 5, 256, 300])
def test_mapping_of_the_loopback_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch, mapped: int) -> None:
    bench = Bench()
    bench.load()
    real, calls = loopback.dma_map_single, iter(range(100_000))
    monkeypatch.setattr(loopback, "dma_map_single", lambda *a: DMA_MAPPING_ERROR if next(calls) == mapped else real(*a))
    assert outcome(bench) == SelfTest(loopback=NO_RINGS)
    bench.unload()
    bench.assert_clean()


def test_interface_that_cannot_be_opened_again_is_told_and_is_closed() -> None:
    bench = Bench().up()
    bench.kernel.mm.fail_after(0)
    assert outcome(bench) == SelfTest(loopback=NO_RINGS)
    bench.kernel.mm.fail_after(None)
    assert bench.log_has("cannot be opened again")
    with bench.kernel.entered():
        assert not netif_running(bench.netdev)
    bench.pump.at(bench.pump.now_ns, lambda: PciError(0, False))  # nor does a recovery start it
    bench.settle()
    assert bench.log_has("device recovery successful") and bench.adapter.down
    bench.close()
    assert bench.open() == 0
    works(bench)
    bench.finish()


def test_group_that_is_joined_during_the_test_is_there_afterwards() -> None:
    """The steps are shorter than the reset of the re-open, in which the multicast table is emptied twice."""
    bench = Bench().up()
    for number, delay_ns in enumerate(itertools.count(10_000, 20_000)):
        group = GROUP[:4] + number.to_bytes(2, "big")
        joined = []

        async def join(group: bytes = group, joined: list[bytes] = joined) -> None:
            await dev_mc_add(bench.netdev_now(), group)
            joined.append(group)

        bench.pump.at(bench.pump.now_ns + delay_ns, lambda join=join: (bench.kernel.run(join()), None)[1])  # type: ignore[misc]
        assert outcome(bench).passed
        if not joined:
            break  # by then the test was over
        assert bench.card.wanted(frame_of(100, to=group)), delay_ns
        bench.pump.run(dev_mc_del(bench.netdev, group))
    assert delay_ns > 1_400_000  # 1.4 s of the driver's time
    works(bench)
    bench.finish()


# ---------------------------------------------------------------- the plan
def test_registers_and_masks_are_those_of_the_stock_drivers_test() -> None:
    """As its recorded accesses show them, for an 82574L."""
    masks = {register.name: (mask, write) for register, mask, write in REGISTERS}
    narrow = dict.fromkeys(("RDH", "RDT", "FCTTV", "TXCW", "TIDV"), (0xFFFF, 0xFFFF))
    wide = dict.fromkeys(("FCAH", "FCT", "VET", "RDTR"), (0xFFFF, 0xFFFF_FFFF))
    whole = dict.fromkeys(("FCAL", "RDBAH", "TDBAH"), (0xFFFF_FFFF, 0xFFFF_FFFF))
    rings = dict.fromkeys(("RDBAL", "TDBAL"), (0xFFFF_FFF0, 0xFFFF_FFFF))
    lengths = dict.fromkeys(("RDLEN", "TDLEN"), (0xF_FF80, 0xF_FFFF))
    others = {"FCRTH": (0xFFF8, 0xFFF8), "TIPG": (0x3FFF_FFFF, 0x3FFF_FFFF)}
    addresses = {register.name: (0x8003_FFFF, 0xFFFF_FFFF) for register in list(RAH)[:15]}
    table = {register.name: (0xFFFF_FFFF, 0xFFFF_FFFF) for register in MTA}
    assert masks == {**narrow, **wide, **whole, **rings, **lengths, **others, **addresses, **table}
