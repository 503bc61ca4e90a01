# SPDX-License-Identifier: MIT
"""Timers and delays: driver/linux/timer.py, delay.py."""

from __future__ import annotations

from typing import Any

import pytest

from driver.linux.delay import (
    HZ,
    TICK_NS,
    jiffies,
    jiffies_to_msecs,
    ktime_get_ns,
    mdelay,
    msecs_to_jiffies,
    msleep,
    ndelay,
    round_jiffies,
    time_after,
    time_after_eq,
    time_before,
    udelay,
    usecs_to_jiffies,
    usleep_range,
)
from driver.linux.io import IoMem, readl
from driver.linux.sched import in_softirq, in_task, local_irq_disable, local_irq_enable, this_cpu
from driver.linux.softirq import local_bh_disable, local_bh_enable
from driver.linux.timer import TimerList, add_timer, del_timer, del_timer_sync, mod_timer, timer_pending
from tests.unit.pump import FakeFunction, machine


def recorder(times: list[int]) -> TimerList:
    return TimerList(lambda _: times.append(ktime_get_ns()))


def test_timer_fires_once_at_its_jiffy_in_softirq_context() -> None:
    pump, seen = machine(), []

    async def task() -> None:
        timer = TimerList(lambda arg: seen.append((arg, ktime_get_ns(), in_softirq(), in_task())), "arg")
        assert not mod_timer(timer, jiffies() + 3)
        assert timer_pending(timer)
        await msleep(100)
        assert not timer_pending(timer)

    pump.run(task())
    assert seen == [("arg", 3 * TICK_NS, True, False)]


def test_timer_function_may_read_registers_and_restart_itself() -> None:
    pump, times = machine(FakeFunction(), read_ns=500), []

    async def function(timer_of: list[TimerList]) -> None:
        await readl(IoMem(0, 0, 0x1000, "registers"), 0)
        times.append(ktime_get_ns())
        if len(times) < 3:
            mod_timer(timer_of[0], jiffies() + 1)

    async def task() -> None:
        holder: list[TimerList] = []
        holder.append(TimerList(function, holder))
        mod_timer(holder[0], jiffies() + 1)
        await msleep(100)

    pump.run(task())
    assert times == [TICK_NS + 500, 2 * TICK_NS + 500, 3 * TICK_NS + 500]


@pytest.mark.parametrize(("first", "second"), [(2, 5), (5, 2), (3, 3)])
def test_mod_timer_moves_a_pending_timer(first: int, second: int) -> None:
    pump, times = machine(), []

    async def task() -> None:
        timer = recorder(times)
        mod_timer(timer, jiffies() + first)
        assert mod_timer(timer, jiffies() + second)
        await msleep(100)

    pump.run(task())
    assert times == [second * TICK_NS]


def test_putting_a_timer_off_again_and_again_does_not_fill_the_heap() -> None:
    pump, times = machine(), []

    async def task() -> None:
        timer = recorder(times)
        for _ in range(1000):
            mod_timer(timer, jiffies() + 10)
            await usleep_range(100, 100)

    pump.run(task())
    assert len(pump.kernel._heap) < 10
    assert times == []
    pump.advance(20 * TICK_NS)
    assert len(times) == 1


@pytest.mark.parametrize("stop", [del_timer, del_timer_sync])
def test_a_stopped_timer_does_not_fire(stop: Any) -> None:
    pump, times = machine(), []

    async def task() -> None:
        timer = recorder(times)
        mod_timer(timer, jiffies() + 2)
        assert stop(timer)
        assert not stop(timer)
        await msleep(100)

    pump.run(task())
    assert times == []


def test_a_timer_that_is_due_but_held_back_can_be_stopped_and_moved() -> None:
    pump, stopped, moved = machine(), [], []

    async def task() -> None:
        one, other = recorder(stopped), recorder(moved)
        mod_timer(one, jiffies() + 1)
        mod_timer(other, jiffies() + 1)
        local_bh_disable()
        await mdelay(10)
        assert timer_pending(one)
        assert del_timer(one)
        assert mod_timer(other, jiffies() + 5)
        local_bh_enable()
        await msleep(100)

    pump.run(task())
    assert stopped == []
    assert moved == [7 * TICK_NS]


