# SPDX-License-Identifier: MIT
"""NAPI: the state machine, the budget, and every rule tripped."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from driver.linux.delay import msleep, udelay
from driver.linux.napi import (
    NapiStruct,
    __napi_schedule,
    napi_complete,
    napi_complete_done,
    napi_disable,
    napi_enable,
    napi_schedule,
    napi_schedule_prep,
    netif_napi_add,
    netif_napi_del,
)
from driver.linux.net.state import SoftnetData, net_state
from driver.linux.netdevice import NetDevice, NetDeviceOps, alloc_etherdev, register_netdev
from driver.linux.sched import busy_until, in_softirq, sleep_until, this_cpu
from tests.unit.pump import Pump, machine


class Ops(NetDeviceOps):
    pass


class Bench:
    """A device with `waiting` packets to receive."""

    def __init__(self, **options: Any) -> None:
        self.pump: Pump = machine(memory_bytes=1 << 20, **options)
        self.kernel = self.pump.kernel
        with self.kernel.entered():
            self.dev: NetDevice = alloc_etherdev()
        self.dev.netdev_ops = Ops()
        assert self.run(register_netdev(self.dev)) == 0
        self.waiting = 0
        self.work: list[int] = []

    def run(self, coro: Coroutine[Any, Any, Any]) -> Any:
        return self.pump.run(coro)

    def do(self, function: Callable[[], Any]) -> Any:
        async def process() -> Any:
            return function()

        return self.run(process())

    def napi(self, poll: Any = None, weight: int = 64) -> NapiStruct:
        def make() -> NapiStruct:
            napi = netif_napi_add(self.dev, poll or self.poll, weight)
            napi_enable(napi)
            return napi

        made: NapiStruct = self.do(make)
        return made

    def poll(self, napi: NapiStruct, budget: int) -> int:
        assert in_softirq()
        work = min(self.waiting, budget)
        self.waiting -= work
        self.work.append(work)
        if work < budget:
            napi_complete_done(napi, work)
        return work

    def schedule(self, *napis: NapiStruct) -> list[bool]:
        answers: list[bool] = self.do(lambda: [napi_schedule(napi) for napi in napis])
        self.pump.advance(0)
        return answers

    def trips(self, rule: str, function: Callable[[], Any]) -> Any:
        with self.kernel.expecting(rule) as caught:
            result = self.do(function)
            self.pump.advance(0)
        assert [violation.rule for violation in caught] == [rule]
        return result

    @property
    def softnet(self) -> SoftnetData:
        with self.kernel.entered():
            return net_state().softnet[0]


@pytest.fixture
def bench() -> Bench:
    return Bench()


# ---- what it does


def test_a_scheduled_poll_runs_in_the_softirq_until_done(bench: Bench) -> None:
    napi = bench.napi()
    bench.waiting = 150
    assert bench.schedule(napi) == [True]
    assert bench.work == [64, 64, 22] and (napi.polls, napi.work) == (3, 150)
    assert bench.schedule(napi) == [True] and bench.work[3:] == [0]
    assert bench.softnet.time_squeeze == 0 and not bench.softnet.poll_list


def test_exactly_the_weight_is_polled_again(bench: Bench) -> None:
    napi = bench.napi()
    bench.waiting = 64
    bench.schedule(napi)
    assert bench.work == [64, 0]


def test_a_poll_may_wait(bench: Bench) -> None:
    async def poll(napi: NapiStruct, budget: int) -> int:
        await udelay(10)
        return bench.poll(napi, budget)

    napi = bench.napi(poll)
    bench.waiting = 70
    bench.do(lambda: napi_schedule(napi))
    bench.pump.advance(15_000)
    assert bench.work == [64]
    bench.pump.advance(15_000)
    assert bench.work == [64, 6]


def test_scheduled_while_it_is_scheduled_is_one_poll_more(bench: Bench) -> None:
    napi = bench.napi()
    assert bench.schedule(napi, napi, napi) == [True, False, False]
    assert bench.work == [0, 0]  # the second for those that came while it was owned


def test_scheduled_during_its_poll_is_polled_again(bench: Bench) -> None:
    answers: list[bool] = []

    def poll(napi: NapiStruct, budget: int) -> int:
        bench.work.append(0)
        if len(bench.work) == 1:
            assert not napi_schedule(napi)
        answers.append(napi_complete_done(napi, 0))
        return 0

    bench.schedule(bench.napi(poll))
    assert answers == [False, True]


def test_scheduled_after_completion_within_the_poll_is_polled_again(bench: Bench) -> None:
    def poll(napi: NapiStruct, budget: int) -> int:
        bench.work.append(0)
        assert napi_complete_done(napi, 0)
        if len(bench.work) == 1:
            assert napi_schedule(napi)
        return 0

    bench.schedule(bench.napi(poll))
    assert bench.work == [0, 0]


def pollers(bench: Bench, names: str, packets: int, busy_us: int = 0) -> tuple[list[NapiStruct], list[str]]:
    """An instance per name, each with so many packets to receive; and the order they were polled in."""
    order: list[str] = []

    def poller(name: str) -> Any:
        left = [packets]

        async def poll(napi: NapiStruct, budget: int) -> int:
            order.append(name)
            if busy_us:
                await udelay(busy_us)
            work = min(left[0], budget)
            left[0] -= work
            if work < budget:
                napi_complete_done(napi, work)
            return work

        return poll

    return [bench.napi(poller(name)) for name in names], order


def test_complete_without_a_count(bench: Bench) -> None:
    def poll(napi: NapiStruct, budget: int) -> int:
        bench.work.append(0)
        assert napi_complete(napi)
        return 0

    napi = bench.napi(poll)
    assert bench.schedule(napi) == [True] and bench.work == [0]
    assert bench.schedule(napi) == [True] and bench.work == [0, 0]


def test_instances_take_turns(bench: Bench) -> None:
    napis, order = pollers(bench, "ab", 100)
    bench.schedule(*napis)
    assert order == ["a", "b", "a", "b"] and bench.softnet.time_squeeze == 0


def test_the_softirq_ends_after_300_packets_and_those_left_come_first(bench: Bench) -> None:
    napis, order = pollers(bench, "abcdefg", 70)
    bench.schedule(*napis)
    assert "".join(order) == "abcde" + "fgabcde" + "fg" and bench.softnet.time_squeeze == 1


def test_the_softirq_ends_after_two_jiffies(bench: Bench) -> None:
    napis, order = pollers(bench, "abc", 1, busy_us=4100)
    bench.do(lambda: [napi_schedule(napi) for napi in napis])
    bench.pump.advance(30_000_000)
    assert "".join(order) == "abc" and bench.softnet.time_squeeze == 1


@pytest.mark.parametrize(("scale", "busy_us", "squeezed"), [(1, 4, 0), (1000, 4, 0), (1, 4100, 1), (1000, 4100, 1)])
def test_the_softirqs_time_is_not_the_drivers(scale: int, busy_us: int, squeezed: int) -> None:
    bench = Bench(time_scale=scale)
    napis, order = pollers(bench, "abc", 1, busy_us=busy_us * scale)
    bench.do(lambda: [napi_schedule(napi) for napi in napis])
    bench.pump.advance(30_000_000)
    assert "".join(order) == "abc" and bench.softnet.time_squeeze == squeezed


@pytest.mark.parametrize("again", [False, True])
def test_a_poll_that_waits_after_it_completed_is_not_blamed_for_the_next(again: bool) -> None:
    bench = Bench(cpus=2)
    polled: list[tuple[int, int]] = []

    async def poll(napi: NapiStruct, budget: int) -> int:
        polled.append((this_cpu().index, bench.kernel.now_ns))
        if len(polled) == 1 or not again:
            napi_complete_done(napi, 0)
            await busy_until(bench.kernel.now_ns + 1_000)  # as if it read back that its interrupt is on
            return 0
        await busy_until(bench.kernel.now_ns + 3_000)
        napi_complete_done(napi, 0)
        return 0

    napi = bench.napi(poll)

    async def schedules(when_ns: int) -> None:
        await sleep_until(when_ns)
        napi_schedule(napi)

    start_ns = bench.kernel.now_ns + 1_000
    bench.kernel.run(schedules(start_ns), cpu=0)
    bench.kernel.run(schedules(start_ns + 300), cpu=1)
    bench.pump.advance(1_000_000)
    assert polled == [(0, start_ns), (1, start_ns + 300)]
    assert bench.kernel.violations == []


def test_disable_waits_for_the_poll_and_lets_none_start(bench: Bench) -> None:
    finished: list[int] = []

    async def poll(napi: NapiStruct, budget: int) -> int:
        if len(finished) < 2:
            finished.append(0)
            return budget
        await udelay(100)
        finished.append(1)
        napi_complete_done(napi, 0)
        return 0

    napi = bench.napi(poll)

    async def closes() -> None:
        napi_schedule(napi)
        await napi_disable(napi)
        assert finished
        with bench.kernel.expecting("napi-not-enabled"):
            assert not napi_schedule(napi)
        napi_enable(napi)
        assert napi_schedule_prep(napi)

    bench.run(closes())


def test_a_poll_that_always_has_work_is_stopped_by_disable(bench: Bench) -> None:
    async def poll(napi: NapiStruct, budget: int) -> int:
        await udelay(10)
        bench.work.append(budget)
        return budget

    napi = bench.napi(poll)

    async def closes() -> None:
        napi_schedule(napi)
        await msleep(1)
        await napi_disable(napi)

    bench.run(closes())
    polls = len(bench.work)
    bench.pump.advance(1_000_000)
    assert polls > 0 and len(bench.work) == polls


def test_while_it_is_being_disabled_it_cannot_be_scheduled(bench: Bench) -> None:
    napi = bench.napi()
    answers: list[bool] = []

    async def poll(instance: NapiStruct, budget: int) -> int:
        await udelay(100)
        napi_complete_done(instance, 0)
        answers.append(napi_schedule(instance))
        return 0

    napi.poll = poll

    async def closes() -> None:
        napi_schedule(napi)
        await napi_disable(napi)

    bench.run(closes())
    assert answers == [False]


# ---- rules


def test_scheduled_while_not_enabled(bench: Bench) -> None:
    napi = bench.do(lambda: netif_napi_add(bench.dev, bench.poll))
    assert bench.trips("napi-not-enabled", lambda: napi_schedule(napi)) is False
    assert bench.work == []


def test_enabled_twice(bench: Bench) -> None:
    napi = bench.napi()
    violation = bench.kernel.expecting("napi-enabled-twice")
    with violation as caught:
        bench.do(lambda: napi_enable(napi))
    assert len(caught) == 1 and "test_napi.py" in caught[0].where_made


def test_disabled_twice(bench: Bench) -> None:
    napi = bench.napi()
    bench.run(napi_disable(napi))
    with bench.kernel.expecting("napi-disabled-twice") as caught:
        bench.run(napi_disable(napi))
    assert len(caught) == 1


def test_disabled_in_atomic_context(bench: Bench) -> None:
    async def poll(napi: NapiStruct, budget: int) -> int:
        napi_complete_done(napi, 0)
        await napi_disable(napi)
        return 0

    with bench.kernel.expecting("sleep-in-atomic") as caught:
        bench.schedule(bench.napi(poll))
    assert len(caught) == 1


def test_more_than_the_budget(bench: Bench) -> None:
    done: list[int] = []

    def poll(napi: NapiStruct, budget: int) -> int:
        if done:
            napi_complete_done(napi, 0)
            return 0
        done.append(budget)
        return budget + 1

    napi = bench.napi(poll)
    bench.trips("napi-over-budget", lambda: napi_schedule(napi))


def test_complete_without_owning_the_poll(bench: Bench) -> None:
    napi = bench.napi()
    assert bench.trips("napi-not-scheduled", lambda: napi_complete_done(napi, 0)) is False


def test_completed_twice(bench: Bench) -> None:
    def poll(napi: NapiStruct, budget: int) -> int:
        napi_complete_done(napi, 0)
        napi_complete_done(napi, 0)
        return 0

    napi = bench.napi(poll)
    bench.trips("napi-not-scheduled", lambda: napi_schedule(napi))


def test_schedule_without_prep(bench: Bench) -> None:
    napi = bench.napi()
    bench.trips("napi-not-scheduled", lambda: __napi_schedule(napi))


def test_scheduled_twice_after_one_prep(bench: Bench) -> None:
    napi = bench.napi()

    def twice() -> None:
        assert napi_schedule_prep(napi)
        __napi_schedule(napi)
        __napi_schedule(napi)

    bench.trips("napi-not-scheduled", twice)


def test_all_the_weight_and_complete(bench: Bench) -> None:
    def poll(napi: NapiStruct, budget: int) -> int:
        napi_complete_done(napi, budget)
        return budget

    napi = bench.napi(poll)
    bench.trips("napi-complete-full", lambda: napi_schedule(napi))


def test_less_than_the_weight_and_not_complete(bench: Bench) -> None:
    napi = bench.napi(lambda napi, budget: 1)
    bench.trips("napi-stuck", lambda: napi_schedule(napi))


def test_deleted_while_enabled(bench: Bench) -> None:
    napi = bench.napi()
    bench.trips("napi-deleted-live", lambda: netif_napi_del(napi))
    bench.do(lambda: netif_napi_del(napi))
    assert bench.dev.napi_list == []
