"""outpaint --help is answered from a file, which says what the program would."""

from __future__ import annotations

import os
import subprocess
import sys

from outpaint_cli.__main__ import HELP

LONG_WAY = """
import sys
from outpaint_cli.app import main
sys.argv = ["outpaint", "--help"]
main()
"""


def test_the_file_says_what_the_program_would() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OUTPAINT_")}
    done = subprocess.run(
        [sys.executable, "-c", LONG_WAY],
        capture_output=True, text=True, check=True, env={**environment, "COLUMNS": "80"},
    )  # fmt: skip
    assert done.stdout == HELP.read_text(encoding="utf-8"), "write outpaint_cli/help.txt anew"


def test_help_imports_next_to_nothing() -> None:
    code = (
        "import sys; sys.argv[1:] = ['--help']\n"
        "from outpaint_cli.__main__ import main\n"
        "main()\n"
        "assert not {'typer', 'numpy', 'outpaint_cli.plugin'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == HELP.read_text(encoding="utf-8")
