# SPDX-License-Identifier: MIT
"""The life of a network device: registration, up and down, configuration, addresses, counters."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import pytest

from driver.linux.bug import ContractViolation
from driver.linux.delay import msleep
from driver.linux.errno import EADDRNOTAVAIL, EEXIST, EINVAL, EIO, ENODEV, ENOENT, EOPNOTSUPP
from driver.linux.napi import napi_enable, netif_napi_add
from driver.linux.net.state import net_state
from driver.linux.netdevice import (
    IFF_ALLMULTI,
    IFF_PROMISC,
    IFF_RUNNING,
    IFF_UNICAST_FLT,
    IFF_UP,
    NetDevice,
    NetDeviceOps,
    RegState,
    RtnlLinkStats64,
    alloc_etherdev,
    assert_rtnl,
    dev_change_tx_queue_len,
    dev_close,
    dev_get_flags,
    dev_get_stats,
    dev_mc_add,
    dev_mc_del,
    dev_open,
    dev_set_allmulti,
    dev_set_mac_address,
    dev_set_mtu,
    dev_set_promiscuity,
    dev_uc_add,
    dev_uc_del,
    free_netdev,
    netdev_leak_check,
    netdev_mc_count,
    netdev_priv,
    netdev_uc_count,
    netif_carrier_off,
    netif_carrier_on,
    netif_device_attach,
    netif_device_detach,
    netif_running,
    netif_start_queue,
    netif_xmit_stopped,
    register_netdev,
    rtnl,
    rtnl_is_locked,
    rtnl_lock,
    rtnl_unlock,
    unregister_netdev,
)
from driver.linux.sched import Kernel
from tests.unit.pump import Pump, machine

MAC = bytes.fromhex("020000000001")
GROUP = bytes.fromhex("01005e000001")


class Ops(NetDeviceOps):
    """Writes down what it is asked."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.answer = 0

    def ndo_init(self, dev: NetDevice) -> int:
        self.calls.append("init")
        return self.answer

    def ndo_uninit(self, dev: NetDevice) -> int:
        self.calls.append("uninit")
        return 0

    async def ndo_open(self, dev: NetDevice) -> int:
        self.calls.append(("open", netif_running(dev), dev.flags & IFF_UP))
        await msleep(1)
        netif_start_queue(dev)
        return self.answer

    async def ndo_stop(self, dev: NetDevice) -> int:
        await msleep(1)
        self.calls.append(("stop", netif_running(dev), dev.flags & IFF_UP))
        return 0

    def ndo_set_rx_mode(self, dev: NetDevice) -> None:
        self.calls.append(("rx_mode", sorted(dev.mc), sorted(dev.uc), dev.flags & (IFF_PROMISC | IFF_ALLMULTI)))


class Bench:
    def __init__(self) -> None:
        self.pump: Pump = machine(memory_bytes=1 << 20)
        self.kernel: Kernel = self.pump.kernel
        self.ops = Ops()
        with self.kernel.entered():
            self.dev = alloc_etherdev(self)
            self.dev.netdev_ops = self.ops
            self.dev.dev_addr = MAC

    def run(self, coro: Coroutine[Any, Any, Any]) -> Any:
        return self.pump.run(coro)

    def up(self) -> Bench:
        assert self.run(register_netdev(self.dev)) == 0
        assert self.run(dev_open(self.dev)) == 0
        self.ops.calls.clear()
        return self

    def trips(self, rule: str, coro: Coroutine[Any, Any, Any]) -> Any:
        with self.kernel.expecting(rule) as caught:
            result = self.run(coro)
        assert [violation.rule for violation in caught] == [rule]
        return result


@pytest.fixture
def bench() -> Bench:
    return Bench()


# ---- registration


def test_a_registered_device_has_a_name_a_number_and_is_found(bench: Bench) -> None:
    assert netdev_priv(bench.dev) is bench
    assert bench.run(register_netdev(bench.dev)) == 0
    assert (bench.dev.name, bench.dev.ifindex, bench.dev.perm_addr) == ("eth0", 1, MAC)
    assert bench.dev.reg_state is RegState.REGISTERED and bench.ops.calls == ["init"]
    with bench.kernel.entered():
        assert net_state().devices == {"eth0": bench.dev}
        second = alloc_etherdev()
        second.netdev_ops = Ops()
    assert bench.run(register_netdev(second)) == 0 and second.name == "eth1"


