"""What the definition of one op of the domain ``bnn_engine`` consists of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx

__all__ = [
    "DOMAIN",
    "DOMAIN_VERSION",
    "Array",
    "AttributeKind",
    "Attributes",
    "OpDefinition",
    "Shape",
]

DOMAIN = "bnn_engine"
DOMAIN_VERSION = 1

Array = NDArray[Any]
Attributes = Mapping[str, Any]
AttributeKind = Literal["float", "floats", "int", "ints", "string"]
Shape = tuple[int | str | None, ...]
"""Extents: numbers, symbols, or None where nothing is known."""


@dataclass(frozen=True, eq=False)
class OpDefinition:
    """One op: its signature, meaning and shape, each written once.

    Attributes:
        name: op type.
        doc: what it computes.
        inputs: names and tensor element types ("float", "uint8", "int64"); the one output is
        float32 "y".
        attributes: kind by attribute name; all are required.
        body: the nodes of the function body in the text syntax of ``onnx.parser``, standard ops and
            other ops of the domain only.
        calls: ops of the domain that the body calls.
        reference: NumPy implementation: arrays and attributes in, the output out.
        infer: shape of the output from the shapes of the inputs (None: rank unknown) and the
            attributes; raises ValueError saying what does not fit together.
    """

    name: str
    doc: str
    inputs: tuple[tuple[str, str], ...]
    attributes: Mapping[str, AttributeKind]
    body: str
    reference: Callable[[Sequence[Array], Attributes], Array]
    infer: Callable[[Sequence[Shape | None], Attributes], Shape | None]
    calls: tuple[str, ...] = ()

    def function(self, opset: int) -> onnx.FunctionProto:
        """Return the function body as ONNX, for a model that follows ``opset``."""
        return _parse_function(self, opset)

    def problem(
        self,
        dtypes: Sequence[np.dtype[Any] | None],
        shapes: Sequence[Shape | None],
        attributes: Attributes,
    ) -> str | None:
        """Return what is wrong with a use of the op, None if nothing is.

        Args:
            dtypes: element types of the inputs, None where unknown.
            shapes: shapes of the inputs, None where unknown.
            attributes: the node's attributes.
        """
        if len(dtypes) != len(self.inputs):
            return f"has {len(dtypes)} inputs instead of {len(self.inputs)}"
        for (name, expected), dtype in zip(self.inputs, dtypes, strict=True):
            if dtype is not None and dtype != np.dtype(_NUMPY_NAMES[expected]):
                return f"input {name!r} is {dtype} instead of {_NUMPY_NAMES[expected]}"
        if set(attributes) != set(self.attributes):
            return f"has attributes {sorted(attributes)} instead of {sorted(self.attributes)}"
        for name, kind in self.attributes.items():
            if not _is_kind(attributes[name], kind):
                return f"attribute {name!r} is {attributes[name]!r}, which is no {kind}"
        try:
            self.infer(shapes, attributes)
        except ValueError as error:
            return str(error)
        return None


_NUMPY_NAMES = {"float": "float32", "uint8": "uint8", "int64": "int64"}


def _is_kind(value: object, kind: str) -> bool:
    if kind == "string":
        return type(value) is str
    element = {"float": float, "int": int}[kind.removesuffix("s")]
    if kind.endswith("s"):
        return isinstance(value, list) and all(type(item) is element for item in value)
    return type(value) is element


@lru_cache(maxsize=64)
def _parse_function(definition: OpDefinition, opset: int) -> onnx.FunctionProto:
    import onnx.parser

    attributes = f"<{', '.join(definition.attributes)}>" if definition.attributes else ""
    names = ", ".join(name for name, _ in definition.inputs)
    return onnx.parser.parse_function(
        f'<domain: "{DOMAIN}", opset_import: ["": {opset}, "{DOMAIN}": {DOMAIN_VERSION}]>'
        f"{definition.name} {attributes}({names}) => (y) {{ {definition.body} }}"
    )
