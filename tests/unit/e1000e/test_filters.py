# SPDX-License-Identifier: MIT
"""Which frames the card is told to pass."""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from driver.e1000e import hw
from driver.e1000e.mac import e1000_hash_mc_addr
from driver.e1000e.netdev import e1000e_reinit_locked
from driver.e1000e.regs import MTA, RAH, RAL, RCTL, STATUS
from driver.linux.netdevice import (
    dev_mc_add,
    dev_mc_del,
    dev_set_allmulti,
    dev_set_mac_address,
    dev_set_mtu,
    dev_set_promiscuity,
    dev_uc_add,
    dev_uc_del,
    rtnl,
)
from tests.unit.e1000e.bench import Bench, frame_of
from tests.unit.e1000e.fake_card import MAC_ADDRESS

STRANGER = bytes.fromhex("020000aaaaaa")
GROUP = bytes.fromhex("01005e010203")
OTHER_GROUP = bytes.fromhex("01005e7f0001")
BROADCAST = b"\xff" * 6


def passed(bench: Bench, *addresses: bytes) -> list[bool]:
    return [bench.card.wanted(frame_of(100, to=address)) for address in addresses]


def unicast(number: int) -> bytes:
    return bytes.fromhex("0200000001") + bytes([number])


def test_rctl_changes_only_under_the_lock_of_the_receive_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its filter bits are set_rx_mode's, on any CPU: who starts or stops the receiver must not write old ones back."""
    bench = Bench().up()
    real, held = hw.ew32, []

    def watched(card: hw.Hw, register: hw.Writable, value: int) -> None:
        if register is RCTL:
            held.append(bench.netdev.addr_list_lock.owner is not None)
        real(card, register, value)

    monkeypatch.setattr(hw, "ew32", watched)  # what rmw32 writes with
    bench.pump.run(dev_set_mtu(bench.netdev, 9000))
    monkeypatch.undo()
    assert held == [True] * 4, "stop, set-up, start, and the receive mode itself"
    bench.finish()


def test_closed_filter_passes_own_address_and_broadcast_only() -> None:
    bench = Bench().up()
    assert passed(bench, MAC_ADDRESS, BROADCAST, STRANGER, GROUP) == [True, True, False, False]
    bench.finish()


def test_promiscuous_mode_passes_everything_and_ends() -> None:
    bench = Bench().up()
    bench.pump.run(dev_set_promiscuity(bench.netdev, 1))
    assert passed(bench, STRANGER, GROUP) == [True, True]
    assert bench.card.get(RCTL) & (RCTL.UPE | RCTL.MPE) == RCTL.UPE | RCTL.MPE
    bench.pump.run(dev_set_promiscuity(bench.netdev, -1))
    assert passed(bench, MAC_ADDRESS, STRANGER, GROUP) == [True, False, False]
    bench.finish()


def test_allmulti_passes_every_group_and_no_stranger() -> None:
    bench = Bench().up()
    bench.pump.run(dev_set_allmulti(bench.netdev, 1))
    assert passed(bench, STRANGER, GROUP, OTHER_GROUP) == [False, True, True]
    bench.pump.run(dev_set_allmulti(bench.netdev, -1))
    assert passed(bench, GROUP) == [False]
    bench.finish()


def test_groups_come_and_go() -> None:
    bench = Bench().up()
    bench.pump.run(dev_mc_add(bench.netdev, GROUP))
    bench.pump.run(dev_mc_add(bench.netdev, OTHER_GROUP))
    assert passed(bench, GROUP, OTHER_GROUP) == [True, True]
    assert sum(bin(bench.card.get(register)).count("1") for register in MTA) == 2
    bench.pump.run(dev_mc_del(bench.netdev, GROUP))
    assert passed(bench, GROUP, OTHER_GROUP) == [False, True]
    bench.finish()


