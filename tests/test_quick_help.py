"""outpaint --help is answered from a file, which says what the program would."""

from __future__ import annotations

import subprocess
import sys

import pytest

from outpaint_cli.__main__ import HELP
from tests.conftest import Outpaint


def test_the_file_says_what_the_program_would(
    outpaint: Outpaint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    said = outpaint("--help").out.decode()
    assert said == HELP.read_text(encoding="utf-8"), (
        "write it anew: COLUMNS=80 python -c \"from outpaint_cli.app import main; main()\" --help"
    )


def test_help_imports_next_to_nothing() -> None:
    code = (
        "import sys; sys.argv[1:] = ['--help']\n"
        "from outpaint_cli.__main__ import main\n"
        "main()\n"
        "assert not {'typer', 'numpy', 'outpaint_cli.plugin'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == HELP.read_text(encoding="utf-8")
