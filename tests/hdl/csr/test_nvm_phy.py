# SPDX-License-Identifier: MIT
"""EERD and the NVM, MDIC and the PHY in the stock driver's order, link up and down, LSC."""

from __future__ import annotations

from typing import Any

import cocotb

from driver.e1000e import regs
from driver.e1000e.regs import CTRL, CTRL_EXT, EECD, EERD, EXTCNF_CTRL, ICR, IMS, MDIC, RAH, RAL, STATUS
from sim.runner import simulate
from tests.hdl.csr.csr_bench import AUTONEG_CYCLES, MDIO_CYCLES, NVM_SUM, NVM_WORDS, CsrBench, design
from tests.hdl.sim_helpers import struct

READ, WRITE = int(regs.MdiOp.READ), int(regs.MdiOp.WRITE)
SETTLE = 8


async def read_word(bench: CsrBench, address: int) -> int:
    await bench.write(EERD, EERD.ADDR.put(address) | EERD.START)
    for _ in range(10):
        value = await bench.read(EERD)
        if value & EERD.DONE:
            assert EERD.ADDR.get(value) == address
            return EERD.DATA.get(value)
    raise TimeoutError(f"EERD.DONE does not come for word {address}")


async def mdic(bench: CsrBench, op: int, number: int, data: int = 0, phy: int = 1, extra: int = 0) -> int:
    """One operation; MDIC at its end."""
    await bench.write(MDIC, MDIC.OP.put(op) | MDIC.PHYADD.put(phy) | MDIC.REGADD.put(number) | data | extra)
    for _ in range(20):
        value = await bench.read(MDIC)
        if value & MDIC.READY:
            return value
    raise TimeoutError(f"MDIC.READY does not come for register {number}")


async def read_phy(bench: CsrBench, register: regs.PhyRegister) -> int:
    value = await mdic(bench, READ, register.number)
    assert not value & MDIC.ERROR and MDIC.REGADD.get(value) == register.number
    return MDIC.DATA.get(value)


async def write_phy(bench: CsrBench, register: regs.PhyRegister, data: int) -> None:
    assert not await mdic(bench, WRITE, register.number, data) & MDIC.ERROR


