# SPDX-License-Identifier: MIT
"""The generated register files are fresh, and the driver's register types keep their promises."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from driver.e1000e import regs

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "hdl" / "csr"))


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    import generate

    return generate


def test_checked_in_files_are_what_the_generator_makes(generator: ModuleType) -> None:
    made = generator.generate()
    stale = [str(path.relative_to(ROOT)) for path, text in made.items() if path.read_text() != text]
    assert len(made) == 4
    assert not stale, "run hdl/csr/generate.py"


def test_an_array_that_its_upper_bits_do_not_tell_from_others_is_refused(generator: ModuleType) -> None:
    (array,) = (register for register in generator.registers("nic") if register.name == "RAL")
    assert generator._is_of(array) == "(address & 17'h1ff87) == RAL_ADDR"
    for crooked in (replace(array, count=12), replace(array, address=array.address + 64)):
        with pytest.raises(ValueError, match="RAL: an array that is not aligned to its size"):
            generator._is_of(crooked)


def test_every_register_has_the_type_of_its_access_kind(generator: ModuleType) -> None:
    described = generator.registers("nic")
    for register in described:
        instance = getattr(regs, register.name)
        first = instance if register.count is None else instance[0]
        assert isinstance(first, getattr(regs, register.kind))
        assert (first.offset, first.reset) == (register.address, register.reset)
        for field in register.fields:
            assert getattr(first, field.name) == field.mask
    kinds = Counter(r.kind for r in described)
    assert kinds["Rw"] > 20 and kinds["Rc"] > 20, kinds
    assert {"Command", "RcW1c", "W1s", "WoSet", "WoClr", "W0c", "Semaphore", "Ro"} <= set(kinds), kinds


def test_only_rw_registers_can_be_read_modified_and_written() -> None:
    assert isinstance(regs.CTRL, regs.Rw) and regs.CTRL.keeps
    for register in (regs.ICR, regs.ICS, regs.IMS, regs.IMC, regs.EERD, regs.MDIC, regs.STATUS, regs.GPRC, regs.SWSM):
        assert not isinstance(register, regs.Rw) and not register.keeps, register.name


def test_write_only_and_read_only_registers_are_of_different_types() -> None:
    assert not isinstance(regs.GPRC, regs.Writable)
    assert not isinstance(regs.FWSM, regs.Writable)
    assert not isinstance(regs.IMC, regs.Readable)


@pytest.mark.parametrize("register", [regs.ICR, regs.ICS, regs.IMS, regs.IMC], ids=lambda r: r.name)
def test_writing_no_ones_raises_where_only_ones_do_something(register: regs.Writable) -> None:
    assert register.to_write(4) == 4
    with pytest.raises(ValueError, match="does nothing"):
        register.to_write(0)


def test_writing_all_ones_raises_where_only_zeros_do_something() -> None:
    assert regs.STATUS.to_write(0xFFFF_FFFF & ~regs.STATUS.PHYRA) == 0xFFFF_FBFF
    with pytest.raises(ValueError, match="does nothing"):
        regs.STATUS.to_write(0xFFFF_FFFF)


@pytest.mark.parametrize("value", [-1, 1 << 32])
def test_values_over_32_bits_are_refused(value: int) -> None:
    assert regs.CTRL.to_write(0) == 0
    with pytest.raises(ValueError, match="no 32-bit value"):
        regs.CTRL.to_write(value)


def test_fields_shift_as_their_mask_says() -> None:
    assert regs.MDIC.REGADD.put(17) == 17 << 16
    assert regs.MDIC.REGADD.get(0xFFFF_FFFF) == 31
    assert regs.CTRL.SLU | regs.CTRL.RST == 0x0400_0040
    with pytest.raises(ValueError, match="does not fit"):
        regs.MDIC.REGADD.put(32)


def test_arrays_count_and_place_their_registers() -> None:
    assert (regs.RAL.count, regs.MTA.count) == (16, 128)
    assert (regs.RAL[15].offset, regs.RAH[15].offset, regs.MTA[127].offset) == (0x5478, 0x547C, 0x53FC)
    assert regs.RAH[3].name == "RAH[3]"


def test_addresses_and_their_aliases_are_all_different(generator: ModuleType) -> None:
    addresses = [
        start + i * r.stride
        for r in generator.registers("nic")
        for start in {r.address, r.legacy if r.legacy is not None else r.address}
        for i in range(r.count or 1)
    ]
    assert len(addresses) > 350
    assert len(set(addresses)) == len(addresses)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler")
def test_c_header_compiles_and_its_offsets_hold(generator: ModuleType, tmp_path: Path) -> None:
    structs = "".join(
        f"_Static_assert(offsetof(nic_t, {r.name}) == 0x{r.address:x}, \"\");\n"
        for r in generator.registers("nic")
        if r.name not in ("RAL", "RAH")
    )
    source = tmp_path / "check.c"
    source.write_text(f'#include <stddef.h>\n#include "nic_regs.h"\n{structs}')
    flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{ROOT}/hdl/csr/gen"]
    done = subprocess.run(["gcc", *flags, str(source)], capture_output=True, text=True, check=False)
    assert structs and done.returncode == 0, done.stderr


# What the stock driver's register test writes ones to and expects back (ethtool -t): its own masks, not ours.
SELF_TEST_MASKS = {
    "RDTR": 0xFFFF, "RDBAL": 0xFFFFFFF0, "RDLEN": 0x000FFF80, "RDH": 0xFFFF, "RDT": 0xFFFF, "TIPG": 0x3FFFFFFF,
    "TDBAL": 0xFFFFFFF0, "TDLEN": 0x000FFF80, "TDH": 0xFFFF, "TDT": 0xFFFF, "RAL": 0xFFFFFFFF, "RAH": 0x8003FFFF,
}  # fmt: skip


@pytest.mark.parametrize(("name", "mask"), SELF_TEST_MASKS.items())
def test_writable_bits_are_those_the_stock_driver_expects(generator: ModuleType, name: str, mask: int) -> None:
    (register,) = (r for r in generator.registers("nic") if r.name == name)
    assert register.writable == mask
