# SPDX-License-Identifier: MIT
"""Violations and the log: driver/linux/bug.py, printk.py."""

from __future__ import annotations

import logging

import pytest

from driver.linux.bug import ContractViolation, Where, fatal_violation, here, told, warn_violation
from driver.linux.delay import msleep
from driver.linux.printk import dev_err, pr_info
from tests.unit.pump import machine


class Thing:
    name = "thing 1"


def make_here() -> Where:
    return here()


def test_a_place_is_told_with_file_line_and_function() -> None:
    where = make_here()
    line = test_a_place_is_told_with_file_line_and_function.__code__.co_firstlineno + 1
    assert told(where) == f"linux/test_bug.py:{line} (test_a_place_is_told_with_file_line_and_function)"
    assert told(None) == ""


def test_a_violation_names_rule_object_origin_message_and_time() -> None:
    pump = machine(panic_on_violation=False)
    where = make_here()

    async def task() -> None:
        await msleep(1)
        warn_violation("some-rule", Thing(), "was broken", where)

    pump.run(task())
    (violation,) = pump.kernel.violations
    assert (violation.rule, violation.object, violation.message) == ("some-rule", "thing 1", "was broken")
    assert violation.where_made == told(where)
    assert violation.now_ns == 1_000_000
    assert str(violation) in pump.kernel.log[-1].text


@pytest.mark.parametrize("name", [None, "", 7])
def test_a_thing_without_a_name_is_shown(name: object) -> None:
    pump, thing = machine(panic_on_violation=False), Thing()
    thing.name = name  # type: ignore[assignment]
    with pump.kernel.entered():
        warn_violation("some-rule", thing, "text")
    assert pump.kernel.violations[0].object == repr(thing)


def test_with_panic_it_is_raised_and_the_kernel_is_dead() -> None:
    pump = machine()
    with pump.kernel.entered(), pytest.raises(ContractViolation, match="some-rule: me: text"):
        warn_violation("some-rule", "me", "text")
    with pytest.raises(ContractViolation, match="some-rule"):
        pump.kernel.step(0)


def test_a_fatal_violation_is_for_raising_even_without_panic() -> None:
    pump = machine(panic_on_violation=False)
    with pump.kernel.entered(), pytest.raises(ContractViolation) as raised:
        raise fatal_violation("some-rule", "me", "text")
    assert [raised.value.violation] == pump.kernel.violations


def test_log_lines_carry_time_and_device_and_reach_the_logger(caplog: pytest.LogCaptureFixture) -> None:
    pump = machine()

    async def task() -> None:
        await msleep(2)
        pr_info("%d apples", 3)
        dev_err(Thing(), "gone")

    with caplog.at_level(logging.INFO, logger="nicosim.kernel"):
        pump.run(task())
    assert [str(line) for line in pump.kernel.log] == ["[    0.002000] 3 apples", "[    0.002000] thing 1: gone"]
    assert [record.levelname for record in caplog.records] == ["INFO", "ERROR"]
