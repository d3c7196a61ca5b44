from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

import bnn_engine
from tests.support.isas import isa

__all__ = ["digits", "engine", "in_new_process", "isa"]


@pytest.fixture(scope="session")
def engine() -> bnn_engine.Engine:
    """A binarized network: input [batch_size, 784], output [batch_size, 10], float32."""
    return bnn_engine.load(bnn_engine.models.path("mnist-bmlp"))


@pytest.fixture(scope="session")
def digits() -> NDArray[np.float32]:
    """Six images of integers 0..255."""
    random = np.random.default_rng(0)
    return random.integers(0, 256, (6, 784)).astype(np.float32)


@pytest.fixture
def in_new_process() -> Callable[..., str]:
    """Run Python code in a process of its own; gives its standard output."""

    def run(code: str, **environment: str) -> str:
        result = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd="/",
            env={**os.environ, **environment},
        )
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    return run
