"""python -m outpaint_cli is outpaint; --help alone is answered before anything is imported."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

HELP = Path(__file__).with_name("help.txt")
"""What ``outpaint --help`` prints on a terminal of 80 columns or more; a test keeps it true."""


def main() -> None:
    """The console script."""
    if sys.argv[1:] in (["--help"], ["-h"]) and shutil.get_terminal_size().columns >= 80:
        try:
            sys.stdout.write(HELP.read_text(encoding="utf-8"))
            sys.stdout.flush()
            return
        except (OSError, ValueError):  # not installed whole, or an output that can't be written: the long way
            pass
    from outpaint_cli.app import main

    main()


if __name__ == "__main__":
    main()
