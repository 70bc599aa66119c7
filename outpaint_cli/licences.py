"""Which licences let anybody use a model for anything, and which the user has to accept first, once."""

from __future__ import annotations

import json
import os
from contextlib import suppress

from outpaint_cli.places import config_folder
from outpaint_cli.plugin import ModelError

PERMISSIVE = frozenset(
    {
        "0bsd", "afl-3.0", "apache-2.0", "bsd", "bsd-2-clause", "bsd-3-clause", "bsd-3-clause-clear", "bsl-1.0",
        "cc-by-4.0", "cc0-1.0", "isc", "mit", "mit-0", "ncsa", "odc-by", "pddl", "postgresql", "unlicense", "wtfpl",
        "zlib",
    }
)  # fmt: skip
"""SPDX names, and the Hub's where they differ, in small letters: no limits on use, at most attribution."""


def is_permissive(licence: str) -> bool:
    """Whether ``licence``, by its SPDX name, needs no consent. What states none is not permissive."""
    return any(part.strip(" ()") in PERMISSIVE for part in licence.lower().split(" or "))


def check(key: str, licence: str, what: str, accept: bool, where: str = "") -> None:
    """Raise ModelError unless the licence is permissive, or the user accepts it now or has before.

    ``key`` is what is accepted, kept with the licence's name: another licence is asked for again. ``where``
    is where its text can be read.
    """
    if is_permissive(licence):
        return
    accepted = _read()
    if accepted.get(key) == licence:
        return
    if not accept:
        named = f"its licence is '{licence}'" if licence else "it states no licence"
        read = f": read {where}" if where else ""
        raise ModelError(
            f"{what}: {named}, which may limit what you do with it{read}, then use --accept-licence once"
        )
    with suppress(OSError):  # where it can't be kept it is accepted for this run
        path = config_folder() / NAME
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{NAME}.{os.getpid()}")
        beside.write_text(json.dumps({**accepted, key: licence}, indent=1, sort_keys=True) + "\n")
        beside.replace(path)


def is_accepted(key: str, licence: str) -> bool:
    """Whether nothing has to be accepted any more."""
    return is_permissive(licence) or _read().get(key) == licence


NAME = "accepted-licences.json"


def _read() -> dict[str, str]:
    try:
        found = json.loads((config_folder() / NAME).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