@cocotb.test()
async def nvm_words_come_through_eerd(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    words = [await read_word(bench, i) for i in range(NVM_WORDS)]
    assert words == bench.nvm[:NVM_WORDS]
    assert sum(words) & 0xFFFF == NVM_SUM
    assert await read_word(bench, 4095) == bench.nvm[4095]
    await bench.write(EERD, EERD.ADDR.put(5))  # no START: nothing happens
    assert EERD.ADDR.get(await bench.read(EERD)) == 4095


@cocotb.test()
async def done_is_never_that_of_the_word_before(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    early = 0
    for address in range(3, 30):
        reading = cocotb.start_soon(read_after(bench, address % 4))
        await bench.write(EERD, EERD.ADDR.put(address) | EERD.START)
        value = await reading
        if EERD.ADDR.get(value) == address:
            early += not value & EERD.DONE
            assert not value & EERD.DONE or EERD.DATA.get(value) == bench.nvm[address]
        await bench.cycles(SETTLE)
    assert early, "some reads were close enough"


async def read_after(bench: CsrBench, cycles: int) -> int:
    await bench.cycles(cycles)
    return await bench.read(EERD)


@cocotb.test()
async def reading_the_nvm_again_reloads_the_address(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    await bench.write(RAL[0], 0x1111_1111)
    await bench.write(RAH[0], 0)
    bench.nvm[0] = 0xAAAA
    await bench.write(CTRL_EXT, CTRL_EXT.EE_RST)
    assert await read_word(bench, 7) == bench.nvm[7], "EERD waits its turn"
    assert await bench.read(EECD) & EECD.AUTO_RD
    assert await bench.read(RAL[0]) == bench.nvm[1] << 16 | 0xAAAA
    assert await bench.read(RAH[0]) == RAH[0].AV | bench.nvm[2]
    assert not await bench.read(CTRL_EXT) & CTRL_EXT.EE_RST


@cocotb.test()
async def a_reload_begins_anew_while_one_runs(dut: Any) -> None:
    """Whatever cycle of a reload the next one comes in: the address is that of the NVM then, not an older one."""
    bench = await CsrBench(dut).start()
    for apart in range(16):
        bench.nvm[0] = apart
        first = cocotb.start_soon(bench.write(CTRL_EXT, CTRL_EXT.EE_RST))
        await bench.cycles(apart)
        await first
        bench.nvm[:3] = [0x5500 | apart, apart, 0xAA00 | apart]
        await bench.write(CTRL_EXT, CTRL_EXT.EE_RST)
        await bench.cycles(SETTLE)
        assert await bench.read(RAL[0]) == apart << 16 | 0x5500 | apart
        assert await bench.read(RAH[0]) == RAH[0].AV | 0xAA00 | apart


@cocotb.test()
async def mdic_takes_its_time_and_reports_errors(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    start = bench.cycle
    await bench.write(MDIC, MDIC.OP.put(READ) | MDIC.PHYADD.put(1) | MDIC.REGADD.put(2))
    first = await bench.read(MDIC)
    assert not first & MDIC.READY
    await bench.write(MDIC, MDIC.OP.put(READ) | MDIC.PHYADD.put(1) | MDIC.REGADD.put(3))  # busy: ignored
    await bench.until(lambda: bench.cycle > start + MDIO_CYCLES + 10)
    assert await bench.read(MDIC) == first & ~MDIC.DATA | MDIC.READY | 0x0141
    for phy, op in ((2, READ), (0, WRITE), (1, 0), (1, 3)):
        value = await mdic(bench, op, 0, phy=phy)
        assert value & MDIC.ERROR, (phy, op)
    assert not await mdic(bench, READ, 0) & MDIC.ERROR, "an error is of one operation"


@cocotb.test()
async def mdic_interrupts_when_asked_to(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    await mdic(bench, READ, 2)
    assert not await bench.read(ICR) & ICR.MDAC
    await mdic(bench, READ, 2, extra=MDIC.IE)
    assert await bench.read(ICR) == ICR.MDAC | ICR.OTHER


@cocotb.test()
async def driver_finds_and_sets_up_the_phy(dut: Any) -> None:
    """The order of the stock driver's probe and open, MDIO ownership round each access."""
    bench = await CsrBench(dut).start()
    steps: list[tuple[int, regs.PhyRegister, int]] = [
        (READ, regs.PHY_ID1, 0x0141),
        (READ, regs.PHY_ID2, 0x0CB1),
        (WRITE, regs.PHY_PAGE, 0),
        (READ, regs.PHY_PSCR, 0x0078),
        (WRITE, regs.PHY_PSCR, 0x0878),
        (READ, regs.PHY_PSCR, 0x0878),
        (WRITE, regs.PHY_GEN_INDEX, 3),
        (WRITE, regs.PHY_GEN_DATA, 0),
        (READ, regs.PHY_BMCR, 0x1140),
        (WRITE, regs.PHY_BMCR, 0x9140),
        (READ, regs.PHY_BMCR, 0x1140),
        (READ, regs.PHY_ANAR, 0x0DE1),
        (READ, regs.PHY_GBCR, 0x0E00),
        (WRITE, regs.PHY_ANAR, 0x0DE1),
        (WRITE, regs.PHY_GBCR, 0x0E00),
        (WRITE, regs.PHY_BMCR, 0x1340),
        (READ, regs.PHY_BMSR, 0x7949),
        (READ, regs.PHY_ANLPAR, 0),
        (READ, regs.PHY_PSSR, 0),
    ]
    for op, register, data in steps:
        await bench.write(EXTCNF_CTRL, EXTCNF_CTRL.MDIO_SW_OWNERSHIP)
        assert await bench.read(EXTCNF_CTRL) == EXTCNF_CTRL.MDIO_SW_OWNERSHIP
        if op == WRITE:
            await write_phy(bench, register, data)
        else:
            assert await read_phy(bench, register) == data, register.name
        await bench.write(EXTCNF_CTRL, 0)
    dut.phy_link_i.value = 1
    await bench.cycles(AUTONEG_CYCLES + SETTLE)
    with_link = {
        regs.PHY_BMSR: 0x796D,
        regs.PHY_ANLPAR: 0x45E1,
        regs.PHY_ANER: 0x0007,
        regs.PHY_GBSR: 0x7C00,
        regs.PHY_ESR: 0x3000,
        regs.PHY_PSSR: 0xAC08,
        regs.PHY_POWER: 0,
    }
    for register, data in with_link.items():
        assert await read_phy(bench, register) == data, register.name


@cocotb.test()
async def phy_pages_other_than_zero_are_empty(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    dut.phy_link_i.value = 1
    await bench.cycles(AUTONEG_CYCLES + SETTLE)
    paged = (regs.PHY_PSCR, regs.PHY_PSSR, regs.PHY_POWER, regs.PHY_GEN_INDEX, regs.PHY_GEN_DATA)
    for register in (regs.PHY_POWER, regs.PHY_GEN_INDEX, regs.PHY_GEN_DATA):
        await write_phy(bench, register, 0x1234)
    before = [await read_phy(bench, register) for register in paged]
    assert all(before), "each register shows something on its own page"
    await write_phy(bench, regs.PHY_PAGE, 3)
    for register in paged:
        await write_phy(bench, register, 0xFFFF)
        assert await read_phy(bench, register) == 0, register.name
    assert await read_phy(bench, regs.PHY_PAGE) == 3
    assert await read_phy(bench, regs.PHY_ID1) == 0x0141
    await write_phy(bench, regs.PHY_PAGE, 0)
    assert [await read_phy(bench, register) for register in paged] == before


@cocotb.test()
async def phy_storage_keeps_what_is_written(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    storage = (regs.PHY_ANAR, regs.PHY_GBCR, regs.PHY_PSCR, regs.PHY_POWER, regs.PHY_GEN_INDEX, regs.PHY_GEN_DATA)
    words = {register: (0x1234 * (index + 1)) & 0xFFFF for index, register in enumerate(storage)}
    for register, word in words.items():
        await write_phy(bench, register, word)
    assert {register: await read_phy(bench, register) for register in storage} == words
    await write_phy(bench, regs.PhyRegister("none", 7, 0), 0xFFFF)  # nothing is there
    assert await mdic(bench, READ, 7) & 0xFFFF == 0


@cocotb.test()
async def a_soft_reset_keeps_settings_and_a_hard_one_does_not(dut: Any) -> None:
    """The stock driver writes PSCR, or a forced speed without AN_ENABLE, and then BMCR.RESET for it to take effect."""
    bench = await CsrBench(dut).start(cable=True)
    await bench.write(CTRL, CTRL.SLU)
    await bench.cycles(AUTONEG_CYCLES + SETTLE)
    settings = {
        regs.PHY_BMCR: 0x2100,
        regs.PHY_ANAR: 0x0461,
        regs.PHY_GBCR: 0x0200,
        regs.PHY_PSCR: 0x0878,
        regs.PHY_POWER: 0x1234,
        regs.PHY_GEN_INDEX: 3,
        regs.PHY_GEN_DATA: 0x5678,
    }
    assert all(register.reset != value for register, value in settings.items())
    for register, value in settings.items():
        await write_phy(bench, register, value)
    assert int(dut.link_o.value)
    await write_phy(bench, regs.PHY_BMCR, settings[regs.PHY_BMCR] | regs.PHY_BMCR.RESET)
    await bench.cycles(SETTLE)
    assert not int(dut.link_o.value), "it takes the link down"
    assert {register: await read_phy(bench, register) for register in settings} == settings
    await bench.write(CTRL, CTRL.SLU | CTRL.PHY_RST)
    await bench.write(CTRL, CTRL.SLU)
    assert {register: await read_phy(bench, register) for register in settings} == {r: r.reset for r in settings}


@cocotb.test()
async def link_needs_cable_time_and_slu(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    await bench.write(IMS, ICR.LSC)
    dut.phy_link_i.value = 1
    await bench.cycles(AUTONEG_CYCLES + SETTLE)
    assert not await bench.read(STATUS) & STATUS.LU, "the MAC does not look before CTRL.SLU"
    assert not int(dut.intx_o.value)
    await bench.write(CTRL, CTRL.SLU | CTRL.FD)
    await bench.cycles(SETTLE)
    assert int(dut.link_o.value) and int(dut.intx_o.value)
    assert await bench.read(STATUS) & (STATUS.LU | STATUS.FD) == STATUS.LU | STATUS.FD
    assert await bench.read(ICR) == ICR.LSC | ICR.OTHER | ICR.INT_ASSERTED

    pulled = bench.cycle
    dut.phy_link_i.value = 0
    await bench.cycles(SETTLE)
    assert not bench.link[pulled + 5]
    assert int(dut.intx_o.value)
    await bench.read(ICR)

    plugged = bench.cycle
    dut.phy_link_i.value = 1
    await bench.cycles(AUTONEG_CYCLES + SETTLE)
    assert bench.link.index(1, plugged) == plugged + AUTONEG_CYCLES + 4, "two flops, PHY, MAC"
    assert await bench.read(ICR) & ICR.LSC


@cocotb.test()
async def lost_link_is_told_once_by_bmsr(dut: Any) -> None:
    bench = await CsrBench(dut).start(cable=True)
    await bench.cycles(AUTONEG_CYCLES + SETTLE)
    link = 1 << 2
    assert [await read_phy(bench, regs.PHY_BMSR) & link for _ in range(2)] == [link, link]
    dut.phy_link_i.value = 0
    await bench.cycles(SETTLE)
    dut.phy_link_i.value = 1
    await bench.cycles(AUTONEG_CYCLES + SETTLE)
    assert [await read_phy(bench, regs.PHY_BMSR) & link for _ in range(3)] == [0, link, link]


@cocotb.test()
async def software_takes_the_link_down(dut: Any) -> None:
    bench = await CsrBench(dut).start(cable=True)
    await bench.write(CTRL, CTRL.SLU)
    await bench.cycles(AUTONEG_CYCLES + SETTLE)
    bmcr = {"reset": 0x9140, "restart": 0x1340, "power down": 0x1940}
    for name, value in bmcr.items():
        await write_phy(bench, regs.PHY_BMCR, value)
        await bench.cycles(SETTLE)
        assert not int(dut.link_o.value), name
        await bench.cycles(AUTONEG_CYCLES + SETTLE)
        assert int(dut.link_o.value) == (name != "power down"), name
    await write_phy(bench, regs.PHY_BMCR, 0x1140)
    await bench.cycles(AUTONEG_CYCLES + SETTLE)
    assert int(dut.link_o.value)
    await write_phy(bench, regs.PHY_PSCR, 0x0878)
    await bench.write(CTRL, CTRL.SLU | CTRL.PHY_RST)
    await bench.cycles(AUTONEG_CYCLES + SETTLE)
    assert not int(dut.link_o.value), "held in reset"
    await bench.write(CTRL, CTRL.SLU)
    await bench.cycles(AUTONEG_CYCLES + SETTLE)
    assert int(dut.link_o.value)
    assert await read_phy(bench, regs.PHY_PSCR) == 0x0078


@cocotb.test()
@cocotb.parametrize(cable=[False, True])
async def phy_loopback_has_a_link_at_once(dut: Any, cable: bool) -> None:
    """The order of the stock driver's loopback test: BMCR 0x4140, forced speed, and 0x0140, 0x8140 to end it."""
    bench = await CsrBench(dut).start(cable=cable)
    tx_cfg = struct("tx_cfg_t")
    await bench.write(CTRL, CTRL.SLU)
    await bench.cycles(AUTONEG_CYCLES + SETTLE)
    assert int(dut.link_o.value) == cable
    await write_phy(bench, regs.PHY_BMCR, 0x4140)
    await bench.write(CTRL, CTRL.SLU | CTRL.FD | CTRL.FRCSPD | CTRL.FRCDPLX | CTRL.SPEED.put(2))
    await bench.cycles(SETTLE)
    assert await bench.read(STATUS) & (STATUS.LU | STATUS.FD) == STATUS.LU | STATUS.FD
    assert tx_cfg.unpack(int(dut.tx_cfg_o.value)).loopback
    await read_phy(bench, regs.PHY_BMSR)  # it may hold the loss of the cable's link
    assert await read_phy(bench, regs.PHY_BMSR) & regs.PHY_BMSR.LINK
    assert not await read_phy(bench, regs.PHY_BMSR) & regs.PHY_BMSR.AN_COMPLETE
    assert await read_phy(bench, regs.PHY_ANLPAR) == 0, "there is no partner"
    dut.phy_link_i.value = not cable
    await bench.cycles(SETTLE)
    dut.phy_link_i.value = cable
    await bench.cycles(SETTLE)
    assert int(dut.link_o.value) and int(dut.idle_o.value), "the cable is not looked at"

    for value in (0x0140, 0x8140):
        await write_phy(bench, regs.PHY_BMCR, value)
        await bench.cycles(SETTLE)
        assert not tx_cfg.unpack(int(dut.tx_cfg_o.value)).loopback
        assert not int(dut.link_o.value), "the partner is looked for anew"
    await bench.cycles(AUTONEG_CYCLES + SETTLE)
    assert int(dut.link_o.value) == cable


def test_nvm_and_phy(tmp_path):
    assert simulate(design(), "tests.hdl.csr.test_nvm_phy", folder=tmp_path).passed == 15
