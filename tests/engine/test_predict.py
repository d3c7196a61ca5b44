"""What predict takes: anything that holds numbers, whatever its memory looks like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import bnn_engine
from bnn_engine import DTypeError, ShapeError
from tests.support.onnx_models import model_from_text

Images = NDArray[np.float32]


class Subclass(np.ndarray[Any, Any]):
    """An array class of somebody else's."""


def unaligned(x: Images) -> Images:
    memory = np.zeros(x.nbytes + 1, np.uint8)
    view = memory[1:].view(np.float32).reshape(x.shape)
    view[...] = x
    assert not view.flags.aligned
    return view


def read_only(x: Images) -> Images:
    copy = x.copy()
    copy.flags.writeable = False
    return copy


def spread(x: Images) -> Images:
    wide = np.full((2 * len(x), 3 * x.shape[1]), np.float32(7))
    wide[::2, 1::3] = x
    return wide[::2, 1::3]


class OnlyDlpack:
    """An array that knows nothing but the DLPack protocol."""

    def __init__(self, x: Images) -> None:
        self._array = x

    def __dlpack__(self, **options: Any) -> Any:
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()


SAME_VALUES: dict[str, Callable[[Images], Any]] = {
    "as it is": lambda x: x,
    "float64": lambda x: x.astype(np.float64),
    "float16": lambda x: x.astype(np.float16),
    "longdouble": lambda x: x.astype(np.longdouble),
    "uint8": lambda x: x.astype(np.uint8),
    "int16": lambda x: x.astype(np.int16),
    "int32": lambda x: x.astype(np.int32),
    "int64": lambda x: x.astype(np.int64),
    "uint64": lambda x: x.astype(np.uint64),
    "big-endian float32": lambda x: x.astype(">f4"),
    "big-endian float64": lambda x: x.astype(">f8"),
    "big-endian int16": lambda x: x.astype(">i2"),
    "nested lists": lambda x: x.tolist(),
    "list of rows": list,
    "Fortran order": np.asfortranarray,
    "reversed twice": lambda x: np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1],
    "transposed": lambda x: np.ascontiguousarray(x.T).T,
    "part of a larger array": spread,
    "read-only": read_only,
    "unaligned": unaligned,
    "subclass": lambda x: x.view(Subclass),
    "masked, without a mask": np.ma.masked_array,
    "memory of bytes": lambda x: np.frombuffer(x.tobytes(), np.float32).reshape(x.shape),
    "DLPack": OnlyDlpack,
}


@pytest.mark.parametrize("kind", SAME_VALUES)
def test_conversions(kind: str, engine: bnn_engine.Engine, digits: Images) -> None:
    before = digits.copy()
    got = engine.predict(SAME_VALUES[kind](digits))
    assert type(got) is np.ndarray
    assert (got.dtype, got.flags.c_contiguous, got.flags.writeable) == (np.float32, True, True)
    np.testing.assert_array_equal(got, engine.predict(digits))
    np.testing.assert_array_equal(digits, before)


def test_booleans(engine: bnn_engine.Engine, digits: Images) -> None:
    bits = digits > 128
    np.testing.assert_array_equal(engine.predict(bits), engine.predict(bits.astype(np.float32)))


def test_rows_broadcast_by_strides(engine: bnn_engine.Engine, digits: Images) -> None:
    repeated = np.broadcast_to(digits[0], (4, 784))
    wanted = engine.predict(digits[:1])
    np.testing.assert_array_equal(engine.predict(repeated), np.repeat(wanted, 4, axis=0))


def test_float64_is_rounded_once(engine: bnn_engine.Engine, digits: Images) -> None:
    precise = digits + np.random.default_rng(1).uniform(-0.5, 0.5, digits.shape)
    np.testing.assert_array_equal(
        engine.predict(precise), engine.predict(precise.astype(np.float32))
    )
    with np.errstate(all="raise"):  # numbers out of range become infinite without a warning
        engine.predict(np.full((1, 784), 1e300))


