"""Exports small networks of the BNN-PYNQ kind with Brevitas, and records QONNX's answers.

``python qonnx_networks.py FOLDER`` writes one ``.onnx`` per network and ``networks.npz`` with the
arrays ``NAME.x`` and ``NAME.y``. Weights and normalisations are random, the latter with statistics
of random inputs and with negative and zero scales.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import brevitas.nn as qnn
import numpy as np
import onnx
import torch
from brevitas.export import export_onnx_qcdq, export_qonnx
from brevitas.quant import (
    Int8WeightPerTensorFloat,
    ShiftedUint8ActPerTensorFloat,
    Uint8ActPerTensorFixedPoint,
)
from brevitas_examples.bnn_pynq import models
from brevitas_examples.bnn_pynq.models.FC import FC
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.bipolar_to_xnor import ConvertBipolarMatMulToXnorPopcount
from qonnx.transformation.fold_constants import FoldConstants
from qonnx.transformation.infer_datatypes import InferDataTypes
from qonnx.transformation.infer_shapes import InferShapes
from torch import nn

ROWS = 8


class FourBits(nn.Module):
    """4-bit weights per channel, ReLUs of 2 to 4 bits, a zero point, truncated average pooling.

    What is pooled has a power of two as its scale: averages are exact then, also where they lie
    between two levels.
    """

    def __init__(self) -> None:
        super().__init__()
        weights: dict[str, Any] = {"weight_bit_width": 4, "weight_scaling_per_output_channel": True}
        self.layers = nn.Sequential(
            qnn.QuantIdentity(bit_width=8, return_quant_tensor=True),
            qnn.QuantConv2d(3, 8, 3, padding=1, bias=False, **weights),
            nn.BatchNorm2d(8),
            qnn.QuantReLU(bit_width=4, return_quant_tensor=True),
            qnn.QuantConv2d(8, 8, 3, padding=1, stride=2, bias=True, **weights),
            nn.BatchNorm2d(8),
            qnn.QuantReLU(bit_width=2, return_quant_tensor=True),
            qnn.QuantConv2d(8, 8, 3, groups=2, bias=False, weight_bit_width=2),
            nn.BatchNorm2d(8),
            qnn.QuantIdentity(ShiftedUint8ActPerTensorFloat, bit_width=3, return_quant_tensor=True),
            qnn.QuantConv2d(8, 8, 1, bias=False, weight_bit_width=3),
            nn.BatchNorm2d(8),
            qnn.QuantReLU(Uint8ActPerTensorFixedPoint, bit_width=4, return_quant_tensor=True),
            qnn.TruncAvgPool2d(2, bit_width=4, float_to_int_impl_type="floor"),
            nn.Flatten(),
            qnn.QuantLinear(8, 10, bias=True, weight_quant=Int8WeightPerTensorFloat),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.layers(x)
        return y


def fc(weight_bits: int, act_bits: int) -> nn.Module:
    network: nn.Module = FC(10, weight_bits, act_bits, act_bits, 1, [16, 16], in_features=(8, 8))
    return network


def cnv(weight_bits: int, act_bits: int) -> nn.Module:
    """CNV with fewer channels: its table of layers is a constant of its module."""
    channels, pooled = (4, 4, 6, 6, 8, 8), (1, 3)
    module = models.CNV
    module.CNV_OUT_CH_POOL = [(count, place in pooled) for place, count in enumerate(channels)]
    module.INTERMEDIATE_FC_FEATURES = [(8, 16), (16, 16)]
    module.LAST_FC_IN_FEATURES = 16
    network: nn.Module = module.CNV(10, weight_bits, act_bits, 8, 3)
    return network


def unsettle(network: nn.Module, x: torch.Tensor) -> nn.Module:
    """Give the normalisations statistics of ``x``, and scales that are negative or zero, too."""
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None
        nn.init.uniform_(norm.weight, -1.5, 1.5)
        nn.init.uniform_(norm.bias, -0.5, 0.5)
        norm.weight.data[0] = 0
    network.train()
    with torch.no_grad():
        network(x)
    return network.eval()


def slim(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drop what says nothing about the answer: the exporter's notes on every part."""
    model.doc_string = ""
    model.graph.doc_string = ""
    del model.metadata_props[:], model.graph.metadata_props[:], model.graph.value_info[:]
    for item in (*model.graph.node, *model.graph.input, *model.graph.output):
        item.doc_string = ""
        del item.metadata_props[:]
    for tensor in model.graph.initializer:
        tensor.doc_string = ""
        del tensor.metadata_props[:]
    return model


