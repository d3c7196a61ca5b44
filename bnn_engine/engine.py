"""Loading a model and running it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine import _core
from bnn_engine.arrays import as_value, convert, matching
from bnn_engine.errors import BnnError, BnnWarning, DTypeError, ShapeError

if TYPE_CHECKING:
    import onnx

    from bnn_engine.graph import Graph, Value
    from bnn_engine.lowering import LayerSummary, Summary
    from bnn_engine.network import Network
    from bnn_engine.specialise import LateBinding

    Source = str | os.PathLike[str] | bytes | onnx.ModelProto

__all__ = ["Engine", "TensorInfo", "load"]

Array = NDArray[Any]


@dataclass(frozen=True)
class TensorInfo:
    """Name, shape and dtype of an input or output.

    Attributes:
        name: as in the model.
        shape: extents; a symbolic (free) extent is its name, an unknown one "?". Empty where
            ``kind`` is not "tensor".
        dtype: NumPy dtype, that of the tensors inside where ``kind`` is not "tensor"; object for
            strings.
        kind: "tensor"; or "sequence" (a list), "optional" (a value or None) or "map" (a dict).
    """

    name: str
    shape: tuple[int | str, ...]
    dtype: np.dtype[Any]
    kind: str = "tensor"


def _tensor_info(value: Value) -> TensorInfo:
    if value.container is not None:
        from bnn_engine.graph.protobuf import contained_dtype, container_kind

        kind, dtype = container_kind(value.container), contained_dtype(value.container)
        return TensorInfo(value.name, (), dtype, kind)
    shape = tuple("?" if dim is None else dim for dim in value.shape or ())
    return TensorInfo(value.name, shape, value.dtype or np.dtype(np.float32))


def _matching_value(x: Any, info: TensorInfo) -> Any:
    return as_value(x, info.kind, info.name, lambda array: matching(array, info.dtype, info.name))


def load(source: Source, num_threads: int | None = None, fallback: str = "reference") -> Engine:
    """Load an ONNX model, or a packed model made by :meth:`Engine.save`.

    Args:
        source: path, serialized bytes, or ``onnx.ModelProto``. External data lies beside a path.
        num_threads: threads a call may use; by default what affinity, cgroup quota,
            ``OMP_NUM_THREADS`` and ``BNN_ENGINE_NUM_THREADS`` leave. Answers do not depend on it.
        fallback: what happens to standard ops without a native kernel: "reference" runs them
            through ``onnx.reference`` as Python steps (``summary()`` lists them), "error"
            refuses them.

    Returns:
        An engine that gives the answers of the ONNX graph (ONNX Runtime, optimisations disabled).

    Warns:
        BnnWarning: a Sign in front of a layer of 1-bit weights seems to have been lost in export.

    Raises:
        ModelFormatError: the source is not a readable, valid model.
        UnsupportedOpError: it contains nodes that cannot be run; lists all of them.
        IsaError: ``BNN_ENGINE_ISA`` is unknown or this CPU lacks it.
        BnnError: an argument is out of range.
    """
    if fallback not in ("reference", "error"):
        raise BnnError(f"fallback must be 'reference' or 'error', not {fallback!r}")
    if num_threads is None:
        num_threads = _core.default_num_threads()
    elif isinstance(num_threads, bool) or not isinstance(num_threads, int) or num_threads < 1:
        raise BnnError(f"num_threads must be a positive integer or None, not {num_threads!r}")
    from bnn_engine.importer import import_model
    from bnn_engine.passes import PACKED_PASSES, PASSES, UNFUSED_PASSES, run_passes
    from bnn_engine.specialise import LateBinding, parameter_inputs

    graph = import_model(source)
    unbound = graph.copy() if parameter_inputs(graph, graph.nodes) else None
    run_passes(graph, PACKED_PASSES if graph.analysed else PASSES)
    if graph.warnings:
        warnings.warn("\n".join(graph.warnings), BnnWarning, stacklevel=2)
    engine = Engine(graph, source, num_threads, fallback)
    if unbound is not None:
        passes = UNFUSED_PASSES if graph.analysed else PASSES
        engine._late = LateBinding.of(unbound, graph, passes, num_threads, fallback)
    return engine


class Engine:
    """A loaded network. Immutable; may be called from several threads at once.

    Attributes:
        inputs, outputs: what the network reads and gives, in the order of the model.
    """

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]

    def __init__(self, graph: Graph, source: Source, num_threads: int, fallback: str) -> None:
        """Use :func:`load`."""
        from bnn_engine.lowering import lower

        self._graph = graph
        self._source = source
        self._num_threads = num_threads
        self._isa = _core.active_isa()
        self._network: Network
        self._layers: list[LayerSummary]
        self._late: LateBinding | None = None
        self._network, self._layers = lower(graph, num_threads, fallback)
        self.inputs = tuple(_tensor_info(value) for value in graph.inputs)
        self.outputs = tuple(_tensor_info(value) for value in graph.outputs)
        single = self._network.program if len(self.inputs) == len(self.outputs) == 1 else None
        self._run_plain = None if single is None else single.run_plain

    def predict(self, x: Any, out: Array | None = None) -> Any:
        """The network's answer to its one input.

        Args:
            x: array-like or DLPack CPU tensor of the input's shape. Numeric dtypes are converted to
                the input's (float64 and uint8 to float32, for instance).
            out: array of the output's shape and dtype to fill instead of a new one (networks with
                one output).

        Returns:
            The output array; a tuple of arrays when the graph has several outputs.

        Raises:
            ShapeError: rank or extents do not fit, or the network has several inputs.
            DTypeError: the values cannot be converted.
        """
        if out is None and self._run_plain is not None:
            try:
                y = self._run_plain(x)
            except ShapeError:
                self._check_shapes({self.inputs[0].name: np.asarray(x)})
                raise
            if y is not None:
                return y
        if len(self.inputs) != 1:
            names = ", ".join(repr(info.name) for info in self.inputs)
            raise ShapeError(f"the network has the inputs {names}: pass them to run() by name")
        info = self.inputs[0]
        value = as_value(x, info.kind, info.name, lambda a: convert(a, info.dtype, info.name))
        results = self._run({info.name: value})
        if out is None:
            return results[0] if len(results) == 1 else tuple(results)
        if len(results) != 1:
            raise ShapeError("out= needs a network with one output")
        return self._fill(out, results[0])

    def run(
        self, feeds: Mapping[str, Any], outputs: Iterable[str] | None = None
    ) -> dict[str, Array]:
        """Outputs by name for inputs by name.

        Args:
            feeds: every input by name, as an array whose dtype is the input's.
            outputs: names to return, all outputs of the network by default. They may name any
                tensor of the original graph: the source given to :func:`load` is read again and
                the tensor recomputed unfused, which is slow.

        Raises:
            ShapeError: an input is missing, unknown or of the wrong shape, or an output unknown.
            DTypeError: a dtype differs from the input's.
        """
        if not isinstance(feeds, Mapping):
            raise DTypeError(f"run() takes a dict of inputs by name, not {type(feeds).__name__}")
        known = {info.name: info for info in self.inputs}
        unknown = [name for name in feeds if name not in known]
        missing = [name for name in known if name not in feeds]
        if unknown or missing:
            parts = [
                f"{text} {names}"
                for text, names in (("unknown", unknown), ("missing", missing))
                if names
            ]
            raise ShapeError(f"inputs {' and '.join(parts)}; the network has {sorted(known)}")
        arrays = {name: _matching_value(value, known[name]) for name, value in feeds.items()}
        if outputs is None:
            return dict(zip((info.name for info in self.outputs), self._run(arrays), strict=True))
        wanted = [outputs] if isinstance(outputs, str) else list(outputs)
        if not {*wanted} <= {info.name for info in self.outputs}:
            return self._run_unfused(arrays, wanted)
        return dict(zip(wanted, self._run(arrays, wanted), strict=True))

    def summary(self) -> Summary:
        """What runs how: a table of layers with kernels, fusions, MACs, bytes and reasons.

        Where inputs are parameters of ops, such as the target of a Reshape or weights, a network is
        built for their values when they are given: then this is that of the latest call.
        """
        from bnn_engine.lowering import Summary

        layers = self._late.layers if self._late is not None else None
        return Summary(layers or self._layers, self._isa)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the packed model: 1-bit weights as bits, thresholds instead of normalisation.

        The file is ONNX with ops of the domain ``bnn_engine`` (version 1) and their function
        bodies, so plain ONNX Runtime runs it as well; :func:`load` needs no analysis for it. Its
        bytes do not depend on the machine.

        Raises:
            BnnError: the file cannot be written.
        """
        from bnn_engine.graph.protobuf import to_model

        data = to_model(self._graph).SerializeToString(deterministic=True)
        try:
            Path(path).write_bytes(data)
        except OSError as error:
            raise BnnError(f"cannot write {os.fspath(path)!r}: {error}") from error

    def trim(self) -> None:
        """Give back cached plans and workspaces, and networks built for values of parameters."""
        self._network.trim()
        if self._late is not None:
            self._late.trim()

    def __repr__(self) -> str:
        inputs = ", ".join(f"{info.name} {list(info.shape)}" for info in self.inputs)
        outputs = ", ".join(f"{info.name} {list(info.shape)}" for info in self.outputs)
        return f"<bnn_engine.Engine {inputs} -> {outputs}>"

    # -- internals --------------------------------------------------------------------------------

    def _run(self, arrays: dict[str, Array], outputs: list[str] | None = None) -> list[Array]:
        """Results for checked dtypes."""
        self._check_shapes(arrays)
        bound = None if self._late is None else self._late.network(arrays)
        return (bound or self._network).run(arrays, outputs)

    def _check_shapes(self, arrays: Mapping[str, Array]) -> None:
        """Raise ShapeError unless all arrays fit and equal symbols have equal extents."""
        symbols: dict[str, tuple[int, str]] = {}
        for info in self.inputs:
            if info.kind != "tensor":
                continue
            got = arrays[info.name].shape
            fits = len(got) == len(info.shape)
            for axis, (extent, wanted) in enumerate(zip(got, info.shape, strict=False)):
                if isinstance(wanted, int):
                    fits = fits and extent == wanted
                elif wanted != "?":
                    first, owner = symbols.setdefault(wanted, (extent, info.name))
                    if first != extent:
                        raise ShapeError(
                            f"{wanted!r} is {first} in input {owner!r} but {extent} in axis {axis} "
                            f"of {info.name!r}"
                        )
            if not fits:
                shape = ", ".join(str(dim) for dim in info.shape)
                message = f"input {info.name!r} must have shape [{shape}], got {list(got)}"
                if info.shape and info.shape[0] == 1 and got[1:] == info.shape[1:]:
                    message += f"; its batch size is fixed because {self._graph.rows_independent}"
                raise ShapeError(message)

    def _fill(self, out: Array, result: Array) -> Array:
        """Copy ``result`` into the caller's array."""
        if not isinstance(out, np.ndarray) or out.dtype != result.dtype:
            raise DTypeError(f"out must be a NumPy array of dtype {result.dtype}")
        if out.shape != result.shape:
            raise ShapeError(f"out has shape {list(out.shape)}, the result {list(result.shape)}")
        if not out.flags.writeable:
            raise DTypeError("out is read-only")
        out[...] = result
        return out

    def _run_unfused(self, arrays: dict[str, Array], wanted: list[str]) -> dict[str, Array]:
        """Values of any tensors of the original graph, without rewrites that would hide them."""
        from bnn_engine.importer import import_model
        from bnn_engine.lowering import lower
        from bnn_engine.passes import UNFUSED_PASSES, run_passes

        graph = import_model(self._source)
        values = graph.values()
        unknown = [name for name in wanted if name not in values]
        if unknown:
            raise ShapeError(f"the model has no tensors named {unknown}")
        graph.outputs = [values[name] for name in dict.fromkeys(wanted)]
        run_passes(graph, UNFUSED_PASSES)
        network, _ = lower(graph, self._num_threads, "reference")
        self._check_shapes(arrays)
        return dict(zip((v.name for v in graph.outputs), network.run(arrays), strict=True))
