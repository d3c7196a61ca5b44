"""Options that several commands share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

__all__ = ["AsJson", "NumRuns", "NumThreads", "examples", "help_text"]

NumThreads = Annotated[
    int, typer.Option("--num-threads", min=1, help="Threads that a call may use.", metavar="N")
]
NumRuns = Annotated[
    int, typer.Option("--num-runs", min=1, help="Timed calls of each candidate.", metavar="N")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the figures as JSON on stdout.")]


def examples(*lines: str) -> str:
    """Write the end of a command's help: example command lines, one each."""
    return "\n\n".join(("[bold]Examples[/]", *(line.replace("[", "\\[") for line in lines)))


def help_text(command: Callable[..., Any]) -> str:
    """Turn the docstring of ``command`` into help that adapts to the terminal's width."""
    paragraphs = (inspect.getdoc(command) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