def to_finn(model: onnx.ModelProto) -> onnx.ModelProto:
    """MultiThreshold and XnorPopcountMatMul for BipolarQuant and MatMul, as FINN has them."""
    wrapper = ModelWrapper(model).transform(InferShapes()).transform(FoldConstants([]))
    for node in wrapper.graph.node:
        if node.op_type == "MatMul":
            assert np.all(np.abs(wrapper.get_initializer(node.input[1])) == 1)
            wrapper.set_tensor_datatype(node.input[1], DataType["BIPOLAR"])
        if node.op_type == "BipolarQuant":
            threshold = f"{node.output[0]}_threshold"
            node.op_type = "MultiThreshold"
            node.input[1] = threshold
            wrapper.set_initializer(threshold, np.zeros((1, 1), np.float32))
            for name, value in (("out_scale", 2.0), ("out_bias", -1.0), ("out_dtype", "BIPOLAR")):
                node.attribute.append(helper.make_attribute(name, value))
    wrapper = wrapper.transform(InferDataTypes()).transform(ConvertBipolarMatMulToXnorPopcount())
    assert any(node.op_type == "XnorPopcountMatMul" for node in wrapper.graph.node)
    cleaned: onnx.ModelProto = wrapper.cleanup().model
    return cleaned


def networks() -> Iterator[tuple[str, nn.Module, Sequence[int], dict[str, Any]]]:
    """Name, network, shape of an input, and how it is exported."""
    script, dynamic = {"dynamo": False}, {"dynamo": True, "dynamic": True}
    image, photo = (8, 8), (3, 32, 32)
    yield "fc_1w1a_script", fc(1, 1), image, script
    yield "fc_1w1a_finn", fc(1, 1), image, script
    yield "fc_1w2a_dynamo", fc(1, 2), image, dynamic
    yield "fc_2w2a_dynamo", fc(2, 2), image, {"dynamo": True}
    yield "fc_2w2a_qcdq", fc(2, 2), image, script
    yield "cnv_1w1a_script", cnv(1, 1), photo, script
    yield "cnv_1w2a_script", cnv(1, 2), photo, {**script, "dynamic": True}
    yield "cnv_2w2a_dynamo", cnv(2, 2), photo, dynamic
    yield "cnv_2w2a_qcdq", cnv(2, 2), photo, dynamic
    yield "four_bits_dynamo", FourBits(), (3, 8, 8), {"dynamo": True}
    yield "four_bits_qcdq", FourBits(), (3, 8, 8), script


def export(
    path: Path, name: str, network: nn.Module, x: torch.Tensor, form: dict[str, Any]
) -> None:
    arguments: dict[str, Any] = {"dynamo": form["dynamo"], "input_names": ["x"]}
    if form["dynamo"]:
        arguments["external_data"] = False
    if form.get("dynamic"):
        if form["dynamo"]:
            arguments["dynamic_shapes"] = ({0: torch.export.Dim("N")},)
        else:
            arguments["dynamic_axes"] = {"x": {0: "N"}}
    write = export_onnx_qcdq if name.endswith("_qcdq") else export_qonnx
    write(network, x, export_path=str(path), **arguments)
    model = slim(onnx.load(path))
    onnx.save(to_finn(model) if name.endswith("_finn") else model, path)


def answers(path: Path, x: np.ndarray) -> np.ndarray:
    """What the executor gives, row by row: most files are for one row."""
    model = ModelWrapper(str(path))
    given, wanted = model.graph.input[0].name, model.graph.output[0].name
    extents = [1, *x.shape[1:]]
    shape = model.graph.input[0].type.tensor_type
    shape.CopyFrom(helper.make_tensor_type_proto(TensorProto.FLOAT, extents).tensor_type)
    model = model.transform(InferShapes())
    return np.concatenate([execute_onnx(model, {given: row[np.newaxis]})[wanted] for row in x])


def images(extents: Sequence[int]) -> np.ndarray:
    """Bytes; large images consist of squares, so that they take little space."""
    side = 4 if extents[-1] > 8 else 1
    drawn = torch.randint(0, 256, (ROWS, *extents[:-2], extents[-2] // side, extents[-1] // side))
    return drawn.numpy().astype(np.uint8).repeat(side, axis=-1).repeat(side, axis=-2)


def main(folder: Path) -> None:
    recorded: dict[str, Any] = {}
    torch.manual_seed(7)
    for name, network, extents, form in networks():
        unsettle(network, torch.rand(64, *extents))
        path = folder / f"{name}.onnx"
        export(path, name, network, torch.rand(1, *extents), form)
        recorded[f"{name}.x"] = images(extents)
        pixels = recorded[f"{name}.x"].astype(np.float32) / np.float32(255)
        recorded[f"{name}.y"] = answers(path, pixels)
        with torch.no_grad():
            difference = np.abs(network(torch.from_numpy(pixels)).numpy() - recorded[f"{name}.y"])
        print(name, path.stat().st_size, "torch differs by", difference.max())
    np.savez_compressed(folder / "networks.npz", **recorded)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
