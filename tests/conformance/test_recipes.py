"""Weights are the same wherever they are made again."""

from __future__ import annotations

import itertools
import zlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from tests.conformance import recipes
from tests.conformance.recipes import Drawn


def test_draws_are_the_same_with_every_numpy() -> None:
    drawn = recipes.draw(7, (3, 50))
    assert drawn.dtype == np.float32
    assert drawn[0, :6].tolist() == [347.0, -219.0, -83.0, 575.0, -9.0, 33.0]
    assert zlib.crc32(drawn.astype("<i2").tobytes()) == 923917939


def test_draws_look_normal_and_are_never_zero() -> None:
    drawn = recipes.draw(1, (400, 250))
    assert np.all(drawn % 2 == 1)
    assert np.abs(drawn).max() <= 1021
    assert abs(drawn.mean()) < 4
    assert drawn.std() == pytest.approx(recipes.DEVIATION, rel=0.01)
    assert np.mean(np.abs(drawn) < recipes.DEVIATION) == pytest.approx(0.68, abs=0.02)


def test_an_odd_number_of_draws_is_the_start_of_an_even_number() -> None:
    np.testing.assert_array_equal(recipes.draw(3, (7,)), recipes.draw(3, (8,))[:7])


@pytest.mark.parametrize("kind", ["latent", "signs"])
@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("axis", [0, 1])
def test_every_form_is_found_again(kind: str, axes: tuple[int, ...], axis: int) -> None:
    source = Drawn.normal(5, (6, 7, 8), 0.1)
    recipe = recipes.Recipe(kind, source, axes, axis, np.ones(1, np.float32))
    dims = recipe.make(source.values().transpose(axes).shape).shape
    factors = np.linspace(-1, 1, dims[axis], dtype=np.float32)
    factors[2] = 0.0
    wanted = recipes.Recipe(kind, source, axes, axis, factors).make(dims)
    others = [Drawn.normal(6, (6, 7, 8), 0.1), Drawn.normal(5, (6, 7), 0.1)]
    found = recipes.factorise(wanted, [*others, source])
    assert found is not None
    assert (found.kind, found.drawn) == (kind, source)
    np.testing.assert_allclose(found.make(dims), wanted, rtol=1e-6, atol=0)
    if kind == "signs":
        np.testing.assert_array_equal(found.make(dims), wanted)


def test_reshaped_weights_are_found() -> None:
    source = Drawn.normal(5, (32, 64), 1.0)
    column = source.values().reshape(-1, 1)
    found = recipes.factorise(column, [source])
    assert found is not None
    assert len(found.factors) == 1
    np.testing.assert_array_equal(found.make(column.shape), column)


def test_other_weights_are_not_found() -> None:
    source = Drawn.normal(5, (32, 64), 1.0)
    changed = source.values()
    changed[3, 60] = -changed[3, 60]
    assert recipes.factorise(changed, [source]) is None


def test_file(tmp_path: Path) -> None:
    source = Drawn.normal(9, (3, 3, 16, 8), 0.05)
    weights = np.sign(source.values()).transpose(3, 2, 0, 1)
    weights *= np.arange(8, dtype=np.float32).reshape(8, 1, 1, 1) - 3
    constants = {
        "weights": weights,
        "shape": np.arange(300, dtype=np.int64),
        "mean": np.linspace(0, 1, 300, dtype=np.float32),
    }
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["weights"], ["y"])],
        "graph",
        [],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, weights.shape)],
        [numpy_helper.from_array(np.ascontiguousarray(a), name) for name, a in constants.items()],
    )
    model = onnx.helper.make_model(graph)
    assert recipes.write(tmp_path / "x", model, [source]) == ["mean"]
    assert (tmp_path / "x").stat().st_size < weights.nbytes / 2
    assert recipes.read(tmp_path / "x") == model


def test_weights_without_a_recipe_are_stored(tmp_path: Path) -> None:
    weights = np.random.default_rng(0).normal(size=(20, 30)).astype(np.float32)
    graph = onnx.helper.make_graph([], "graph", [], [], [numpy_helper.from_array(weights, "w")])
    model = onnx.helper.make_model(graph)
    assert recipes.write(tmp_path / "x", model, []) == ["w"]
    assert recipes.read(tmp_path / "x") == model
