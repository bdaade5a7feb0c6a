"""The exact style: XGBoost's float32 margins to the last bit, on processors with and without a float unit.

The tables of codegen/runtime/wp_forest_exact.h, which explains them. Leaves are most of the bytes: 24 bits of mantissa
and sign, and 4 of exponent, which hold nearly all the leaves of a forest; the rest stand in a list of their own.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, zip_longest
from pathlib import Path
from typing import Any

from codegen.emit.files import render
from codegen.emit.forest_exact_blocks import BLOCKS_MAX, Blocks, slot_of, threshold_blocks
from codegen.emit.forest_exact_pieces import LEFT_MAX, Piece, cut, in_order
from codegen.emit.forest_layout import initialiser, threshold_key
from codegen.emit.literals import float32_literal
from codegen.errors import ModelError
from codegen.ir.forest import Forest, Number

RUNTIME = Path(__file__).resolve().parent.parent / "runtime"
RUNTIME_FILES = ("wp_forest_exact.h", "wp_forest_float.h", "wp_forest_key.h")
LINK = 0x7F800000
EXPONENTS = 15  # that a leaf's four bits can tell; 0 is for the others
EXPONENT_BASE_MIN = 23  # so that a power of two of the runtime is a normal float
SPECIALS_MAX = 1 << 24
_FRACTION = (1 << 23) - 1


@dataclass(frozen=True, slots=True)
class Leaves:
    """Leaves as stored: 24 bits of mantissa and sign, or, where the exponent is 0, a place in specials."""

    exponent_base: int
    mantissas: tuple[int, ...]
    exponents: tuple[int, ...]
    specials: tuple[int, ...]


def code_files(values: Mapping[str, Any]) -> dict[str, str]:
    """The forest's C file and the runtime it includes; raises ModelError for a forest too large for it."""
    forest: Forest = values["forest"]
    trees = sorted(forest.trees, key=lambda tree: tree.output)  # stable: each output's stay in order
    first = tuple(cut(tree.root) for tree in trees)
    pieces = in_order(first)
    blocks = threshold_blocks(pieces)
    split_bytes = blocks.block_bytes + 1
    leaves = store_leaves(pieces, split_bytes)
    if len(blocks.blocks) > BLOCKS_MAX or len(leaves.specials) > SPECIALS_MAX:
        raise ModelError("the forest has more thresholds than --emit exact holds, 2^16 blocks; take --emit balanced")
    known = {
        **values,
        "tables": _tables(forest, first, pieces, blocks, leaves),
        "exponent_base": leaves.exponent_base,
        "n_features": len(blocks.slots),
        "n_blocks": len(blocks.blocks),
        "split_bytes": split_bytes,
        "links": len(pieces) > len(first),
    }
    runtime = {name: (RUNTIME / name).read_text(encoding="ascii") for name in RUNTIME_FILES}
    return runtime | {f"{values['stem']}.c": render("forest_exact.c.j2", known)}


def store_leaves(pieces: Sequence[Piece], split_bytes: int) -> Leaves:
    """All leaves of all pieces in order; one that leads to another piece is a special of three words."""
    base = _exponent_base(leaf.value for piece in pieces for leaf in piece.leaves if not isinstance(leaf, Piece))
    starts: dict[Piece, tuple[int, int]] = {}
    splits = leaves = 0
    for piece in pieces:
        starts[piece] = splits * split_bytes, leaves
        splits += len(piece.splits)
        leaves += len(piece.leaves)
    stored: list[tuple[int, int]] = []
    specials: list[int] = []
    place: dict[int, int] = {}
    for leaf in (leaf for piece in pieces for leaf in piece.leaves):
        if isinstance(leaf, Piece):
            stored.append((len(specials), 0))
            specials += [LINK | leaf.shape, *starts[leaf]]
            continue
        bits = float_bits(leaf.value)
        exponent = (bits >> 23 & 0xFF) - base
        if 0 < exponent <= EXPONENTS and bits != 0x80000000 | bits & 0x7F800000:
            stored.append((_stored_mantissa(bits), exponent))
            continue
        if bits not in place:
            place[bits] = len(specials)
            specials.append(bits)
        stored.append((place[bits], 0))
    mantissas, exponents = zip(*stored, strict=True) if stored else ((), ())
    return Leaves(base, tuple(mantissas), tuple(exponents), tuple(specials))


