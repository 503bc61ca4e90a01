# SPDX-License-Identifier: MIT
"""Play a recording at the card: its writes as they are, its reads held to the rules, frames and interrupts for real.

- Reads follow rules.py; "again until" is bounded.
- A value that the driver made out of one it had read keeps the card's bits where the driver kept the stand-in's.
- Ring addresses and descriptors are ours (rings.py); frames cross the wire, contents ours behind a recorded header.
- An interrupt of the stand-in's is waited for on the card's line, MSI's too; MSI-X's is not judged: there is none.
- Configuration space is the bench's and not played.
- Registers that the card does not have are accessed all the same: they must read 0. They are counted by offset.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from driver.linux.delay import ktime_get_ns, usleep_range
from driver.linux.io import IoMem, readl, writel
from driver.linux.pci import PciDev
from sim.bench import Bench
from sim.wire import Frame
from tests.judge.rings import DESCRIPTOR_BYTES, ReceiveRing, TransmitRing
from tests.judge.rules import PHY_RULES, RMW, RMW_PHY, How, Rule, rule_of
from tests.judge.statistics import COUNTERS_OF_FRAMES, Statistics
from tests.judge.trace import Kind, Op, Step

__all__ = ["Player", "Verdict"]

_CTRL, _STATUS, _MDIC, _ICR, _ICS, _IMS, _IMC = 0x0, 0x8, 0x20, 0xC0, 0xC8, 0xD0, 0xD8
_EXTCNF_CTRL, _RCTL, _RAL0, _RAH0 = 0xF00, 0x100, 0x5400, 0x5404
_RDBAL, _RDBAH, _RDLEN, _RDT, _TDBAL, _TDBAH, _TDLEN, _TDT = (
    base + at for base in (0x2800, 0x3800) for at in (0x0, 0x4, 0x8, 0x18)
)  # fmt: skip
_RST, _SLU, _LU = 1 << 26, 1 << 6, 1 << 1
_ASSERTED, _CAUSES = 1 << 31, 0x7FFF
_MDIC_WRITE, _MDIC_READ, _READY = 1 << 26, 1 << 27, 1 << 28
_BMCR, _PAGE, _FIRST_PAGED = 0x00, 0x16, 0x10
_LOOPBACK, _POWER_DOWN = 1 << 14, 1 << 11
_LINK_REGISTERS = (0x01, 0x0A, 0x11)
_PAUSE_US = 5
_BATCH_US = 1_000  # for 64 frames in loopback; the driver sleeps 200 ms
_SHORT_NS = 5_000
_MOST_FAILURES = 20

# The driver's register test compares under a mask of its own, where it does not compare all 32 bits.
_LITERAL_MASKS = {_STATUS: 0x7FFF_F033, _RCTL: 0x06DF_B3FE}


@dataclass(slots=True)
class Verdict:
    """What came of a step. judged: its reads and events that were held to something; audited: counters held behind it;
    absent: accesses by offset to what the card does not have."""

    title: str
    judged: int = 0
    audited: int = 0
    seen: int = 0
    absent: dict[int, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def misses(self, offset: int) -> None:
        self.absent[offset] = self.absent.get(offset, 0) + 1

    def check(self, good: bool, op: Op, got: str) -> None:
        self.judged += 1
        if not good and len(self.failures) < _MOST_FAILURES:
            self.failures.append(f"{op}: {got}")


class Player:
    """One card, played at in a process of the bench's kernel.

    known: offsets of the card's registers. bound_ns: of "again until". reset_us: the driver's sleep after CTRL.RST.
    """

    def __init__(
        self, bench: Bench, device: PciDev, iomem: IoMem, known: frozenset[int], *, bound_ns: int, reset_us: int
    ) -> None:
        self._bench, self._iomem, self._known = bench, iomem, known
        self._bound_ns, self._reset_us = bound_ns, reset_us
        self._transmit, self._receive = TransmitRing(device), ReceiveRing(device)
        self._written: dict[int, int] = {}
        self._phy: dict[int, int] = {}
        self._last_read: dict[int, tuple[int, int]] = {}  # offset: (recorded, ours), until it is written
        self._phy_read: dict[int, tuple[int, int]] = {}
        self._mdic = 0
        self._unmasked = self._had = 0
        self._line_fell = False
        self._came: list[bytes] = []
        self._expected: list[bytes] = []  # of the card, in order
        self._turned: list[bytes] = []  # in loopback
        self._statistics = Statistics()
        bench.wire.on_received(lambda frame: self._came.append(frame.data))
        self._station = bytearray(bytes.fromhex(bench.config.mac.replace(":", "")))

    def close(self) -> None:
        """Give back the memory that the card was lent."""
        self._transmit.free()
        self._receive.free()

    # ------------------------------------------------------------------ a step
    async def play(self, step: Step) -> Verdict:
        verdict = Verdict(step.title)
        ops = step.ops
        for at, op in enumerate(ops):
            before = ops[at - 1] if at else None
            if op.kind is Kind.READ:
                await self._read(op, before, ops[at + 1 :], verdict)
            elif op.kind is Kind.WRITE:
                await self._write(op, ops[at + 1 :], verdict)
            else:
                await self._event(op, ops[at + 1 :], verdict)
        return verdict

    async def play_literally(self, step: Step, *, judge: bool = True) -> Verdict:
        """The driver's register test: every write as it is, every read exactly as recorded."""
        verdict = Verdict(step.title)
        status: int | None = None
        for op in step.ops:
            if op.kind is Kind.WRITE:
                self._note(op.offset, verdict)
                writel(op.value, self._iomem, op.offset)
            elif op.kind is Kind.READ:
                self._note(op.offset, verdict)
                value, mask = await readl(self._iomem, op.offset), _LITERAL_MASKS.get(op.offset, 0xFFFF_FFFF)
                # STATUS must read as before it was written, whatever it is.
                status = value if op.offset == _STATUS and status is None else status
                wanted = status if op.offset == _STATUS and status is not None else op.value
                if judge:
                    verdict.check(not (value ^ wanted) & mask, op, f"{value:08x}, held to {mask:08x}")
        self._written.clear()
        self._last_read.clear()
        return verdict

    def _note(self, offset: int, verdict: Verdict) -> None:
        if offset not in self._known:
            verdict.misses(offset)

    async def _until(
        self, read: Callable[[], Awaitable[int]], good: Callable[[int], bool], bound_ns: int | None = None
    ) -> int:
        """The first good value, or what it was at last."""
        end = ktime_get_ns() + (self._bound_ns if bound_ns is None else bound_ns)
        while not good(value := await read()) and ktime_get_ns() < end:
            await usleep_range(_PAUSE_US, _PAUSE_US)
        return value

    # ------------------------------------------------------------------ reads
    async def _read(self, op: Op, before: Op | None, after: Sequence[Op], verdict: Verdict) -> None:
        if op.offset not in self._known:
            verdict.misses(op.offset)
            value = await readl(self._iomem, op.offset)
            verdict.check(value == 0, op, f"{value:08x} of a register that is not there")
            return
        rule = rule_of(op.offset)
        if op.offset == _MDIC:
            value = await self._read_mdic(op, rule, verdict)
        elif rule.how is How.CAUSES:
            value = await self._read_causes(op, verdict)
        elif rule.how is How.COUNTED:
            value = await self._read_statistic(op, verdict)
        else:
            mask = rule.mask
            if op.offset == _STATUS and not self._asks_for_link(before):
                mask &= ~_LU
            written = self._written.get(op.offset)
            held = replace(rule, mask=mask)
            value = await self._judge(op, held, written, self._plain(op), verdict)
        self._last_read[op.offset] = op.value, value

    async def audit(self, step: Step, verdict: Verdict) -> None:
        """All counters of frames, behind a step: the driver looks at some of them only right after a reset."""
        line, judged = step.ops[-1].line if step.ops else 0, verdict.judged
        for offset in sorted(COUNTERS_OF_FRAMES & self._known):
            await self._read_statistic(Op(line, Kind.READ, offset, 0), verdict)
        verdict.audited, verdict.judged = verdict.judged - judged, judged

    async def _read_statistic(self, op: Op, verdict: Verdict) -> int:
        value = await readl(self._iomem, op.offset)
        held = self._statistics.read(op.offset, value)
        if held is None:
            verdict.seen += 1
        else:
            verdict.check(held[0] == held[1], op, f"{held[0]} counted since the reset, held to {held[1]}")
        return value

    def _plain(self, op: Op) -> Callable[[], Awaitable[int]]:
        async def read() -> int:
            return await readl(self._iomem, op.offset)

        return read

    def _asks_for_link(self, before: Op | None) -> bool:
        """Is this read of STATUS made for LU? Right behind a write it pushes that out; the semaphore's release is not
        pushed. Before SLU is set nobody asks."""
        flushes = before is not None and before.kind is Kind.WRITE and before.offset != _EXTCNF_CTRL
        return self._link_expected and not flushes and bool(self._written.get(_CTRL, 0) & _SLU)

    @property
    def _link_expected(self) -> bool:
        return not self._phy.get(_BMCR, 0) & _POWER_DOWN

    async def _judge(
        self, op: Op, rule: Rule, written: int | None, read: Callable[[], Awaitable[int]], verdict: Verdict
    ) -> int:
        """Read as the rule says; the value."""
        how, mask, recorded = rule.how, rule.mask, op.value
        if how is How.SEEN or (how is How.WRITTEN and written is None):
            verdict.seen += 1
            return await read()
        if how is How.GRANTED:
            mask &= recorded
        wanted = written if how is How.WRITTEN and written is not None else recorded
        waits = 0 if how is How.WRITTEN else mask & rule.waits
        value = await self._until(read, lambda value: not (value ^ wanted) & waits)
        verdict.check(not (value ^ wanted) & mask, op, f"{value:08x}, held to {wanted & mask:08x} under {mask:08x}")
        return value

    async def _read_mdic(self, op: Op, rule: Rule, verdict: Verdict) -> int:
        """The command again, until it is done and the PHY's register is as its rule wants it."""
        wanted = self._mdic & ~0xFFFF | _READY
        register, is_read = self._mdic >> 16 & 0x1F, self._mdic & _MDIC_READ
        fresh = True

        async def command() -> int:
            nonlocal fresh
            if not fresh:
                writel(self._mdic, self._iomem, _MDIC)
            fresh = False
            return await self._until(self._plain(op), lambda value: bool(value & _READY))

        if not is_read:
            value = await command()
            verdict.check(not (value ^ wanted) & rule.mask, op, f"{value:08x}, held to {wanted:08x}")
            return value
        phy_rule = PHY_RULES[register]
        paged = register >= _FIRST_PAGED and self._phy.get(_PAGE, 0)
        unlinked = register in _LINK_REGISTERS and not self._link_expected
        held = replace(phy_rule, how=How.SEEN) if paged or unlinked else phy_rule
        value = await self._judge(op, held, self._phy.get(register), command, verdict)
        verdict.check(not (value ^ wanted) & rule.mask, op, f"{value:08x}, held to {wanted:08x}")
        self._phy_read[register] = op.value, value
        return value

    # ------------------------------------------------------------------ interrupts
    def _owed(self, op: Op) -> int:
        """What a recorded ICR showed that was unmasked, less MSI-X's own."""
        return op.value & self._unmasked & _CAUSES if op.value & _ASSERTED else 0

    async def _read_causes(self, op: Op, verdict: Verdict) -> int:
        """ICR again, until it has shown what the recording's did. More than one interrupt may bring it."""
        owed = self._owed(op)
        value = await readl(self._iomem, _ICR)
        self._had |= value
        if not owed:
            verdict.seen += 1
            return value

        async def again() -> int:
            writel(self._unmasked, self._iomem, _IMS)  # reading ICR may have masked
            self._had |= await readl(self._iomem, _ICR)
            return self._had

        if owed & ~self._had:
            await self._until(again, lambda had: not owed & ~had)
        verdict.check(not owed & ~self._had, op, f"the card showed {self._had:08x}, owed {owed:08x}")
        self._had &= ~owed
        if self._line_fell:
            self._line_fell = False
            await self._hold_line(0, op, verdict, _SHORT_NS)
        return value

    async def _hold_line(self, level: int, op: Op, verdict: Verdict, bound_ns: int | None = None) -> None:
        line: Any = self._bench.dut.intx_o

        async def read() -> int:
            return int(line.value)

        got = await self._until(read, lambda value: value == level, bound_ns)
        verdict.check(got == level, op, f"INTx is {got}")

    async def _event(self, op: Op, after: Sequence[Op], verdict: Verdict) -> None:
        if (op.kind is Kind.LINE and op.value) or op.kind is Kind.MSI:
            following = next((later for later in after if later.offset == _ICR and later.kind is Kind.READ), None)
            if following is not None and self._owed(following) & ~self._had:
                await self._hold_line(1, op, verdict)
        elif op.kind is Kind.LINE:
            self._line_fell = True  # recorded before the read of ICR that does it
        elif op.kind is Kind.CAME:
            await self._frame_comes(op, verdict)
        elif op.kind is Kind.SENT:
            await self._frame_went(op, after, verdict)

    # ------------------------------------------------------------------ frames
    @property
    def _looped(self) -> bool:
        return bool(self._phy.get(_BMCR, 0) & _LOOPBACK)

    def _content(self, head: bytes, length: int) -> bytes:
        return head + bytes(at & 0xFF for at in range(length - len(head)))

    async def _frame_comes(self, op: Op, verdict: Verdict) -> None:
        """The partner's answer: on the wire, then in the receive ring. In loopback: what went."""
        if self._looped:
            await self._hold_arrival(self._turned.pop(0), op, verdict)
            return
        frame = self._content(bytes(self._station) + bytes.fromhex("020000000001") + b"\x08\x00", op.value)
        self._bench.wire.send(Frame(frame))
        await self._hold_arrival(frame, op, verdict)
        self._statistics.came(frame)

    async def _hold_arrival(self, frame: bytes, op: Op, verdict: Verdict) -> None:
        got: bytes | None = None

        async def read() -> int:
            nonlocal got
            got = self._receive.arrived()
            return got is not None

        await self._until(read, bool)
        verdict.check(got == frame, op, f"the receive ring has {None if got is None else got[:20].hex()}")

    async def _frame_went(self, op: Op, after: Sequence[Op], verdict: Verdict) -> None:
        """On the wire in order; in PHY loopback not there, and to come back as long as descriptors last."""
        frame = self._expected.pop(0)
        if self._looped:
            self._turned.append(frame)
            self._statistics.looped = True
            if not after or after[0].kind is not Kind.SENT:
                await usleep_range(_BATCH_US, _BATCH_US)
            verdict.check(not self._came, op, "it left the card, in loopback")
            return

        async def read() -> int:
            return len(self._came)

        await self._until(read, bool)
        got = self._came.pop(0) if self._came else b""
        self._statistics.went(frame)
        verdict.check(got == frame.ljust(60, b"\0"), op, f"the wire has {got[:20].hex()}")

    # ------------------------------------------------------------------ writes
    async def _write(self, op: Op, after: Sequence[Op], verdict: Verdict) -> None:
        self._note(op.offset, verdict)
        value = self._value(op)
        self._before_write(op.offset, value, after)
        writel(value, self._iomem, op.offset)
        self._written[op.offset] = value
        self._last_read.pop(op.offset, None)
        if op.offset == _CTRL and value & _RST:
            await usleep_range(self._reset_us, self._reset_us)
            self._written.clear()
            self._unmasked = self._had = 0
            self._turned.clear()
            self._statistics.restart()

    def _value(self, op: Op) -> int:
        """What this driver would have written to this card."""
        value = op.value
        if op.offset in (_RDBAL, _TDBAL):
            ring = self._receive if op.offset == _RDBAL else self._transmit
            self._iova = ring.base(value)
            return self._iova & 0xFFFF_FFFF
        if op.offset in (_RDBAH, _TDBAH):
            return self._iova >> 32
        if op.offset == _MDIC:
            register = value >> 16 & 0x1F
            if value & _MDIC_WRITE:
                if register in RMW_PHY and register in self._phy_read:
                    value = _modified(value, *self._phy_read.pop(register), 0xFFFF)
                if register < _FIRST_PAGED or register == _PAGE or not self._phy.get(_PAGE, 0):
                    self._phy[register] = value & 0xFFFF
            self._mdic = value
            return value
        if op.offset in RMW and op.offset in self._last_read:
            return _modified(value, *self._last_read[op.offset])
        return value

    def _before_write(self, offset: int, value: int, after: Sequence[Op]) -> None:
        """Memory and bookkeeping must be ready when the card hears of it."""
        if offset == _IMS:
            self._unmasked |= value
        elif offset == _IMC:
            self._unmasked &= ~value
        elif offset == _RDLEN:
            self._receive.entries = value // DESCRIPTOR_BYTES
        elif offset == _TDLEN:
            self._transmit.entries = value // DESCRIPTOR_BYTES
        elif offset == _RAL0:
            self._station[:4] = value.to_bytes(4, "little")
        elif offset == _RAH0:
            self._station[4:] = (value & 0xFFFF).to_bytes(2, "little")
        elif offset == _RDT:
            self._receive.advance(value)
        elif offset == _TDT:
            frames = [self._content(op.head, op.value) for op in _frames_until_tail(after)]
            self._expected += frames
            self._transmit.advance(value, frames)


def _modified(written: int, recorded: int, ours: int, mask: int = 0xFFFF_FFFF) -> int:
    """`written` was made out of `recorded`: the same out of `ours`. Bits that were clear and stayed so are ours."""
    return written | ours & ~recorded & mask


def _frames_until_tail(after: Sequence[Op]) -> list[Op]:
    """Frames that left before the transmit tail moved again."""
    frames = []
    for op in after:
        if op.kind is Kind.SENT:
            frames.append(op)
        elif op.kind is Kind.WRITE and op.offset == _TDT:
            break
    return frames
