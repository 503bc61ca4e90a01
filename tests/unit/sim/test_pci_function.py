# SPDX-License-Identifier: MIT
"""PciFunction: what a kernel's PCI core reads and writes."""

from __future__ import annotations

import pytest

from sim.host.pci_function import PciFunction

COMMAND, STATUS, BAR0 = 0x04, 0x06, 0x10


def test_identity_is_that_of_an_82574l() -> None:
    function = PciFunction()
    assert function.config_read(0, 4) == 0x10D3_8086
    assert function.config_read(8, 4) == 0x0200_0000
    assert function.config_read(0x2C, 4) == 0xA01F_8086
    assert function.config_read(0x0E, 1) == 0
    assert function.config_read(0x3D, 1) == 1
    assert function.config_read(0x34, 1) == 0 and not function.config_read(STATUS, 2) & 0x10


def test_bar_sizing_tells_128_kib() -> None:
    function = PciFunction()
    function.config_write(BAR0, 0xFFFF_FFFF, 4)
    assert function.config_read(BAR0, 4) == 0xFFFE_0000
    function.config_write(BAR0, 0xFEB4_0000, 4)
    assert function.config_read(BAR0, 4) == 0xFEB4_0000
    for other in range(BAR0 + 4, 0x28, 4):
        function.config_write(other, 0xFFFF_FFFF, 4)
        assert function.config_read(other, 4) == 0


def test_read_only_bytes_stay() -> None:
    function = PciFunction()
    before = [function.config_read(offset, 4) for offset in (0, 8, 0x2C)]
    for offset in (0, 8, 0x2C, 0x3D):
        function.config_write(offset, 0xFF, 1)
    assert [function.config_read(offset, 4) for offset in (0, 8, 0x2C)] == before
    assert function.config_read(0x3D, 1) == 1


def test_command_register_decides() -> None:
    function = PciFunction()
    assert not function.memory_enabled and not function.bus_master
    function.config_write(COMMAND, 0xFFFF, 2)
    assert function.config_read(COMMAND, 2) == 0x0546
    assert function.memory_enabled and function.bus_master
    function.config_write(COMMAND, 0x0002, 2)
    assert function.memory_enabled and not function.bus_master


def test_interrupt_disable_masks_the_line_but_not_the_status() -> None:
    function = PciFunction()
    function.set_intx(True)
    assert function.intx_asserted and function.config_read(STATUS, 2) & 8
    function.config_write(COMMAND, 0x0400, 2)
    assert not function.intx_asserted and function.config_read(STATUS, 2) & 8
    function.set_intx(False)
    function.config_write(COMMAND, 0, 2)
    assert not function.intx_asserted and not function.config_read(STATUS, 2) & 8


def test_no_extended_space_and_no_odd_accesses() -> None:
    function = PciFunction()
    assert function.config_read(0x100, 4) == 0
    function.config_write(0x100, 0xFFFF_FFFF, 4)
    assert function.config_read(0x100, 4) == 0
    for offset, size in ((1, 2), (2, 4), (0, 3), (4096, 4)):
        with pytest.raises(ValueError, match="configuration access"):
            function.config_read(offset, size)
