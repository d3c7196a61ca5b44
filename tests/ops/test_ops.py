"""Every op: reference = function body in ONNX Runtime, inferred shape = shape of the reference."""

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from bnn_engine.ops import (
    DOMAIN,
    OPS,
    WeightCode,
    code_attributes,
    pack_levels,
    pack_signs,
    register_schemas,
)
from tests.support.domain_ops import check_op as _check
from tests.support.domain_ops import op_case as _case
from tests.support.onnx_models import signs

Array = NDArray[Any]
INF = np.float32(np.inf)


def _conv_attributes(
    channels: int,
    kernel: list[int],
    strides: list[int],
    pads: list[int],
    dilations: list[int],
    group: int = 1,
) -> dict[str, Any]:
    return {
        "channels": channels,
        "group": group,
        "kernel_shape": kernel,
        "strides": strides,
        "pads": pads,
        "dilations": dilations,
    }


CONVOLUTIONS = [
    (3, 5, [3, 3], [1, 1], [0, 0, 0, 0], [1, 1]),
    (1, 2, [1, 1], [2, 2], [0, 0, 0, 0], [1, 1]),
    (7, 3, [3, 2], [2, 1], [1, 0, 0, 1], [1, 2]),
    (2, 9, [5, 5], [1, 3], [2, 2, 2, 2], [1, 1]),
    (9, 1, [3, 3], [1, 1], [4, 4, 4, 4], [2, 2]),
    (3, 4, [3], [2], [2, 0], [1]),
    (5, 2, [2, 1, 3], [1, 2, 1], [0, 1, 0, 1, 0, 2], [2, 1, 1]),
]
SPATIAL = (7, 6, 5)


@pytest.mark.parametrize("group", [1, 3])
@pytest.mark.parametrize("opset", [21, 22])
@pytest.mark.parametrize(
    ("channels", "outputs", "kernel", "strides", "pads", "dilations"), CONVOLUTIONS
)
@pytest.mark.parametrize("op_type", ["BinaryConv", "BinaryWeightConv"])
def test_convolutions(
    op_type: str,
    channels: int,
    outputs: int,
    kernel: list[int],
    strides: list[int],
    pads: list[int],
    dilations: list[int],
    opset: int,
    group: int,
) -> None:
    rng = np.random.default_rng(1)
    weights = pack_signs(signs(rng, (group * outputs, channels, *kernel)))
    binary = op_type == "BinaryConv"
    shape = (2, group * channels, *SPATIAL[: len(kernel)])
    x = signs(rng, shape) if binary else rng.normal(size=shape).astype(np.float32)
    attributes = _conv_attributes(channels, kernel, strides, pads, dilations, group)
    _check(_case(op_type, attributes, x, weights, opset=opset), x, exact=binary)


@pytest.mark.parametrize("features", [1, 7, 8, 9, 65])
@pytest.mark.parametrize("op_type", ["BinaryGemm", "BinaryWeightGemm"])
def test_dense(op_type: str, features: int) -> None:
    rng = np.random.default_rng(2)
    weights = pack_signs(signs(rng, (5, features)))
    binary = op_type == "BinaryGemm"
    shape = (3, features)
    x = signs(rng, shape) if binary else rng.normal(size=shape).astype(np.float32)
    _check(_case(op_type, {"features": features}, x, weights), x, exact=binary)


CODES = [
    WeightCode((0,)),
    WeightCode((0,), 1, halved=True),
    WeightCode((0, 0), halved=True),
    WeightCode((0, 1), -1, halved=True),
    WeightCode((0, 1, 2)),
    WeightCode((0, 0, 1, 2, 3), halved=True),
]
GRIDS = [(1.0, 0.0, [0, 1]), (1 / 3, 0.0, [0, 1, 2, 3]), (0.7, -0.2, [-3, -1, 1, 3])]


def _low_bit(code: WeightCode, grid: tuple[float, float, list[int]]) -> dict[str, Any]:
    scale, offset, levels = grid
    attributes = {"input_scale": scale, "input_offset": offset, "levels": levels}
    return {**attributes, **code_attributes(code)}


def _levels(rng: np.random.Generator, code: WeightCode, shape: tuple[int, ...]) -> Array:
    return rng.choice(np.array(sorted(code.numbers())), shape)


