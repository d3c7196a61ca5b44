"""The command ``bnn-engine``. Needs the extra ``[cli]``; nothing else of the package imports it."""

from __future__ import annotations

import sys
from importlib.util import find_spec

__all__ = ["main"]


def main() -> None:
    """Run the command line; where the extra is not installed, say how to install it."""
    missing = [name for name in ("typer", "rich") if find_spec(name) is None]
    if missing:
        needed = " and ".join(missing)
        print(
            f"bnn-engine: the command line needs {needed}: pip install 'bnn-engine[cli]'",
            file=sys.stderr,
        )
        raise SystemExit(1)
    from bnn_engine.cli.app import run

    run()