def test_a_name_is_given_once(bench: Bench) -> None:
    bench.up()
    with bench.kernel.entered():
        second = alloc_etherdev()
        second.netdev_ops, second.name = Ops(), "eth0"
    assert bench.run(register_netdev(second)) == -EEXIST and second.reg_state is RegState.UNINITIALIZED


def test_ndo_init_may_refuse(bench: Bench) -> None:
    bench.ops.answer = -EIO
    assert bench.run(register_netdev(bench.dev)) == -EIO
    assert bench.dev.reg_state is RegState.UNINITIALIZED and bench.dev.name == "eth%d"
    with bench.kernel.entered():
        free_netdev(bench.dev)


def test_unregister_closes_then_forgets(bench: Bench) -> None:
    bench.up()
    bench.run(dev_mc_add(bench.dev, GROUP))
    bench.ops.calls.clear()
    bench.run(unregister_netdev(bench.dev))
    assert bench.ops.calls == [("stop", False, IFF_UP), "uninit"]
    assert bench.dev.reg_state is RegState.UNREGISTERED and netdev_mc_count(bench.dev) == 0
    assert bench.run(dev_open(bench.dev)) == -ENODEV
    with bench.kernel.entered():
        assert not net_state().devices
        free_netdev(bench.dev)
        netdev_leak_check()


def test_register_twice(bench: Bench) -> None:
    bench.up()
    assert bench.trips("netdev-register-twice", register_netdev(bench.dev)) == -EINVAL
    bench.run(unregister_netdev(bench.dev))
    assert bench.trips("netdev-register-twice", register_netdev(bench.dev)) == -EINVAL


def test_register_without_operations(bench: Bench) -> None:
    bench.dev.netdev_ops = NetDeviceOps()
    assert bench.trips("netdev-no-ops", register_netdev(bench.dev)) == -EINVAL


def test_unregister_what_was_never_registered(bench: Bench) -> None:
    bench.trips("netdev-never-registered", unregister_netdev(bench.dev))


def test_free_while_registered_and_twice(bench: Bench) -> None:
    async def free() -> None:
        free_netdev(bench.dev)

    bench.up()
    bench.trips("netdev-free-registered", free())
    bench.run(unregister_netdev(bench.dev))
    bench.run(free())
    bench.trips("netdev-free-twice", free())


def test_free_with_napi_enabled(bench: Bench) -> None:
    async def free() -> None:
        napi_enable(netif_napi_add(bench.dev, lambda napi, budget: 0))
        with bench.kernel.expecting("napi-deleted-live"):
            free_netdev(bench.dev)

    bench.trips("netdev-napi-enabled", free())


def test_the_leak_report_names_who_allocated(bench: Bench) -> None:
    async def check() -> None:
        netdev_leak_check()

    bench.trips("netdev-leak", check())
    with bench.kernel.entered():
        free_netdev(bench.dev)
    bench.run(check())


# ---- up and down


def test_open_and_close_in_order(bench: Bench) -> None:
    assert bench.run(register_netdev(bench.dev)) == 0
    bench.ops.calls.clear()
    assert bench.run(dev_open(bench.dev)) == 0 and bench.run(dev_open(bench.dev)) == 0
    assert dev_get_flags(bench.dev) & (IFF_UP | IFF_RUNNING) == IFF_UP | IFF_RUNNING
    assert bench.ops.calls == [("open", True, 0), ("rx_mode", [], [], 0)]
    bench.ops.calls.clear()
    bench.run(dev_close(bench.dev))
    bench.run(dev_close(bench.dev))
    assert bench.ops.calls == [("stop", False, IFF_UP)] and not dev_get_flags(bench.dev) & (IFF_UP | IFF_RUNNING)


def test_a_failed_open_leaves_the_device_down(bench: Bench) -> None:
    assert bench.run(register_netdev(bench.dev)) == 0
    bench.ops.answer = -EIO
    assert bench.run(dev_open(bench.dev)) == -EIO
    assert not netif_running(bench.dev) and not bench.dev.flags & IFF_UP
    assert bench.dev.txq.qdisc.limit == 0


