# SPDX-License-Identifier: MIT
"""The generated register files are fresh, and the driver's register types keep their promises."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from driver.e1000e import regs
from driver.e1000e.regs import FIELD_GET, FIELD_PREP

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "hdl" / "csr"))


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    import generate

    return generate


class Bus:
    """Plain memory that remembers its writes."""

    def __init__(self) -> None:
        self.words: dict[int, int] = {}
        self.writes: list[tuple[int, int]] = []

    async def read32(self, offset: int) -> int:
        return self.words.get(offset, 0)

    def write32(self, offset: int, value: int) -> None:
        self.words[offset] = value
        self.writes.append((offset, value))


def test_checked_in_files_are_what_the_generator_makes(generator: ModuleType) -> None:
    made = generator.generate()
    stale = [str(path.relative_to(ROOT)) for path, text in made.items() if path.read_text() != text]
    assert len(made) == 4
    assert not stale, "run hdl/csr/generate.py"


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


def test_read_modify_write_exists_only_on_rw_registers() -> None:
    assert hasattr(regs.CTRL, "modify")
    for register in (regs.ICR, regs.ICS, regs.IMS, regs.IMC, regs.EERD, regs.MDIC, regs.STATUS, regs.GPRC, regs.SWSM):
        assert not hasattr(register, "modify"), register.name


def test_modify_changes_only_the_bits_named() -> None:
    bus = Bus()
    bus.words[regs.CTRL.offset] = regs.CTRL.FD | regs.CTRL.FRCSPD
    written = asyncio.run(regs.CTRL.modify(bus, set=regs.CTRL.SLU, clear=regs.CTRL.FRCSPD))
    assert bus.writes == [(regs.CTRL.offset, regs.CTRL.FD | regs.CTRL.SLU)]
    assert written == regs.CTRL.FD | regs.CTRL.SLU


def test_writing_no_ones_raises_where_only_ones_do_something() -> None:
    bus = Bus()
    for nothing in (regs.ICR.clear, regs.ICS.set, regs.IMS.set, regs.IMC.clear, regs.STATUS.clear):
        with pytest.raises(ValueError, match="writing no ones"):
            nothing(bus, 0)
    assert not bus.writes


def test_status_clear_writes_zero_to_the_bit_and_ones_elsewhere() -> None:
    bus = Bus()
    regs.STATUS.clear(bus, regs.STATUS.PHYRA)
    assert bus.writes == [(regs.STATUS.offset, 0xFFFF_FFFF & ~regs.STATUS.PHYRA)]


@pytest.mark.parametrize("value", [-1, 1 << 32])
def test_values_over_32_bits_are_refused(value: int) -> None:
    with pytest.raises(ValueError, match="no 32-bit value"):
        regs.CTRL.write(Bus(), value)


def test_fields_shift_as_their_mask_says() -> None:
    assert FIELD_PREP(regs.MDIC.REGADD, 17) == 17 << 16
    assert FIELD_GET(regs.MDIC.REGADD, 0xFFFF_FFFF) == 31
    with pytest.raises(ValueError, match="does not fit"):
        FIELD_PREP(regs.MDIC.REGADD, 32)


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