def test_groups_that_come_while_promiscuous_are_there_afterwards() -> None:
    bench = Bench().up()
    bench.pump.run(dev_set_promiscuity(bench.netdev, 1))
    bench.pump.run(dev_mc_add(bench.netdev, GROUP))
    bench.pump.run(dev_set_promiscuity(bench.netdev, -1))
    assert passed(bench, GROUP, OTHER_GROUP, STRANGER) == [True, False, False]
    bench.finish()


def test_groups_that_find_no_memory_make_it_allmulti_until_they_do() -> None:
    bench = Bench().up()
    bench.kernel.mm.fail_if(lambda nbytes: nbytes == len(GROUP))
    bench.pump.run(dev_mc_add(bench.netdev, GROUP))
    assert passed(bench, GROUP, OTHER_GROUP, STRANGER) == [True, True, False]
    bench.kernel.mm.fail_if(None)
    bench.pump.run(dev_mc_add(bench.netdev, OTHER_GROUP))
    assert passed(bench, GROUP, OTHER_GROUP, STRANGER) == [True, True, False]
    bench.pump.run(dev_mc_del(bench.netdev, OTHER_GROUP))
    assert passed(bench, GROUP, OTHER_GROUP, STRANGER) == [True, False, False]
    bench.finish()


def test_fifteen_more_addresses_are_filtered_exactly_and_the_sixteenth_makes_it_promiscuous() -> None:
    bench = Bench().up()
    for number in range(15):
        bench.pump.run(dev_uc_add(bench.netdev, unicast(number)))
    assert passed(bench, MAC_ADDRESS, unicast(0), unicast(14), unicast(15)) == [True, True, True, False]
    assert all(bench.card.get(register) & RAH[0].AV for register in RAH)
    bench.pump.run(dev_uc_add(bench.netdev, unicast(15)))
    assert passed(bench, unicast(15), STRANGER, GROUP) == [True, True, False]
    bench.pump.run(dev_uc_del(bench.netdev, unicast(3)))
    assert passed(bench, unicast(15), unicast(3), STRANGER) == [True, False, False]
    bench.finish()


def test_addresses_that_go_are_gone() -> None:
    bench = Bench().up()
    bench.pump.run(dev_uc_add(bench.netdev, unicast(1)))
    bench.pump.run(dev_uc_del(bench.netdev, unicast(1)))
    assert passed(bench, unicast(1), MAC_ADDRESS) == [False, True]
    assert not any(bench.card.get(register) for register in list(RAH)[1:])
    bench.finish()


def test_halves_of_an_address_are_kept_apart_and_none_is_valid_half_written() -> None:
    """RAH without AV, RAL, a read that pushes them, RAH, and one more: no bridge can merge or reorder them."""
    bench = Bench().up()
    bench.pump.host.log.clear()
    bench.pump.run(dev_set_mac_address(bench.netdev, STRANGER))
    seen = [(type(r).__name__, getattr(r, "offset", 0), getattr(r, "value", 0)) for _, r in bench.pump.host.log]
    low, high = int.from_bytes(STRANGER[:4], "little"), int.from_bytes(STRANGER[4:], "little") | RAH[0].AV
    read = ("MmioRead", STATUS.offset, 0)
    wanted = [
        ("MmioWrite", RAH[0].offset, 0),
        ("MmioWrite", RAL[0].offset, low),
        read,
        ("MmioWrite", RAH[0].offset, high),
        read,
    ]
    assert seen == wanted
    bench.finish()


@pytest.mark.parametrize("filter_type", range(4))
def test_groups_pass_whatever_the_filter_type(filter_type: int) -> None:
    """Joined ones do; what differs in one of the twelve bits that count does not."""
    bench = Bench({"mc_filter_type": filter_type}).up()
    assert RCTL.MO.get(bench.card.get(RCTL)) == filter_type
    bench.pump.run(dev_mc_add(bench.netdev, GROUP))
    bit = (36, 35, 34, 32)[filter_type]
    number = int.from_bytes(GROUP, "little")
    neighbours = [(number ^ 1 << b).to_bytes(6, "little") for b in range(bit, bit + 12)]
    twins = [(number ^ 1 << b).to_bytes(6, "little") for b in range(1, bit)]
    assert passed(bench, GROUP, *twins) == [True] * (1 + len(twins))
    assert passed(bench, *neighbours) == [False] * 12
    bench.finish()


