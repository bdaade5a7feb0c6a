"""One model file's forest as NAME.h and NAME.c."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from codegen import __version__
from codegen.emit.files import render, write_files
from codegen.emit.literals import comment_text
from codegen.emit.styles import LEAF_BITS, LEAF_BITS_DEFAULT, STYLES, Style, find_style
from codegen.errors import StyleError
from codegen.ir.forest import FEATURE_MAX, FeatureType, Forest, validate
from codegen.passes import lower
from codegen.readers.xgboost import ModelSource

NAME_MAX = 32
# A file of this name would stand before the compiler's own with -I.
_C_HEADERS = (
    "assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic "
    "stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar wctype"
)


def check_name(name: str) -> None:
    """Raise StyleError for a C name that cannot be used."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or len(name) > NAME_MAX or name in _C_HEADERS.split():
        raise StyleError(
            f"name {name!r}: take a lower-case C identifier of at most {NAME_MAX} characters "
            "that is no header of C's library"
        )


def emit_forest(
    source: ModelSource,
    name: str,
    out: Path,
    *,
    style: str = "m2cgen",
    feature_type: FeatureType = "float32",
    output_scale_log2: int | None = None,
    leaf_bits: int | None = None,
) -> ModelSource:
    """Write NAME.h, NAME.c and the runtime they use into `out`; returns the model as it was emitted, after all passes.

    leaf_bits  of a style that quantises leaves (None: its default); refused with StyleError for one that does not
    """
    bits = check_leaf_bits(find_style(style), leaf_bits)
    files, emitted = forest_files(
        source, name, style=style, feature_type=feature_type, output_scale_log2=output_scale_log2, leaf_bits=bits
    )
    write_files(out, files)
    return emitted


def forest_files(
    source: ModelSource,
    name: str,
    *,
    file: str | None = None,
    style: str = "m2cgen",
    feature_type: FeatureType = "float32",
    output_scale_log2: int | None = None,
    leaf_bits: int | None = None,
) -> tuple[dict[str, str], ModelSource]:
    """The files' texts by name (`file`.h and .c, by default `name`), and the model as emitted.

    leaf_bits  None for whole leaves; StyleError for a style that cannot hold them
    """
    chosen = find_style(style)
    check_name(name)
    if leaf_bits is None and chosen.quantises_leaves and not chosen.takes_whole_leaves:
        whole = (other.name for other in STYLES.values() if not other.quantises_leaves or other.takes_whole_leaves)
        raise StyleError(f"style {style!r} needs quantised leaves, these are whole; choose one of {' '.join(whole)}")
    forest = lower_for_style(source.forest, chosen, feature_type, output_scale_log2, leaf_bits)
    emitted = replace(source, forest=forest)
    values = {
        "name": name,
        "NAME": name.upper(),
        "stem": file or name,
        "version": __version__,
        "style": style,
        "leaf_bits": leaf_bits,
        "file": comment_text(source.file),
        "sha256": source.sha256,
        "xgboost_version": source.xgboost_version,
        "forest": forest,
        "integer_features": feature_type == "int32",
        "integer_outputs": forest.output_scale_log2 is not None,
        "feature_max": FEATURE_MAX,
    }
    return {f"{file or name}.h": render("forest.h.j2", values)} | chosen.code_files(values), emitted


def check_leaf_bits(style: Style, leaf_bits: int | None) -> int | None:
    """Width of the leaves in that style, None for leaves kept whole; raises StyleError for one it cannot have."""
    if not style.quantises_leaves:
        if leaf_bits is not None:
            raise StyleError(f"--leaf-bits: style {style.name} keeps leaves whole; leave it out")
        return None
    bits = LEAF_BITS_DEFAULT if leaf_bits is None else leaf_bits
    if bits not in LEAF_BITS:
        raise StyleError(f"--leaf-bits {bits}: from {LEAF_BITS.start} to {LEAF_BITS.stop - 1}")
    return bits


def lower_for_style(
    forest: Forest, style: Style, feature_type: FeatureType, output_scale_log2: int | None, leaf_bits: int | None
) -> Forest:
    """The forest as that style writes it."""
    output_type = style.output_type(feature_type)
    return validate(lower(forest, feature_type, output_type, output_scale_log2, leaf_bits))
