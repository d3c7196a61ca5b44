"""The ONNX backend API: what ``onnx.backend.base.Backend`` declares, as functions of this module.

``onnx.backend.test.BackendTest(bnn_engine.backend, __name__)`` runs ONNX's own tests on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnx.defs
from numpy.typing import NDArray
from onnx.backend.base import BackendRep, Device, DeviceType

from bnn_engine.engine import Engine, load
from bnn_engine.errors import BnnError, ShapeError

__all__ = [
    "PreparedModel",
    "is_compatible",
    "prepare",
    "run_model",
    "run_node",
    "supports_device",
]

_OPTIONS = ("num_threads", "fallback")


class PreparedModel(BackendRep):
    """A loaded model in the form that the backend API asks for.

    Attributes:
        engine: what runs it.
    """

    def __init__(self, engine: Engine) -> None:
        """Use :func:`prepare`."""
        self.engine = engine

    def run(self, inputs: Any, **kwargs: Any) -> tuple[Any, ...]:
        """All outputs, in the order of the model.

        Args:
            inputs: the inputs in the order of the model, or by name; the array itself for a model
                with one input.
            kwargs: ignored; the API has none of general meaning.

        Raises:
            ShapeError: an input is missing, unknown or of the wrong shape.
            DTypeError: a dtype differs from the input's.
        """
        del kwargs
        names = [info.name for info in self.engine.inputs]
        if isinstance(inputs, Mapping):
            feeds = dict(inputs)
        else:
            given = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
            if len(given) != len(names):
                raise ShapeError(f"the model has the inputs {names}, but {len(given)} were given")
            feeds = dict(zip(names, given, strict=True))
        return tuple(self.engine.run(feeds).values())


def prepare(model: onnx.ModelProto, device: str = "CPU", **kwargs: Any) -> PreparedModel:
    """Load ``model`` for repeated runs.

    Args:
        model: whatever :func:`bnn_engine.load` takes.
        device: "CPU", or "CPU:0".
        kwargs: ``num_threads`` and ``fallback`` of :func:`bnn_engine.load`; others, such as the
            tolerances that ONNX's test runner passes on, are ignored.

    Raises:
        BnnError: the device is no CPU, or what :func:`bnn_engine.load` raises.
    """
    if not supports_device(device):
        raise BnnError(f"the device must be 'CPU', not {device!r}")
    options = {name: kwargs[name] for name in _OPTIONS if name in kwargs}
    return PreparedModel(load(model, **options))


def run_model(
    model: onnx.ModelProto, inputs: Any, device: str = "CPU", **kwargs: Any
) -> tuple[Any, ...]:
    """Load ``model`` and run it once; see :func:`prepare` and :meth:`PreparedModel.run`."""
    return prepare(model, device, **kwargs).run(inputs)


def run_node(
    node: onnx.NodeProto,
    inputs: Any,
    device: str = "CPU",
    outputs_info: Sequence[tuple[np.dtype[Any], tuple[int, ...]]] | None = None,
    **kwargs: Any,
) -> tuple[Any, ...]:
    """Run a single node.

    Args:
        node: the node.
        inputs: arrays in the order of the node's inputs that are not left out.
        device: "CPU", or "CPU:0".
        outputs_info: dtype and shape of the outputs; both are inferred without it.
        kwargs: ``opset_version``, the version of the node's domain (the newest by default), and
            those of :func:`prepare`.

    Raises:
        BnnError: as for :func:`run_model`.
    """
    names = list(dict.fromkeys(filter(None, node.input)))
    given = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    if len(given) != len(names):
        raise ShapeError(f"the node reads {names}, but {len(given)} arrays were given")
    arrays = [np.asarray(array) for array in given]
    newest = (
        onnx.defs.onnx_ml_opset_version()
        if node.domain == "ai.onnx.ml"
        else onnx.defs.onnx_opset_version()
    )
    version = int(kwargs.get("opset_version", newest))
    graph = onnx.helper.make_graph(
        [node],
        "node",
        [_tensor_info(name, array) for name, array in zip(names, arrays, strict=True)],
        _outputs(node, outputs_info),
    )
    imports = [onnx.helper.make_opsetid(node.domain, version)]
    if node.domain not in ("", "ai.onnx"):
        imports.append(onnx.helper.make_opsetid("", onnx.defs.onnx_opset_version()))
    return run_model(onnx.helper.make_model(graph, opset_imports=imports), arrays, device, **kwargs)


def _tensor_info(name: str, array: NDArray[Any]) -> onnx.ValueInfoProto:
    element = onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
    return onnx.helper.make_tensor_value_info(name, element, array.shape)


def _outputs(
    node: onnx.NodeProto, infos: Sequence[tuple[np.dtype[Any], tuple[int, ...]]] | None
) -> list[onnx.ValueInfoProto]:
    names = [name for name in node.output if name]
    if infos is None:
        return [onnx.ValueInfoProto(name=name) for name in names]
    return [
        onnx.helper.make_tensor_value_info(
            name, onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape
        )
        for name, (dtype, shape) in zip(names, infos, strict=True)
    ]


def supports_device(device: str) -> bool:
    """Whether models can run on ``device``: the CPU, and nothing else."""
    try:
        return bool(Device(device).type == DeviceType.CPU)
    except (AttributeError, ValueError):
        return False


def is_compatible(model: onnx.ModelProto, device: str = "CPU", **kwargs: Any) -> bool:
    """Whether :func:`prepare` would take ``model``; costs as much as that."""
    try:
        prepare(model, device, **kwargs)
    except BnnError:
        return False
    return True
