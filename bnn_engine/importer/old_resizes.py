"""Upsample and Resize of opsets before 11, which the version converter gets silently wrong.

Both take pixel i of the output from i / scale (later "asymmetric"), nearest pixels by truncation,
except that ONNX Runtime rounds up where Resize of opset 10 makes an axis smaller.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

__all__ = ["hide_old_resizes", "restore_resizes", "why_not_resizable"]

# The converter leaves nodes of domains that it does not know as they are.
_HIDDEN = "bnn_engine.importer.resize"


def _is_old(node: onnx.NodeProto, version: int) -> bool:
    return not node.domain and (
        (node.op_type == "Upsample" and 7 <= version <= 9)
        or (node.op_type == "Resize" and version == 10)
    )


def _scales(graph: onnx.GraphProto, node: onnx.NodeProto) -> NDArray[np.float32] | None:
    """The scales of ``node`` where they are constant."""
    for attribute in node.attribute:
        if attribute.name == "scales":
            return np.array(attribute.floats, np.float32)
    name = node.input[1] if len(node.input) > 1 else ""
    for tensor in graph.initializer:
        if tensor.name == name:
            return np.asarray(numpy_helper.to_array(tensor), np.float32)
    for other in graph.node:
        if other.op_type == "Constant" and name in other.output:
            for attribute in other.attribute:
                if attribute.name == "value":
                    return np.asarray(numpy_helper.to_array(attribute.t), np.float32)
    return None


def _nearest_mode(graph: onnx.GraphProto, node: onnx.NodeProto) -> str | None:
    """How a current Resize must round, None where no way does it."""
    scales, larger = _scales(graph, node), node.op_type == "Upsample"
    if scales is None:
        return "floor" if larger else None
    if (scales >= 1).all():
        return "floor"
    return "ceil" if (scales <= 1).all() and not larger else None


def _mode(node: onnx.NodeProto) -> str:
    modes = [
        attribute.s.decode(errors="replace")
        for attribute in node.attribute
        if attribute.name == "mode"
    ]
    return modes[0] if modes else "nearest"


def why_not_resizable(graph: onnx.GraphProto, node: onnx.NodeProto, version: int) -> str | None:
    """Return why an old ``node`` of ``graph`` has no current counterpart; None where it has one."""
    if not _is_old(node, version) or _mode(node) != "nearest" or _nearest_mode(graph, node):
        return None
    if node.op_type == "Upsample":
        return "the scales of Upsample are at least 1"
    return (
        "Resize of opset 10 to nearest pixels has no exact counterpart in later opsets unless its "
        "scales are constant, and all at least 1 or all at most 1; export with opset 11"
    )


def hide_old_resizes(model: onnx.ModelProto, version: int) -> None:
    """Write the old resizes of ``model`` as a current Resize that the converter does not see."""
    for index, node in enumerate(list(model.graph.node)):
        if not _is_old(node, version):
            continue
        mode = _mode(node)
        attributes = {"mode": mode, "coordinate_transformation_mode": "asymmetric"}
        if mode == "nearest":
            attributes["nearest_mode"] = _nearest_mode(model.graph, node) or "floor"
        if node.op_type == "Upsample" and len(node.input) == 1:
            scales = f"{node.output[0]}_scales"
            array = _scales(model.graph, node)
            assert array is not None
            model.graph.initializer.append(numpy_helper.from_array(array, scales))
        else:
            scales = node.input[1]
        made = onnx.helper.make_node(
            "Resize",
            [node.input[0], "", scales],
            list(node.output),
            name=node.name,
            domain=_HIDDEN,
            **attributes,
        )
        model.graph.node[index].CopyFrom(made)
        if all(entry.domain != _HIDDEN for entry in model.opset_import):
            model.opset_import.add(domain=_HIDDEN, version=1)


def restore_resizes(model: onnx.ModelProto) -> None:
    """Show what :func:`hide_old_resizes` hid."""
    for node in model.graph.node:
        if node.domain == _HIDDEN:
            node.domain = ""
    for entry in list(model.opset_import):
        if entry.domain == _HIDDEN:
            model.opset_import.remove(entry)
