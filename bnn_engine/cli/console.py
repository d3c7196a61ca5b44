"""Where the commands print: results on stdout, progress and errors on stderr."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["ERR", "OUT", "print_json", "progress_bar"]

OUT = Console()
ERR = Console(stderr=True)


def progress_bar() -> Progress:
    """Progress on stderr that leaves nothing behind; silent where stderr is not a terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        console=ERR,
        transient=True,
        disable=not ERR.is_terminal,
    )


def print_json(figures: Any) -> None:
    """Print ``figures`` as JSON, free of colours and line wrapping."""
    OUT.file.write(json.dumps(figures, indent=2) + "\n")
