"""The C++ programs that measure: built by cmake when they are first needed.

Both lie in one build folder in the user's cache, of which nothing is built but what is asked for.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["KERNEL_BENCH", "ROOFLINE", "ProgramError", "build", "run"]

ROOFLINE = "benchmarks/roofline/bnn_roofline"
KERNEL_BENCH = "csrc/tests/bnn_kernel_bench"
"""Where programs lie in the build folder; the last part is the target of cmake."""

_SOURCE = Path(__file__).resolve().parents[1]
_BUILD_SECONDS = 600


class ProgramError(Exception):
    """A program could not be built or run."""


def build(program: str) -> Path:
    """Build a program, or bring an earlier build up to date.

    Returns:
        The program.

    Raises:
        ProgramError: a tool is missing, or the build fails.
    """
    cmake = _tool("cmake")
    if cmake is None:
        raise ProgramError("cmake is not installed: pip install 'bnn-engine[test]'")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    key = hashlib.sha256(str(_SOURCE).encode()).hexdigest()[:12]
    folder = cache / "bnn-engine" / f"benchmarks-{key}"
    configure = [cmake, "-S", str(_SOURCE), "-B", str(folder), "-DCMAKE_BUILD_TYPE=Release"]
    configure += ["-DBNN_ENGINE_BENCHMARKS=ON", "-DBNN_ENGINE_TESTS=ON"]
    if ninja := _tool("ninja"):
        configure += ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"]
    make = [cmake, "--build", str(folder), "--target", Path(program).name]
    make += ["--parallel", str(os.cpu_count() or 1)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:  # of two processes one builds, the other waits
            fcntl.flock(lock, fcntl.LOCK_EX)
            run(configure, _BUILD_SECONDS)
            run(make, _BUILD_SECONDS)
    except OSError as error:
        raise ProgramError(f"cannot build in {folder}: {error}") from None
    return folder / program


def run(command: list[str], seconds: float) -> str:
    """Run a command and return what it prints.

    Raises:
        ProgramError: it cannot be run, fails, or takes longer than ``seconds``.
    """
    what = " ".join(command)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ProgramError(f"{what}: {error}") from None
    if done.returncode:
        end = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise ProgramError(f"{what} failed with status {done.returncode}:\n{end}")
    return done.stdout


def _tool(name: str) -> str | None:
    """A program of this environment, also where that is not activated, or of the machine."""
    beside_python = str(Path(sys.executable).parent)
    return shutil.which(name, path=os.pathsep.join([beside_python, os.environ.get("PATH", "")]))
