# SPDX-License-Identifier: MIT
"""Interrupt lines: driver/linux/interrupt.py."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from driver.linux.bug import ContractViolation
from driver.linux.delay import ktime_get_ns, msleep, udelay
from driver.linux.errno import EBUSY, EINVAL
from driver.linux.interrupt import (
    IRQ_HANDLED,
    IRQ_NONE,
    IRQF_SHARED,
    RETRIGGER_NS,
    UNHANDLED_LIMIT,
    IrqHandler,
    disable_irq,
    enable_irq,
    free_irq,
    request_irq,
    synchronize_irq,
)
from driver.linux.io import IoMem, readl, writel
from driver.linux.sched import local_irq_disable, local_irq_enable
from driver.linux.spinlock import SpinLock
from tests.unit.pump import FakeFunction, Pump, machine

IRQ = 16


def handler_that(pump: Pump, answer: int, silence: bool, times: list[int]) -> IrqHandler:
    def handler(irq: int, dev_id: object) -> int:
        times.append(ktime_get_ns())
        if silence:
            pump.kernel.irq(irq).set_level(False)
        return answer

    return handler


def start(pump: Pump, handler: IrqHandler, flags: int = 0, dev_id: object = None) -> int:
    with pump.kernel.entered():
        return request_irq(IRQ, handler, flags, "card", dev_id)


def test_handler_runs_again_while_the_line_is_asserted() -> None:
    pump, times = machine(), []
    start(pump, handler_that(pump, IRQ_HANDLED, False, times))
    pump.irq(IRQ, True, after_ns=100)
    pump.irq(IRQ, False, after_ns=100 + 2 * RETRIGGER_NS + 1)
    pump.advance(100_000)
    assert times == [100, 100 + RETRIGGER_NS, 100 + 2 * RETRIGGER_NS]
    assert pump.kernel.irq_count(IRQ) == 3


def test_handler_runs_once_when_it_silences_the_line_by_reading() -> None:
    function = FakeFunction()
    pump, times = machine(function, read_ns=400), []

    def read(bar: int, offset: int) -> int:
        pump.irq(IRQ, False)
        return 4

    function.on_read = read

    async def handler(irq: int, dev_id: object) -> int:
        cause = await readl(IoMem(0, 0, 0x1000, "registers"), 0xC0)
        times.append(ktime_get_ns())
        return IRQ_HANDLED if cause else IRQ_NONE

    start(pump, handler)
    pump.irq(IRQ, True, after_ns=100)
    pump.advance(100_000)
    assert times == [500]


def test_line_is_masked_while_its_handler_runs() -> None:
    pump, depth, deepest, times = machine(FakeFunction(), cpus=2, read_ns=400), 0, 0, []

    async def handler(irq: int, dev_id: object) -> int:
        nonlocal depth, deepest
        depth += 1
        deepest = max(deepest, depth)
        times.append(ktime_get_ns())
        pump.kernel.irq(IRQ).set_level(True)
        await readl(IoMem(0, 0, 0x1000, "registers"), 0)
        depth -= 1
        return IRQ_HANDLED

    start(pump, handler)
    pump.irq(IRQ, True)
    pump.advance(2 * (400 + RETRIGGER_NS))
    assert times == [0, 400 + RETRIGGER_NS, 2 * (400 + RETRIGGER_NS)]
    assert pump.kernel.irq_count(IRQ) == 3
    assert deepest == 1


def test_a_line_asserted_before_its_handler_came_is_taken_then() -> None:
    pump, times = machine(), []
    pump.irq(IRQ, True)
    pump.advance(1_000)
    start(pump, handler_that(pump, IRQ_HANDLED, True, times))
    pump.advance(1_000)
    assert len(times) == 1


def test_a_glitch_shorter_than_an_instant_is_no_interrupt() -> None:
    pump, times = machine(), []
    start(pump, handler_that(pump, IRQ_HANDLED, True, times))
    pump.irq(IRQ, True, after_ns=100)
    pump.irq(IRQ, False, after_ns=100)
    pump.advance(1_000)
    assert times == []


def test_shared_line_calls_every_handler() -> None:
    pump, first, second = machine(), [], []
    assert start(pump, handler_that(pump, IRQ_NONE, False, first), IRQF_SHARED, "a") == 0
    assert start(pump, handler_that(pump, IRQ_HANDLED, True, second), IRQF_SHARED, "b") == 0
    pump.irq(IRQ, True, after_ns=100)
    pump.advance(1_000)
    assert first == second == [100]


def test_request_irq_refuses_what_linux_refuses() -> None:
    pump = machine()
    handler = handler_that(pump, IRQ_HANDLED, True, [])
    assert start(pump, handler, IRQF_SHARED, None) == -EINVAL
    assert start(pump, handler) == 0
    assert start(pump, handler, IRQF_SHARED, "b") == -EBUSY


def test_free_irq_ends_interrupts() -> None:
    pump, times = machine(), []
    start(pump, handler_that(pump, IRQ_HANDLED, True, times), dev_id="me")
    with pump.kernel.entered():
        free_irq(IRQ, "me")
    pump.irq(IRQ, True)
    pump.advance(10_000)
    assert times == []


def test_disable_irq_nests_and_the_interrupt_is_taken_when_enabled() -> None:
    pump, times = machine(), []

    async def task() -> None:
        request_irq(IRQ, handler_that(pump, IRQ_HANDLED, True, times), 0, "card")
        disable_irq(IRQ)
        disable_irq(IRQ)
        await msleep(1)
        enable_irq(IRQ)
        await msleep(1)
        enable_irq(IRQ)
        await msleep(1)

    pump.irq(IRQ, True, after_ns=100)
    pump.run(task())
    assert times == [2_000_000]


def test_synchronize_irq_waits_for_a_handler_on_another_cpu() -> None:
    pump = machine(FakeFunction(), cpus=2, read_ns=4_000)

    async def handler(irq: int, dev_id: object) -> int:
        await readl(IoMem(0, 0, 0x1000, "registers"), 0)
        pump.kernel.irq(IRQ).set_level(False)
        return IRQ_HANDLED

    async def task() -> int:
        await msleep(1)
        disable_irq(IRQ)
        await synchronize_irq(IRQ)
        free_irq(IRQ)
        return ktime_get_ns()

    start(pump, handler)
    pump.irq(IRQ, True, after_ns=999_000)
    assert pump.run(task(), cpu=1) == 1_003_000


def test_a_posted_write_has_time_to_silence_the_line() -> None:
    function = FakeFunction()
    pump, times = machine(function), []
    function.on_write = lambda bar, offset, value: pump.irq(IRQ, False, after_ns=300)

    def handler(irq: int, dev_id: object) -> int:
        times.append(ktime_get_ns())
        writel(0xFFFFFFFF, IoMem(0, 0, 0x1000, "registers"), 0xD8)
        return IRQ_HANDLED

    start(pump, handler)
    pump.irq(IRQ, True, after_ns=100)
    pump.advance(100_000)
    assert times == [100]


def test_rule_irq_nobody_cared_disables_the_line() -> None:
    pump, times = machine(panic_on_violation=False), []
    start(pump, handler_that(pump, IRQ_NONE, False, times))
    pump.irq(IRQ, True)
    pump.advance(2 * UNHANDLED_LIMIT * RETRIGGER_NS)
    assert len(times) == UNHANDLED_LIMIT
    assert [violation.rule for violation in pump.kernel.violations] == ["irq-nobody-cared"]
    assert "test_interrupt.py" in pump.kernel.violations[0].where_made


def test_handled_interrupts_in_between_are_no_storm() -> None:
    pump, count = machine(), 0

    def handler(irq: int, dev_id: object) -> int:
        nonlocal count
        count += 1
        return IRQ_HANDLED if count % 100 == 0 else IRQ_NONE

    start(pump, handler)
    pump.irq(IRQ, True)
    pump.advance(2 * UNHANDLED_LIMIT * RETRIGGER_NS)
    assert count > UNHANDLED_LIMIT
    assert not pump.kernel.violations


def _free_twice() -> None:
    request_irq(IRQ, lambda irq, dev_id: IRQ_NONE, 0, "card", "me")
    free_irq(IRQ, "me")
    free_irq(IRQ, "me")


def _enable_too_often() -> None:
    request_irq(IRQ, lambda irq, dev_id: IRQ_NONE, 0, "card")
    enable_irq(IRQ)


def _request_with_a_lock() -> None:
    with SpinLock():
        request_irq(IRQ, lambda irq, dev_id: IRQ_NONE, 0, "card")


@pytest.mark.parametrize(
    ("broken", "rule"),
    [(_free_twice, "irq-free"), (_enable_too_often, "irq-enable"), (_request_with_a_lock, "sleep-in-atomic")],
)
def test_rules_of_the_calls(broken: Callable[[], None], rule: str) -> None:
    with machine().kernel.entered(), pytest.raises(ContractViolation, match=f"{rule}:"):
        broken()


def test_rule_irq_free_running() -> None:
    pump = machine(FakeFunction(), cpus=2, read_ns=4_000)

    async def handler(irq: int, dev_id: object) -> int:
        await readl(IoMem(0, 0, 0x1000, "registers"), 0)
        return IRQ_HANDLED

    async def task() -> None:
        await msleep(1)
        free_irq(IRQ)

    start(pump, handler)
    pump.irq(IRQ, True, after_ns=999_000)
    with pytest.raises(ContractViolation, match="irq-free-running"):
        pump.run(task(), cpu=1)


def test_a_handler_may_be_freed_while_another_of_its_line_runs_and_is_not_called_any_more() -> None:
    pump = machine(FakeFunction(), cpus=2, read_ns=4_000)
    called: list[object] = []

    async def slow(irq: int, dev_id: object) -> int:
        called.append(dev_id)
        await readl(IoMem(0, 0, 0x1000, "registers"), 0)
        pump.kernel.irq(IRQ).set_level(False)
        return IRQ_HANDLED

    def quick(irq: int, dev_id: object) -> int:
        called.append(dev_id)
        return IRQ_NONE

    async def task() -> None:
        await msleep(1)
        free_irq(IRQ, "second")

    start(pump, slow, IRQF_SHARED, "first")
    start(pump, quick, IRQF_SHARED, "second")
    pump.irq(IRQ, True, after_ns=999_000)
    pump.run(task(), cpu=1)
    pump.advance(100_000)
    assert called == ["first"] and pump.kernel.violations == []


def test_rule_irq_return() -> None:
    pump = machine()
    start(pump, lambda irq, dev_id: None)  # type: ignore[arg-type, return-value]
    pump.irq(IRQ, True)
    with pytest.raises(ContractViolation, match=r"irq-return.*None"):
        pump.advance(10)


def test_a_handler_that_ends_with_a_lock_held_is_a_violation() -> None:
    pump = machine()

    def handler(irq: int, dev_id: object) -> int:
        SpinLock("forgotten").lock()
        return IRQ_HANDLED

    start(pump, handler)
    pump.irq(IRQ, True)
    with pytest.raises(ContractViolation, match=r"atomic-leak.*forgotten"):
        pump.advance(10)


def test_a_line_asserted_anew_is_not_taken_before_the_cpu_has_left_the_last_interrupt() -> None:
    pump, times = machine(), []
    start(pump, handler_that(pump, IRQ_HANDLED, False, times))
    pump.irq(IRQ, True, after_ns=100)
    pump.irq(IRQ, False, after_ns=200)
    pump.irq(IRQ, True, after_ns=300)
    pump.advance(100 + RETRIGGER_NS)
    assert times == [100, 100 + RETRIGGER_NS]


def test_a_line_disabled_while_it_waits_for_the_cpu_is_not_taken() -> None:
    pump, times = machine(), []

    async def task() -> None:
        request_irq(IRQ, handler_that(pump, IRQ_HANDLED, True, times), 0, "card")
        local_irq_disable()
        await udelay(10)
        disable_irq(IRQ)
        local_irq_enable()
        await udelay(10)
        enable_irq(IRQ)
        await udelay(10)

    pump.irq(IRQ, True, after_ns=100)
    pump.run(task())
    assert times == [20_000]


def test_a_line_that_was_shut_off_works_for_its_next_owner() -> None:
    pump, times = machine(panic_on_violation=False), []
    start(pump, handler_that(pump, IRQ_NONE, False, []))
    pump.irq(IRQ, True)
    pump.advance(2 * UNHANDLED_LIMIT * RETRIGGER_NS)
    with pump.kernel.entered():
        free_irq(IRQ)
    start(pump, handler_that(pump, IRQ_HANDLED, True, times))
    pump.advance(1_000)
    assert len(times) == 1
