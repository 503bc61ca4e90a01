# SPDX-License-Identifier: MIT
"""Spinlocks: driver/linux/spinlock.py."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from driver.linux.bug import ContractViolation
from driver.linux.interrupt import IRQ_HANDLED, request_irq
from driver.linux.io import IoMem, readl
from driver.linux.sched import in_atomic, in_softirq, irqs_disabled
from driver.linux.softirq import NET_RX_SOFTIRQ, open_softirq, raise_softirq
from driver.linux.spinlock import SpinLock
from tests.unit.pump import FakeFunction, Pump, machine

IRQ = 16


def test_guards_disable_what_they_say_and_give_it_back() -> None:
    lock = SpinLock()
    with machine().kernel.entered():
        with lock:
            assert (in_atomic(), in_softirq(), irqs_disabled(), lock.is_locked()) == (True, False, False, True)
        with lock.bh():
            assert (in_atomic(), in_softirq(), irqs_disabled(), lock.is_locked()) == (True, True, False, True)
        with lock.irqsave():
            assert (in_atomic(), in_softirq(), irqs_disabled(), lock.is_locked()) == (True, False, True, True)
        assert (in_atomic(), in_softirq(), irqs_disabled(), lock.is_locked()) == (False, False, False, False)


def test_a_lock_is_given_back_when_an_error_passes() -> None:
    lock = SpinLock()
    with machine().kernel.entered():
        for guard in (lock, lock.bh(), lock.irqsave()):
            with pytest.raises(KeyError), guard:
                raise KeyError
        assert not (lock.is_locked() or in_atomic() or irqs_disabled())


def test_trylock() -> None:
    lock = SpinLock()
    with machine().kernel.entered():
        assert lock.trylock()
        assert not lock.trylock()
        lock.unlock()
        assert not in_atomic()


def test_rule_lock_deadlock() -> None:
    lock = SpinLock("mine")
    with machine().kernel.entered(), pytest.raises(ContractViolation, match=r"lock-deadlock: mine"), lock, lock:
        pass


def test_rule_lock_unlock() -> None:
    with machine().kernel.entered(), pytest.raises(ContractViolation, match="lock-unlock"):
        SpinLock().unlock()


def taken_in_interrupt(pump: Pump, lock: SpinLock) -> None:
    def handler(irq: int, dev_id: object) -> int:
        with lock:
            pump.kernel.irq(IRQ).set_level(False)
        return IRQ_HANDLED

    with pump.kernel.entered():
        request_irq(IRQ, handler, 0, "card")


def taken_in_softirq(pump: Pump, lock: SpinLock) -> None:
    def handler(irq: int, dev_id: object) -> int:
        pump.kernel.irq(IRQ).set_level(False)
        raise_softirq(NET_RX_SOFTIRQ)
        return IRQ_HANDLED

    def action() -> None:
        with lock:
            pass

    with pump.kernel.entered():
        open_softirq(NET_RX_SOFTIRQ, action)
        request_irq(IRQ, handler, 0, "card")


@pytest.mark.parametrize(
    ("interrupting", "guard", "rule"),
    [
        (taken_in_interrupt, lambda lock: lock, "lock-irq-unsafe"),
        (taken_in_interrupt, lambda lock: lock.bh(), "lock-irq-unsafe"),
        (taken_in_interrupt, lambda lock: lock.irqsave(), None),
        (taken_in_softirq, lambda lock: lock, "lock-bh-unsafe"),
        (taken_in_softirq, lambda lock: lock.bh(), None),
        (taken_in_softirq, lambda lock: lock.irqsave(), None),
    ],
)
def test_rule_lock_unsafe_without_the_accident(
    interrupting: Callable[[Pump, SpinLock], None], guard: Callable[[SpinLock], SpinLock], rule: str | None
) -> None:
    pump, lock = machine(panic_on_violation=False), SpinLock("shared")
    interrupting(pump, lock)
    with pump.kernel.entered(), guard(lock):
        pass
    pump.irq(IRQ, True)
    pump.advance(1_000)
    assert [violation.rule for violation in pump.kernel.violations] == ([rule] if rule else [])


def test_the_accident_itself_is_a_deadlock() -> None:
    pump, lock = machine(FakeFunction(), panic_on_violation=False), SpinLock()
    taken_in_interrupt(pump, lock)

    async def task() -> None:
        with lock:
            await readl(IoMem(0, 0, 0x1000, "registers"), 0)

    pump.irq(IRQ, True, after_ns=100)
    with pytest.raises(ContractViolation, match="lock-deadlock"):
        pump.run(task())
