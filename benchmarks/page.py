"""docs/benchmarks.md: sections between HTML comments, each written by its own script, the others left as they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def put(page: Path, name: str, script: str, lines: Sequence[str]) -> None:
    """Replace the section ``name`` of ``page``, or add it at the end; the page is made if it isn't there."""
    start, end = f"<!-- {name}: {script} -->", f"<!-- end of {name} -->"
    section = "\n".join([start, *lines, end])
    text = page.read_text(encoding="utf-8") if page.is_file() else "# Benchmarks\n"
    if start in text:
        before, rest = text.split(start, 1)
        text = before + section + rest.split(end, 1)[1]
    else:
        text = f"{text.rstrip()}\n\n{section}\n"
    beside = page.with_name(f".{page.name}")
    beside.write_text(text, encoding="utf-8")
    beside.replace(page)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table: the first column to the left, the others to the right."""
    lines = [list(header), ["---", *["---:"] * (len(header) - 1)], *map(list, rows)]
    return [f"| {' | '.join(line)} |" for line in lines]
