"""What an engine runs, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["LayerSummary", "Summary"]


@dataclass(frozen=True)
class LayerSummary:
    """One step of the engine.

    Attributes:
        name: the graph node it stands for.
        op: its op type.
        kind: arithmetic of a layer with weights, "WnAm" for weights of n bits and an input of m:
            "W1A1" (both of two levels; the rare zeros of Sign do not count), "W1A2", "W2A2" ...
            "W4A4" (small integers in planes of bits; ternary ones have two), "W1A8" (1-bit weights,
            input of 8-bit integers), "W1A32" (1-bit weights, float input) or "float"; "float" for
            ops without weights.
        executor: "native" or "python" (an ``onnx.reference`` step).
        kernel: the kernel variant that runs it, as "family/isa"; empty where there is none.
        fused: original nodes that this step computes besides the one named, as "OpType name".
        binary_macs: multiply-accumulates per sample with planes of bits on both sides, each counted
            once however many planes there are.
        float_macs: multiply-accumulates per sample with a float operand, or an 8-bit one (W1A8).
        bytes: constants held, in the kernel's layout.
        reason: why a layer with weights computes in floats, and why a step runs in Python.
    """

    name: str
    op: str
    kind: str = "float"
    executor: str = "native"
    kernel: str = ""
    fused: tuple[str, ...] = ()
    binary_macs: int = 0
    float_macs: int = 0
    bytes: int = 0
    reason: str = ""


class Summary:
    """The layers of an engine; ``str()`` gives a table.

    Attributes:
        layers: one :class:`LayerSummary` a step, in execution order.
        isa: the instruction set the kernels were chosen for.
    """

    _COLUMNS = ("layer", "op", "kind", "kernel", "fused", "binary MAC", "float MAC", "bytes")

    def __init__(self, layers: Sequence[LayerSummary], isa: str) -> None:
        self.layers = tuple(layers)
        self.isa = isa

    def _cells(self, layer: LayerSummary) -> tuple[str, ...]:
        runs = layer.kernel if layer.executor == "native" else "python step"
        fused = ", ".join(origin.split(" ", 1)[0] for origin in layer.fused)
        numbers = (layer.binary_macs, layer.float_macs, layer.bytes)
        counts = (f"{number:,}" if number else "" for number in numbers)
        return (layer.name, layer.op, layer.kind, runs, fused, *counts)

    def __str__(self) -> str:
        rows = [self._COLUMNS, *(self._cells(layer) for layer in self.layers)]
        totals = (
            sum(layer.binary_macs for layer in self.layers),
            sum(layer.float_macs for layer in self.layers),
            sum(layer.bytes for layer in self.layers),
        )
        rows.append(("total", "", "", "", "", *(f"{total:,}" for total in totals)))
        widths = [max(len(row[column]) for row in rows) for column in range(len(self._COLUMNS))]
        first_number = len(self._COLUMNS) - 3

        def line(row: Sequence[str]) -> str:
            cells = (
                cell.rjust(width) if column >= first_number else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            return "  ".join(cells).rstrip()

        rule = "-" * len(line(["-" * width for width in widths]))
        lines = [f"kernels: {self.isa}", line(rows[0]), rule]
        lines += [line(row) for row in rows[1:-1]]
        lines += [rule, line(rows[-1])]
        for title, executor in (("not binary, because:", "native"), ("in Python:", "python")):
            listed = [x for x in self.layers if x.reason and x.executor == executor]
            if listed:
                lines += [title, *(f"  {layer.name}: {layer.reason}" for layer in listed)]
        return "\n".join(lines)
