"""One model file's forest as NAME.h and NAME.c."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from codegen import __version__
from codegen.emit.files import render, write_files
from codegen.emit.literals import comment_text
from codegen.errors import StyleError
from codegen.ir.forest import FEATURE_MAX, FeatureType, validate
from codegen.passes import lower_to_int32, merge_equal_leaves
from codegen.readers.xgboost import ModelSource

STYLES = ("m2cgen",)
NAME_MAX = 32
# A file of this name would stand before the compiler's own with -I.
_C_HEADERS = (
    "assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic "
    "stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar wctype"
)


def check_style(style: str, name: str) -> None:
    """Raise StyleError for a style or a C name that cannot be used."""
    if style not in STYLES:
        raise StyleError(f"style {style!r} is not there; existing: --emit {' '.join(STYLES)}")
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
) -> ModelSource:
    """Write NAME.h and NAME.c into `out`; returns the model as it was emitted, after all passes."""
    files, emitted = forest_files(
        source, name, style=style, feature_type=feature_type, output_scale_log2=output_scale_log2
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
) -> tuple[dict[str, str], ModelSource]:
    """The two files' texts by name (`file`.h and .c, by default `name`), and the model as emitted."""
    from codegen.emit.m2cgen import tree_code

    check_style(style, name)
    if feature_type == "int32":
        forest = lower_to_int32(source.forest, output_scale_log2)
    else:
        forest = merge_equal_leaves(source.forest)
    emitted = replace(source, forest=validate(forest))
    values = {
        "name": name,
        "NAME": name.upper(),
        "header": file or name,
        "version": __version__,
        "style": style,
        "file": comment_text(source.file),
        "sha256": source.sha256,
        "xgboost_version": source.xgboost_version,
        "forest": emitted.forest,
        "integer": feature_type == "int32",
        "feature_max": FEATURE_MAX,
        "code": tree_code(emitted.forest),
    }
    stem = file or name
    return {f"{stem}.{kind}": render(f"forest.{kind}.j2", values) for kind in ("h", "c")}, emitted
