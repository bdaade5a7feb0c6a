"""Trees as branches: m2cgen's AST and C interpreter, fed with exact numbers.

m2cgen's own reading of XGBoost 3 models is wrong (no base score, thresholds as doubles of printed decimals), so the
AST is built here and numbers are written by codegen/emit/literals.py. Each tree becomes a function: one function of a
whole forest takes compilers minutes. This module imports m2cgen and is imported only when C is emitted.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from m2cgen import ast
from m2cgen.interpreters.c.code_generator import CCodeGenerator, CodeTemplate
from m2cgen.interpreters.c.interpreter import CInterpreter

from codegen.emit.files import render
from codegen.emit.literals import float32_literal, int32_literal
from codegen.ir.forest import Forest, Leaf, Node, Number, Split

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Larger trees are cut into several functions: compilers take more than linear time for one, and at this depth lines
# of four spaces a level still end before column 100.
SPLITS_PER_FUNCTION = 256
DEPTH_PER_FUNCTION = 14

Arrays: TypeAlias = frozenset[str]  # of features, that a function takes: x, high


@dataclass(frozen=True, slots=True)
class TreeCode:
    """What one forest becomes: functions in the order C needs them, and the terms of each output's sum."""

    functions: tuple[str, ...]
    sums: tuple[tuple[str, ...], ...]  # [n_outputs][terms], base first, then trees in order
    reads_high: bool  # trees read a second array, in which INT32_MAX stands for missing


class MissingHighRef(ast.FeatureRef):  # type: ignore[misc]
    """A feature of the array `high`, in which missing is INT32_MAX, so that `<` sends it right."""


class SubtreeCall(ast.Expr):  # type: ignore[misc]
    """A part of a tree that is a function of its own."""

    def __init__(self, call: str) -> None:
        self.call = call


class _TreeCodeGenerator(CCodeGenerator):  # type: ignore[misc]
    """m2cgen's C, with our types in place of double."""

    def __init__(self, output_type: str, parameters: str) -> None:
        self.scalar_type = output_type
        self.parameters = parameters
        self.tpl_scalar_var_declare = CodeTemplate(f"{output_type} {{var_name}};")
        super().__init__(indent=4)

    @contextmanager
    def function_definition(self, name: str, args: object, is_scalar_output: bool) -> Iterator[None]:  # noqa: ARG002
        self.add_code_line(f"static NOINLINE {self.scalar_type} {name}({self.parameters})")
        self.add_code_line("{")
        self.increase_indent()
        yield
        self.add_block_termination()


class _TreeInterpreter(CInterpreter):  # type: ignore[misc]
    """m2cgen's C interpreter, with exact literals and the two expressions above."""

    def __init__(self, forest: Forest, function: str, arrays: Arrays) -> None:
        super().__init__(function_name=function, feature_array_name="x")
        feature_type = "float" if forest.feature_type == "float32" else "int32_t"
        output_type = "float" if forest.output_scale_log2 is None else "int32_t"
        parameters = ", ".join(f"const {feature_type} {array}[]" for array in sorted(arrays, reverse=True))
        self._cg = _TreeCodeGenerator(output_type, parameters)

    def interpret_num_val(self, expr: Any, **_: Any) -> str:
        return _literal(expr.value)

    def interpret_missing_high_ref(self, expr: Any, **_: Any) -> str:
        return f"high[{expr.index}]"

    def interpret_subtree_call(self, expr: Any, **_: Any) -> str:
        return str(expr.call)


@dataclass(frozen=True, slots=True)
class _Part:
    """A subtree within its function: AST, splits, depth, and the arrays it reads (also through calls)."""

    expression: Any
    n_splits: int = 0
    depth: int = 0
    arrays: Arrays = frozenset()


@dataclass(slots=True)
class _TreeWriter:
    """Writes one tree; functions made on the way stand before those that call them."""

    forest: Forest
    name: str
    functions: list[str] = field(default_factory=list)

    def write(self, root: Split) -> tuple[str, Arrays]:
        """Add the functions of a tree; returns the call of its root and the arrays it reads."""
        part = self.part(root)
        return self.function(self.name, part), part.arrays

    def part(self, node: Node) -> _Part:
        if isinstance(node, Leaf):
            return _Part(_number(node.value))
        left, right = self.part(node.left), self.part(node.right)
        if left.n_splits + right.n_splits >= SPLITS_PER_FUNCTION:
            left, right = (self.cut(left), right) if left.n_splits > right.n_splits else (left, self.cut(right))
        left, right = self.shallow(left), self.shallow(right)
        test, array, swapped = self.test(node)
        body, orelse = (right, left) if swapped else (left, right)
        return _Part(
            ast.IfExpr(test, body.expression, orelse.expression),
            left.n_splits + right.n_splits + 1,
            max(left.depth, right.depth) + 1,
            left.arrays | right.arrays | {array},
        )

    def test(self, node: Split) -> tuple[Any, str, bool]:
        """The comparison, the array it reads, and whether it holds on the right instead of the left.

        Missing compares false as NaN with anything, true as INT32_MIN `<` and false as INT32_MAX `<`.
        """
        threshold = _number(node.threshold)
        if self.forest.feature_type == "int32" and not node.default_left:
            return ast.CompExpr(MissingHighRef(node.feature), threshold, ast.CompOpType.LT), "high", False
        swapped = self.forest.feature_type == "float32" and node.default_left
        operator = ast.CompOpType.GTE if swapped else ast.CompOpType.LT
        return ast.CompExpr(ast.FeatureRef(node.feature), threshold, operator), "x", swapped

    def shallow(self, part: _Part) -> _Part:
        return self.cut(part) if part.depth >= DEPTH_PER_FUNCTION else part

    def cut(self, part: _Part) -> _Part:
        call = self.function(f"{self.name}_part_{len(self.functions)}", part)
        return _Part(SubtreeCall(call), arrays=part.arrays)

    def function(self, name: str, part: _Part) -> str:
        code = _TreeInterpreter(self.forest, name, part.arrays).interpret(part.expression)
        self.functions.append(str(code).rstrip("\n"))
        return f"{name}({', '.join(sorted(part.arrays, reverse=True))})"


def code_files(values: Mapping[str, Any]) -> dict[str, str]:
    """The forest as branches: one file."""
    code = tree_code(values["forest"])
    return {f"{values['stem']}.c": render("forest_m2cgen.c.j2", {**values, "code": code})}


def tree_code(forest: Forest) -> TreeCode:
    """C functions of all trees, and each output as a sum of calls."""
    arrays: Arrays = frozenset()
    functions: list[str] = []
    sums = [[_literal(value)] for value in forest.base]
    for index, tree in enumerate(forest.trees):
        if isinstance(tree.root, Leaf):
            sums[tree.output].append(_literal(tree.root.value))
            continue
        writer = _TreeWriter(forest, f"tree_{index}")
        call, read = writer.write(tree.root)
        functions += writer.functions
        sums[tree.output].append(call)
        arrays |= read
    return TreeCode(tuple(functions), tuple(map(tuple, sums)), "high" in arrays)


def _number(value: Number) -> Any:
    return ast.NumVal(value, dtype=type(value))


def _literal(value: Number) -> str:
    return int32_literal(value) if isinstance(value, int) else float32_literal(value)