def test_timers_wait_for_interrupts_and_bottom_halves() -> None:
    pump, times = machine(), []

    async def task() -> None:
        mod_timer(recorder(times), jiffies() + 1)
        local_irq_disable()
        await mdelay(10)
        local_irq_enable()
        await udelay(1)
        mod_timer(recorder(times), jiffies() + 1)
        local_bh_disable()
        await mdelay(10)
        local_bh_enable()
        await udelay(1)

    pump.run(task())
    assert times == [10_000_000, 20_001_000]


def test_timers_fire_on_the_cpu_that_started_them() -> None:
    pump, seen = machine(cpus=2), []

    async def task() -> None:
        mod_timer(TimerList(lambda _: seen.append(this_cpu().index)), jiffies() + 1)
        await msleep(20)

    pump.run(task(), cpu=1)
    assert seen == [1]


def test_add_timer_uses_expires_and_the_past_means_the_next_jiffy() -> None:
    pump, times = machine(), []

    async def task() -> None:
        await msleep(20)
        for expires in (0, 8):
            timer = recorder(times)
            timer.expires = expires
            add_timer(timer)
        await msleep(100)

    pump.run(task())
    assert times == [6 * TICK_NS, 8 * TICK_NS]


@pytest.mark.parametrize("scale", [1, 3, 1000])
def test_time_scale_runs_jiffies_and_timers_faster(scale: int) -> None:
    pump, seen = machine(time_scale=scale), []

    async def task() -> None:
        mod_timer(TimerList(lambda _: seen.append((jiffies(), ktime_get_ns()))), jiffies() + 5 * HZ)
        await msleep(6000)

    pump.run(task())
    assert seen == [(5 * HZ, -(-5_000_000_000 // scale))]


@pytest.mark.parametrize(
    ("wait", "ns"),
    [
        (lambda: msleep(2), 2_000_000),
        (lambda: usleep_range(50, 100), 50_000),
        (lambda: udelay(3), 3_000),
        (lambda: mdelay(3), 3_000_000),
        (lambda: ndelay(30), 30),
    ],
)
def test_delays_take_their_time(wait: Any, ns: int) -> None:
    pump = machine()

    async def task() -> int:
        await wait()
        return ktime_get_ns()

    assert pump.run(task()) == ns


def test_conversions_round_as_linux_does() -> None:
    assert [msecs_to_jiffies(ms) for ms in (0, 1, 4, 5, 1000)] == [0, 1, 1, 2, HZ]
    assert [usecs_to_jiffies(us) for us in (0, 1, 4000, 4001)] == [0, 1, 1, 2]
    assert jiffies_to_msecs(HZ) == 1000
    assert [round_jiffies(j) for j in (0, 1, HZ, HZ + 1)] == [0, HZ, HZ, 2 * HZ]


def test_a_stopped_timer_does_not_fire_beside_one_of_the_same_jiffy_and_is_no_deadline() -> None:
    pump, kept, stopped = machine(), [], []
    with pump.kernel.entered():
        mod_timer(recorder(kept), 2)
        timer = recorder(stopped)
        mod_timer(timer, 2)
        last = recorder(stopped)
        mod_timer(last, 3)
        del_timer(timer)
        del_timer(last)
    pump.kernel.step(2 * TICK_NS)
    assert (len(kept), len(stopped)) == (1, 0)
    assert pump.kernel.deadline_ns is None


def test_other_cpus_wait_for_a_timer_function_that_waits() -> None:
    pump, order = machine(FakeFunction(), cpus=2, read_ns=500), []

    async def function(_: object) -> None:
        await readl(IoMem(0, 0, 0x1000, "registers"), 0)
        order.append(("timer", ktime_get_ns()))

    async def other() -> None:
        await usleep_range(4_000, 4_000)
        order.append(("other", ktime_get_ns()))

    with pump.kernel.entered():
        mod_timer(TimerList(function), 1)
    pump.run(other(), cpu=1)
    assert order == [("timer", TICK_NS + 500), ("other", TICK_NS + 500)]


@pytest.mark.parametrize(("a", "b"), [(4, 5), (5, 5), (6, 5)])
def test_jiffies_are_compared(a: int, b: int) -> None:
    assert (time_after(a, b), time_after_eq(a, b), time_before(a, b)) == (a > b, a >= b, a < b)