def test_a_device_without_an_address_does_not_open(bench: Bench) -> None:
    bench.dev.dev_addr = bytes(6)
    assert bench.run(register_netdev(bench.dev)) == 0
    assert bench.run(dev_open(bench.dev)) == -EADDRNOTAVAIL and ("open", True, 0) not in bench.ops.calls


def test_two_tasks_take_turns(bench: Bench) -> None:
    bench.up()
    order: list[str] = []

    async def cycle(name: str) -> None:
        async with rtnl():
            order.append(f"{name} in")
            await dev_close(bench.dev)
            await dev_open(bench.dev)
            order.append(f"{name} out")

    tasks = [bench.kernel.run(cycle(name)) for name in "ab"]
    bench.pump.until(lambda: all(task.done for task in tasks))
    assert order == ["a in", "a out", "b in", "b out"] and bench.dev.flags & IFF_UP


def test_the_rtnl_is_released_when_its_holder_raises(bench: Bench) -> None:
    async def fails() -> None:
        async with rtnl():
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        bench.run(fails())
    with bench.kernel.entered():
        assert not rtnl_is_locked()


def test_a_function_may_insist_on_the_rtnl(bench: Bench) -> None:
    async def with_it() -> None:
        await rtnl_lock()
        assert_rtnl("test")
        rtnl_unlock()

    async def without() -> None:
        assert_rtnl("test")

    bench.run(with_it())
    bench.trips("rtnl-assert", without())


def test_detach_stops_the_queue_and_hides_the_device(bench: Bench) -> None:
    bench.up()
    with bench.kernel.entered():
        netif_device_detach(bench.dev)
    assert netif_xmit_stopped(bench.dev) and bench.run(dev_set_mtu(bench.dev, 1000)) == -ENODEV
    with bench.kernel.entered():
        netif_device_attach(bench.dev)
    assert not netif_xmit_stopped(bench.dev) and bench.run(dev_set_mtu(bench.dev, 1000)) == 0


def test_running_means_up_with_a_carrier(bench: Bench) -> None:
    bench.up()
    with bench.kernel.entered():
        netif_carrier_off(bench.dev)
        assert not dev_get_flags(bench.dev) & IFF_RUNNING
        netif_carrier_on(bench.dev)
        netif_carrier_on(bench.dev)
    assert dev_get_flags(bench.dev) & IFF_RUNNING and bench.dev.carrier_changes == 2


# ---- configuration


@pytest.mark.parametrize(("mtu", "answer"), [(68, 0), (67, -EINVAL), (1500, 0), (9000, 0), (9001, -EINVAL)])
def test_the_mtu_has_bounds(bench: Bench, mtu: int, answer: int) -> None:
    bench.dev.max_mtu = 9000
    bench.up()
    before = bench.dev.mtu
    assert bench.run(dev_set_mtu(bench.dev, mtu)) == answer
    assert bench.dev.mtu == (before if answer else mtu)


def test_the_driver_may_refuse_an_mtu(bench: Bench) -> None:
    bench.up()
    bench.ops.ndo_change_mtu = lambda dev, mtu: -EINVAL  # type: ignore[method-assign]
    assert bench.run(dev_set_mtu(bench.dev, 1000)) == -EINVAL and bench.dev.mtu == 1500


def test_the_address_is_the_drivers_to_change(bench: Bench) -> None:
    bench.up()
    assert bench.run(dev_set_mac_address(bench.dev, MAC)) == -EOPNOTSUPP
    assert bench.run(dev_set_mac_address(bench.dev, b"short")) == -EINVAL


def test_the_queue_length_is_positive(bench: Bench) -> None:
    bench.up()
    assert bench.run(dev_change_tx_queue_len(bench.dev, 0)) == -EINVAL
    assert bench.run(dev_change_tx_queue_len(bench.dev, 7)) == 0 and bench.dev.txq.qdisc.limit == 7


# ---- addresses


def test_the_driver_hears_of_the_first_user_and_the_last(bench: Bench) -> None:
    bench.up()
    dev = bench.dev
    for step in (dev_mc_add, dev_mc_add, dev_mc_del, dev_mc_del):
        assert bench.run(step(dev, GROUP)) == 0
    assert bench.ops.calls == [("rx_mode", [GROUP], [], 0), ("rx_mode", [], [], 0)]
    assert bench.run(dev_mc_del(dev, GROUP)) == -ENOENT and bench.run(dev_mc_add(dev, b"no")) == -EINVAL


