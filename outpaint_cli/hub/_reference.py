"""``hf://owner/repo[@revision]/file.onnx``, read and written."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import quote, unquote

from outpaint_cli.plugin import HubFile, ModelError

PREFIX = "hf://"
COMMIT = re.compile(r"[0-9a-f]{40}")
MAIN = "main"

_REFERENCE = re.compile(
    r"hf://(?P<owner>[\w.-]+)/(?P<repo>[\w.-]+)(?:@(?P<revision>[^/@]+))?/(?P<file>[^/].*)", re.ASCII
)


def parse(reference: str) -> HubFile:
    """The file that ``reference`` names; without a revision that of the branch main.

    A slash in the revision is written %2F, as in ``@refs%2Fpr%2F1``. Raises ModelError.
    """
    found = _REFERENCE.fullmatch(reference)
    if not found:
        raise ModelError(f"{reference}: not of the form hf://owner/repo[@revision]/file.onnx")
    file = PurePosixPath(found["file"])
    if ".." in file.parts or "\\" in found["file"] or str(file) != found["file"]:
        raise ModelError(f"{reference}: '{found['file']}' is no path inside a repository")
    if file.suffix.lower() != ".onnx":
        raise ModelError(f"{reference}: names no .onnx file; outpaint convert makes one from a checkpoint")
    revision = unquote(found["revision"]) if found["revision"] else MAIN
    return HubFile(f"{found['owner']}/{found['repo']}", revision, str(file))


def address(file: HubFile) -> str:
    """The reference that names ``file``; commits are shortened, for people."""
    revision = file.revision[:12] if pinned(file) else quote(file.revision, safe="")
    at = "" if revision == MAIN else f"@{revision}"
    return f"{PREFIX}{file.repo}{at}/{file.file}"


def pinned(file: HubFile) -> bool:
    """Whether the revision is a commit, which never changes."""
    return COMMIT.fullmatch(file.revision) is not None
