from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from bnn_engine.errors import ModelFormatError
from bnn_engine.importer import import_model
from tests.support.onnx_models import model_from_text

T = onnx.TensorProto


def model_with(tensor: onnx.TensorProto) -> onnx.ModelProto:
    model = model_from_text("g (float[N] x) => (float[N] y) { y = Relu(x)  z = Identity(w) }")
    tensor.name = "w"
    model.graph.initializer.append(tensor)
    return model


def read(model: onnx.ModelProto) -> NDArray[Any]:
    array = import_model(model).values()["w"].const
    assert array is not None
    return array


@pytest.mark.parametrize("size", [3, 5000])
@pytest.mark.parametrize(
    "dtype", [np.float32, np.float64, np.float16, np.int8, np.uint16, np.int64, np.uint64, np.bool_]
)
@pytest.mark.parametrize("raw", [True, False])
def test_arrays_of_any_type_and_size(dtype: type, size: int, raw: bool) -> None:
    array: NDArray[Any] = (np.arange(size) % 2).astype(dtype)
    element = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    tensor = (
        numpy_helper.from_array(array)
        if raw
        else onnx.helper.make_tensor("w", element, [size], array.tolist())
    )
    result = read(model_with(tensor))
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, array)


@pytest.mark.parametrize("count", [7, 8, 3001])
def test_four_bit_integers(count: int) -> None:
    tensor = onnx.helper.make_tensor("w", T.INT4, [count], [i % 8 for i in range(count)])
    assert read(model_with(tensor)).astype(np.int32).tolist() == [i % 8 for i in range(count)]


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (T(dims=[3], data_type=T.FLOAT, raw_data=bytes(8)), "holds 8 bytes"),
        (T(dims=[2], data_type=T.FLOAT, raw_data=bytes(12)), "holds 12 bytes"),
        (T(dims=[2], data_type=T.FLOAT, float_data=[1.0]), "holds 1 values"),
        (T(dims=[2**20, 2**20], data_type=T.FLOAT, float_data=[1.0]), "asks for"),
        (T(dims=[2**39] * 40, data_type=T.FLOAT, float_data=[1.0]), "impossible shape"),
        (T(dims=[10, 0, 2**30, 2**30], data_type=T.FLOAT), "impossible shape"),
        (T(dims=[1] * 33, data_type=T.FLOAT, float_data=[1.0]), "impossible shape"),
        (T(dims=[-1], data_type=T.FLOAT, float_data=[1.0]), "impossible shape"),
        (T(dims=[2**62], data_type=T.FLOAT), "impossible shape"),
        (T(dims=[1], data_type=999, raw_data=bytes(4)), "unknown element type 999"),
        (T(dims=[1], float_data=[1.0]), "unknown element type 0"),
    ],
)
def test_sizes_are_verified(tensor: onnx.TensorProto, message: str) -> None:
    with pytest.raises(ModelFormatError, match=message):
        import_model(model_with(tensor))
    node = model_from_text("g (float[N] x) => (float[N] y) { y = Relu(x) }")
    attribute = onnx.AttributeProto(name="value", type=onnx.AttributeProto.TENSOR, t=tensor)
    node.graph.node.add(op_type="Constant", output=["w"], attribute=[attribute])
    with pytest.raises(ModelFormatError, match=message):
        import_model(node)


def test_large_constant_nodes_are_read() -> None:
    model = model_from_text("g (float[2000] x) => (float[2000] y) { y = Add(x, w) }", opset=11)
    array = np.arange(2000, dtype=np.float32)
    node = onnx.helper.make_node("Constant", [], ["w"], value=numpy_helper.from_array(array))
    model.graph.node.insert(0, node)
    np.testing.assert_array_equal(read(model), array)


def test_all_problems_are_listed() -> None:
    model = model_with(T(dims=[3], data_type=T.FLOAT, raw_data=bytes(8)))
    model.graph.initializer.append(T(name="v", dims=[-3], data_type=T.FLOAT))
    model.graph.node.add(op_type="Relu", input=["nothing"], output=["u"])
    with pytest.raises(ModelFormatError) as caught:
        import_model(model)
    assert str(caught.value).count("\n  - ") == 3
