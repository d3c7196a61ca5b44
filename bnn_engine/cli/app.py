"""The subcommands, and what happens when one fails.

Exit codes: 0 done, 1 it could not be done (a :class:`~bnn_engine.BnnError`), 2 wrong usage.
"""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer
from rich.markup import escape

import bnn_engine
from bnn_engine.cli import demo
from bnn_engine.cli.console import ERR, OUT
from bnn_engine.cli.options import help_text

__all__ = ["APP", "run"]

APP = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        OUT.print(f"bnn-engine {bnn_engine.__version__}", highlight=False)
        raise typer.Exit


@APP.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Binarized neural networks from ONNX files, run as XNOR + popcount."""


APP.command(help=help_text(demo.demo), epilog=demo.EPILOG)(demo.demo)


def run() -> None:
    """Run the command line of this process."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without Unicode is no reason to fail
    try:
        APP(prog_name="bnn-engine")
    except bnn_engine.BnnError as error:
        ERR.print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise SystemExit(1) from None
