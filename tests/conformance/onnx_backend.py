"""Runs ONNX's own backend tests on ``bnn_engine.backend`` and reports what becomes of each.

``python tests/conformance/onnx_backend.py`` prints the report and compares it with the published
one beside this file; ``--write`` publishes it.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests
from onnx.backend.test.runner import Runner

from bnn_engine import UnsupportedOpError, backend

__all__ = ["KINDS", "REPORT", "Case", "Outcome", "cases", "counts", "published", "run_case"]

REPORT = Path(__file__).with_suffix(".md")

KINDS = ("node", "simple", "pytorch-operator", "pytorch-converted", "real")
"""Kinds of tests; the real models are the light forms that onnx brings along."""

Status = Literal["native", "python", "refused", "excluded", "wrong"]
STATUSES: tuple[Status, ...] = ("native", "python", "refused", "excluded", "wrong")

_ALIGN_CORNERS = (
    "the answer expected is that of an output 2.4 pixels wide; ONNX Runtime takes the 2 that it "
    "has, and so does bnn_engine, whose answer equals ONNX Runtime's"
)

EXCLUDED = {
    "test_bernoulli": "the answer is random",
    "test_bernoulli_double": "the answer is random",
    "test_bernoulli_double_expanded": "the answer is random",
    "test_bernoulli_expanded": "the answer is random",
    "test_bernoulli_seed": "the answer is random: ONNX does not say what a seed gives",
    "test_bernoulli_seed_expanded": "the answer is random: ONNX does not say what a seed gives",
    "test_resize_downsample_scales_cubic_align_corners": _ALIGN_CORNERS,
    "test_resize_downsample_scales_linear_align_corners": _ALIGN_CORNERS,
}
"""Tests whose answers cannot be compared, and why. They run; dtype and shape must fit."""

ONNX_RUNTIME = "ONNX Runtime's own backend passes 1345 of the 1884 node tests of onnx 1.23."

Value = Any
"""An array, or a list, dict or None for sequences, maps and optionals."""


@dataclass(frozen=True)
class Case:
    """One test of the suite.

    Attributes:
        data_sets: pairs of inputs and expected outputs.
    """

    kind: str
    name: str
    model: onnx.ModelProto
    data_sets: Sequence[tuple[list[Value], list[Value]]]
    rtol: float
    atol: float


@dataclass(frozen=True)
class Outcome:
    """What became of a test.

    Attributes:
        status: "native" (no Python step took part), "python" (some did), "refused" with
            UnsupportedOpError, "excluded", or "wrong": another answer or another error.
        reasons: for each step that is not native, or for each refused node: why.
    """

    kind: str
    name: str
    status: Status
    reasons: tuple[str, ...] = ()


def cases(kind: str) -> Iterator[Case]:
    """All tests of ``kind``, by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the suite overflows on purpose while it makes its data
        tests = load_model_tests(kind=kind)
    for test in sorted(tests, key=lambda test: str(test.name)):
        model = test.model
        if model is None and test.url is not None:
            model, data_sets = _light_model(Path(onnx.__file__).parents[1] / test.url)
        elif model is None:
            assert test.model_dir is not None
            folder = Path(test.model_dir)
            model = onnx.load(folder / "model.onnx")
            data_sets = [_data_set(path, model) for path in sorted(folder.glob("test_data_set*"))]
        else:
            data_sets = [
                ([*map(_array, inputs)], [*map(_array, outputs)])
                for inputs, outputs in test.data_sets or ()
            ]
        yield Case(kind, test.name, model, data_sets, test.rtol, test.atol)


def _array(value: Value) -> Value:
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def _light_model(
    path: Path,
) -> tuple[onnx.ModelProto, list[tuple[list[Value], list[Value]]]]:
    """A model whose weights are all equal, the suite's input for it, and the answers."""
    model = onnx.load(path)
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [
        Runner.generate_dummy_data(info) for info in model.graph.input if info.name not in constants
    ]
    outputs = [
        _read(path.with_name(f"{path.stem}_output_{index}.pb"), info.type)
        for index, info in enumerate(model.graph.output)
    ]
    return model, [(inputs, outputs)]


def _data_set(folder: Path, model: onnx.ModelProto) -> tuple[list[Value], list[Value]]:
    inputs = [
        _read(folder / f"input_{index}.pb", model.graph.input[index].type)
        for index in range(len(list(folder.glob("input_*.pb"))))
    ]
    outputs = [
        _read(folder / f"output_{index}.pb", model.graph.output[index].type)
        for index in range(len(list(folder.glob("output_*.pb"))))
    ]
    return inputs, outputs


def _read(path: Path, type_proto: onnx.TypeProto) -> Value:
    data = path.read_bytes()
    if type_proto.HasField("sequence_type"):
        return numpy_helper.to_list(onnx.SequenceProto.FromString(data))
    return numpy_helper.to_array(onnx.TensorProto.FromString(data))


