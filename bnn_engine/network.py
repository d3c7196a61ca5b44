"""An executable network: native programs and Python steps in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn_engine import _core
from bnn_engine.element_types import as_stored, stored_dtype
from bnn_engine.errors import BnnError

__all__ = ["NativeStage", "Network", "PythonStage"]

Array = NDArray[Any]
"""An array; among the inputs and outputs of Python steps also a list (sequence), None (empty
optional) or dict (map)."""


class NativeStage:
    """A program of the core with the tensors it reads and writes.

    Attributes:
        program: the program.
        inputs, outputs: names of its tensors.
    """

    def __init__(
        self,
        program: _core.Program,
        inputs: tuple[str, ...],
        dtypes: tuple[np.dtype[Any], ...],
        outputs: tuple[str, ...],
        output_dtypes: tuple[np.dtype[Any], ...],
        build_keeping_nan: Callable[[], _core.Program] | None = None,
    ) -> None:
        """Make a stage.

        Args:
            program: the program.
            inputs: names of the tensors it reads.
            dtypes: their dtypes.
            outputs: names of the tensors it computes.
            output_dtypes: their dtypes.
            build_keeping_nan: makes the same program in floats, for the rare call in which NaN
                reaches signs that ``program`` packs; None where it packs none.
        """
        self.program = program
        self.inputs = inputs
        self.outputs = outputs
        self._dtypes = dtypes
        self._output_dtypes = output_dtypes
        self._build_keeping_nan = build_keeping_nan
        self._keeping_nan: _core.Program | None = None

    def run(self, tensors: dict[str, Array]) -> None:
        """Compute the stage's outputs into ``tensors``."""
        arrays = [
            as_stored(tensors[name], dtype)
            for name, dtype in zip(self.inputs, self._dtypes, strict=True)
        ]
        results = self.program.run(arrays)
        if results is None:
            results = self._program_keeping_nan().run(arrays)
        assert results is not None
        for name, dtype, result in zip(self.outputs, self._output_dtypes, results, strict=True):
            tensors[name] = result.view(dtype)

    @property
    def is_direct(self) -> bool:
        """Whether the program itself gives arrays of the outputs' dtypes."""
        return all(stored_dtype(dtype) == dtype for dtype in self._output_dtypes)

    def trim(self) -> None:
        """Free cached plans and workspaces."""
        self.program.trim()
        self._keeping_nan = None

    def _program_keeping_nan(self) -> _core.Program:
        # Two threads may build it at once, and trim() may drop it: either result serves.
        program = self._keeping_nan
        if program is None:
            assert self._build_keeping_nan is not None
            program = self._keeping_nan = self._build_keeping_nan()
        return program


@dataclass(frozen=True)
class PythonStage:
    """One node that runs through its NumPy reference.

    ``label`` names the node in messages.
    """

    label: str
    function: Callable[[Sequence[Array | None]], Sequence[Array]]
    inputs: tuple[str | None, ...]
    outputs: tuple[str, ...]

    def run(self, tensors: dict[str, Array]) -> None:
        """Compute the stage's outputs into ``tensors``."""
        arrays = [None if name is None else tensors[name] for name in self.inputs]
        try:
            results = self.function(arrays)
        except Exception as error:  # onnx.reference checks nothing: whatever NumPy raises gets here
            shapes = [list(a.shape) if isinstance(a, np.ndarray) else type(a) for a in arrays]
            raise BnnError(
                f"{self.label} cannot be computed for inputs of shapes {shapes} "
                f"({type(error).__name__}: {error}); check its attributes and the input shapes"
            ) from error
        tensors.update(zip(self.outputs, results, strict=False))


class Network:
    """Stages over named tensors.

    Attributes:
        program: the program when it alone computes all outputs from all inputs, and as arrays of
            their dtypes, else None.
    """

    def __init__(
        self,
        stages: Sequence[NativeStage | PythonStage],
        constants: Mapping[str, Array],
        inputs: Sequence[str],
        outputs: Sequence[str],
    ) -> None:
        self._stages = tuple(stages)
        self._constants = dict(constants)
        self._outputs = tuple(outputs)
        self.program: _core.Program | None = None
        if len(stages) == 1 and isinstance(stages[0], NativeStage):
            stage = stages[0]
            whole = stage.inputs == tuple(inputs) and stage.outputs == self._outputs
            if whole and stage.is_direct:
                self.program = stage.program

    def run(self, feeds: Mapping[str, Array], outputs: Iterable[str] | None = None) -> list[Array]:
        """Values of ``outputs`` (all graph outputs by default) for a complete set of inputs."""
        tensors: dict[str, Array] = {**self._constants, **feeds}
        for stage in self._stages:
            stage.run(tensors)
        wanted = self._outputs if outputs is None else tuple(outputs)
        results: list[Array] = []
        for name in wanted:
            array = tensors[name]
            # Python steps may return views; callers must be able to write into what they get.
            if not isinstance(array, np.ndarray):
                results.append(deepcopy(array))
                continue
            others = (*feeds.values(), *self._constants.values(), *results)
            shared = any(_may_share_memory(array, other) for other in others)
            results.append(array.copy() if shared else array)
        return results

    def trim(self) -> None:
        """Free cached plans and workspaces."""
        for stage in self._stages:
            if isinstance(stage, NativeStage):
                stage.trim()


def _may_share_memory(array: Array, other: Any) -> bool:
    if isinstance(other, (list, tuple)):
        return any(_may_share_memory(array, item) for item in other)
    return isinstance(other, np.ndarray) and np.may_share_memory(array, other)
