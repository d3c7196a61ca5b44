"""Measures trained networks on the 10,000 test images, through bnn_engine and ONNX Runtime.

    python benchmarks/training/evaluate.py --mnist DIR --fashion DIR MODEL.onnx ...

Every model is run by both engines (ONNX Runtime with its graph optimisations disabled, so that it
computes the graph as written), the labels must be the same on every image, and the accuracies
are written as a Markdown table. A model's data set is the first word of its file name.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import numpy_helper

import bnn_engine
from bnn_engine.datasets import LabelledImages, load_idx

DATASETS = {"mnist": "MNIST", "fashion": "Fashion-MNIST"}
NETWORKS = {
    "mlp": "MLP 784-8-16-10",
    "bmlp": "binarized MLP 784-128-256-10",
    "cnn": "CNN 32-32-32-10",
    "bcnn": "binarized CNN 32-32-32-10",
}
# Large enough to be fast, small enough for the float activations of a CNN to stay below 100 MB.
BATCH_SIZE = 1000
DEFAULT_OUTPUT = Path(__file__).with_name("ACCURACY.md")

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


class EvaluationError(Exception):
    """A model cannot be evaluated, or the two engines disagree about it."""


@dataclass(frozen=True)
class Result:
    """What is reported about one model.

    Attributes:
        dataset: key of DATASETS.
        network: key of NETWORKS.
        accuracy: share of the test images whose label is right, 0..1.
        num_parameters: trained numbers: weights, biases, BatchNorm scales and offsets.
        num_binary: how many of them are weights and biases that are only -1 or +1.
        onnx_bytes: size of the ONNX file.
        packed_bytes: size of the file that ``engine.save`` writes.
    """

    dataset: str
    network: str
    accuracy: float
    num_parameters: int
    num_binary: int
    onnx_bytes: int
    packed_bytes: int


def predicted_labels(predict: Callable[[Floats], Floats], images: npt.NDArray[np.uint8]) -> Labels:
    """Return the label of every image, int64 [N].

    Args:
        predict: float32 [B, 784] -> scores, float32 [B, 10].
        images: uint8 [N, 784].
    """
    batches = (
        images[start : start + BATCH_SIZE].astype(np.float32)
        for start in range(0, len(images), BATCH_SIZE)
    )
    return np.concatenate([predict(batch).argmax(axis=1) for batch in batches])


def onnxruntime_predictor(path: Path) -> Callable[[Floats], Floats]:
    """Return ONNX Runtime's predict function for a model, optimisations off, one thread."""
    options = onnxruntime.SessionOptions()
    # With optimisations BatchNorm is folded into the weights and signs at ties change.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def predict(batch: Floats) -> Floats:
        scores: Floats = session.run(["output"], {"input": batch})[0]
        return scores

    return predict


def count_parameters(path: Path) -> tuple[int, int]:
    """Return (number of trained parameters, number of those in tensors of only -1 and +1)."""
    graph = onnx.load(path).graph
    statistics = {
        name
        for node in graph.node
        if node.op_type == "BatchNormalization"
        for name in node.input[3:5]  # running mean and variance are measured, not trained
    }
    total, binary = 0, 0
    for initializer in graph.initializer:
        if initializer.name in statistics:
            continue
        values = numpy_helper.to_array(initializer)
        total += values.size
        if np.all(np.abs(values) == 1):
            binary += values.size
    return total, binary


def evaluate(path: Path, dataset: str, network: str, split: LabelledImages) -> Result:
    """Run one model through both engines on all images of `split`.

    Raises:
        EvaluationError: if the two engines give an image different labels.
    """
    engine = bnn_engine.load(path)
    labels = predicted_labels(engine.predict, split.images)
    expected = predicted_labels(onnxruntime_predictor(path), split.images)
    different = np.flatnonzero(labels != expected)
    if different.size:
        first = int(different[0])
        raise EvaluationError(
            f"{path}: {different.size} of {len(labels)} labels differ from ONNX Runtime's; "
            f"the first is image {first}: {labels[first]} instead of {expected[first]}"
        )
    with tempfile.TemporaryDirectory() as directory:
        packed = Path(directory) / "model.packed.onnx"
        engine.save(packed)
        packed_bytes = packed.stat().st_size
    num_parameters, num_binary = count_parameters(path)
    return Result(
        dataset=dataset,
        network=network,
        accuracy=float(np.mean(labels == split.labels)),
        num_parameters=num_parameters,
        num_binary=num_binary,
        onnx_bytes=path.stat().st_size,
        packed_bytes=packed_bytes,
    )


def markdown_table(results: Sequence[Result]) -> str:
    """Return the report: a heading, how it was measured, one row a model in a fixed order."""
    ordered = sorted(
        results,
        key=lambda result: (
            list(DATASETS).index(result.dataset),
            list(NETWORKS).index(result.network),
        ),
    )
    lines = [
        "# Accuracy of the trained networks",
        "",
        "On the 10,000 test images of each data set, measured by `evaluate.py` through",
        f"bnn_engine {version('bnn-engine')}. On every image the label is the one that",
        f"ONNX Runtime {onnxruntime.__version__} gives with its graph optimisations disabled.",
        "",
        "| network | data set | accuracy | parameters | of them ±1 | ONNX file | packed file |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {NETWORKS[result.network]} | {DATASETS[result.dataset]} | {result.accuracy:.2%} "
        f"| {result.num_parameters:,} | {result.num_binary:,} "
        f"| {result.onnx_bytes:,} B | {result.packed_bytes:,} B |"
        for result in ordered
    ]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("models", type=Path, nargs="+", help="files named DATASET-NETWORK.onnx")
    for dataset, title in DATASETS.items():
        parser.add_argument(f"--{dataset}", type=Path, help=f"folder with {title}'s IDX files")
    parser.add_argument("--output", type=Path, default=DEFAULT_OUTPUT, help="Markdown file")
    options = parser.parse_args(arguments)

    splits: dict[str, LabelledImages] = {}
    results: list[Result] = []
    try:
        for path in options.models:
            dataset, _, network = path.stem.partition("-")
            if dataset not in DATASETS or network not in NETWORKS:
                raise EvaluationError(
                    f"{path}: expected a file named DATASET-NETWORK.onnx with a data set of "
                    f"{', '.join(DATASETS)} and a network of {', '.join(NETWORKS)}"
                )
            if dataset not in splits:
                directory: Path | None = getattr(options, dataset)
                if directory is None:
                    raise EvaluationError(f"{path}: needs --{dataset} DIR")
                splits[dataset] = load_idx(directory)
            result = evaluate(path, dataset, network, splits[dataset])
            print(f"{path.name}: {result.accuracy:.2%}", flush=True)
            results.append(result)
    except (EvaluationError, bnn_engine.BnnError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    options.output.write_text(markdown_table(results), encoding="utf-8")
    print(f"wrote {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