def run_case(case: Case) -> Outcome:
    """Run ``case`` and compare its answers by the rules of the suite."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            prepared = backend.prepare(case.model)
            for inputs, expected in case.data_sets:
                outputs = prepared.run(inputs)
                if case.name in EXCLUDED:
                    _check_types(expected, outputs)
                else:
                    _check(expected, outputs, case)
    except UnsupportedOpError as error:
        return Outcome(case.kind, case.name, "refused", error.problems or (str(error),))
    except Exception as error:  # whatever else happens is what this tool is there to find
        return Outcome(case.kind, case.name, "wrong", (f"{type(error).__name__}: {error}",))
    if case.name in EXCLUDED:
        return Outcome(case.kind, case.name, "excluded", (EXCLUDED[case.name],))
    layers = prepared.engine.summary().layers
    steps = tuple(f"{layer.op}: {layer.reason}" for layer in layers if layer.executor == "python")
    return Outcome(case.kind, case.name, "python" if steps else "native", steps)


def _check(expected: Sequence[Value], outputs: Sequence[Value], case: Case) -> None:
    """By the rules of the suite; its own recursion into sequences takes arrays for sequences."""
    assert len(expected) == len(outputs)
    for wanted, got in zip(expected, outputs, strict=True):
        if isinstance(wanted, list):
            assert isinstance(got, list)
            _check(wanted, got, case)
        else:
            Runner.assert_similar_outputs([wanted], [got], case.rtol, case.atol)


def _check_types(expected: Sequence[NDArray[Any]], outputs: Sequence[NDArray[Any]]) -> None:
    for wanted, got in zip(expected, outputs, strict=True):
        assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape)


def counts(outcomes: Iterable[Outcome]) -> dict[str, Counter[str]]:
    """Number of tests by kind and status."""
    found: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        found.setdefault(outcome.kind, Counter())[outcome.status] += 1
    return found


def published() -> dict[str, Counter[str]]:
    """The counts of the published report, in the form of :func:`counts`."""
    found: dict[str, Counter[str]] = {}
    for line in REPORT.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] in KINDS:
            numbers = map(int, cells[2:])
            found[cells[0]] = Counter(dict(zip(STATUSES, numbers, strict=True)))
    return found


def report(outcomes: Sequence[Outcome]) -> str:
    """The report in Markdown."""
    titles = ("tests", "total", "passed natively", "passed with Python steps", *STATUSES[2:])
    rows = [
        (kind, str(number.total()), *(str(number[status]) for status in STATUSES))
        for kind, number in counts(outcomes).items()
    ]
    lines = [
        "# ONNX backend tests",
        "",
        f"Made by `{Path(__file__).name} --write` with onnx {onnx.__version__}. {ONNX_RUNTIME}",
        "",
        "A test passes natively when no Python step takes part in a run; inputs that are",
        "parameters of an op (shapes, axes, weights) may be bound to their values before. It is",
        "refused when loading the model raises `UnsupportedOpError`, and wrong when it gives",
        "another answer or fails in any other way. Excluded tests run, but their answers cannot be",
        "compared.",
        "",
        *_table(titles, rows),
    ]
    for status, title in (("wrong", "Wrong"), ("refused", "Refused"), ("excluded", "Excluded")):
        chosen = [outcome for outcome in outcomes if outcome.status == status]
        if chosen:
            grouped: dict[str, list[str]] = {}
            for outcome in chosen:
                for reason in dict.fromkeys(map(_without_name, outcome.reasons)):
                    grouped.setdefault(reason, []).append(outcome.name)
            lines += ["", f"## {title}", ""]
            lines += [
                f"- {reason}: {', '.join(names)}" for reason, names in sorted(grouped.items())
            ]
    steps = Counter(
        op
        for outcome in outcomes
        if outcome.status == "python"
        for op in {reason.partition(":")[0] for reason in outcome.reasons}
    )
    lines += ["", "## Ops that run as Python steps", "", "Op and number of tests it runs in.", ""]
    lines += _table(("op", "tests"), [(op, str(number)) for op, number in sorted(steps.items())])
    return "\n".join(lines) + "\n"


def _without_name(problem: str) -> str:
    """A problem of UnsupportedOpError without the node's name, so that equal reasons meet."""
    _, found, rest = problem.partition(": op ")
    return f"op {rest}" if found else " ".join(problem.split())


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    ruler = [titles[0] and "---", *["---:"] * (len(titles) - 1)]
    return [f"| {' | '.join(row)} |" for row in (titles, ruler, *rows)]


def main() -> int:
    """Run every test; exit status 1 if one is wrong or the published report says something else."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"publish the report ({REPORT.name})")
    write = parser.parse_args().write
    np.seterr(all="ignore")
    outcomes = [run_case(case) for kind in KINDS for case in cases(kind)]
    text = report(outcomes)
    print(text)
    if write:
        REPORT.write_text(text, encoding="utf-8")
    wrong = [outcome for outcome in outcomes if outcome.status == "wrong"]
    return 1 if wrong or counts(outcomes) != published() else 0


if __name__ == "__main__":
    sys.exit(main())