def _on_grid(
    rng: np.random.Generator, grid: tuple[float, float, list[int]], shape: tuple[int, ...]
) -> Array:
    scale, offset, levels = grid
    q = rng.choice(np.array(levels, np.float32), shape)
    return np.asarray(np.float32(offset) + np.float32(scale) * q, np.float32)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(
    ("channels", "outputs", "kernel", "strides", "pads", "dilations"), CONVOLUTIONS[3:]
)
def test_low_bit_convolutions(
    channels: int,
    outputs: int,
    kernel: list[int],
    strides: list[int],
    pads: list[int],
    dilations: list[int],
    code: WeightCode,
    grid: tuple[float, float, list[int]],
) -> None:
    rng = np.random.default_rng(5)
    levels = _levels(rng, code, (2 * outputs, channels, *kernel))
    x = _on_grid(rng, grid, (2, 2 * channels, *SPATIAL[: len(kernel)]))
    attributes = {
        **_conv_attributes(channels, kernel, strides, pads, dilations, 2),
        **_low_bit(code, grid),
    }
    _check(_case("LowBitConv", attributes, x, pack_levels(levels, code)), x)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("features", [1, 9, 65])
def test_low_bit_dense(
    features: int, code: WeightCode, grid: tuple[float, float, list[int]]
) -> None:
    rng = np.random.default_rng(6)
    levels = _levels(rng, code, (5, features))
    x = _on_grid(rng, grid, (3, features))
    attributes = {"features": features, **_low_bit(code, grid)}
    _check(_case("LowBitGemm", attributes, x, pack_levels(levels, code)), x)
    expected = np.rint((x - np.float32(grid[1])) / np.float32(grid[0])) @ levels.T
    got = OPS["LowBitGemm"].reference([x, pack_levels(levels, code)], attributes)
    np.testing.assert_array_equal(got, expected)


SPECIAL = np.array(
    [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 3.4e38, 2.0, 0.5], np.float32
)


@pytest.mark.parametrize("inside", [1.0, -1.0])
@pytest.mark.parametrize(
    ("lower", "upper"),
    [
        (np.float32(0), INF),
        (np.nextafter(np.float32(0), INF), INF),
        (-INF, np.float32(-0.0)),
        (INF, -INF),
        (np.float32(-1), np.float32(1)),
    ],
)
def test_binarize_scalar(lower: np.float32, upper: np.float32, inside: float) -> None:
    x = np.stack([SPECIAL, SPECIAL[::-1]])
    _check(
        _case(
            "Binarize", {"inside": inside, "nan_passes": 0}, x, np.asarray(lower), np.asarray(upper)
        ),
        x,
    )


@pytest.mark.parametrize("rank", [2, 3, 4])
def test_binarize_per_channel(rank: int) -> None:
    rng = np.random.default_rng(3)
    x = rng.integers(-3, 4, (4, 5, 3, 2)[:rank]).astype(np.float32)
    lower = np.array([-1, 0, 1, np.inf, -np.inf], np.float32).reshape(5, *[1] * (rank - 2))
    upper = np.array([1, np.inf, 1, -np.inf, 2], np.float32).reshape(lower.shape)
    _check(_case("Binarize", {"inside": 1.0, "nan_passes": 0}, x, lower, upper), x)


def test_nan_is_outside() -> None:
    x = np.full((1, 1), np.nan, np.float32)
    bounds = [np.float32(-np.inf), np.float32(np.inf)]
    for inside in (1.0, -1.0):
        y = OPS["Binarize"].reference(
            [x, *map(np.asarray, bounds)], {"inside": inside, "nan_passes": 0}
        )
        assert y.tolist() == [[-inside]]


NESTED = np.array([-2, -0.0, 0.5, np.inf], np.float32), np.array([3, 3, 2, -np.inf], np.float32)
VALUES = [-1.0, 0.25, 0.5, 3.0, 4.0]


@pytest.mark.parametrize("nan_passes", [0, 1])
@pytest.mark.parametrize("rank", [1, 2, 4])
def test_quantize_alike_in_all_channels(rank: int, nan_passes: int) -> None:
    x = np.tile(SPECIAL, (2, 1)).reshape(24, *[1] * (rank - 1))
    _check(_case("Quantize", {"values": VALUES, "nan_passes": nan_passes}, x, *NESTED), x)


