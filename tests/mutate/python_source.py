# SPDX-License-Identifier: MIT
"""Mutants of a Python file, from its syntax tree.

Left alone: what has no effect by itself (docstrings, annotations, `__all__`, TYPE_CHECKING), what only words a message
(f-strings, exceptions, arguments of printk), and assertions. Dropping the assignment of a plain name is left out: the
NameError that follows says nothing about the tests.
"""

from __future__ import annotations

import ast
import re
from itertools import pairwise

from tests.mutate.mutant import Mutant, distinct, make

__all__ = ["compiles", "mutants"]

_OPERATORS = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "is": "is not", "is not": "is", "in": "not in",
    "not in": "in", "+": "-", "-": "+", "*": "//", "//": "*", "%": "//", "<<": ">>", ">>": "<<", "&": "|", "|": "&",
    "^": "|", "and": "or", "or": "and",
}  # fmt: skip
_SYMBOL = re.compile(r"not\s+in|is\s+not|\b(?:in|is|and|or)\b|<<|>>|//|[<>=!]=|[-+*%&|^<>]")
_MESSAGES = re.compile(r"(pr|dev|netdev|e)_(dbg|debug|info|warn|err|notice)|warn_violation|fatal_violation|__repr__")
_LARGEST = 1 << 16  # a constant beyond is an address or a magic value: one more or less is not a slip that people make


def mutants(file: str, source: bytes) -> list[Mutant]:
    """Every mutant of the file, in the order of its text. Raises: SyntaxError."""
    found = _Finder(file, source)
    found.visit(ast.parse(source))
    return distinct(found.mutants)


def compiles(mutant: Mutant, source: bytes) -> bool:
    """Is it Python, and other Python than the source?"""
    try:
        return ast.dump(ast.parse(mutant.applied(source))) != ast.dump(ast.parse(source))
    except SyntaxError:
        return False


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


class _Finder(ast.NodeVisitor):
    def __init__(self, file: str, source: bytes) -> None:
        self.file, self.source = file, source
        self.mutants: list[Mutant] = []
        self._lines = [0]
        for line in source.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))

    # ------------------------------------------------------------------ places
    def _start(self, node: ast.expr | ast.stmt) -> int:
        return self._lines[node.lineno - 1] + node.col_offset

    def _end(self, node: ast.expr | ast.stmt) -> int:
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self._lines[node.end_lineno - 1] + node.end_col_offset

    def _text(self, node: ast.expr | ast.stmt) -> str:
        return self.source[self._start(node) : self._end(node)].decode()

    def _add(self, kind: str, start: int, end: int, text: str) -> None:
        self.mutants.append(make(self.file, self.source, kind, start, end, text))

    def _replace(self, kind: str, node: ast.expr | ast.stmt, text: str) -> None:
        self._add(kind, self._start(node), self._end(node), text)

    def _operator(self, kind: str, left: int, right: int) -> None:
        """The one operator between two operands; nothing where a comment or a bracket makes that unclear."""
        between = self.source[left:right].decode()
        symbols = list(_SYMBOL.finditer(between))
        if "#" in between or len(symbols) != 1:
            return
        symbol = symbols[0]
        other = _OPERATORS.get(" ".join(symbol[0].split()))
        if other:
            self._add(kind, left + symbol.start(), left + symbol.end(), other)

    # ------------------------------------------------------------------ what is left alone
    def visit_JoinedStr(self, node: ast.JoinedStr) -> None: ...
    def visit_Raise(self, node: ast.Raise) -> None: ...
    def visit_Assert(self, node: ast.Assert) -> None: ...

    def visit_arguments(self, node: ast.arguments) -> None:
        for default in [*node.defaults, *node.kw_defaults]:
            if default is not None:
                self.visit(default)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if node.name != "__repr__":
            self.visit(node.args)
            for statement in node.body:
                self.visit(statement)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Call(self, node: ast.Call) -> None:
        if not _MESSAGES.fullmatch(_name(node.func)):
            self.generic_visit(node)

    # ------------------------------------------------------------------ operators and values
    def visit_BinOp(self, node: ast.BinOp) -> None:
        self._operator("operator", self._end(node.left), self._start(node.right))
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        for left, right in pairwise(node.values):
            self._operator("and/or", self._end(left), self._start(right))
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        for left, right in pairwise(operands):
            self._operator("comparison", self._end(left), self._start(right))
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._operator("operator", self._end(node.target), self._start(node.value))
        self._replace("drop", node, "pass")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not | ast.Invert):
            self._replace("drop not", node, f"({self._text(node.operand)})")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._replace("constant", node, str(not node.value))
        elif isinstance(node.value, int) and node.value <= _LARGEST:
            self._replace("constant", node, str(node.value + 1))
            self._replace("constant", node, f"({node.value - 1})" if node.value == 0 else str(node.value - 1))

    # ------------------------------------------------------------------ conditions
    def visit_IfExp(self, node: ast.IfExp) -> None:
        body, test, other = (self._text(part) for part in (node.body, node.test, node.orelse))
        self._replace("swap", node, f"({other}) if ({test}) else ({body})")
        self.generic_visit(node)

    def _negate(self, node: ast.If | ast.While) -> None:
        if self._text(node.test) == "TYPE_CHECKING":
            return
        if not isinstance(node.test, ast.Constant):
            self._replace("negate", node.test, f"not ({self._text(node.test)})")
        self.generic_visit(node)

    visit_If = visit_While = _negate

    # ------------------------------------------------------------------ statements
    def _drop(self, node: ast.stmt) -> None:
        self._replace("drop", node, "pass")
        self.generic_visit(node)

    visit_Return = visit_Break = visit_Continue = visit_Delete = _drop

    def visit_Expr(self, node: ast.Expr) -> None:
        value = node.value
        if isinstance(value, ast.Await):
            self._replace("drop await", node, "pass")
        elif isinstance(value, ast.Call) and not _MESSAGES.fullmatch(_name(value.func)):
            self._replace("drop", node, "pass")
        if not isinstance(value, ast.Constant):
            self.visit(value)

    def visit_Assign(self, node: ast.Assign) -> None:
        if any(_name(target) == "__all__" for target in node.targets):
            return
        if all(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets):
            self._replace("drop", node, "pass")
        self.generic_visit(node)

    def _unlock(self, node: ast.With | ast.AsyncWith) -> None:
        """A `with` that gives nothing a name takes a lock, or turns something off: its body without it."""
        if len(node.items) == 1 and node.items[0].optional_vars is None:
            self._add("drop lock", self._start(node), self._end(node.items[0].context_expr), "if True")
        self.generic_visit(node)

    visit_With = visit_AsyncWith = _unlock
