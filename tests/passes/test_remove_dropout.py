from __future__ import annotations

import numpy as np
import pytest

from bnn_engine.graph.reference import evaluate
from bnn_engine.passes.remove_dropout import RemoveDropout
from tests.support import ort
from tests.support.onnx_models import graph_from_text, model_from_text, op_types

X = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.mark.parametrize("call", ["Dropout(x)", "Dropout(x, r)", "Dropout(x, r, f)"])
def test_inference(call: str) -> None:
    constants = {"r": np.asarray(np.float32(0.9)), "f": np.asarray(False)}
    used = {name: constants[name] for name in "rf" if f", {name}" in call}
    graph = graph_from_text(f"g (float[2, 3] x) => (float[2, 3] y) {{ y = {call} }}", used)
    RemoveDropout().run(graph)
    graph.check()
    assert op_types(graph) == ["Identity"]
    np.testing.assert_array_equal(evaluate(graph, {"x": X})["y"], X)


@pytest.mark.parametrize("opset", [12, 13, 22])
def test_the_mask_is_true_everywhere(opset: int) -> None:
    text = "g (float[2, 3] x) => (float[2, 3] y, bool[2, 3] m) { y, m = Dropout(x) }"
    graph = graph_from_text(text, opset=opset)
    RemoveDropout().run(graph)
    graph.check()
    found, wanted = evaluate(graph, {"x": X}), ort.run(model_from_text(text, opset=opset), {"x": X})
    assert found["m"].dtype == wanted["m"].dtype
    np.testing.assert_array_equal(found["m"], wanted["m"])


@pytest.mark.parametrize("training", [True, None])
def test_training_stays(training: bool | None) -> None:
    given = {} if training is None else {"t": np.asarray(training)}
    extra = ", bool t" if training is None else ""
    graph = graph_from_text(
        f"g (float[2, 3] x{extra}) => (float[2, 3] y) {{ y = Dropout(x, , t) }}", given
    )
    RemoveDropout().run(graph)
    assert op_types(graph) == ["Dropout"]
