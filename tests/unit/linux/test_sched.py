# SPDX-License-Identifier: MIT
"""Contexts, run queue, time: driver/linux/sched.py and cpu.py."""

from __future__ import annotations

from typing import Any

import pytest

from driver.host import IrqLevel, MmioRead, MmioWrite, ReadDone
from driver.linux.bug import ContractViolation
from driver.linux.current import NoKernelError
from driver.linux.delay import ktime_get_ns, msleep, udelay
from driver.linux.interrupt import IRQ_HANDLED, request_irq
from driver.linux.io import IoMem, readl, writel
from driver.linux.sched import (
    Cost,
    block,
    charge,
    cond_resched,
    current,
    in_hardirq,
    in_softirq,
    in_task,
    local_irq_disable,
    local_irq_enable,
    might_sleep,
    this_cpu,
)
from driver.linux.softirq import NET_RX_SOFTIRQ, local_bh_disable, local_bh_enable, open_softirq, raise_softirq
from driver.linux.spinlock import SpinLock
from tests.unit.pump import FakeFunction, machine

IRQ = 16


def registers() -> IoMem:
    return IoMem(0, 0, 0x20000, "registers")


def test_linux_function_outside_the_kernel_is_refused() -> None:
    with pytest.raises(NoKernelError):
        current()


def test_tasks_run_in_the_order_they_were_started() -> None:
    pump, order = machine(), []

    async def task(name: str) -> None:
        order.append(name)
        await msleep(1)
        order.append(name)

    for name in "abc":
        pump.kernel.run(task(name))
    pump.advance(2_000_000)
    assert order == list("abcabc")


def test_msleep_takes_exactly_its_time_and_frees_the_cpu() -> None:
    pump, seen = machine(), []

    async def sleeper() -> None:
        await msleep(3)
        seen.append(("slept", ktime_get_ns()))

    async def other() -> None:
        seen.append(("other", ktime_get_ns()))

    pump.kernel.run(sleeper())
    pump.kernel.run(other())
    pump.advance(10_000_000)
    assert seen == [("other", 0), ("slept", 3_000_000)]


def test_time_scale_divides_sleeps_and_delays() -> None:
    pump = machine(time_scale=1000)

    async def task() -> int:
        await msleep(5)
        await udelay(7)
        return ktime_get_ns()

    assert pump.run(task()) == 5_000 + 7


def test_register_read_keeps_the_cpu_from_other_tasks() -> None:
    pump, order = machine(FakeFunction(), read_ns=400), []

    async def reader() -> None:
        await readl(registers(), 8)
        order.append(("reader", ktime_get_ns()))

    async def other() -> None:
        order.append(("other", ktime_get_ns()))

    pump.kernel.run(reader())
    pump.kernel.run(other())
    pump.advance(10_000)
    assert order == [("reader", 400), ("other", 400)]


def test_requests_are_in_program_order_and_writes_do_not_wait() -> None:
    pump = machine(FakeFunction())

    async def task() -> int:
        writel(1, registers(), 0)
        writel(2, registers(), 4)
        return await readl(registers(), 4)

    assert pump.run(task()) == 2
    assert [request for _, request in pump.host.log] == [
        MmioWrite(0, 0, 0, 0, 1),
        MmioWrite(0, 0, 0, 4, 2),
        MmioRead(0, 0, 0, 4),
    ]


def test_interrupt_during_a_read_is_taken_when_it_completes_and_before_the_reader_goes_on() -> None:
    pump, order = machine(FakeFunction(), read_ns=400), []

    def handler(irq: int, dev_id: object) -> int:
        order.append(("irq", ktime_get_ns()))
        pump.kernel.irq(IRQ).set_level(False)
        return IRQ_HANDLED

    async def task() -> None:
        request_irq(IRQ, handler, 0, "card")
        order.append(await readl(registers(), 0))

    pump.irq(IRQ, True, after_ns=100)
    pump.run(task())
    assert order == [("irq", 400), 0]


def test_handler_may_read_a_register_before_the_interrupted_read_goes_on() -> None:
    function = FakeFunction()
    function.registers[0, 0] = 11
    function.registers[0, 0xC0] = 22
    pump, order = machine(function, read_ns=400), []

    async def handler(irq: int, dev_id: object) -> int:
        order.append(await readl(registers(), 0xC0))
        pump.kernel.irq(IRQ).set_level(False)
        return IRQ_HANDLED

    async def task() -> None:
        request_irq(IRQ, handler, 0, "card")
        order.append(await readl(registers(), 0))
        order.append(ktime_get_ns())

    pump.irq(IRQ, True, after_ns=100)
    pump.run(task())
    assert order == [22, 11, 800]


