"""The benchmarks collect, run, and record what their figures need; nothing here looks at times."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import bnn_engine

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
MODULES = ("bench_models.py", "bench_kernels.py")
has_cmake = shutil.which("cmake") or (Path(sys.executable).parent / "cmake").exists()
needs_cmake = pytest.mark.skipif(not has_cmake, reason="cmake is not installed")
QUICK = ("--benchmark-min-rounds=1", "--benchmark-max-time=0", "--benchmark-warmup=off")


@pytest.fixture(scope="module")
def module() -> Iterator[Any]:
    """Import a module of the benchmarks by name, as running them as scripts does."""
    before = set(sys.modules)
    sys.path.insert(0, str(BENCHMARKS))

    def load(name: str) -> ModuleType:
        return importlib.import_module(name)

    yield load
    sys.path.remove(str(BENCHMARKS))
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(BENCHMARKS)):
            del sys.modules[name]


@pytest.fixture(scope="session")
def cache(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Variables under which the C++ programs are built into pytest's cache where it is enabled.

    A second run then builds little.
    """
    kept = getattr(request.config, "cache", None)
    folder = kept.mkdir("bnn_engine_benchmarks") if kept else tmp_path_factory.mktemp("cache")
    return {"XDG_CACHE_HOME": str(folder)}


def run_python(
    *arguments: str, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Python beside the benchmarks: no source shadows the installed package there."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=BENCHMARKS,
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | (variables or {}),
    )


