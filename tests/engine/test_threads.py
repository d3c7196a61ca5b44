"""Several threads in one engine, and processes made by fork."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

import bnn_engine


@pytest.mark.parametrize("name", ["mnist-bmlp", "mnist-bcnn", "mnist-cnn"])
@pytest.mark.parametrize("num_threads", [1, 3])
def test_concurrent_calls(name: str, num_threads: int) -> None:
    """Batches of different sizes at once: every call has a workspace of its own."""
    engine = bnn_engine.load(bnn_engine.models.path(name), num_threads=num_threads)
    images = np.random.default_rng(0).integers(0, 256, (40, 784)).astype(np.float32)
    wanted = engine.predict(images)
    barrier = threading.Barrier(6)

    def work(seed: int) -> None:
        random = np.random.default_rng(seed)
        barrier.wait()
        for _ in range(12):
            first = random.integers(0, 39)
            rows = slice(first, random.integers(first, 41))
            np.testing.assert_array_equal(engine.predict(images[rows]), wanted[rows])
            if random.random() < 0.2:
                engine.trim()

    with ThreadPoolExecutor(6) as pool:
        for future in [pool.submit(work, seed) for seed in range(6)]:
            future.result()


def test_many_batch_sizes(engine: bnn_engine.Engine) -> None:
    """More than any cache of plans holds."""
    images = np.random.default_rng(1).integers(0, 256, (90, 784)).astype(np.float32)
    wanted = engine.predict(images)
    for rows in [*range(90), *range(89, 0, -7)]:
        np.testing.assert_array_equal(engine.predict(images[:rows]), wanted[:rows])


def test_the_gil_is_released() -> None:
    """Python code goes on while a long call computes."""
    engine = bnn_engine.load(bnn_engine.models.path("mnist-cnn"), num_threads=1)
    images = np.zeros((6000, 784), np.float32)
    done, ticks = threading.Event(), 0

    def compute() -> None:
        engine.predict(images)
        done.set()

    thread = threading.Thread(target=compute)
    thread.start()
    while not done.is_set():
        ticks += 1
        time.sleep(0.001)
    thread.join()
    assert ticks > 5


FORK = """
import os, sys, warnings
import numpy as np
import bnn_engine
warnings.simplefilter("ignore")
engine = bnn_engine.load(bnn_engine.models.path("mnist-bcnn"), num_threads=3)
images = np.random.default_rng(0).integers(0, 256, (64, 784)).astype(np.float32)
wanted = engine.predict(images)
for _ in range(3):
    child = os.fork()
    if child == 0:
        same = np.array_equal(engine.predict(images), wanted)
        fresh = bnn_engine.load(bnn_engine.models.path("mnist-bcnn"), num_threads=3)
        same = same and np.array_equal(fresh.predict(images), wanted)
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert np.array_equal(engine.predict(images), wanted)
print("ok")
"""


def test_fork_after_use(in_new_process: Callable[..., str]) -> None:
    assert in_new_process(FORK) == "ok"


def test_threads_do_not_change_large_batches(digits: NDArray[np.float32]) -> None:
    images = np.repeat(digits, 70, axis=0)
    for name in bnn_engine.models.names():
        path = bnn_engine.models.path(name)
        answers = [bnn_engine.load(path, num_threads=n).predict(images) for n in (1, 2, 5)]
        np.testing.assert_array_equal(answers[1], answers[0])
        np.testing.assert_array_equal(answers[2], answers[0])