def test_interrupt_during_udelay_is_taken_at_once() -> None:
    pump, order = machine(), []

    def handler(irq: int, dev_id: object) -> int:
        order.append(("irq", ktime_get_ns()))
        pump.kernel.irq(IRQ).set_level(False)
        return IRQ_HANDLED

    async def task() -> None:
        request_irq(IRQ, handler, 0, "card")
        await udelay(10)
        order.append(("delayed", ktime_get_ns()))

    pump.irq(IRQ, True, after_ns=3_000)
    pump.run(task())
    assert order == [("irq", 3_000), ("delayed", 10_000)]


def test_interrupt_waits_while_interrupts_are_disabled() -> None:
    pump, order = machine(FakeFunction(), read_ns=400), []

    def handler(irq: int, dev_id: object) -> int:
        order.append("irq")
        pump.kernel.irq(IRQ).set_level(False)
        return IRQ_HANDLED

    async def task() -> None:
        request_irq(IRQ, handler, 0, "card")
        local_irq_disable()
        await readl(registers(), 0)
        order.append("still disabled")
        local_irq_enable()
        await readl(registers(), 0)
        order.append("enabled")

    pump.irq(IRQ, True, after_ns=100)
    pump.run(task())
    assert order == ["still disabled", "irq", "enabled"]


def test_a_hard_interrupt_interrupts_a_softirq() -> None:
    pump, order = machine(FakeFunction(), read_ns=400), []

    async def action() -> None:
        order.append("softirq")
        await readl(registers(), 0)
        order.append("softirq goes on")

    def handler(irq: int, dev_id: object) -> int:
        assert in_hardirq()
        order.append("irq")
        pump.kernel.irq(IRQ).set_level(False)
        return IRQ_HANDLED

    async def task() -> None:
        request_irq(IRQ, handler, 0, "card")
        open_softirq(NET_RX_SOFTIRQ, action)
        local_bh_disable()
        raise_softirq(NET_RX_SOFTIRQ)
        local_bh_enable()
        await udelay(1)
        order.append("task")

    pump.irq(IRQ, True, after_ns=100)
    pump.run(task())
    assert order == ["softirq", "irq", "softirq goes on", "task"]


def test_context_predicates() -> None:
    pump, seen = machine(), {}

    def look() -> tuple[bool, bool, bool]:
        return in_task(), in_softirq(), in_hardirq()

    def handler(irq: int, dev_id: object) -> int:
        seen["hardirq"] = look()
        raise_softirq(NET_RX_SOFTIRQ)
        pump.kernel.irq(IRQ).set_level(False)
        return IRQ_HANDLED

    def action() -> None:
        seen["softirq"] = look()

    async def task() -> None:
        seen["task"] = look()
        local_bh_disable()
        seen["bh off"] = look()
        local_bh_enable()
        open_softirq(NET_RX_SOFTIRQ, action)
        request_irq(IRQ, handler, 0, "card")
        await msleep(1)

    pump.irq(IRQ, True, after_ns=100)
    pump.run(task())
    assert seen == {
        "task": (True, False, False),
        "bh off": (True, True, False),
        "hardirq": (False, False, True),
        "softirq": (False, True, False),
    }


async def _sleep_with_lock() -> None:
    with SpinLock("mine"):
        await msleep(1)


async def _sleep_with_bh_off() -> None:
    local_bh_disable()
    await msleep(1)


async def _sleep_with_irqs_off() -> None:
    local_irq_disable()
    await msleep(1)


async def _might_sleep_with_lock() -> None:
    with SpinLock("mine"):
        might_sleep()


async def _block_with_lock() -> None:
    with SpinLock("mine"):
        await block()


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (_sleep_with_lock, "holding mine"),
        (_sleep_with_bh_off, "bottom halves disabled"),
        (_sleep_with_irqs_off, "interrupts disabled"),
        (_might_sleep_with_lock, "holding mine"),
        (_block_with_lock, "holding mine"),
    ],
)
def test_rule_sleep_in_atomic(broken: Any, why: str) -> None:
    with pytest.raises(ContractViolation, match=f"sleep-in-atomic.*{why}"):
        machine().run(broken())


def test_rule_sleep_in_atomic_in_a_handler() -> None:
    pump = machine()

    async def handler(irq: int, dev_id: object) -> int:
        await msleep(1)
        return IRQ_HANDLED

    async def task() -> None:
        request_irq(IRQ, handler, 0, "card")
        await msleep(1)

    pump.irq(IRQ, True)
    with pytest.raises(ContractViolation, match=r"sleep-in-atomic.*in a hard interrupt"):
        pump.run(task())


