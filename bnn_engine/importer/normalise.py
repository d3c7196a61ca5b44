"""Brings a checked model to the dialect that passes work on: no functions, opset 21 or later."""

from __future__ import annotations

import onnx
import onnx.defs
import onnx.inliner
import onnx.version_converter

from bnn_engine.errors import ModelFormatError
from bnn_engine.graph.subgraphs import subgraphs
from bnn_engine.importer.old_resizes import (
    hide_old_resizes,
    restore_resizes,
    why_not_resizable,
)
from bnn_engine.importer.operators import op_label, since_version
from bnn_engine.ops import DOMAIN, DOMAIN_VERSION

__all__ = [
    "TARGET_OPSET",
    "check_opsets",
    "convert_opset",
    "inline_functions",
    "unconvertible",
]

TARGET_OPSET = 21


def check_opsets(model: onnx.ModelProto) -> list[str]:
    """Return one line for every opset import that is missing or newer than what is known."""
    versions = {entry.domain: entry.version for entry in model.opset_import}
    problems = []
    if "" not in versions and any(node.domain == "" for node in model.graph.node):
        problems.append("the model imports no version of the default opset")
    newest = {"": onnx.defs.onnx_opset_version(), "ai.onnx.ml": onnx.defs.onnx_ml_opset_version()}
    problems.extend(
        f"the model follows opset {versions[domain]} of the domain {domain!r}; onnx "
        f"{onnx.__version__} knows opsets up to {known}"
        for domain, known in newest.items()
        if domain in versions and not 1 <= versions[domain] <= known
    )
    version = versions.get("", TARGET_OPSET)
    ours = versions.get(DOMAIN)
    if ours is not None and not 1 <= ours <= DOMAIN_VERSION:
        problems.append(
            f"the model uses version {ours} of the domain {DOMAIN!r}; this version of bnn_engine "
            f"knows versions up to {DOMAIN_VERSION}: install a newer one"
        )
    if ours is not None and version < TARGET_OPSET:
        problems.append(
            f"the model uses the domain {DOMAIN!r} with opset {version}; it needs {TARGET_OPSET} "
            "or later"
        )
    return problems


def inline_functions(model: onnx.ModelProto) -> onnx.ModelProto:
    """Inline the model-local functions, those of our own domain excepted: we define its meaning.

    ``model`` may be changed.
    """
    ours = [f for f in model.functions if f.domain == DOMAIN]
    for function in ours:
        model.functions.remove(function)
    try:
        inlined = onnx.inliner.inline_local_functions(model, convert_version=True)
    except Exception as error:  # native code: its exception types are not part of its interface
        raise ModelFormatError(f"cannot inline the model's functions: {error}") from error
    # What it could not inline stays behind as calls of ops that then nobody knows.
    del inlined.functions[:]
    return inlined


def unconvertible(model: onnx.ModelProto) -> list[str]:
    """Return one line for every node of an old opset that the converter would get wrong."""
    version = _version(model)
    return [
        f"{op_label(node, version)}: {reason}"
        for node in model.graph.node
        if version < TARGET_OPSET and (reason := _converts_wrongly(model.graph, node, version))
    ]


def _version(model: onnx.ModelProto) -> int:
    """Version of the default domain."""
    versions = (entry.version for entry in model.opset_import if entry.domain == "")
    return next(versions, TARGET_OPSET)


def convert_opset(model: onnx.ModelProto) -> onnx.ModelProto:
    """Bring the default domain to opset 21, ``model`` perhaps being changed; later ones stay.

    Raises:
        ModelFormatError: the converter fails.
    """
    version = _version(model)
    if version >= TARGET_OPSET:
        return model
    if all(_keeps_meaning(node, version) for node in model.graph.node):
        for entry in model.opset_import:
            if entry.domain == "":
                entry.version = TARGET_OPSET
        return model
    if any(node.domain == DOMAIN for node in model.graph.node):
        model.opset_import.add(domain=DOMAIN, version=DOMAIN_VERSION)
    hide_old_resizes(model, version)
    try:
        converted = onnx.version_converter.convert_version(model, TARGET_OPSET)
    except Exception as error:  # native code: its exception types are not part of its interface
        raise ModelFormatError(
            f"cannot convert the model from opset {version} to {TARGET_OPSET}: {error}"
        ) from error
    restore_resizes(converted)
    return converted


# Ops whose versions between opset 13 and 21 differ in the types they allow, or in attributes with
# defaults that keep the old meaning. The converter takes 7 ms to start; models of these do without
# it.
_SAME_SINCE_13 = frozenset(
    {
        "Add",
        "BatchNormalization",
        "Cast",
        "Constant",
        "ConstantOfShape",
        "Div",
        "Equal",
        "Flatten",
        "GreaterOrEqual",
        "Identity",
        "LeakyRelu",
        "LessOrEqual",
        "Mul",
        "PRelu",
        "Pow",
        "Relu",
        "Reshape",
        "Shape",
        "Size",
        "Squeeze",
        "Sub",
        "Transpose",
        "Unsqueeze",
        "Where",
    }
)


def _keeps_meaning(node: onnx.NodeProto, version: int) -> bool:
    """Return whether ``node`` of opset ``version`` means the same at the target opset."""
    if node.domain:
        return True
    if any(True for _ in subgraphs(node)) or version < 13:
        return False
    if node.op_type == "BatchNormalization" and len(node.output) > 1:  # in training mode, before 14
        return False
    return node.op_type in _SAME_SINCE_13 or since_version(node.op_type, version) == since_version(
        node.op_type, TARGET_OPSET
    )


def _converts_wrongly(graph: onnx.GraphProto, node: onnx.NodeProto, version: int) -> str | None:
    if node.domain:
        return None
    if node.op_type == "Scan" and version == 8:
        return "Scan of opset 8 works on batches, later ones do not; export with opset 9"
    return why_not_resizable(graph, node, version)
