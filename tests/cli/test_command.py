"""The command as its users meet it: help, version, examples, errors, the missing extra."""

import re
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from typer.testing import CliRunner

import bnn_engine
from bnn_engine.cli.app import APP

COMMANDS = sorted(
    command.name or getattr(command.callback, "__name__", "") for command in APP.registered_commands
)

# -P: the installed package is meant, not the source folder the tests may be started from.
PYTHON = (sys.executable, "-P", "-c")
START = "from bnn_engine.cli import main; main()"


def run(*arguments: str, code: str = START) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PYTHON, code, *arguments], capture_output=True, encoding="utf-8", timeout=300, check=False
    )


def help_of(*arguments: str) -> str:
    environment = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    result = CliRunner().invoke(APP, [*arguments, "--help"], env=environment)
    assert result.exit_code == 0, result.output
    return result.output


def examples_of(command: str) -> list[str]:
    lines = (line.strip() for line in help_of(command).splitlines())
    return [line for line in lines if line.startswith("bnn-engine ")]


def test_help_lists_every_command() -> None:
    text = help_of()
    assert "demo" in COMMANDS
    for command in COMMANDS:
        assert re.search(rf"\b{command}\b", text)


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_of_the_help_run_as_written(command: str) -> None:
    examples = examples_of(command)
    assert examples
    for example in examples:
        result = run(*shlex.split(example)[1:])
        assert result.returncode == 0, f"{example}\n{result.stderr}"
        assert result.stdout
        assert not result.stderr


def test_console_script() -> None:
    script = Path(sysconfig.get_path("scripts")) / "bnn-engine"
    if not script.is_file():
        pytest.skip(f"{script} is not installed")
    result = subprocess.run(
        [script, "--version"], capture_output=True, encoding="utf-8", timeout=60, check=True
    )
    assert result.stdout.split() == ["bnn-engine", bnn_engine.__version__]


@pytest.mark.parametrize("missing", [["typer"], ["rich"], ["typer", "rich"]])
def test_missing_extra_is_one_clear_line(missing: list[str]) -> None:
    hide = f"import sys; sys.modules.update(dict.fromkeys({missing!r})); {START}"
    result = run("demo", code=hide)
    assert result.returncode == 1
    assert not result.stdout
    assert result.stderr == (
        f"bnn-engine: the command line needs {' and '.join(missing)}: "
        "pip install 'bnn-engine[cli]'\n"
    )


def test_package_does_not_import_the_command_line() -> None:
    names = "('typer', 'rich', 'onnx', 'bnn_engine.cli', 'bnn_engine.datasets')"
    found = run(code=f"import sys, bnn_engine; print([n for n in {names} if n in sys.modules])")
    assert found.stdout.strip() == "[]", found.stderr


def test_no_command_is_wrong_usage() -> None:
    assert run().returncode == 2
    assert run("nonsense").returncode == 2
    assert run("demo", "--num-runs", "0").returncode == 2


def test_errors_are_one_line_and_exit_1(tmp_path: Path) -> None:
    result = run("demo", "--mnist", str(tmp_path / "nowhere"))
    assert result.returncode == 1
    assert not result.stdout
    assert "nowhere" in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("isa", ["nonsense"])
def test_wrong_isa_is_an_error_not_a_crash(monkeypatch: pytest.MonkeyPatch, isa: str) -> None:
    monkeypatch.setenv("BNN_ENGINE_ISA", isa)
    result = run("demo")
    assert result.returncode == 1
    assert isa in result.stderr
    assert "Traceback" not in result.stderr


def test_output_survives_a_terminal_without_unicode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    result = run("demo", "--num-runs", "2")
    assert result.returncode == 0, result.stderr
    assert result.stdout.isascii()
    assert "#" in result.stdout
    assert "?" not in result.stdout
