# SPDX-License-Identifier: MIT
"""Kernels that a unit test leaves behind in mid-run are closed, so that no coroutine is dropped unfinished."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit import pump


@pytest.fixture(autouse=True)
def _close_kernels() -> Iterator[None]:
    yield
    for kernel in pump.MADE:
        kernel.close()
    pump.MADE.clear()