def test_a_device_that_filters_unicast_gets_the_list(bench: Bench) -> None:
    bench.dev.priv_flags |= IFF_UNICAST_FLT
    bench.up()
    other = MAC[:5] + b"\x09"
    bench.run(dev_uc_add(bench.dev, other))
    assert bench.ops.calls == [("rx_mode", [], [other], 0)]
    assert bench.run(dev_uc_del(bench.dev, MAC)) == -ENOENT and netdev_uc_count(bench.dev) == 1


def test_a_device_that_does_not_becomes_promiscuous(bench: Bench) -> None:
    bench.up()
    other = MAC[:5] + b"\x09"
    bench.run(dev_uc_add(bench.dev, other))
    assert bench.ops.calls == [("rx_mode", [], [other], IFF_PROMISC)] and bench.dev.promiscuity == 1
    bench.run(dev_uc_del(bench.dev, other))
    assert bench.dev.promiscuity == 0 and not bench.dev.flags & IFF_PROMISC


@pytest.mark.parametrize(("change", "flag"), [(dev_set_promiscuity, IFF_PROMISC), (dev_set_allmulti, IFF_ALLMULTI)])
def test_promiscuity_and_allmulti_are_counted(bench: Bench, change: Any, flag: int) -> None:
    bench.up()
    for step in (1, 1, -1):
        bench.run(change(bench.dev, step))
        assert bench.dev.flags & flag
    bench.run(change(bench.dev, -1))
    assert not bench.dev.flags & flag
    assert bench.ops.calls == [("rx_mode", [], [], flag), ("rx_mode", [], [], 0)]
    bench.trips("netdev-count", change(bench.dev, -1))


@pytest.mark.parametrize("change", [dev_set_promiscuity, dev_set_allmulti])
def test_promiscuity_and_allmulti_change_one_after_the_other(bench: Bench, change: Any) -> None:
    bench.up()
    order: list[str] = []

    async def holder() -> None:
        async with rtnl():
            await msleep(10)
            await change(bench.dev, 1)  # who holds the RTNL may call it
            order.append("holder")
            await msleep(10)
            order.append("released")

    async def other() -> None:
        await msleep(1)
        await change(bench.dev, 1)
        order.append("other")

    bench.kernel.run(holder())
    bench.run(other())
    assert order == ["holder", "released", "other"]


def test_a_device_that_is_down_is_told_when_it_opens(bench: Bench) -> None:
    assert bench.run(register_netdev(bench.dev)) == 0
    bench.run(dev_mc_add(bench.dev, GROUP))
    bench.run(dev_set_promiscuity(bench.dev, 1))
    bench.ops.calls.clear()
    bench.run(dev_open(bench.dev))
    assert bench.ops.calls[-1] == ("rx_mode", [GROUP], [], IFF_PROMISC)


# ---- counters


def test_counters_are_the_drivers_and_the_stacks(bench: Bench) -> None:
    bench.up()
    bench.dev.stats.rx_packets = 7
    bench.dev.stats.rx_dropped = 1
    bench.dev.rx_nohandler = 3
    stats = bench.run(dev_get_stats(bench.dev))
    assert (stats.rx_packets, stats.rx_dropped, stats.rx_nohandler) == (7, 1, 3)


def test_a_driver_may_wait_for_its_counters(bench: Bench) -> None:
    class Reads(Ops):
        async def ndo_get_stats64(self, dev: NetDevice, storage: RtnlLinkStats64) -> None:
            await msleep(1)
            storage.tx_bytes = 99

    bench.dev.netdev_ops = Reads()
    bench.up()
    bench.dev.stats.rx_packets = 7  # not the driver's answer
    stats = bench.run(dev_get_stats(bench.dev))
    assert (stats.tx_bytes, stats.rx_packets) == (99, 0)


def test_a_violation_stops_a_kernel_that_panics(bench: Bench) -> None:
    bench.up()
    with pytest.raises(ContractViolation, match="netdev-register-twice"):
        bench.run(register_netdev(bench.dev))


