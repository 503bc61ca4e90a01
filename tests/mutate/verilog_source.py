# SPDX-License-Identifier: MIT
"""Mutants of a SystemVerilog file, from slang's syntax tree.

Left alone: assertions and what they are made of (the last block of a module, below its line `---- promises`), widths,
dimensions, module headers, arguments of system functions, conditions of generates. Whether the RTL still makes sense to
the linters is asked later, of the whole card.
"""

from __future__ import annotations

import re
from typing import Any

from pyslang.parsing import Token
from pyslang.syntax import SyntaxKind, SyntaxNode, SyntaxTree

from tests.mutate.mutant import Mutant, distinct, make

__all__ = ["mutants", "promises"]

_K = SyntaxKind
_OPERATORS = {
    _K.LogicalAndExpression: ("and/or", "||"), _K.LogicalOrExpression: ("and/or", "&&"),
    _K.BinaryAndExpression: ("operator", "|"), _K.BinaryOrExpression: ("operator", "&"),
    _K.BinaryXorExpression: ("operator", "|"), _K.AddExpression: ("operator", "-"),
    _K.SubtractExpression: ("operator", "+"), _K.LogicalShiftLeftExpression: ("operator", ">>"),
    _K.LogicalShiftRightExpression: ("operator", "<<"), _K.EqualityExpression: ("comparison", "!="),
    _K.InequalityExpression: ("comparison", "=="), _K.LessThanExpression: ("comparison", "<="),
    _K.LessThanEqualExpression: ("comparison", "<"), _K.GreaterThanExpression: ("comparison", ">="),
    _K.GreaterThanEqualExpression: ("comparison", ">"), _K.AndAssignmentExpression: ("operator", "|="),
    _K.OrAssignmentExpression: ("operator", "&="),
}  # fmt: skip
_ALONE = {
    _K.ImmediateAssertStatement, _K.ConcurrentAssertionMember, _K.AssertPropertyStatement, _K.ParameterPortList,
    _K.AnsiPortList, _K.FunctionPortList, _K.VariableDimension, _K.SystemName, _K.GenvarDeclaration, _K.InitialBlock,
    _K.ElabSystemTask, _K.StructType, _K.EnumType, _K.ParameterValueAssignment, _K.EventControlWithExpression,
}  # fmt: skip
_NOT = {_K.UnaryLogicalNotExpression, _K.UnaryBitwiseNotExpression}
_PROMISES = re.compile(rb"^\s*// -{4,}.*\bpromises?\b", re.M)
_BASES = {"b": 2, "d": 10, "h": 16, "o": 8}
_LARGEST = 1 << 16  # as in Python files


def mutants(file: str, source: bytes) -> list[Mutant]:
    """Every mutant of the file, in the order of its text. Raises: SyntaxError when slang cannot read it."""
    tree = SyntaxTree.fromText(source.decode())
    if any(diagnostic.isError() for diagnostic in tree.diagnostics):
        raise SyntaxError(f"{file}: slang cannot read it")
    finder = _Finder(file, source)
    finder.walk(tree.root)
    return distinct(finder.mutants)


def promises(source: bytes) -> int:
    """Where the block of assertions that ends a module begins; at the end where there is none."""
    found = _PROMISES.search(source)
    return found.start() if found else len(source)


def _place(node: SyntaxNode | Token) -> tuple[int, int]:
    if isinstance(node, Token):
        return node.location.offset, node.location.offset + len(node.rawText.encode())
    return node.sourceRange.start.offset, node.sourceRange.end.offset


class _Finder:
    def __init__(self, file: str, source: bytes) -> None:
        self.file, self.source = file, source
        self.mutants: list[Mutant] = []
        self._until = promises(source)

    def _text(self, node: SyntaxNode) -> str:
        start, end = _place(node)
        return self.source[start:end].decode()

    def _replace(self, kind: str, node: SyntaxNode | Token, text: str) -> None:
        self.mutants.append(make(self.file, self.source, kind, *_place(node), text))

    def walk(self, node: Any) -> None:
        if node.kind in _ALONE or _place(node)[0] >= self._until:
            return
        if node.kind == _K.InvocationExpression and node.left.kind == _K.SystemName:
            return
        if node.kind in (_K.IfGenerate, _K.LoopGenerate):
            return self.walk(node.block)
        self._mutate(node)
        for child in node:
            if isinstance(child, SyntaxNode) and not (node.kind == _K.CastExpression and child == node.left):
                self.walk(child)

    def _mutate(self, node: Any) -> None:
        kind = node.kind
        if kind in _OPERATORS:
            self._replace(_OPERATORS[kind][0], node.operatorToken, _OPERATORS[kind][1])
        elif kind in _NOT:
            self._replace("drop not", node, f"({self._text(node.operand)})")
        elif kind == _K.ConditionalExpression:
            texts = (self._text(part) for part in (node.predicate, node.right, node.left))
            self._replace("swap", node, "({}) ? ({}) : ({})".format(*texts))
        elif kind == _K.ConditionalStatement:
            self._replace("negate", node.predicate, f"!({self._text(node.predicate)})")
        elif kind == _K.ExpressionStatement and node.parent.kind != _K.ForLoopStatement:
            self._replace("drop", node, "begin end")
        elif kind == _K.UnbasedUnsizedLiteralExpression:
            self._replace("constant", node, {"'0": "'1", "'1": "'0"}.get(self._text(node), "'0"))
        elif kind == _K.IntegerLiteralExpression:
            self._number(node, "", 10, self._text(node))
        elif kind == _K.IntegerVectorExpression:
            found = re.fullmatch(r"(\d*'s?([bdho]))([0-9a-f_]+)", self._text(node), re.I)
            if found:
                self._number(node, found[1], _BASES[found[2].lower()], found[3])

    def _number(self, node: SyntaxNode, prefix: str, base: int, digits: str) -> None:
        value = int(digits.replace("_", ""), base)
        if value > _LARGEST:
            return
        size = int(prefix.split("'")[0]) if prefix[:1].isdigit() else None
        for changed in {value + 1, value - 1}:
            if changed >= 0 and (size is None or changed >> size == 0):
                shown = format(changed, {2: "b", 8: "o", 10: "d", 16: "x"}[base])
                self._replace("constant", node, prefix + shown)