@pytest.mark.parametrize("rank", [2, 3, 4])
def test_quantize_per_channel(rank: int) -> None:
    rng = np.random.default_rng(4)
    x = rng.integers(-4, 5, (4, 5, 3, 2)[:rank]).astype(np.float32)
    shape = (4, 5, *[1] * (rank - 2))
    shifts = np.arange(5, dtype=np.float32)
    bounds = [(bound[:, None] + shifts).reshape(shape) for bound in NESTED]
    attributes = {"values": VALUES, "nan_passes": 0}
    _check(_case("Quantize", attributes, x, *bounds), x)
    levels = OPS["Quantize"].reference([x, *bounds], attributes)
    assert set(np.unique(levels)) == set(VALUES[:4])


LOW_BIT = {"features": 9, **_low_bit(WeightCode((0, 1)), GRIDS[1])}
GOOD = _conv_attributes(3, [3, 3], [1, 1], [0, 0, 0, 0], [1, 1])
THREE = {"values": [0.0, 0.5, 1.0], "nan_passes": 0}
FLOAT, BYTE = np.dtype(np.float32), np.dtype(np.uint8)


@pytest.mark.parametrize(
    ("op_type", "dtypes", "shapes", "attributes", "message"),
    [
        ("BinaryGemm", [FLOAT, BYTE], [("N", 9), (4, 2)], {"features": 9}, None),
        ("BinaryGemm", [FLOAT, BYTE], [None, None], {"features": 9}, None),
        ("BinaryGemm", [FLOAT], [("N", 9)], {"features": 9}, "1 inputs instead of 2"),
        ("BinaryGemm", [FLOAT, FLOAT], [("N", 9), (4, 2)], {"features": 9}, "instead of uint8"),
        ("BinaryGemm", [FLOAT, BYTE], [("N", 9), (4, 3)], {"features": 9}, "weights have shape"),
        ("BinaryGemm", [FLOAT, BYTE], [("N", 8), (4, 2)], {"features": 9}, "has 8 features"),
        ("BinaryGemm", [FLOAT, BYTE], [("N", 9, 1), (4, 2)], {"features": 9}, "rank 3"),
        ("BinaryGemm", [FLOAT, BYTE], [("N", 9), (4, 2)], {"features": 0}, "features is 0"),
        ("BinaryGemm", [FLOAT, BYTE], [("N", 9), (4, 2)], {"features": "9"}, "which is no int"),
        ("BinaryGemm", [FLOAT, BYTE], [("N", 9), (4, 2)], {}, "has attributes"),
        ("BinaryConv", [FLOAT, BYTE], [("N", 3, 8, 8), (4, 4)], GOOD, None),
        ("BinaryConv", [FLOAT, BYTE], [("N", 2, 8, 8), (4, 4)], GOOD, "2 channels instead of 3"),
        ("BinaryConv", [FLOAT, BYTE], [("N", 3, 2, 8), (4, 4)], GOOD, "does not fit"),
        (
            "BinaryConv",
            [FLOAT, BYTE],
            [("N", 9, 8, 8), (4, 4)],
            {**GOOD, "group": 3},
            "3 groups do not divide 4 outputs",
        ),
        (
            "BinaryConv",
            [FLOAT, BYTE],
            [("N", 3, 8, 8), (4, 4)],
            {**GOOD, "group": 2},
            "3 channels instead of 6",
        ),
        ("BinaryConv", [FLOAT, BYTE], [("N", 3, 8), (4, 4)], GOOD, "rank 3 instead of 4"),
        (
            "BinaryConv",
            [FLOAT, BYTE],
            [("N", 3, 8, 8), (4, 4)],
            {**GOOD, "pads": [0, -1, 0, 0]},
            "not negative",
        ),
        (
            "BinaryConv",
            [FLOAT, BYTE],
            [("N", 3, 8, 8), (4, 4)],
            {**GOOD, "strides": [1]},
            "one entry for each",
        ),
        ("Binarize", [FLOAT] * 3, [("N", 4), (4,), ()], {"inside": 1.0, "nan_passes": 0}, None),
        (
            "Binarize",
            [FLOAT] * 3,
            [("N", 4), (4,), ()],
            {"inside": 0.5, "nan_passes": 0},
            "inside is 0.5",
        ),
        (
            "Binarize",
            [FLOAT] * 3,
            [("N", 4), (3,), ()],
            {"inside": 1.0, "nan_passes": 0},
            "not per channel",
        ),
        (
            "Binarize",
            [FLOAT] * 3,
            [("N", 4, 2), (2,), ()],
            {"inside": 1.0, "nan_passes": 0},
            "not per channel",
        ),
        ("LowBitGemm", [FLOAT, BYTE], [("N", 9), (2, 4, 2)], LOW_BIT, None),
        ("LowBitGemm", [FLOAT, BYTE], [("N", 9), (4, 2)], LOW_BIT, "weights have shape [4, 2]"),
        ("LowBitGemm", [FLOAT, BYTE], [("N", 9), (1, 4, 2)], LOW_BIT, "instead of [2, outputs, 2]"),
        (
            "LowBitGemm",
            [FLOAT, BYTE],
            [("N", 9), (2, 4, 2)],
            {**LOW_BIT, "weight_shifts": [1, 2]},
            "weight_shifts are [1, 2]",
        ),
        (
            "LowBitGemm",
            [FLOAT, BYTE],
            [("N", 9), (2, 4, 2)],
            {**LOW_BIT, "weight_halved": 1},
            "halves of odd numbers",
        ),
        (
            "LowBitGemm",
            [FLOAT, BYTE],
            [("N", 9), (2, 4, 2)],
            {**LOW_BIT, "weight_constant": 1000},
            "out of range",
        ),
        (
            "LowBitGemm",
            [FLOAT, BYTE],
            [("N", 9), (2, 4, 2)],
            {**LOW_BIT, "input_scale": 0.0},
            "input_scale is 0.0",
        ),
        (
            "LowBitGemm",
            [FLOAT, BYTE],
            [("N", 9), (2, 4, 2)],
            {**LOW_BIT, "levels": [0, 16]},
            "levels are [0, 16]",
        ),
        ("Quantize", [FLOAT] * 3, [("N", 4), (2, 4), (2,)], THREE, None),
        ("Quantize", [FLOAT] * 3, [("N", 4), (2, 1), (2, 4)], THREE, None),
        ("Quantize", [FLOAT] * 3, [("N", 4), (3, 4), (3,)], THREE, "not 2 levels"),
        ("Quantize", [FLOAT] * 3, [("N", 4), (), ()], THREE, "not 2 levels"),
        ("Quantize", [FLOAT] * 3, [("N", 4), (2, 3), (2,)], THREE, "not per channel"),
        ("Quantize", [FLOAT] * 3, [("N", 4, 2), (2, 4), (2,)], THREE, "not per channel"),
        (
            "Quantize",
            [FLOAT] * 3,
            [("N", 4), (16,), (16,)],
            {"values": [0.0] * 17, "nan_passes": 0},
            "not 2 to 16",
        ),
        (
            "Quantize",
            [FLOAT] * 3,
            [("N", 4), (1,), (1,)],
            {"values": [0.0, float("nan")], "nan_passes": 0},
            "finite",
        ),
        (
            "Quantize",
            [FLOAT] * 3,
            [("N", 4), (1,), (1,)],
            {"values": [0, 1], "nan_passes": 0},
            "which is no floats",
        ),
        (
            "Quantize",
            [FLOAT] * 3,
            [("N", 4), (1,), (1,)],
            {"values": [0.0, 1.0], "nan_passes": 2},
            "nan_passes is 2",
        ),
    ],
)
def test_wrong_uses_are_named(
    op_type: str, dtypes: Any, shapes: Any, attributes: dict[str, Any], message: str | None
) -> None:
    problem = OPS[op_type].problem(dtypes, shapes, attributes)
    assert (message is None and problem is None) or (
        message is not None and problem is not None and message in problem
    )


def test_registration_is_idempotent() -> None:
    register_schemas()
    register_schemas()
    assert onnx.defs.has("BinaryConv", DOMAIN)
