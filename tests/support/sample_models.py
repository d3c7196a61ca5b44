"""Finds sample models that are not part of the repository."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

__all__ = ["VARIABLE", "sample_io", "sample_models"]

VARIABLE = "BNN_ENGINE_TEST_MODELS"
"""Environment variable: a folder with sub-folders of NAME.onnx and NAME.npz."""


def sample_models(*folders: str) -> list[Path]:
    """All models in sub-folders of the sample folder; skips the test where there are none."""
    root = os.environ.get(VARIABLE)
    if not root:
        pytest.skip(f"set {VARIABLE} to a folder of sample models")
    found = sorted(path for folder in folders for path in Path(root, folder).rglob("*.onnx"))
    if not found:
        pytest.skip(f"{VARIABLE}={root} has no models in {', '.join(folders)}")
    return found


def sample_io(
    model: Path, rows: int | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Input and expected output stored beside a sample model, at most ``rows`` rows."""
    with np.load(model.with_suffix(".npz")) as stored:
        x = stored["x" if "x" in stored else "input"]
        y = stored["y" if "y" in stored else "output"]
    return x[:rows].astype(np.float32), y[:rows]
