"""Portable passes: they keep the graph's meaning and make its binary parts explicit."""

from __future__ import annotations

from collections.abc import Sequence

from bnn_engine.graph.graph import Graph
from bnn_engine.passes.activations import RecogniseActivations
from bnn_engine.passes.assign_layouts import AssignLayouts
from bnn_engine.passes.base import Declined, Pass, Rewrite
from bnn_engine.passes.batch_axis import BatchAxis
from bnn_engine.passes.binary_conv import BinaryConvolutions
from bnn_engine.passes.binary_dense import BinaryDenseLayers
from bnn_engine.passes.bipolar_quant import BipolarQuants
from bnn_engine.passes.common_subexpressions import CommonSubexpressions
from bnn_engine.passes.dense_as_conv import DenseLayersAsConvolutions
from bnn_engine.passes.expand_batch_norm import ExpandBatchNorms
from bnn_engine.passes.expand_functions import ExpandFunctions
from bnn_engine.passes.explicit_padding import ExplicitPadding
from bnn_engine.passes.fold_constants import FoldConstants
from bnn_engine.passes.fold_shapes import FoldShapes
from bnn_engine.passes.hoist_casts import HoistCasts
from bnn_engine.passes.int_quant import IntQuants
from bnn_engine.passes.levels_before_pool import LevelsBeforeMaxPool
from bnn_engine.passes.linear_quantization import ExpandDequantize, ExpandQuantize
from bnn_engine.passes.lost_signs import FindLostSigns
from bnn_engine.passes.merge_pads import MergePads
from bnn_engine.passes.multi_threshold import MultiThresholds
from bnn_engine.passes.pad_after_sign import PadAfterBinarize, PadAfterSign
from bnn_engine.passes.qcdq import QuantizeDequantize
from bnn_engine.passes.quantize_values import QuantizeValues
from bnn_engine.passes.remove_dropout import RemoveDropout
from bnn_engine.passes.remove_expands import RemoveExpands
from bnn_engine.passes.remove_identity import RemoveIdentity
from bnn_engine.passes.sign_of_sums import SignsOfSums
from bnn_engine.passes.sink_factors import SinkFactors
from bnn_engine.passes.thresholds import AbsorbIntoThresholds
from bnn_engine.passes.trunc import Truncs
from bnn_engine.passes.unit_transposes import UnitTransposes
from bnn_engine.passes.widen_floats import WidenFloats
from bnn_engine.passes.xnor_popcount import XnorPopcounts

__all__ = [
    "PACKED_PASSES",
    "PASSES",
    "UNFUSED_PASSES",
    "BatchAxis",
    "Declined",
    "Pass",
    "Rewrite",
    "run_passes",
]

PASSES: tuple[Pass, ...] = (
    RemoveDropout(),
    RemoveIdentity(),
    ExpandFunctions(),
    WidenFloats(),
    FoldConstants(),
    RemoveExpands(),
    FoldShapes(),
    RemoveIdentity(),  # once more: Reshapes to the same shape show only now
    RemoveExpands(),  # once more: shapes that are equal show only now
    AssignLayouts(),
    UnitTransposes(),
    ExplicitPadding(),
    HoistCasts(),
    CommonSubexpressions(),
    BipolarQuants(),
    IntQuants(),
    Truncs(),
    MultiThresholds(),
    XnorPopcounts(),
    QuantizeDequantize(),
    QuantizeValues(),
    RecogniseActivations(),
    PadAfterSign(),
    PadAfterBinarize(),
    MergePads(),
    SinkFactors(),
    DenseLayersAsConvolutions(),
    BinaryConvolutions(),
    BinaryDenseLayers(),
    SignsOfSums(),
    AbsorbIntoThresholds(),
    LevelsBeforeMaxPool(),
    AbsorbIntoThresholds(),  # once more: what stands in front of the pools
    FindLostSigns(),
    ExpandBatchNorms(),
    ExpandQuantize(),  # what of them is left, after low-bit layers have been found
    ExpandDequantize(),
    BatchAxis(),
)
"""All passes in the order in which they run."""

UNFUSED_PASSES: tuple[Pass, ...] = (
    RemoveIdentity(),
    ExpandFunctions(),
    FoldConstants(),
    FoldShapes(),
    ExplicitPadding(),
    BatchAxis(),
)
"""Only what makes shapes known: every tensor of the original graph can still be computed."""

PACKED_PASSES: tuple[Pass, ...] = (BatchAxis(),)
"""For a file made by ``Engine.save``: all that it does not store is the proof about rows."""


def run_passes(
    graph: Graph, passes: Sequence[Pass] = PASSES, stop_after: int | None = None
) -> None:
    """Run ``passes`` on ``graph`` in place; after edits, delete dead nodes and check the graph.

    Args:
        graph: the graph to rewrite.
        passes: what to run, in order.
        stop_after: run only that many of them, to find the one that goes wrong.
    """
    checked = -1
    for step in passes[:stop_after]:
        step.run(graph)
        if graph.edits != checked:
            graph.remove_dead_nodes()
            graph.check()
            checked = graph.edits
