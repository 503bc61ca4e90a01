# SPDX-License-Identifier: MIT
"""Register access, NVM, PHY, parameters, ethtool: what needs no traffic."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from driver.e1000e.ethtool import (
    e1000_get_drvinfo,
    e1000_get_ethtool_stats,
    e1000_get_link_ksettings,
    e1000_get_ringparam,
    e1000_get_strings,
)
from driver.e1000e.hw import Hw, er32, ew32
from driver.e1000e.nvm import NVM_WORDS, e1000_read_nvm_eerd
from driver.e1000e.param import PARAMS, e1000e_check_options
from driver.e1000e.phy import e1e_rphy, e1e_wphy, e1000_get_hw_semaphore_82574, e1000_put_hw_semaphore_82574
from driver.e1000e.regs import CTRL, FCAH, FCAL, FCT, FCTTV, ICS, IMS, MTA, PHY_ANAR, PHY_ID1
from driver.linux.delay import msleep
from driver.linux.errno import EINVAL
from driver.linux.ethtool import SPEED_UNKNOWN
from driver.linux.module import ModuleParamError
from tests.unit.e1000e.bench import Bench, frame_of
from tests.unit.e1000e.fake_card import FakeCard


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.load()
    return bench


def hw_of(bench: Bench) -> Hw:
    return bench.adapter.hw


def test_nvm_words_are_read_as_they_are(bench: Bench) -> None:
    hw = hw_of(bench)
    words = [bench.pump.run(e1000_read_nvm_eerd(hw, offset)) for offset in range(64)]
    assert words == bench.card.nvm


@pytest.mark.parametrize("offset", [-1, NVM_WORDS])
def test_nvm_address_out_of_range_is_refused(bench: Bench, offset: int) -> None:
    assert bench.pump.run(e1000_read_nvm_eerd(hw_of(bench), offset)) == -EINVAL


def test_phy_registers_keep_what_is_written(bench: Bench) -> None:
    hw = hw_of(bench)
    assert bench.pump.run(e1e_wphy(hw, PHY_ANAR, 0x0401)) == 0
    assert bench.pump.run(e1e_rphy(hw, PHY_ANAR)) == 0x0401
    assert bench.pump.run(e1e_rphy(hw, PHY_ID1)) == 0x0141
    assert bench.card.complaints == []


def test_two_tasks_do_not_mix_their_phy_accesses(bench: Bench) -> None:
    hw = hw_of(bench)
    order: list[str] = []

    async def holder() -> None:
        assert await e1000_get_hw_semaphore_82574(hw) == 0
        order.append("first has it")
        await msleep(50)
        order.append("first is done")
        await e1000_put_hw_semaphore_82574(hw)

    async def other() -> None:
        assert await e1e_rphy(hw, PHY_ID1) == 0x0141
        order.append("second")

    tasks = [bench.kernel.run(holder()), bench.kernel.run(other())]
    bench.pump.until(lambda: all(task.done for task in tasks))
    assert order == ["first has it", "first is done", "second"]


def test_loss_is_told_once_by_however_many_reads_find_out() -> None:
    bench = Bench(cpus=2)
    bench.load()
    hw, lost = hw_of(bench), []
    hw.on_gone = lambda: lost.append(hw.gone)
    bench.card.gone = True
    tasks = [bench.kernel.run(er32(hw, CTRL), cpu=cpu) for cpu in range(2)]
    bench.pump.until(lambda: all(task.done for task in tasks))
    assert lost == [True]
    assert [line.text for line in bench.kernel.log if "does not answer" in line.text] == [
        f"{hw.name}: the card does not answer: CTRL and STATUS read all ones"
    ]


class CardThatKeepsNothing(FakeCard):
    """After its reset what a driver has to set up reads as anything but what a driver would write."""

    def _reset_registers(self) -> None:
        super()._reset_registers()
        self.reg |= {register.offset: 0x5A5A for register in (FCAH, FCAL, FCT, FCTTV)}
        self.reg |= {entry.offset: 0xFFFF_FFFF for entry in MTA}


def test_reset_values_are_not_relied_on_for_pause_frames_and_the_hash_table() -> None:
    bench = Bench(card=CardThatKeepsNothing())
    bench.load()
    assert all(bench.card.get(entry) == 0 for entry in MTA)
    assert (bench.card.get(FCAL), bench.card.get(FCAH), bench.card.get(FCT)) == (0x00C2_8001, 0x0100, 0x8808)
    assert bench.card.get(FCTTV) == hw_of(bench).fc.pause_time


@pytest.mark.parametrize("register", [IMS, ICS])
def test_writing_no_ones_to_a_set_register_raises(bench: Bench, register: object) -> None:
    hw = hw_of(bench)
    with bench.kernel.entered(), pytest.raises(ValueError, match="does nothing"):
        ew32(hw, register, 0)  # type: ignore[arg-type]


# ---------------------------------------------------------------- parameters
def test_defaults_are_the_drivers() -> None:
    params = e1000e_check_options({})
    assert all(getattr(params, param.name) == param.default for param in PARAMS)
    assert (params.TxDescriptors, params.RxDescriptors, params.copybreak) == (256, 256, 256)


@pytest.mark.parametrize(
    "given",
    [
        {"TxDescriptors": 63}, {"TxDescriptors": 4097}, {"RxDescriptors": 100}, {"RxDescriptors": 8},
        {"InterruptThrottleRate": 2}, {"InterruptThrottleRate": 99}, {"InterruptThrottleRate": 100_001},
        {"CrcStripping": 2}, {"copybreak": -1}, {"NoSuchParameter": 1},
    ],
)  # fmt: skip
def test_impossible_parameter_is_refused(given: Mapping[str, int]) -> None:
    with pytest.raises(ModuleParamError):
        e1000e_check_options(given)


# ---------------------------------------------------------------- ethtool
def test_ethtool_shows_what_happened() -> None:
    bench = Bench({"RxDescriptors": 512, "TxDescriptors": 128})
    bench.load()
    assert e1000_get_link_ksettings(bench.netdev).speed == SPEED_UNKNOWN
    bench.open()
    bench.wait_carrier()
    bench.send(*(frame_of(100, n) for n in range(3)))
    bench.arrive(*(frame_of(100, n) for n in range(5)))
    bench.settle()
    names = e1000_get_strings(bench.netdev)
    values = bench.pump.run(e1000_get_ethtool_stats(bench.netdev))
    assert len(names) == len(values) == len(set(names))
    shown = dict(zip(names, values, strict=True))
    assert (shown["tx_packets"], shown["rx_packets"]) == (3, 5)
    assert (shown["tx_bytes"], shown["rx_bytes"]) == (3 * 104, 5 * 104)
    assert shown["tx_dropped"] == 0
    settings = e1000_get_link_ksettings(bench.netdev)
    assert (settings.speed, settings.full_duplex) == (1000, True)
    rings = e1000_get_ringparam(bench.netdev)
    assert (rings.rx_pending, rings.tx_pending, rings.rx_max_pending) == (512, 128, 4096)
    assert e1000_get_drvinfo(bench.netdev).bus_info == bench.adapter.pdev.name
    bench.finish()
