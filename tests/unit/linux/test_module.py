# SPDX-License-Identifier: MIT
"""Module parameters: driver/linux/module.py."""

from __future__ import annotations

from typing import Any

import pytest

from driver.linux.errno import EINVAL, ENOENT, errname
from driver.linux.module import ModuleParamError, Param, load_params

RING = Param("ring", 256, 64, 4096, "descriptors", step=8)
SCALE = Param("scale", 1, 1, 1_000_000, "driver's time scale")


def test_what_is_not_given_has_its_default() -> None:
    assert load_params([RING, SCALE], {"ring": 4096}) == {"ring": 4096, "scale": 1}


@pytest.mark.parametrize("value", [63, 4097, -64, 100, "256", True, 256.0])
def test_values_out_of_range_are_refused(value: Any) -> None:
    with pytest.raises(ModuleParamError, match=r"ring=.*EINVAL") as refused:
        load_params([RING], {"ring": value})
    assert refused.value.errno == -EINVAL


def test_unknown_parameters_are_refused_with_a_list() -> None:
    with pytest.raises(ModuleParamError, match="no parameter rings; there are ring, scale") as refused:
        load_params([RING, SCALE], {"rings": 256})
    assert refused.value.errno == -ENOENT


def test_a_default_is_checked_too() -> None:
    with pytest.raises(ModuleParamError):
        Param("bad", 0, 1, 2, "nothing")


def test_errname() -> None:
    assert (errname(-EINVAL), errname(EINVAL), errname(-4000), errname(0)) == ("-EINVAL", "EINVAL", "-4000", "0")