def float_bits(value: Number) -> int:
    """The 32 bits of a float32."""
    bits: int = struct.unpack("<I", struct.pack("<f", value))[0]
    return bits


def _stored_mantissa(bits: int) -> int:
    """Two's complement without bit 23, the opposite of the sign: negative powers of two have no such form."""
    mantissa = bits & _FRACTION | _FRACTION + 1
    signed = -mantissa if bits >> 31 else mantissa
    return signed & _FRACTION | (_FRACTION + 1 if signed < 0 else 0)


def _exponent_base(values: Iterable[Number]) -> int:
    """Such that base + 1 to base + EXPONENTS are the exponents of most leaves."""
    counts = Counter(float_bits(value) >> 23 & 0xFF for value in values)
    return max(
        range(EXPONENT_BASE_MIN, 255 - EXPONENTS),
        key=lambda base: sum(counts[exponent] for exponent in range(base + 1, base + EXPONENTS + 1)),
    )


def _tables(
    forest: Forest, first: Sequence[Piece], pieces: Sequence[Piece], blocks: Blocks, leaves: Leaves
) -> dict[str, str]:
    """Initialisers of the runtime's tables by name, without those that would be empty."""
    starts = list(accumulate((len(keys) - 1 for keys in blocks.blocks), initial=0)) if blocks.blocks else []
    n_trees = Counter(tree.output for tree in forest.trees)
    high = ((mantissa >> 16 ^ 0x80) - 0x80 for mantissa in leaves.mantissas)
    pairs = zip_longest(leaves.exponents[::2], leaves.exponents[1::2], fillvalue=0)
    tables = {
        "features": (f"{{{column}, {2 * n + left}}}" for (column, left), n in blocks.slots),
        "block_last": (str(keys[-1]) for keys in blocks.blocks),
        "start_low": _plane(starts, 0, 16),
        "start_high": _plane(starts, 16, 16) if starts and starts[-1] >> 16 else (),
        "distance_low": _plane(blocks.distances, 0, 16),
        "distance_mid": _plane(blocks.distances, 16, 8) if blocks.distance_bytes > 2 else (),
        "distance_high": _plane(blocks.distances, 24, 8) if blocks.distance_bytes > 3 else (),
        "splits": map(str, _split_bytes(pieces, blocks) or b"\0"),  # trees point somewhere, even without a split
        "pieces": (str(piece.shape) for piece in first),
        "leaf_low": _plane(leaves.mantissas, 0, 16),
        "leaf_high": map(str, high),
        "leaf_exponents": (str(low | above << 4) for low, above in pairs),
        "specials": (f"0x{word:08x}u" for word in leaves.specials),
        "trees": (str(n_trees[output]) for output in range(forest.n_outputs)),
        "base": map(float32_literal, forest.base),
    }
    texts = {name: list(numbers) for name, numbers in tables.items()}
    return {name: initialiser(numbers) for name, numbers in texts.items() if numbers}


def _split_bytes(pieces: Iterable[Piece], blocks: Blocks) -> bytes:
    data = bytearray()
    for piece in pieces:
        for split, left in piece.splits:
            block, place = blocks.place[slot_of(split), threshold_key(split.threshold)]
            data += block.to_bytes(blocks.block_bytes, "little")
            data.append(place << 4 | left & LEFT_MAX)
    return bytes(data)


def _plane(values: Iterable[int], shift: int, bits: int) -> Iterator[str]:
    """Some bits of each number."""
    return (str(value >> shift & (1 << bits) - 1) for value in values)
