# SPDX-License-Identifier: MIT
"""A failing test tells seed, repeat line, captures, trace and waves of what it simulated, whatever failed in it."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from sim.observe.failure import failure_lines, forget, noted
from sim.runner import SimulationFailed


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    forget()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    # A simulation that failed has said all of this itself.
    if report.failed and call.excinfo is not None and not call.excinfo.errisinstance(SimulationFailed):
        for ran in noted():
            report.sections.append(("simulated", "\n".join(failure_lines(ran, [], with_log=False))))
    return report
