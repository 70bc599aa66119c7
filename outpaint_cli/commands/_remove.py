"""What ``outpaint models rm`` removes: never more than is ours."""

from __future__ import annotations

from collections.abc import Sequence

from outpaint_cli import hub, kept
from outpaint_cli.catalogue import Entry
from outpaint_cli.plugin import ModelError, UsageError


def chosen(there: Sequence[Entry], names: Sequence[str], everything: bool, leftovers: bool) -> list[Entry]:
    """The entries to remove, in their order. Raises UsageError or ModelError for names that can't be."""
    wanted: set[str] = set()
    by_name = {entry.name: entry for entry in there}
    for name in names:
        group = [e.name for e in there if e.role == "kept" and e.name.startswith(f"{name}/")]
        if name in by_name:
            _check(by_name[name])
            group = [name]
        elif name.startswith(hub.PREFIX):
            group = [e.name for e in there if e.file == hub.parse(name)]
        if not group:
            raise UsageError(f"'{name}' is nothing that outpaint fetched or keeps: see outpaint models list")
        wanted.update(group)
    for entry in there:
        from_outputs = (
            leftovers and entry.role == "kept" and entry.path is not None and entry.name == str(entry.path)
        )
        ours = entry.role == "kept" or (entry.file is not None and entry.cached and hub.is_ours(entry.file))
        if from_outputs or (everything and ours):
            wanted.add(entry.name)
    return [entry for entry in there if entry.name in wanted]


def _check(entry: Entry) -> None:
    if entry.role == "kept":
        return
    if entry.file is None:
        raise UsageError(f"'{entry.name}' comes with its plugin; only what was fetched can be removed")
    if not entry.cached:
        raise UsageError(f"'{entry.name}' is not in the cache: there is nothing to remove")
    if not hub.is_ours(entry.file):
        raise ModelError(
            f"'{entry.name}' was not fetched by outpaint, another program may use it: remove {entry.path} yourself "
            "if none does"
        )


def remove(entry: Entry) -> int:
    """Remove it: the bytes freed. Raises ModelError where it can't be removed."""
    try:
        if entry.file is not None:
            return hub.forget(entry.file)
        assert entry.path is not None
        kept.Kept(entry.name, entry.plugin, entry.path, entry.bytes, entry.used, entry.summary).remove()
    except OSError as error:
        raise ModelError(f"{entry.path}: can't be removed ({(error.strerror or '').lower()})") from error
    return entry.bytes