def run_pytest(*arguments: str, variables: dict[str, str] | None = None) -> str:
    done = run_python(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, variables=variables
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_modules_collect() -> None:
    listed = run_pytest("--collect-only", "-m", "", *MODULES)
    for network in ("mnist-mlp", "mnist-bmlp", "mnist-cnn", "mnist-bcnn"):
        for batch in (1, 64, 1024):
            for runtime in ("packed", "float", "onnxruntime"):
                assert f"[{network}-batch{batch}-{runtime}]" in listed
    for layer in ("56x56x64", "28x28x128", "14x14x256", "7x7x512"):
        assert f"[W1A1-conv3x3-{layer}-batch1-packed]" in listed
    for layer in ("1024x1024", "9216x4096"):
        for batch in (1, 16, 256):
            assert f"[W1A1-dense-{layer}-batch{batch}-onnxruntime]" in listed


def test_large_cases_are_left_out_by_default() -> None:
    assert "9216x4096-batch256" not in run_pytest("--collect-only", "bench_kernels.py")


def test_one_case_of_each_runs() -> None:
    runtimes = ("packed", "float", "onnxruntime")
    networks = [f"bench_models.py::bench_network[mnist-bmlp-batch1-{name}]" for name in runtimes]
    layer = "bench_kernels.py::bench_layer[W1A1-dense-1024x1024-batch1"
    layers = [f"{layer}-{name}]" for name in runtimes]
    assert "6 passed" in run_pytest("--benchmark-disable", *networks, *layers)


def recorded(tmp_path: Path, case: str, variables: dict[str, str] | None = None) -> dict[str, Any]:
    """Run a case and return what it wrote into its results."""
    file = tmp_path / "results.json"
    run_pytest(*QUICK, f"--benchmark-json={file}", case, variables=variables)
    (result,) = json.loads(file.read_text())["benchmarks"]
    assert isinstance(result, dict)
    return result


def test_extra_info_of_networks(tmp_path: Path) -> None:
    result = recorded(tmp_path, "bench_models.py::bench_network[mnist-bcnn-batch64-packed]")
    info = result["extra_info"]
    assert result["group"] == "mnist-bcnn batch 64"
    assert info["isa"] == bnn_engine.cpu_info().active_isa
    assert (info["num_threads"], info["shape"]) == (1, [64, 784])
    assert 0 < info["share_of_zeros"] < 1
    assert info["onnx_bytes"] == bnn_engine.models.path("mnist-bcnn").stat().st_size
    assert 0 < info["packed_bytes"] < info["onnx_bytes"]
    assert (info["network"], info["runtime"]) == ("mnist-bcnn", "packed")
    assert info["us_per_sample"] > 0


def test_extra_info_of_layers(tmp_path: Path, cache: dict[str, str]) -> None:
    case = "bench_kernels.py::bench_layer[W1A1-conv3x3-7x7x512-batch1-onnxruntime]"
    result = recorded(tmp_path, case, cache)
    info = result["extra_info"]
    assert result["group"] == "W1A1-conv3x3-7x7x512 batch 1"
    assert info["isa"] == bnn_engine.cpu_info().active_isa
    assert (info["num_threads"], info["shape"]) == (1, [1, 512, 7, 7])
    assert info["macs"] == 19 * 19 * 512 * 512
    assert info["macs_with_padding"] == 21 * 21 * 512 * 512
    assert (info["kind"], info["runtime"]) == ("W1A1", "onnxruntime")
    assert info["gmac_per_s"] > 0
    if has_cmake:
        assert info["share_of_fma_peak"] == info["gmac_per_s"] / info["fma_peak_gmac_per_s"]
        assert "share_of_b" not in info


@needs_cmake
def test_share_of_b(tmp_path: Path, cache: dict[str, str]) -> None:
    case = "bench_kernels.py::bench_layer[W1A1-dense-1024x1024-batch16-packed]"
    info = recorded(tmp_path, case, cache)["extra_info"]
    assert info["share_of_b"] == info["gmac_per_s"] / info["b_gmac_per_s"]
    assert "share_of_fma_peak" not in info


def test_layers_run_where_the_probe_cannot_be_built(tmp_path: Path) -> None:
    no_folder = tmp_path / "file"
    no_folder.touch()
    file = tmp_path / "results.json"
    case = "bench_kernels.py::bench_layer[W1A1-dense-1024x1024-batch1-packed]"
    variables = {"XDG_CACHE_HOME": str(no_folder)}
    out = run_pytest(*QUICK, f"--benchmark-json={file}", case, variables=variables)
    assert "no shares of the machine's limits: " in out
    (result,) = json.loads(file.read_text())["benchmarks"]
    assert "gmac_per_s" in result["extra_info"]
    assert "share_of_b" not in result["extra_info"]


@pytest.mark.parametrize("kind", ["W1A1", "W1A32", "float"])
def test_layers_are_what_they_are_called(module: Any, kind: str) -> None:
    layers = module("layers")
    for layer in (layers.DenseLayer(kind, 70, 9), layers.ConvLayer(kind, 5, 3, 9)):
        engine = bnn_engine.load(layer.model())
        (step,) = (step for step in engine.summary().layers if step.binary_macs or step.float_macs)
        assert step.kind == kind
        assert engine.predict(layer.inputs(2)).shape[:2] == (2, 9)


@pytest.mark.parametrize("kind", ["W1A1", "W1A32", "float"])
def test_answers_of_layers(module: Any, kind: str) -> None:
    layers = module("layers")
    for layer in (
        layers.DenseLayer(kind, 70, 9),
        layers.ConvLayer(kind, 5, 3, 9),
        layers.ConvLayer(kind, 6, 2, 4, kernel=5, nhwc_output=True),
    ):
        x = layer.inputs(2)
        got = bnn_engine.load(layer.model()).predict(x)
        np.testing.assert_allclose(got, layer.answer(x), rtol=0, atol=1e-4)


def test_real_taps_are_counted(module: Any) -> None:
    layer = module("layers").ConvLayer("W1A1", 6, 2, 3, kernel=5)
    ones = np.pad(np.ones((6, 6)), 2)
    taps = sum(ones[y : y + 5, x : x + 5].sum() for y in range(6) for x in range(6))
    assert layer.macs == taps * 2 * 3


def test_unknown_runtime(module: Any) -> None:
    with pytest.raises(ValueError, match="onnxruntime"):
        module("runtimes").load_runtime("tensorrt", bnn_engine.models.path("mnist-mlp"))


# -- compare.py ------------------------------------------------------------------------------------


def example_report(module: Any) -> Any:
    compare, processes = module("compare"), module("processes")
    by_runtime = {
        "packed": compare.Latency(2.0, 2.5, 100),
        "float": compare.Latency(6.0, 10.0, 100),
        "onnxruntime": compare.Latency(17.0, 1250.0, 100),
    }
    network = compare.NetworkFigures(
        name="mnist-bmlp",
        onnx_bytes=553_105,
        packed_bytes=24_300,
        accuracy={"packed": 0.955, "float": 0.955, "onnxruntime": 0.954},
        differing={"packed": 0, "float": 0, "onnxruntime": 2},
        latencies={1: by_runtime},
    )
    return compare.Report(
        isa="avx2",
        cpu="Some CPU",
        num_threads=1,
        versions={"packed": "0.1.0", "float": "0.1.0", "onnxruntime": "1.31.1"},
        data="the shipped digits",
        num_images=1797,
        input="images",
        networks=[network],
        processes=processes.ProcessFigures(0.1, 0.12, 0.3, 0.01, 0.2, 0.001, 0.4, None),
    )


def test_markdown(module: Any) -> None:
    lines = module("compare").to_markdown(example_report(module)).splitlines()
    assert "| mnist-bmlp | 553.1 kB | 24.3 kB | 95.50% | 95.50% | 95.40% (2 differ) |" in lines
    latencies = (
        "| mnist-bmlp | 1 | 2.0 / 2.5 | 6.0 / 10.0 (3.0× / 4.0×) | 17.0 / 1,250 (8.5× / 500.0×) |"
    )
    assert latencies in lines
    assert "| `import bnn_engine` | 120.0 |" in lines
    assert any(line.endswith("ONNX Runtime, mnist-bmlp.onnx | – |") for line in lines)
    rows = [line for line in lines if line.startswith("|")]
    assert {row.count("|") for row in rows} == {7, 6, 3}


def test_json_has_the_ratios_of_the_tables(module: Any) -> None:
    figures = json.loads(module("compare").to_json(example_report(module)))
    (network,) = figures["networks"]
    assert network["ratios"]["1"]["float"] == {"min": 3.0, "p50": 4.0}
    assert network["latencies"]["1"]["onnxruntime"] == {"min": 17.0, "p50": 1250.0, "calls": 100}
    assert figures["processes"]["first_answer_onnxruntime"] is None


def test_compare_runs() -> None:
    options = ("--networks=mnist-bmlp", "--seconds=0.01", "--process-runs=1", "--json")
    done = run_python("compare.py", "--batches", "1", "3", "--input=random", *options)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    (network,) = figures["networks"]
    assert figures["input"].startswith("random")
    assert figures["input"].endswith(" 0% of them 0")
    assert set(network["latencies"]) == {"1", "3"}
    assert set(network["accuracy"]) == {"packed", "float", "onnxruntime"}
    assert network["differing"]["float"] == 0
    assert all(seconds > 0 for seconds in figures["processes"].values())
    assert "mnist-bmlp: batch 3" in done.stderr


def test_compare_without_data(tmp_path: Path) -> None:
    done = run_python("compare.py", "--mnist", str(tmp_path / "missing"))
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "missing" in done.stderr


def test_compare_help_has_an_example() -> None:
    done = run_python("compare.py", "--help")
    assert done.returncode == 0
    assert "example: python benchmarks/compare.py" in " ".join(done.stdout.split())


@pytest.mark.parametrize("option", ["--batches=0", "--num-threads=-1", "--networks=resnet"])
def test_compare_refuses_bad_options(module: Any, option: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        module("compare").main([option])


# -- roofline.py -----------------------------------------------------------------------------------


def example_roofline(module: Any, with_avx512: bool = True) -> Any:
    roofline = module("roofline")
    rates = {"generic": roofline.Rate(20.0, "2x4"), "avx512_vpopcntdq": None}
    if with_avx512:
        rates["avx512_vpopcntdq"] = roofline.Rate(1200.0, "4x4")
    return roofline.Roofline(
        clock_ghz=4.0,
        caches={"l1": 32768, "l2": 1048576, "l3": None},
        binary=rates,
        float32={"generic": roofline.Rate(60.0, "12 chains")},
        int8={},
        memory={"l1": roofline.Bandwidth(16384, 200.0, "1 stream", 100.0), "l3": None},
    )


def test_roofline_names_what_is_missing(module: Any) -> None:
    roofline, limits = module("roofline"), example_roofline(module, with_avx512=False)
    assert (limits.b.gmac_per_s, limits.fma.gmac_per_s) == (20.0, 60.0)
    lines = roofline.to_markdown(limits).splitlines()
    assert "| xor + popcount + add | generic | 20.0 | 5.0 | 2x4 |" in lines
    assert "| xor + popcount + add | avx512_vpopcntdq | – | – | – |" in lines
    assert "| l1 | 16.4 kB | 200.0 | 100.0 | 1 stream |" in lines
    assert "| l3 | – | – | – | – |" in lines
    assert json.loads(roofline.to_json(limits))["binary"]["avx512_vpopcntdq"] is None


@needs_cmake
def test_roofline_runs(cache: dict[str, str]) -> None:
    done = run_python("roofline.py", "--json", variables=cache)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["clock_ghz"] > 0
    for kind in ("binary", "float32"):
        assert figures[kind]["generic"]["gmac_per_s"] > 0
    features = bnn_engine.cpu_info().features
    if "avx512_vpopcntdq" in features:
        assert figures["b_gmac_per_s"] >= figures["binary"]["avx512_vpopcntdq"]["gmac_per_s"] > 0
    for bandwidth in figures["memory"].values():
        assert bandwidth is None or min(bandwidth["read_gb_per_s"], bandwidth["write_gb_per_s"]) > 0


def test_roofline_that_cannot_be_built(tmp_path: Path) -> None:
    no_folder = tmp_path / "file"
    no_folder.touch()
    done = run_python("roofline.py", variables={"XDG_CACHE_HOME": str(no_folder)})
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")


# -- kernels.py ------------------------------------------------------------------------------------


def measured(module: Any, limit: str, *rows: str) -> Any:
    kernels = module("kernels")
    figure = kernels.Figure("a layer", ("family",), "64x10", limit)
    return kernels.Measured(figure, kernels.parse("\n".join(rows)))


def test_rows_of_the_kernel_benchmark(module: Any) -> None:
    text = (
        "xnor_gemm/avx2\tconv 3x3, 28 pixels\t1.500000000e-06\t3000\tMAC\n"
        "binarize_f32/avx512bw\t7x7\t2e-6\t64\tB\n"
    )
    product, packer = module("kernels").parse(text)
    assert (product.kernel, product.isa) == ("xnor_gemm/avx2", "avx2")
    assert (product.shape, product.seconds) == ("conv 3x3, 28 pixels", 1.5e-6)
    assert (product.work, product.unit) == (3000, "MAC")
    assert (packer.isa, packer.seconds, packer.unit) == ("avx512bw", 2e-6, "B")
    with pytest.raises(ValueError, match="unpack"):
        module("kernels").parse("xnor_gemm/avx2 64x10 1.5 us")


@pytest.mark.parametrize(
    ("limit", "work", "unit", "share"),
    [
        ("B", 1_200_000, "MAC", 0.5),  # 600 of 1200 GMAC/s
        ("float peak", 1_200_000, "MAC", 10.0),  # 600 of 60 GMAC/s
        ("L2", 100_000, "B", 0.5),  # 50 of 100 GB/s
        ("L2", 20_000, "B", None),  # lies in L1
        ("L2", 2_000_000, "B", None),  # exceeds L2
        ("weights", 1_200_000, "MAC", 0.75),  # 75 of 100 GB/s
    ],
)
def test_shares_of_kernels(
    module: Any, limit: str, work: int, unit: str, share: float | None
) -> None:
    roofline = module("roofline")
    bandwidths = {
        "l2": roofline.Bandwidth(524288, 100.0, "1 stream", 50.0),
        "dense_9216x4096": roofline.Bandwidth(4718592, 100.0, "1 stream", 50.0),
    }
    limits = dataclasses.replace(example_roofline(module), memory=bandwidths)
    rows = [f"f/avx2\t64x10\t{seconds}\t{work}\t{unit}" for seconds in ("2e-6", "4e-6")]
    one = measured(module, limit, *rows)
    assert one.share(limits) == (None if share is None else pytest.approx(share))
    assert one.to_json(limits)["share"] == one.share(limits)
    assert one.to_json(limits)["us"] == pytest.approx({"min": 2.0, "p50": 3.0})
    assert one.to_json(None)["share"] is None


def test_shares_of_bandwidths_that_were_not_measured(module: Any) -> None:
    for limit in ("L2", "weights"):
        one = measured(module, limit, "f/avx2\t64x10\t2e-6\t100000\tB")
        assert one.share(example_roofline(module)) is None


def test_fastest_usable_kernel_counts(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kernels, calls = module("kernels"), []
    microseconds = {
        "xnor_chain": {"scalar": 8},
        "xnor_gemm": {"scalar": 9, "avx2": 7, "avx512bw": 1},
    }

    def run(command: list[str], _seconds: float) -> str:
        program, option, family, shape = command
        assert (program, option) == ("csrc/tests/bnn_kernel_bench", "--tsv")
        calls.append((family, shape))
        faster = 0.5 if len(calls) > 4 else 0  # in the second round
        rows = [
            f"{family}/{isa}\t{shape}\t{time - faster}e-6\t80\tMAC"
            for isa, time in microseconds[family].items()
        ]
        return "\n".join([*rows, f"{family}/scalar\t{shape}, 2 x 2 planes\t1e-7\t80\tMAC"])

    monkeypatch.setattr(kernels, "build", str)
    monkeypatch.setattr(kernels, "run", run)
    families = ("xnor_chain", "xnor_gemm")
    figures = [
        kernels.Figure("any", families, "64x10", "B"),
        kernels.Figure("forced", families, "7x7", "B", isa="avx512bw"),
        kernels.Figure("missing", families, "7x7", "B", isa="neon"),
    ]
    best, forced = kernels.measure(2, ("scalar", "avx2", "avx512bw"), "avx2", figures)
    assert calls == [(family, shape) for shape in ("64x10", "7x7") for family in families] * 2
    assert [(row.kernel, row.seconds) for row in best.rounds] == [
        ("xnor_gemm/avx2", 7e-6),
        ("xnor_gemm/avx2", 6.5e-6),
    ]
    assert best.best.seconds == 6.5e-6
    assert (forced.figure.name, forced.best.kernel) == ("forced", "xnor_gemm/avx512bw")


def test_shape_that_the_kernel_benchmark_lacks(
    module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels = module("kernels")
    monkeypatch.setattr(kernels, "build", str)
    monkeypatch.setattr(kernels, "run", lambda *_: "xnor_gemm/scalar\t164x10\t1e-6\t80\tMAC")
    figure = kernels.Figure("a layer", ("xnor_gemm",), "64x10", "B")
    with pytest.raises(module("programs").ProgramError, match="64x10"):
        kernels.measure(1, ("scalar",), "scalar", [figure])


@needs_cmake
def test_kernels_run(cache: dict[str, str]) -> None:
    options = ("--parts", "kernels", "--rounds=1", "--json")
    done = run_python("compare_layers.py", *options, variables=cache)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["cases"], figures["versions"]) == ([], {})
    by_name = {figure["name"]: figure for figure in figures["kernels"]}
    cpu = bnn_engine.cpu_info()
    assert ("GEMM 64x2304x256, AVX2" in by_name) == ("avx2" in cpu.supported_isas)
    for figure in by_name.values():
        assert figure["rate"] > 0
        assert figure["kernel"].partition("/")[2] in cpu.supported_isas
    conv = by_name["conv 3x3 7x7x512, bits → bits"]
    assert conv["rate"] * conv["us"]["min"] * 1e3 == pytest.approx(19 * 19 * 512 * 512)
    assert conv["share"] == conv["rate"] / figures["roofline"]["b_gmac_per_s"]
    packer = by_name["binarize float32 28x28x128 NHWC"]
    assert packer["rate"] * packer["us"]["min"] * 1e3 == pytest.approx(28 * 28 * 128 * 4)
    assert packer["unit"] == "GB/s"


# -- compare_layers.py -----------------------------------------------------------------------------


def example_layers(module: Any) -> Any:
    compare, turns = module("compare_layers"), module("turns")
    case = compare.Figures(
        name="dense-1024x1024-batch1",
        macs=1_200_000,
        batch=1,
        weight_bytes=16384,
        latencies={
            "packed": turns.Latency(2.0, 2.5, 100),
            "openvino": turns.Latency(5.0, 10.0, 100),
            "larq": turns.Latency(24.0, 25.0, 100),
            "onnxruntime": turns.Latency(40.0, 1250.0, 100),
        },
    )
    return compare.Report(
        cpu="Some CPU",
        isa="avx2",
        versions={
            "packed": "0.1.0",
            "openvino": "2026.4.1",
            "larq": "0.16.0",
            "onnxruntime": "1.31.1",
        },
        roofline=example_roofline(module),
        kernels=[measured(module, "B", "xnor_gemm/avx2\t64x10\t2e-6\t1200000\tMAC")],
        cases=[case],
    )


def test_layers_markdown(module: Any) -> None:
    lines = module("compare_layers").to_markdown(example_layers(module)).splitlines()
    assert (
        "| dense-1024x1024-batch1 | 2.0 / 2.5 0.50 B | 5.0 / 10.0 (2.50× / 4.00×) 0.20 B "
        "| 24.0 / 25.0 (12.00× / 10.00×) 0.04 B | 40.0 / 1,250 (20.00× / 500.00×) |"
    ) in lines
    assert "| a layer | xnor_gemm/avx2 | 2.0 / 2.0 | 600 GMAC/s | 0.50 B |" in lines
    assert {row.count("|") for row in lines if row.startswith("|")} == {6}
    assert "weights at 4% of the bandwidth" in lines[-1]


def test_layers_json(module: Any) -> None:
    figures = json.loads(module("compare_layers").to_json(example_layers(module)))
    (case,) = figures["cases"]
    assert case["ratios"]["openvino"] == {"min": 2.5, "p50": 4.0}
    assert case["share_of_b"]["packed"] == 0.5
    assert case["gmac_per_s"]["packed"] == 600.0
    assert case["share_of_bandwidth"] == pytest.approx(16384 / 2000.0 / 200)


def test_compare_layers_runs(cache: dict[str, str]) -> None:
    layers = ("--parts", "layers", "--layers", "7x7x512-nhwc", "1024x1024-batch1")
    options = (*layers, "--seconds=0.01", "--json")
    done = run_python("compare_layers.py", *options, variables=cache)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    names = [case["name"] for case in figures["cases"]]
    assert names == [
        "conv3x3-7x7x512-nhwc-batch1",
        "dense-1024x1024-batch1",
        "dense-1024x1024-batch16",
    ]
    for case in figures["cases"]:
        assert set(case["latencies"]) == set(figures["versions"])
        assert {"packed", "onnxruntime"} <= set(case["latencies"])
    if importlib.util.find_spec("openvino") is None:
        assert "left out: pip install openvino" in done.stderr
    if importlib.util.find_spec("larq_compute_engine") is None:
        assert "Larq Compute Engine is left out: pip install 'larq" in done.stderr
    assert figures["kernels"] == []
    assert (figures["roofline"] is None) == (not has_cmake)


def test_compare_layers_refuses_unknown_layers() -> None:
    done = run_python("compare_layers.py", "--layers", "conv9x9")
    assert done.returncode == 1
    assert "dense-9216x4096-batch256" in done.stderr


@pytest.mark.parametrize("rounds", ["0", "-1", "many"])
def test_compare_layers_refuses_rounds(module: Any, rounds: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        module("compare_layers").main([f"--rounds={rounds}"])


@pytest.mark.parametrize("command", ["roofline.py", "compare_layers.py"])
def test_help_has_an_example(command: str) -> None:
    done = run_python(command, "--help")
    assert done.returncode == 0
    assert f"example: python benchmarks/{command}" in " ".join(done.stdout.split())


@pytest.mark.parametrize("peer", ["openvino", "larq"])
def test_binary_peers_know_binary_layers_only(module: Any, peer: str) -> None:
    layer = module("layers").DenseLayer("float", 64, 8)
    with pytest.raises(ValueError, match="not binary"):
        getattr(module(f"{peer}_binary"), f"load_{peer}")(layer, 1)


def test_answers_of_larq(module: Any) -> None:
    pytest.importorskip("larq_compute_engine")
    layers = module("layers")
    for layer in (
        layers.DenseLayer("W1A1", 70, 9),
        layers.ConvLayer("W1A1", 5, 3, 9),
        layers.ConvLayer("W1A1", 6, 2, 4, kernel=5, nhwc_output=True),
    ):
        x = layer.inputs(2)
        larq = module("larq_binary").load_larq(layer, 2)
        np.testing.assert_array_equal(larq.predict(x), layer.answer(x))


def test_load_time_runs() -> None:
    files = [str(bnn_engine.models.path(name)) for name in ("mnist-mlp", "mnist-bmlp")]
    done = run_python("load_time.py", "--json", "--num-loads=2", *files)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert [row["name"] for row in rows] == ["mnist-mlp.onnx", "mnist-bmlp.onnx"]
    for row in rows:
        for times in (row["file"], row["packed"]):
            assert 0 < times["warm_min"] <= times["warm_median"]
            assert times["first"] > 0
    assert rows[1]["packed_bytes"] < rows[1]["file_bytes"]


def test_load_time_prints_a_table() -> None:
    done = run_python("load_time.py", "--num-loads=1", str(bnn_engine.models.path("mnist-mlp")))
    assert "| mnist-mlp.onnx |" in done.stdout


@pytest.mark.parametrize(("name", "layers"), [("Bi-Real-18", 21), ("ResNet50", 54)])
def test_large_networks_are_what_they_are_called(module: Any, name: str, layers: int) -> None:
    engine = bnn_engine.load(module("large_networks").LARGE_NETWORKS[name](), fallback="error")
    rows = [layer for layer in engine.summary().layers if layer.op.endswith(("Conv", "Gemm"))]
    assert len(rows) == layers
    binary = sum("Binary" in layer.op for layer in rows)
    assert binary == (16 if name == "Bi-Real-18" else 0)
