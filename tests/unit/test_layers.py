# SPDX-License-Identifier: MIT
"""Who may import whom: read from the source, so that it holds for what no test runs."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Folder -> what its files may import besides the standard library; the longest folder that fits counts.
ALLOWED = {
    "driver": {"driver.host"},
    "driver/linux": {"driver.host", "driver.linux"},
    "driver/e1000e": {"driver.host", "driver.linux", "driver.e1000e"},
}


def imported(source: str, package: str) -> set[str]:
    """The modules that a file of `package` imports, absolute; wherever the import stands."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = parts[: len(parts) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            # `from driver import host` imports a module as well as a name would.
            top_only = "." not in module and module not in sys.stdlib_module_names
            found |= {f"{module}.{alias.name}" for alias in node.names} if top_only else {module}
    return found


def forbidden(folder: str, source: str, package: str) -> set[str]:
    def allowed(name: str) -> bool:
        top = name.split(".")[0]
        return top in sys.stdlib_module_names or any(name == a or name.startswith(a + ".") for a in ALLOWED[folder])

    return {name for name in imported(source, package) if not allowed(name)}


def folder_of(path: Path) -> str:
    return max((f for f in ALLOWED if path.is_relative_to(ROOT / f)), key=len)


def package_of(path: Path) -> str:
    return ".".join(path.parent.relative_to(ROOT).parts)


FILES = sorted((ROOT / "driver").rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_driver_imports_only_what_its_layer_may(path: Path) -> None:
    assert forbidden(folder_of(path), path.read_text(), package_of(path)) == set()


def test_there_is_something_to_check() -> None:
    assert {folder_of(path) for path in FILES} == set(ALLOWED)


@pytest.mark.parametrize(
    ("folder", "line", "bad"),
    [
        ("driver/linux", "import cocotb", "cocotb"),
        ("driver/linux", "def f():\n    from sim.host import axi", "sim.host"),
        ("driver/linux", "from driver.e1000e.hw import Hw", "driver.e1000e.hw"),
        ("driver/linux", "from ..e1000e import hw", "driver.e1000e"),
        ("driver/linux", "from driver import e1000e", "driver.e1000e"),
        ("driver/e1000e", "from sim import bench", "sim.bench"),
        ("driver/e1000e", "import driver.linuxish", "driver.linuxish"),
        ("driver", "from driver.linux import sched", "driver.linux"),
    ],
)
def test_a_forbidden_import_is_seen(folder: str, line: str, bad: str) -> None:
    assert forbidden(folder, line, folder.replace("/", ".")) == {bad}


def test_allowed_imports_are_not() -> None:
    lines = ("import struct", "from collections import abc", "from driver.host import Host", "from .mm import X")
    assert forbidden("driver/linux", "\n".join([*lines, "from ..host import Host"]), "driver.linux") == set()