def test_a_register_read_with_a_lock_held_is_no_violation() -> None:
    pump = machine(FakeFunction())

    async def task() -> bool:
        with SpinLock().irqsave():
            await readl(registers(), 0)
            await udelay(1)
        return True

    assert pump.run(task())
    assert not pump.kernel.violations


def test_without_panic_violations_are_recorded_and_sleeping_becomes_waiting() -> None:
    pump = machine(panic_on_violation=False)

    async def task() -> int:
        with SpinLock():
            await msleep(2)
        return ktime_get_ns()

    assert pump.run(task()) == 2_000_000
    assert [violation.rule for violation in pump.kernel.violations] == ["sleep-in-atomic"]


def test_rule_atomic_leak() -> None:
    async def task() -> None:
        SpinLock("forgotten").lock()

    with pytest.raises(ContractViolation, match=r"atomic-leak.*holding forgotten"):
        machine().run(task())


def test_rule_irq_enable() -> None:
    with machine().kernel.entered(), pytest.raises(ContractViolation, match="irq-enable"):
        local_irq_enable()


def test_a_swallowed_violation_still_comes_out_of_step() -> None:
    async def task() -> None:
        try:
            with SpinLock():
                might_sleep()
        except ContractViolation:
            pass

    pump = machine()
    with pytest.raises(ContractViolation, match="sleep-in-atomic"):
        pump.run(task())


def test_expected_violations_are_caught_and_not_recorded() -> None:
    pump = machine()

    async def task() -> None:
        with SpinLock():
            might_sleep()

    with pump.kernel.expecting("sleep-in-atomic") as caught:
        pump.run(task())
    assert len(caught) == 1
    assert not pump.kernel.violations


def test_task_result_raises_what_the_task_raised() -> None:
    pump = machine()

    async def task() -> None:
        raise KeyError("lost")

    with pytest.raises(KeyError, match="lost"):
        pump.run(task())


def test_an_error_nobody_asked_for_is_kept() -> None:
    pump = machine()

    async def task() -> None:
        raise KeyError("lost")

    started = pump.kernel.run(task(), name="culprit")
    pump.advance(10)
    assert [(name, type(error)) for name, error in pump.kernel.unseen_errors()] == [("culprit", KeyError)]
    with pytest.raises(KeyError):
        started.result()
    assert not pump.kernel.unseen_errors()


def test_what_a_kernel_thread_raises_comes_out_of_step() -> None:
    pump = machine()

    async def thread() -> None:
        raise KeyError("lost")

    pump.kernel.kthread(thread(), "thread")
    with pytest.raises(KeyError):
        pump.advance(1)


def test_await_task_joins_it() -> None:
    pump = machine()

    async def child() -> int:
        await msleep(2)
        return 5

    async def parent() -> tuple[int, int]:
        return await current().run(child()), ktime_get_ns()

    assert pump.run(parent()) == (5, 2_000_000)


def test_position_names_the_innermost_await() -> None:
    pump = machine()

    async def inner() -> None:
        await msleep(1000)

    async def outer() -> None:
        await inner()

    task = pump.kernel.run(outer())
    pump.advance(10)
    assert "inner" in task.position()
    with pytest.raises(RuntimeError, match="inner"):
        task.result()


def test_rule_livelock() -> None:
    pump = machine()

    async def spin() -> None:
        while True:
            await charge(0)

    with pytest.raises(ContractViolation, match="livelock"):
        pump.run(spin())


def test_cond_resched_lets_the_other_tasks_run() -> None:
    pump, order = machine(), []

    async def greedy() -> None:
        for number in range(3):
            order.append(number)
            await cond_resched()

    async def other() -> None:
        order.append("other")

    pump.kernel.run(greedy())
    pump.kernel.run(other())
    pump.advance(1)
    assert order == [0, "other", 1, 2]


def test_costs_are_charged_on_entering_a_context() -> None:
    pump, seen = machine(cost=Cost(hardirq_ns=300, softirq_ns=200, switch_ns=50)), []

    def handler(irq: int, dev_id: object) -> int:
        seen.append(("hardirq", ktime_get_ns()))
        raise_softirq(NET_RX_SOFTIRQ)
        pump.kernel.irq(IRQ).set_level(False)
        return IRQ_HANDLED

    async def task() -> None:
        seen.append(("task", ktime_get_ns()))
        open_softirq(NET_RX_SOFTIRQ, lambda: seen.append(("softirq", ktime_get_ns())))
        request_irq(IRQ, handler, 0, "card")
        await msleep(1)

    pump.irq(IRQ, True, after_ns=1_000)
    pump.run(task())
    assert seen == [("task", 50), ("hardirq", 1_300), ("softirq", 1_500)]


