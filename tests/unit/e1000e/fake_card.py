# SPDX-License-Identifier: MIT
"""A behavioural card for the driver's unit tests: registers, rings, interrupts, NVM, PHY, and faults to switch on.

It does what a driver may rely on, in the order it may rely on: data, then the write-back, then the interrupt cause.
It is no model of the RTL. What a driver must never do is kept in `complaints`; DMA goes through the kernel's table.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable

from driver.e1000e import regs
from driver.e1000e.regs import (
    ALL_ONES,
    CTRL,
    CTRL_EXT,
    EECD,
    EERD,
    EXTCNF_CTRL,
    FCAH,
    FCRTH,
    FCT,
    FCTTV,
    GORCH,
    GORCL,
    GOTCH,
    GOTCL,
    IAM,
    ICR,
    ICS,
    IMC,
    IMS,
    MDIC,
    MTA,
    PBA,
    PHY_ANLPAR,
    PHY_BMCR,
    PHY_BMSR,
    PHY_ID1,
    PHY_ID2,
    RAH,
    RAL,
    RCTL,
    RDBAH,
    RDBAL,
    RDH,
    RDLEN,
    RDT,
    RDTR,
    STATISTICS,
    STATUS,
    TCTL,
    TDBAH,
    TDBAL,
    TDH,
    TDLEN,
    TDT,
    TIDV,
    TIPG,
    TXCW,
    VET,
    MdiOp,
    PhyRegister,
    Register,
    RegisterArray,
)
from tests.unit.pump import FIRST_IRQ, FakeFunction, Pump

MAC_ADDRESS = bytes.fromhex("020000a1b2c3")
BROADCAST = b"\xff" * 6
COMMAND_OFFSET = 4
COMMAND_MASTER = 4
FCS_BYTES = 4
MIN_FRAME_BYTES = 60  # without FCS
FIFO_FRAMES = 32
SUM = 0xBABA

RXD = struct.Struct("<QHHBBH")
TXD = struct.Struct("<QHBBBBH")


def nvm_image(mac: bytes = MAC_ADDRESS) -> list[int]:
    """64 words: MAC address, IDs, and the word that makes the sum right."""
    words = [int.from_bytes(mac[i : i + 2], "little") for i in (0, 2, 4)] + [0] * 61
    words[0x0B], words[0x0D] = 0x8086, 0x10D3
    words[0x3F] = (SUM - sum(words)) & 0xFFFF
    return words


def _all_registers() -> dict[int, Register]:
    found: dict[int, Register] = {}
    for thing in vars(regs).values():
        members = list(thing) if isinstance(thing, RegisterArray) else [thing]
        found.update({r.offset: r for r in members if isinstance(r, Register)})
    return found


REGISTERS = _all_registers()
PHY_RESETS = {r.number: r.reset for r in vars(regs).values() if isinstance(r, PhyRegister)}
KEPT = {  # what a register keeps of what is written, where that is not all 32 bits
    **{register.offset: register.ALL & ~register.FPD for register in (RDTR, TIDV)},
    **{
        register.offset: register.ALL
        for register in (FCAH, FCT, FCRTH, FCTTV, RDBAL, RDLEN, RDH, RDT, TDBAL, TDLEN, TIPG, TXCW, VET)
    },
    **{register.offset: 0x8003_FFFF for register in RAH},
}
CLEARED_BY_READ = {r.offset for r in STATISTICS} - {GORCL.offset, GOTCL.offset}


class FakeCard(FakeFunction):
    """One card. `pump` is set by attach(), after the machine was made."""

    def __init__(self, *, dma_ns: int = 500, frame_ns: int = 700) -> None:
        super().__init__()
        self.dma_ns = dma_ns  # from a doorbell to the descriptor
        self.frame_ns = frame_ns  # between two frames
        self.piece_ns = 0  # between two buffers of a frame
        self.pump: Pump
        self.irq = FIRST_IRQ
        self.nvm = nvm_image()
        self.complaints: list[str] = []
        self.transmitted: list[bytes] = []
        self.on_transmit: Callable[[bytes], None] = lambda frame: None
        self.frames_seen = 0
        self.packet_memory_kb = 40
        self.full_duplex = True
        self.an_completes = True
        self.tx_paused = False  # by the partner's pause frames, and sends nothing
        self.partner = 0x45E1  # its abilities, in PHY_ANLPAR
        # faults
        self.gone = False  # answers all ones to everything, masters nothing
        self.tx_hangs = False  # fetches nothing from the transmit ring, until a reset
        self.masters_for_ever = False  # STATUS.GIO_MASTER_ENABLE does not fall
        self.never_auto_rd = False
        self.mdio_taken = False  # the card's own logic keeps the PHY
        self.mdic_never_ready = False
        self.mdic_error = False
        self.eerd_never_done = False
        self.loops_back = True  # in PHY loopback a frame that is sent is received
        self.kept = dict(KEPT)
        self.cable = True
        self.link = False
        self.link_ns = 200_000
        self.phy: dict[int, int] = dict(PHY_RESETS)
        self.level = False
        self.generation = 0  # counts resets: what was under way before one does not happen
        self._reset_registers()

    def attach(self, pump: Pump, function: int = 0) -> None:
        self.pump = pump
        self.irq = pump.host.irq_of(function)

    # ------------------------------------------------------------------------------------------ registers
    def _reset_registers(self) -> None:
        kept = {at: self.reg[at] for at in (EXTCNF_CTRL.offset, PBA.offset)} if self.generation else {}
        self.reg = {offset: register.reset for offset, register in REGISTERS.items()} | kept
        self.generation += 1
        self.fifo: deque[bytes] = deque()
        self.icr = self.ims = 0
        self.tx_busy = self.rx_busy = False
        self.tx_frame = bytearray()
        address = b"".join(word.to_bytes(2, "little") for word in self.nvm[:3])
        self.reg[RAL[0].offset] = int.from_bytes(address[:4], "little")
        self.reg[RAH[0].offset] = int.from_bytes(address[4:], "little") | RAH[0].AV

    reg: dict[int, int] = {}

    def get(self, register: Register) -> int:
        return self.reg[register.offset]

    def read(self, bar: int, offset: int) -> int:
        if self.gone:
            return ALL_ONES
        if offset not in REGISTERS:
            return 0
        if offset == ICR.offset:
            return self._read_icr()
        if offset == STATUS.offset:
            return self._status()
        if offset == IMS.offset:
            return self.ims
        if offset == CTRL.offset:
            return self.reg[offset] & ~CTRL.RST
        if offset == EECD.offset and self.never_auto_rd:
            return self.reg[offset] & ~EECD.AUTO_RD
        value = self.reg[offset]
        if offset in CLEARED_BY_READ:
            self.reg[offset] = 0
            for low, high in ((GORCL, GORCH), (GOTCL, GOTCH)):
                if offset == high.offset:
                    self.reg[low.offset] = 0
        return value

    def write(self, bar: int, offset: int, value: int) -> None:
        if self.gone or offset not in REGISTERS:
            return
        actions = {
            ICR.offset: self._clear_causes,
            ICS.offset: self.raise_causes,
            IMS.offset: self._unmask,
            IMC.offset: self._mask,
            CTRL.offset: self._write_ctrl,
            EERD.offset: self._write_eerd,
            MDIC.offset: self._write_mdic,
            EXTCNF_CTRL.offset: self._write_extcnf,
            TDT.offset: self._write_tdt,
            RDT.offset: self._write_rdt,
            RCTL.offset: self._write_rctl,
            PBA.offset: self._write_pba,
            TCTL.offset: self._write_tctl,
        }
        if offset in actions:
            actions[offset](value)
        elif offset in (RDH.offset, RDBAL.offset, RDLEN.offset) and self.get(RCTL) & RCTL.EN:
            self.complaints.append(f"{REGISTERS[offset].name} written while receiving")
        elif offset in (TDH.offset, TDBAL.offset, TDLEN.offset) and self.get(TCTL) & TCTL.EN:
            self.complaints.append(f"{REGISTERS[offset].name} written while transmitting")
        elif offset not in CLEARED_BY_READ and offset != STATUS.offset:
            self.reg[offset] = value & self.kept.get(offset, ALL_ONES)

    def _status(self) -> int:
        value = STATUS.reset & ~(STATUS.LU | STATUS.GIO_MASTER_ENABLE)
        if self.link and self.get(CTRL) & CTRL.SLU:
            value |= STATUS.LU
        stopped = self.get(CTRL) & CTRL.GIO_MASTER_DISABLE and not (self.tx_busy or self.rx_busy)
        if not stopped or self.masters_for_ever:
            value |= STATUS.GIO_MASTER_ENABLE
        if not self.full_duplex:
            value &= ~STATUS.FD
        return value | STATUS.TXOFF if self.tx_paused else value

    def _write_ctrl(self, value: int) -> None:
        if value & CTRL.RST:
            self.tx_hangs = self.masters_for_ever = False
            self._reset_registers()
            self._update_level()
        else:
            self.reg[CTRL.offset] = value

    # ------------------------------------------------------------------------------------------ interrupts
    def _read_icr(self) -> int:
        """Clears when an interrupt is asserted, or nothing is enabled; asserted and IAME also masks."""
        value = self.icr | (ICR.INT_ASSERTED if self.level else 0)
        if self.level and self.get(CTRL_EXT) & CTRL_EXT.IAME:
            self.ims &= ~self.get(IAM)
        if self.level or not self.ims:
            self.icr = 0
        self._update_level()
        return value

    def _clear_causes(self, value: int) -> None:
        self.icr &= ~value
        self._update_level()

    def raise_causes(self, causes: int) -> None:
        self.icr |= causes
        self._update_level()

    def _unmask(self, value: int) -> None:
        self.ims |= value
        self._update_level()

    def _mask(self, value: int) -> None:
        self.ims &= ~value
        self._update_level()

    def _update_level(self) -> None:
        level = bool(self.icr & self.ims)
        if level != self.level:
            self.level = level
            self.pump.irq(self.irq, level)

    # ------------------------------------------------------------------------------------------ NVM and PHY
    def _write_eerd(self, value: int) -> None:
        word = self.nvm[EERD.ADDR.get(value)] if EERD.ADDR.get(value) < len(self.nvm) else 0xFFFF
        done = 0 if self.eerd_never_done else EERD.DONE
        self.reg[EERD.offset] = EERD.ADDR.put(EERD.ADDR.get(value)) | EERD.DATA.put(word) | done

    def _write_extcnf(self, value: int) -> None:
        self.reg[EXTCNF_CTRL.offset] = value & ~EXTCNF_CTRL.MDIO_SW_OWNERSHIP if self.mdio_taken else value

    def _write_mdic(self, value: int) -> None:
        if not self.get(EXTCNF_CTRL) & EXTCNF_CTRL.MDIO_SW_OWNERSHIP:
            self.complaints.append("MDIC written without MDIO ownership")
        number, operation = MDIC.REGADD.get(value), MDIC.OP.get(value)
        answer = value & ~(MDIC.READY | MDIC.DATA)
        if operation == MdiOp.WRITE:
            self._write_phy(number, MDIC.DATA.get(value))
            answer |= MDIC.DATA.get(value)
        else:
            answer |= self._read_phy(number)
        if self.mdic_error:
            answer |= MDIC.ERROR
        self.reg[MDIC.offset] = answer if self.mdic_never_ready else answer | MDIC.READY

    def _read_phy(self, number: int) -> int:
        if number == PHY_ANLPAR.number:
            return self.partner if self.link else 0
        value = self.phy.get(number, 0)
        if number == PHY_BMSR.number:  # LINK holds a loss until it is read
            now = PHY_BMSR.LINK | (PHY_BMSR.AN_COMPLETE if self.an_completes else 0) if self.link else 0
            self.phy[number] = value & ~(PHY_BMSR.LINK | PHY_BMSR.AN_COMPLETE) | now
        return value

    @property
    def loopback(self) -> bool:
        return bool(self.phy[PHY_BMCR.number] & PHY_BMCR.LOOPBACK)

    def _write_phy(self, number: int, value: int) -> None:
        if number in (PHY_ID1.number, PHY_ID2.number, PHY_BMSR.number):
            return
        if number == PHY_BMCR.number:
            if value & PHY_BMCR.LOOPBACK:
                self._set_link(True)
            elif value & (PHY_BMCR.RESTART_AN | PHY_BMCR.RESET):
                self._set_link(False)
                self._negotiate()
            value &= ~(PHY_BMCR.RESTART_AN | PHY_BMCR.RESET)
        self.phy[number] = value

    def _negotiate(self) -> None:
        self.pump.at(self.pump.now_ns + self.link_ns, lambda: self._set_link(self.cable or self.loopback))

    def _set_link(self, link: bool) -> None:
        if link == self.link:
            return
        self.link = link
        if not link:  # a link that comes up shows after the next read: LINK holds the loss until then
            self.phy[PHY_BMSR.number] &= ~(PHY_BMSR.LINK | PHY_BMSR.AN_COMPLETE)
        self.raise_causes(ICR.LSC)

    def plug(self, cable: bool) -> None:
        """Put the cable in, or pull it."""
        self.cable = cable
        if cable:
            self._negotiate()
        else:
            self._set_link(False)

    # ------------------------------------------------------------------------------------------ memory
    def dma(self, iova: int, nbytes: int, is_write: bool) -> memoryview | None:
        """Host memory as the card reaches it; None: a fault, recorded by the kernel."""
        if not self.config[COMMAND_OFFSET] & COMMAND_MASTER:
            self.complaints.append("DMA while bus mastering is off")
        if self.get(CTRL) & CTRL.GIO_MASTER_DISABLE:
            self.complaints.append("DMA started after the master was disabled")
        physical = self.pump.kernel.dma_table.translate(iova, nbytes, is_write)
        if physical is None:
            return None
        start = physical - self.pump.host.memory_base
        return self.pump.host.memory[start : start + nbytes]

    def _later(self, delay_ns: int, what: Callable[[], None]) -> None:
        """Unless the card is reset, or gone, by then."""
        generation = self.generation

        def then() -> None:
            if generation == self.generation and not self.gone:
                what()

        self.pump.at(self.pump.now_ns + delay_ns, then)

    # ------------------------------------------------------------------------------------------ transmit
    def _write_tctl(self, value: int) -> None:
        self.reg[TCTL.offset] = value
        self._start_tx()

    def _write_tdt(self, value: int) -> None:
        if self.get(TCTL) & TCTL.EN and value >= max(1, self.get(TDLEN) // 16):
            self.complaints.append(f"TDT {value} is outside the ring")
        self.reg[TDT.offset] = value
        self._start_tx()

    def _tx_runs(self) -> bool:
        return bool(
            self.get(TCTL) & TCTL.EN
            and not self.get(CTRL) & CTRL.GIO_MASTER_DISABLE
            and not (self.tx_hangs or self.tx_paused)
            and self.get(TDH) != self.get(TDT)
        )

    def _start_tx(self) -> None:
        if not self.tx_busy and self._tx_runs():
            self.tx_busy = True
            self._later(self.dma_ns, self._transmit)

    def _transmit(self) -> None:
        """One descriptor."""
        self.tx_busy = False
        if not self._tx_runs():
            return
        head = self.get(TDH)
        iova = self.get(TDBAL) | self.get(TDBAH) << 32
        desc = self.dma(iova + 16 * head, 16, False)
        if desc is None:
            return
        address, length, _, command, _, _, _ = TXD.unpack(desc)
        data = self.dma(address, length, False)
        if data is None:
            return
        self.tx_frame += data
        self.reg[TDH.offset] = (head + 1) % (self.get(TDLEN) // 16)
        if command & 0x08:
            status = self.dma(iova + 16 * head + 12, 1, True)
            assert status is not None
            status[0] |= 1
            self.raise_causes(ICR.TXDW)
        if command & 0x01:
            self._put_on_wire(command)
        if self._tx_runs():
            self.tx_busy = True
            self._later(self.frame_ns, self._transmit)

    def _put_on_wire(self, command: int) -> None:
        frame, self.tx_frame = bytes(self.tx_frame), bytearray()
        if not command & 0x02:
            self.complaints.append("a frame was sent without FCS")
        frame = frame.ljust(MIN_FRAME_BYTES, b"\0")
        if not self.link:
            return
        self._count("GPTC", "TPT")
        self.reg[GOTCL.offset] += len(frame) + FCS_BYTES
        if self.loopback:
            if self.loops_back:
                self.receive(frame)
            return
        self.transmitted.append(frame)
        self.on_transmit(frame)

    def _count(self, *names: str) -> None:
        for name in names:
            register: Register = getattr(regs, name)
            self.reg[register.offset] += 1

    # ------------------------------------------------------------------------------------------ receive
    def receive(self, frame: bytes, errors: int = 0) -> None:
        """A frame from the wire, without FCS. errors: what its descriptor shall say (as with RCTL.SBP)."""
        self.frames_seen += 1
        rctl = self.get(RCTL)
        if self.gone or not self.link or not rctl & RCTL.EN:
            return
        self._count("TPR")
        if not self.wanted(frame):
            return
        if len(frame) + FCS_BYTES > 1522 and not rctl & RCTL.LPE:
            self._count("ROC")
            return
        if len(self.fifo) >= FIFO_FRAMES:
            self._count("MPC")
            self.raise_causes(ICR.RXO)
            return
        self._count("GPRC")
        self.reg[GORCL.offset] += len(frame) + FCS_BYTES
        self.fifo.append(frame + bytes([errors]))
        self._start_rx()

    def wanted(self, frame: bytes) -> bool:
        """The destination filter."""
        rctl, address = self.get(RCTL), frame[:6]
        if address == BROADCAST and rctl & RCTL.BAM:
            return True
        if rctl & (RCTL.MPE if address[0] & 1 else RCTL.UPE):
            return True
        low, high = int.from_bytes(address[:4], "little"), int.from_bytes(address[4:], "little")
        for ral, rah in zip(RAL, RAH, strict=True):
            if self.get(ral) == low and self.get(rah) == high | rah.AV:
                return True
        if not address[0] & 1:
            return False
        bit = ((address[5] << 8 | address[4]) >> (4, 3, 2, 0)[RCTL.MO.get(rctl)]) & 0xFFF
        return bool(self.get(MTA[bit >> 5]) >> (bit & 31) & 1)

    def _write_rctl(self, value: int) -> None:
        self.reg[RCTL.offset] = value
        self._start_rx()

    def _write_pba(self, value: int) -> None:
        """The transmitter has what the receiver leaves."""
        share = min(PBA.RXA.get(value), self.packet_memory_kb)
        self.reg[PBA.offset] = PBA.RXA.put(share) | PBA.TXA.put(self.packet_memory_kb - share)

    def _write_rdt(self, value: int) -> None:
        if self.get(RCTL) & RCTL.EN and value >= max(1, self.get(RDLEN) // 16):
            self.complaints.append(f"RDT {value} is outside the ring")
        self.reg[RDT.offset] = value
        self._start_rx()

    def rx_free(self) -> int:
        count = self.get(RDLEN) // 16
        return (self.get(RDT) - self.get(RDH)) % count if count else 0

    def _start_rx(self) -> None:
        """What was let in is stored, whether or not RCTL.EN still lets more in."""
        runs = not self.get(CTRL) & CTRL.GIO_MASTER_DISABLE
        if not self.rx_busy and runs and self.fifo and self.rx_free():
            self.rx_busy = True
            self._later(self.dma_ns, self._store)

    def _store(self) -> None:
        """One frame, into as many buffers as it takes."""
        self.rx_busy = False
        if self.get(CTRL) & CTRL.GIO_MASTER_DISABLE:
            return
        frame, errors = self.fifo[0][:-1], self.fifo[0][-1]
        if not self.get(RCTL) & RCTL.SECRC:
            frame += b"FCS!"
        size = self.buffer_bytes()
        pieces = [frame[start : start + size] for start in range(0, len(frame), size)]
        if len(pieces) > self.rx_free():
            self._count("RNBC")
            return
        self.fifo.popleft()
        self._store_pieces(pieces, errors)

    def _store_pieces(self, pieces: list[bytes], errors: int) -> None:
        """With piece_ns one after the other, and an interrupt after each: a poll finds frames that have not ended."""
        self.rx_busy = False
        if self.get(CTRL) & CTRL.GIO_MASTER_DISABLE:
            return
        while pieces:
            self._store_piece(pieces.pop(0), errors, not pieces)
            if pieces and self.piece_ns:
                self.rx_busy = True
                self.raise_causes(ICR.RXT0)
                self._later(self.piece_ns, lambda: self._store_pieces(pieces, errors))
                return
        if self.rx_free() < self.get(RDLEN) // 32:
            self.raise_causes(ICR.RXDMT0)
        self.raise_causes(ICR.RXT0)
        self._start_rx()

    def buffer_bytes(self) -> int:
        rctl = self.get(RCTL)
        return 2048 >> RCTL.BSIZE.get(rctl) << (4 if rctl & RCTL.BSEX else 0)

    def _store_piece(self, piece: bytes, errors: int, last: bool) -> None:
        head = self.get(RDH)
        iova = (self.get(RDBAL) | self.get(RDBAH) << 32) + 16 * head
        desc = self.dma(iova, 16, False)
        if desc is None:
            return
        address = RXD.unpack(desc)[0]
        data = self.dma(address, len(piece), True)
        if data is None:
            return
        data[:] = piece
        back = self.dma(iova, 16, True)
        assert back is not None
        RXD.pack_into(back, 0, address, len(piece), 0, 3 if last else 1, errors, 0)
        self.reg[RDH.offset] = (head + 1) % (self.get(RDLEN) // 16)
