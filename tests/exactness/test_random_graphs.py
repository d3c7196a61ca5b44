"""Random binarized networks give ONNX Runtime's answers.

``BNN_ENGINE_TEST_EXAMPLES=5000 pytest tests/exactness/test_random_graphs.py`` looks for more.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from numpy.typing import NDArray

import bnn_engine
from tests.support import ort
from tests.support.binarized_graphs import Network, Tensor, networks

EXAMPLES = os.environ.get("BNN_ENGINE_TEST_EXAMPLES")
SETTINGS = settings(
    max_examples=int(EXAMPLES or 120),
    derandomize=EXAMPLES is None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)

Floats = NDArray[np.float32]


def check(got: Floats, wanted: Floats, tensor: Tensor) -> None:
    assert got.shape == wanted.shape
    if tensor.error == 0:
        np.testing.assert_array_equal(got, wanted)
        return
    distance = np.abs(got.astype(np.float64) - wanted)
    assert np.all(distance <= tensor.error), distance.max()


def answers(network: Network) -> dict[str, Floats]:
    """ONNX Runtime's; the example is given up where rounding could move a fragile activation."""
    wanted = ort.run(network.model, {"x": network.x})
    if network.rounded:
        certain = [tensor.name for tensor in network.outputs]
        moved = [ort.run(network.perturbed(sign), {"x": network.x}) for sign in (1, -1)]
        for tensor in network.outputs:
            for other in moved:
                distance = np.abs(other[tensor.name].astype(np.float64) - wanted[tensor.name])
                assume(np.all(distance <= 4 * tensor.error))
        assert certain
    return wanted


@SETTINGS
@given(network=networks())
def test_equals_onnx_runtime(network: Network) -> None:
    wanted = answers(network)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bnn_engine.BnnWarning)
        engine = bnn_engine.load(network.model)
    got = engine.run({"x": network.x})
    for tensor in network.outputs:
        check(got[tensor.name], wanted[tensor.name], tensor)
    if len(network.x) > 1:
        alone = engine.run({"x": network.x[1:]})
        for name, array in got.items():
            np.testing.assert_array_equal(alone[name], array[1:])
    with TemporaryDirectory() as folder:
        engine.save(Path(folder) / "packed.onnx")
        reloaded = bnn_engine.load(Path(folder) / "packed.onnx").run({"x": network.x})
    for name, array in got.items():
        np.testing.assert_array_equal(reloaded[name], array)


@settings(SETTINGS, max_examples=int(EXAMPLES or 50))
@given(network=networks())
def test_nan_passes_as_in_onnx_runtime(network: Network) -> None:
    """Where all sums are exact; a MaxPool leaves open what it makes of NaN."""
    assume(all(node.op_type != "MaxPool" for node in network.model.graph.node))
    assume(not network.rounded and all(tensor.error == 0 for tensor in network.outputs))
    x = network.x.copy()
    x.reshape(-1)[x.size // 2] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bnn_engine.BnnWarning)
        got = bnn_engine.load(network.model).run({"x": x})
    for name, wanted in ort.run(network.model, {"x": x}).items():
        np.testing.assert_array_equal(got[name], wanted)


def test_random_networks_have_layers_of_every_kind() -> None:
    """They would test little if the passes found nothing in them, or if few were certain."""
    kinds: Counter[str] = Counter()
    certain: list[bool] = []

    @settings(SETTINGS, max_examples=60, derandomize=True, database=None)
    @given(network=networks())
    def look(network: Network) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", bnn_engine.BnnWarning)
            layers = bnn_engine.load(network.model, fallback="error").summary().layers
        kinds.update(layer.kind for layer in layers if layer.binary_macs or layer.float_macs)
        certain.append(all(tensor.error == 0 for tensor in network.outputs))

    look()
    assert min(kinds[kind] for kind in ("W1A1", "W1A32", "float")) >= 5
    low_bit = sum(count for kind, count in kinds.items() if kind not in ("W1A1", "W1A32", "float"))
    assert low_bit >= 5
    assert np.mean(certain) > 0.5