def test_deadline_says_when_the_kernel_wants_to_run() -> None:
    kernel = machine().kernel
    assert kernel.deadline_ns is None

    async def task() -> None:
        await udelay(2)
        await msleep(1)

    kernel.run(task())
    assert kernel.deadline_ns == 0
    kernel.step(5)
    assert kernel.deadline_ns == 2_005
    kernel.step(2_005)
    assert kernel.deadline_ns == 1_002_005
    kernel.step(1_002_005)
    assert kernel.deadline_ns is None


def test_a_stalled_cpu_has_no_deadline_even_when_a_sleep_is_over() -> None:
    kernel = machine(FakeFunction()).kernel

    async def sleeper() -> None:
        await udelay(1)
        await msleep(0)

    async def reader() -> None:
        await readl(registers(), 0)

    kernel.run(sleeper())
    kernel.run(reader())
    kernel.step(0)
    kernel.step(1_000)
    assert kernel.step(1_001) == []
    assert kernel.deadline_ns is None
    kernel.step(2_000, [ReadDone(0, 0)])
    assert not kernel.tasks


def test_read_done_that_nobody_waits_for_is_refused() -> None:
    with pytest.raises(RuntimeError, match="ReadDone"):
        machine().kernel.step(0, [ReadDone(0, 1)])


def test_time_never_goes_back() -> None:
    kernel = machine().kernel
    kernel.step(10)
    with pytest.raises(ValueError, match="went back"):
        kernel.step(9)


def test_cpus_run_at_the_same_time() -> None:
    pump = machine(FakeFunction(), cpus=2, read_ns=400)
    seen = []

    async def reader() -> None:
        await readl(registers(), 0)
        seen.append((this_cpu().index, ktime_get_ns()))

    pump.kernel.run(reader(), cpu=0)
    pump.kernel.run(reader(), cpu=1)
    pump.advance(1_000)
    assert seen == [(0, 400), (1, 400)]


def test_a_cpu_that_waits_with_a_lock_held_holds_up_the_others() -> None:
    pump = machine(FakeFunction(), cpus=2, read_ns=400)
    lock, seen = SpinLock(), []

    async def task() -> None:
        with lock:
            await readl(registers(), 0)
            seen.append((this_cpu().index, ktime_get_ns()))

    pump.kernel.run(task(), cpu=0)
    pump.kernel.run(task(), cpu=1)
    pump.advance(2_000)
    assert seen == [(0, 400), (1, 800)]
    assert not pump.kernel.violations


def test_a_task_can_be_woken_from_another_cpu() -> None:
    pump, seen = machine(cpus=2), []

    async def waiter() -> None:
        seen.append((await block(), this_cpu().index))

    async def waker() -> None:
        await msleep(1)
        task.wake("now")

    task = pump.kernel.run(waiter(), cpu=0)
    pump.kernel.run(waker(), cpu=1)
    pump.advance(2_000_000)
    assert seen == [("now", 0)]


def test_the_same_events_give_the_same_requests() -> None:
    def once() -> list[object]:
        pump = machine(FakeFunction(), cpus=2)

        async def task(count: int) -> None:
            for number in range(count):
                writel(number, registers(), 4 * count)
                await readl(registers(), 0)
                await msleep(number % 3)

        for count in range(1, 9):
            pump.kernel.run(task(count), cpu=count % 2)
        pump.irq(IRQ, True, after_ns=100)
        pump.advance(100_000_000)
        return list(pump.host.log)

    first = once()
    assert len(first) == 72
    assert first == once()


def test_close_runs_finally_clauses_inside_the_kernel() -> None:
    pump, lock = machine(), SpinLock()
    ended = []

    async def task() -> None:
        try:
            await msleep(1000)
        finally:
            with lock:
                ended.append(current())

    pump.kernel.run(task())
    pump.advance(10)
    pump.kernel.close()
    assert ended == [pump.kernel]


def test_interrupt_levels_are_events() -> None:
    kernel = machine().kernel
    kernel.step(0, [IrqLevel(IRQ, True), IrqLevel(IRQ + 1, True), IrqLevel(IRQ, False)])
    assert [number for number, desc in kernel.irqs.items() if desc.level] == [IRQ + 1]


def test_writes_from_outside_a_step_are_requests_of_the_next() -> None:
    kernel = machine(FakeFunction()).kernel
    kernel.step(5)
    with kernel.entered():
        writel(1, registers(), 0)
    assert kernel.deadline_ns == 5
    assert kernel.step(5) == [MmioWrite(0, 0, 0, 0, 1)]
    assert kernel.deadline_ns is None


def test_entering_nests() -> None:
    outer, inner = machine().kernel, machine().kernel
    with outer.entered():
        with inner.entered():
            assert current() is inner
        assert current() is outer
    with pytest.raises(NoKernelError):
        current()
