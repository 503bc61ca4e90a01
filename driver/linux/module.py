# SPDX-License-Identifier: MIT
"""Module parameters: whole numbers with a range and a default, checked where they are given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from driver.linux.errno import EINVAL, ENOENT, errname

__all__ = ["ModuleParamError", "Param", "load_params"]


class ModuleParamError(ValueError):
    """A parameter that there is not (-ENOENT), or a value out of its range (-EINVAL): `errno` says which, negative."""

    def __init__(self, error: int, message: str) -> None:
        super().__init__(f"{message} ({errname(error)})")
        self.errno = error


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter, lowest <= value <= highest; step: it is a multiple of this. about: with its unit."""

    name: str
    default: int
    lowest: int
    highest: int
    about: str
    step: int = 1

    def __post_init__(self) -> None:
        self.check(self.default)

    def check(self, value: int) -> int:
        """The value. Raises: ModuleParamError."""
        if isinstance(value, bool) or not isinstance(value, int):
            raise ModuleParamError(-EINVAL, f"{self.name}={value!r} is not a whole number")
        if not self.lowest <= value <= self.highest:
            raise ModuleParamError(-EINVAL, f"{self.name}={value} is not within {self.lowest}..{self.highest}")
        if value % self.step:
            raise ModuleParamError(-EINVAL, f"{self.name}={value} is not a multiple of {self.step}")
        return value


def load_params(params: Iterable[Param], given: Mapping[str, int]) -> dict[str, int]:
    """The value of every parameter: what is given, else its default.

    Raises: ModuleParamError.
    """
    known = {param.name: param for param in params}
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ModuleParamError(-ENOENT, f"no parameter {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    return {name: param.check(given.get(name, param.default)) for name, param in known.items()}