def test_filters_survive_a_reset() -> None:
    bench = Bench().up()
    bench.pump.run(dev_mc_add(bench.netdev, GROUP))
    bench.pump.run(dev_uc_add(bench.netdev, unicast(1)))
    bench.pump.run(dev_set_mtu(bench.netdev, 2000))
    assert passed(bench, MAC_ADDRESS, GROUP, unicast(1), STRANGER, OTHER_GROUP) == [True, True, True, False, False]
    bench.finish()


async def reset(bench: Bench) -> None:
    async with rtnl():
        await e1000e_reinit_locked(bench.adapter)


async def other_mtu(bench: Bench) -> None:
    assert await dev_set_mtu(bench.netdev, 3500 - bench.netdev.mtu) == 0


@pytest.mark.parametrize("disturbance", [reset, other_mtu])
def test_address_that_is_added_at_any_moment_of_a_reset_is_there_afterwards(
    disturbance: Callable[[Bench], Coroutine[Any, Any, None]],
) -> None:
    """Lists change without the RTNL. The steps are shorter than what any of its parts takes."""
    bench = Bench().up()
    start_ns = bench.pump.now_ns
    bench.pump.run(disturbance(bench))
    lasts_ns = bench.pump.now_ns - start_ns
    assert lasts_ns > 50_000  # 50 ms of the driver's time
    for delay_ns in range(0, lasts_ns, 1000):
        added = []

        async def add(added: list[bytes] = added) -> None:
            await dev_mc_add(bench.netdev_now(), GROUP)
            await dev_uc_add(bench.netdev_now(), unicast(1))
            added.append(GROUP)

        bench.pump.at(bench.pump.now_ns + delay_ns, lambda add=add: (bench.kernel.run(add()), None)[1])  # type: ignore[misc]
        bench.pump.run(disturbance(bench))
        bench.wait_carrier()
        assert added and passed(bench, GROUP, unicast(1), OTHER_GROUP) == [True, True, False], delay_ns
        bench.pump.run(dev_mc_del(bench.netdev, GROUP))
        bench.pump.run(dev_uc_del(bench.netdev, unicast(1)))
    bench.finish()


def test_new_address_replaces_the_old_and_survives_a_reset() -> None:
    bench = Bench().up()
    assert bench.pump.run(dev_set_mac_address(bench.netdev, STRANGER)) == 0
    assert bench.netdev.dev_addr == STRANGER
    assert passed(bench, STRANGER, MAC_ADDRESS) == [True, False]
    bench.pump.run(dev_set_mtu(bench.netdev, 2000))
    bench.wait_carrier()
    assert passed(bench, STRANGER, MAC_ADDRESS) == [True, False]
    bench.arrive(frame_of(100, to=STRANGER), frame_of(100, to=MAC_ADDRESS))
    bench.settle()
    assert bench.received == [frame_of(100, to=STRANGER)]
    assert bench.netdev.perm_addr == MAC_ADDRESS
    bench.finish()


@pytest.mark.parametrize("address", [GROUP, bytes(6), BROADCAST])
def test_impossible_address_is_refused(address: bytes) -> None:
    bench = Bench().up()
    assert bench.pump.run(dev_set_mac_address(bench.netdev, address)) < 0
    assert bench.netdev.dev_addr == MAC_ADDRESS
    bench.finish()


@pytest.mark.parametrize("filter_type, offset", [(0, 36), (1, 35), (2, 34), (3, 32)])
def test_hash_takes_the_datasheets_twelve_bits(filter_type: int, offset: int) -> None:
    dice = random.Random(filter_type)
    for _ in range(50):
        address = dice.randbytes(6)
        whole = int.from_bytes(address, "little")  # bit 0 is the first on the wire, bit 47 the last
        assert e1000_hash_mc_addr(filter_type, address) == (whole >> offset) & 0xFFF
