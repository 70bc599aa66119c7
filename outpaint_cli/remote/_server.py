"""fsspec's file systems, and what they say of an object."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from outpaint_cli.plugin import UsageError
from outpaint_cli.remote._faults import told
from outpaint_cli.remote._redact import redact

WEB = ("http", "https")
STORES = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oss", "oci", "memory")
"""Where an object appears whole or not at all: what may be written to."""


@dataclass(frozen=True)
class Stat:
    """An object. ``tag`` changes with its content, "" where the server says none; ``md5`` hex, "" if not known."""

    size: int
    tag: str = ""
    md5: str = ""
    folder: bool = False


_filesystems: dict[str, Any] = {}
_opening = threading.Lock()


def filesystem(root: str) -> Any:
    """fsspec's file system of a root, made once. Raises UsageError where there is none."""
    with _opening:
        if root not in _filesystems:
            _filesystems[root] = _connect(root)
        return _filesystems[root]


def _connect(root: str) -> Any:
    shown, scheme = redact(root), root.partition(":")[0]
    try:
        import fsspec

        return fsspec.core.url_to_fs(root)[0]
    except ImportError as error:
        if scheme in ("s3", "s3a", "gs", "gcs", *WEB):
            message = f"{scheme}:// needs the extra 'remote': pip install 'outpaint-cli[remote]'"
        else:
            message = f"{scheme}:// needs a further package: {' '.join(str(error).split())}"
        raise UsageError(message) from error
    except ValueError as error:
        text = redact(" ".join(str(error).split()))
        raise UsageError(f"{shown}: it can't be opened ({text}); check the URL") from error
    except Exception as error:
        raise UsageError(f"{shown}: {told(error)}") from error


def stat_of(info: Mapping[str, Any]) -> Stat:
    tag = next((str(info[name]) for name in ("ETag", "etag", "md5Hash", "version") if info.get(name)), "")
    tag = "" if tag.startswith("W/") else tag.strip('"')
    return Stat(int(info.get("size") or 0), tag, _md5(info, tag), info.get("type") == "directory")


def _md5(info: Mapping[str, Any], tag: str) -> str:
    """S3's ETag is the md5 of what was sent in one request, unless encrypted; others say it in base64."""
    coded = info.get("md5Hash") or (info.get("content_settings") or {}).get("content_md5")
    try:
        if isinstance(coded, str):
            return base64.b64decode(coded).hex()
        if coded:
            return bytes(coded).hex()
    except (ValueError, TypeError):
        return ""
    return tag if re.fullmatch(r"[0-9a-f]{32}", tag) else ""