def test_torch_tensors(engine: bnn_engine.Engine, digits: Images) -> None:
    torch = pytest.importorskip("torch")
    tensor, wanted = torch.from_numpy(digits), engine.predict(digits)
    for same in (
        tensor,
        tensor.clone().requires_grad_(),
        torch.nn.Parameter(tensor),
        tensor.double(),
        tensor.half(),
        tensor.to(torch.uint8),
        tensor.t().contiguous().t(),
        torch.cat([tensor, tensor])[: len(digits)],
    ):
        np.testing.assert_array_equal(engine.predict(same), wanted)
    np.testing.assert_array_equal(engine.predict(tensor[::2]), wanted[::2])
    for refused in (tensor.bfloat16(), tensor.to("meta"), tensor.to_sparse()):
        with pytest.raises(DTypeError, match="'input'"):
            engine.predict(refused)


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((1, 784), complex),
        np.zeros((1, 784), object),
        np.full((1, 784), "1"),
        np.zeros((1, 784), "M8[s]"),
        np.zeros((1, 784), [("a", "f4")]),
        [[1.0, 2.0], [3.0]],
        "picture.png",
        None,
        {"input": 1},
        object(),
    ],
    ids=lambda x: type(x).__name__ + str(getattr(x, "dtype", "")),
)
def test_what_is_not_numbers(x: Any, engine: bnn_engine.Engine) -> None:
    with pytest.raises(DTypeError, match="'input'"):
        engine.predict(x)


@pytest.mark.parametrize(
    "shape", [(), (784,), (3, 783), (3, 785), (0, 783), (1, 1, 784), (784, 3), (3, 0)]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_wrong_shapes(shape: tuple[int, ...], dtype: type[Any], engine: bnn_engine.Engine) -> None:
    with pytest.raises(ShapeError) as caught:
        engine.predict(np.zeros(shape, dtype))
    wanted = f"input 'input' must have shape [batch_size, 784], got {list(shape)}"
    assert str(caught.value) == wanted


def test_empty_batch(engine: bnn_engine.Engine) -> None:
    for empty in (np.zeros((0, 784), np.float32), np.zeros((0, 784), np.uint8)):
        got = engine.predict(empty)
        assert (got.shape, got.dtype) == ((0, 10), np.float32)


def test_out(engine: bnn_engine.Engine, digits: Images) -> None:
    wanted = engine.predict(digits)
    out = np.full((6, 10), np.float32(7))
    assert engine.predict(digits, out=out) is out
    np.testing.assert_array_equal(out, wanted)
    wide = np.full((12, 20), np.float32(7))
    engine.predict(digits.astype(np.uint8), out=wide[::2, 1::2])
    np.testing.assert_array_equal(wide[::2, 1::2], wanted)
    assert np.all(wide[1::2] == 7)
    assert np.all(wide[:, ::2] == 7)


@pytest.mark.parametrize(
    ("out", "error", "text"),
    [
        (np.zeros((6, 10), np.float64), DTypeError, "float32"),
        ([[0.0] * 10] * 6, DTypeError, "NumPy array"),
        (np.zeros((5, 10), np.float32), ShapeError, r"\[5, 10\].*\[6, 10\]"),
        (np.broadcast_to(np.float32(0), (6, 10)), DTypeError, "read-only"),
    ],
    ids=["dtype", "list", "shape", "read-only"],
)
def test_out_that_does_not_fit(
    out: Any, error: type[Exception], text: str, engine: bnn_engine.Engine, digits: Images
) -> None:
    with pytest.raises(error, match=text):
        engine.predict(digits, out=out)


def test_out_may_be_the_input() -> None:
    network = bnn_engine.load(model_from_text("g (float[N, 4] x) => (float[] y) { y = Relu(x) }"))
    x = np.array([[-1, 2, -3, 4]], np.float32)
    network.predict(x, out=x)
    np.testing.assert_array_equal(x, [[0, 2, 0, 4]])


def test_integer_inputs_are_not_rounded_in_silence() -> None:
    network = bnn_engine.load(
        model_from_text("g (int64[N, 2] x) => (float[] y) { y = Cast<to=1>(x) }")
    )
    np.testing.assert_array_equal(network.predict([[1.0, -2.0]]), [[1, -2]])
    np.testing.assert_array_equal(network.predict(np.array([[True, False]])), [[1, 0]])
    for bad in ([[0.5, 1.0]], [[np.nan, 1.0]], [[1e30, 1.0]], [[np.inf, 0.0]]):
        with pytest.raises(DTypeError, match="'x' must be int64"):
            network.predict(bad)


def test_results_belong_to_the_caller(engine: bnn_engine.Engine, digits: Images) -> None:
    first, second = engine.predict(digits), engine.predict(digits)
    first[...] = 0
    assert not np.shares_memory(first, second)
    np.testing.assert_array_equal(engine.predict(digits), second)
