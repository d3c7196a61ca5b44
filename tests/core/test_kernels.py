"""Builds the C++ tests as a plain CMake project and runs them for every instruction set.

The build directories live in pytest's cache where it is enabled, so a second run rebuilds little.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ISAS = ("scalar", "neon", "avx2", "avx512bw", "avx512_vpopcntdq")


@dataclass(frozen=True)
class Configuration:
    """A way to build the tests, and how to run what comes out of it."""

    name: str
    options: tuple[str, ...]
    kernel_cases: int
    runtime_cases: int
    emulator: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    nm: str = "nm"


# At -O1 the same explicitly vectorized loops compile in a third of the time.
FAST_COMPILE = "-DCMAKE_CXX_FLAGS_RELEASE=-O1"
ARM64_COMPILER = "aarch64-linux-gnu-g++"
ARM64_EMULATOR = "qemu-aarch64"
CONFIGURATIONS = (
    # Each of the four forms of output is as many layers.
    Configuration("release", (), kernel_cases=2000, runtime_cases=600),
    Configuration(
        "sanitized",
        ("-DBNN_ENGINE_SANITIZE=ON", FAST_COMPILE),
        kernel_cases=150,
        runtime_cases=60,
    ),
    # Another architecture on this machine: cross-compiled, every instruction emulated.
    Configuration(
        "arm64",
        (
            "-DCMAKE_SYSTEM_NAME=Linux",
            "-DCMAKE_SYSTEM_PROCESSOR=aarch64",
            f"-DCMAKE_CXX_COMPILER={ARM64_COMPILER}",
            FAST_COMPILE,
        ),
        kernel_cases=100,
        runtime_cases=30,
        emulator=(ARM64_EMULATOR, "-L", "/usr/aarch64-linux-gnu"),
        requires=(ARM64_COMPILER, ARM64_EMULATOR),
        nm="aarch64-linux-gnu-nm",
    ),
)


@dataclass(frozen=True)
class Build:
    """The build directory of one configuration."""

    configuration: Configuration
    directory: Path

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        path = self.directory / "csrc" / "tests" / program
        return run([*self.configuration.emulator, str(path), *arguments])


def find_program(name: str) -> str | None:
    """A build program from PATH, or from the PyPI package of the same name beside this Python."""
    return shutil.which(name) or shutil.which(name, path=sysconfig.get_path("scripts"))


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


def check(command: list[str]) -> None:
    result = run(command)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}\n{result.stderr}"


@pytest.fixture(scope="session", params=CONFIGURATIONS, ids=lambda c: c.name)
def build(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Build:
    configuration: Configuration = request.param
    cmake = find_program("cmake")
    if cmake is None:
        pytest.skip("cmake is neither on PATH nor installed as a Python package")
    missing = [name for name in configuration.requires if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{configuration.name} needs {' and '.join(missing)} on PATH")
    checkout = hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]
    name = f"bnn_engine_{configuration.name}_{checkout}"
    cache = getattr(request.config, "cache", None)
    directory = Path(cache.mkdir(name)) if cache is not None else tmp_path_factory.mktemp(name)
    configure = [cmake, "-S", str(ROOT), "-B", str(directory), "-DBNN_ENGINE_TESTS=ON"]
    ninja = find_program("ninja")
    if ninja is not None:
        configure += ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"]
    check([*configure, *configuration.options])
    check([cmake, "--build", str(directory), "--parallel"])
    return Build(configuration, directory)


def listed_rows(build: Build) -> dict[str, bool]:
    """Name of every manifest row, and whether this CPU supports it."""
    result = build.run("bnn_kernel_tests", "--list")
    assert result.returncode == 0, result.stderr
    rows: dict[str, bool] = {}
    for line in result.stdout.splitlines():
        match = re.fullmatch(r"(\w+/\w+): \d+ lanes(, not supported by this CPU)?", line)
        assert match, line
        rows[match[1]] = match[2] is None
    return rows


def test_every_family_has_a_scalar_row(build: Build) -> None:
    rows = listed_rows(build)
    families = {name.split("/")[0] for name in rows}
    assert {name.removesuffix("/scalar") for name in rows if name.endswith("/scalar")} == families
    manifests = (ROOT / "csrc" / "kernels").glob("*/manifest.h")
    declared = [set(re.findall(r"ROW\((\w+), \w+, \w+, \d+\)", m.read_text())) for m in manifests]
    assert all(declared)
    assert set().union(*declared) == families


@pytest.mark.parametrize("isa", ISAS)
def test_kernels(build: Build, isa: str) -> None:
    expected = {name for name, ok in listed_rows(build).items() if ok and name.endswith(f"/{isa}")}
    if not expected:
        pytest.skip(f"this CPU does not support {isa}")
    cases = str(build.configuration.kernel_cases)
    result = build.run("bnn_kernel_tests", "--isa", isa, "--cases", cases)
    assert result.returncode == 0, result.stdout + result.stderr
    passed = set(re.findall(rf"^(\w+/\w+): {cases} cases ok$", result.stdout, re.MULTILINE))
    assert passed == expected
    assert "dispatch: ok" in result.stdout


def test_runtime(build: Build) -> None:
    cases = str(build.configuration.runtime_cases)
    result = build.run("bnn_runtime_tests", cases)
    assert result.returncode == 0, result.stdout + result.stderr
    for isa in {name.split("/")[1] for name, supported in listed_rows(build).items() if supported}:
        assert f"{isa} layers to bits: {cases} cases ok" in result.stdout


def test_bad_arguments_are_refused(build: Build) -> None:
    for arguments in (["--isa", "avx1024"], ["--cases", "many"], ["--cases"], ["--unknown", "1"]):
        assert build.run("bnn_kernel_tests", *arguments).returncode == 2


def symbols(nm: str, file: Path) -> list[tuple[str, str]]:
    """Defined symbols as (type, demangled name without parameters)."""
    result = run([nm, "--defined-only", "--demangle", str(file)])
    assert result.returncode == 0, result.stderr
    found = re.findall(r"^[0-9a-f]* *(\w) (.+)$", result.stdout, re.MULTILINE)
    return [(kind, name.split("(")[0]) for kind, name in found]


def test_isa_objects_define_only_their_rows(build: Build) -> None:
    """An inline function compiled for AVX may be the copy that the linker keeps for everyone."""
    nm = shutil.which(build.configuration.nm)
    if nm is None:
        pytest.skip(f"{build.configuration.nm} (binutils) is not installed")
    if build.configuration.name == "sanitized":
        pytest.skip("sanitizers add symbols of their own")
    kernels = ROOT / "csrc" / "kernels"
    objects = [
        file
        for file in (build.directory / "csrc").rglob("*.cpp.o")
        if file.parent.parent.name == "kernels"
        and file.name != "scalar.cpp.o"
        # A kept build directory also has the objects of files that were renamed since.
        and (kernels / file.parent.name / file.name.removesuffix(".o")).exists()
    ]
    rows = listed_rows(build)
    isas = {name.split("/")[1] for name in rows} - {"scalar"}
    assert {file.name.removesuffix(".cpp.o") for file in objects} == isas
    defined: set[str] = set()
    for file in objects:
        for kind, name in symbols(nm, file):
            assert kind not in "WVu", (
                f"{file.name} of {file.parent.name} leaks {name} as a weak symbol"
            )
            if kind.isupper():
                defined.add(name)
    assert defined == {f"bnn::{name.replace('/', '_')}" for name in rows if "/scalar" not in name}
