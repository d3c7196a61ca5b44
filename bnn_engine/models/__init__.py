"""Networks that ship with the package: trained on MNIST, input [N, 784] float32 pixels 0..255.

``mnist-mlp`` and ``mnist-cnn`` are float networks, ``mnist-bmlp`` and ``mnist-bcnn`` binarized ones
(1-bit weights and activations). All give log-probabilities [N, 10]. How they were trained:
``benchmarks/training`` in the source repository.
"""

from __future__ import annotations

from pathlib import Path

from bnn_engine.errors import BnnError

__all__ = ["names", "path"]


def names() -> tuple[str, ...]:
    """Names that :func:`path` accepts."""
    return tuple(sorted(file.stem for file in Path(__file__).parent.glob("*.onnx")))


def path(name: str) -> Path:
    """The ONNX file of a shipped model.

    Raises:
        BnnError: there is no such model.
    """
    if name not in names():
        raise BnnError(f"no shipped model is named {name!r}; there are {', '.join(names())}")
    return Path(__file__).parent / f"{name}.onnx"
