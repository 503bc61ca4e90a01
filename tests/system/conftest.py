# SPDX-License-Identifier: MIT
"""The seed of system tests: NICOSIM_SEED, else a new one for every test; a failure prints it."""

from __future__ import annotations

import os
import secrets

import pytest


@pytest.fixture
def bench_seed() -> int:
    return int(os.environ.get("NICOSIM_SEED") or secrets.randbits(31))
