"""Writes a fixture: the exporter's graph, recipes for its weights, and what it contains."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from tests.conformance import recipes

__all__ = ["store"]


def store(
    name: str,
    model: onnx.ModelProto,
    drawn: Sequence[recipes.Drawn],
    layers: Mapping[str, int],
    folder: Path,
    full: Path | None = None,
) -> None:
    """Write ``NAME.onnx.xz``.

    Args:
        name: of the fixture.
        model: from the exporter.
        drawn: its weights, as the tool had them.
        layers: how many layers of each kind the architecture has.
        folder: for the fixture.
        full: for the whole model, not compressed.
    """
    for node in model.graph.node:
        node.doc_string = ""  # stack traces: they name folders of this machine
        del node.metadata_props[:]
    for value in [*model.graph.value_info, *model.graph.input, *model.graph.output]:
        del value.metadata_props[:]
    for tensor in model.graph.initializer:
        tensor.doc_string = ""
    model.doc_string = ""
    del model.metadata_props[:]
    model.metadata_props.add(key="layers", value=json.dumps(dict(sorted(layers.items()))))
    path = folder / f"{name}.onnx.xz"
    without = recipes.write(path, model, drawn)
    check(model, recipes.read(path))
    sys.stdout.write(f"{path.name}: {path.stat().st_size} bytes, {len(model.graph.node)} nodes\n")
    for tensor in model.graph.initializer:
        if tensor.name in without and len(tensor.dims) > 1:
            sys.stdout.write(f"  as it is: {tensor.name} {math.prod(tensor.dims)} numbers\n")
    if full is not None:
        onnx.save(model, full / f"{name}.onnx")


def check(model: onnx.ModelProto, restored: onnx.ModelProto) -> None:
    """Weights that come out of a fixture have the same signs and, up to 1e-6, the same numbers."""
    for wanted, got in zip(model.graph.initializer, restored.graph.initializer, strict=True):
        a, b = numpy_helper.to_array(wanted), numpy_helper.to_array(got)
        assert (a.dtype, a.shape, wanted.name) == (b.dtype, b.shape, got.name)
        if a.dtype == np.float32:
            np.testing.assert_array_equal(np.sign(a), np.sign(b))
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=0)
        else:
            np.testing.assert_array_equal(a, b)
