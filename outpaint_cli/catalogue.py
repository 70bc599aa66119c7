"""Everything that ``outpaint models`` knows of: what plugins list, what was fetched, what the tool keeps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from outpaint_cli import hub, kept, licences, models, registry
from outpaint_cli.plugin import HubFile, ModelCard, ModelError

SCHEMA = 1


@dataclass(frozen=True)
class Entry:
    """One line of the list. ``role`` is "filler", "features" (for training and scores) or "kept".

    ``source`` is "bundled", "hub", "no weights" or "kept"; ``file`` says where on the Hub. ``cached`` is
    whether it can be used without a network, ``path`` where it lies then. ``used`` is an ISO date.
    """

    name: str
    plugin: str
    role: str
    source: str
    summary: str = ""
    file: HubFile | None = None
    bytes: int = 0
    sha256: str = ""
    licence: str = ""
    accepted: bool = True
    cached: bool = True
    path: Path | None = None
    training_data: str = ""
    scores: dict[str, float] = field(default_factory=dict)
    used: str = ""

    def row(self) -> dict[str, Any]:
        """As docs/models.schema.json has it."""
        return {
            "schema": SCHEMA,
            "name": self.name,
            "plugin": self.plugin or None,
            "role": self.role,
            "summary": self.summary,
            "source": self.source,
            "repo": self.file.repo if self.file else None,
            "revision": self.file.revision if self.file else None,
            "file": self.file.file if self.file else None,
            "bytes": self.bytes,
            "sha256": self.sha256 or None,
            "licence": self.licence or None,
            "licence_accepted": self.accepted,
            "cached": self.cached,
            "path": str(self.path) if self.path else None,
            "training_data": self.training_data or None,
            "scores": dict(self.scores),
            "used": self.used or None,
        }

    def line(self) -> str:
        """For people."""
        facts = [self.plugin or self.role, self.source]
        facts += [f"{self.bytes / 1e6:.1f} MB"] if self.bytes else []
        facts += [self.licence] if self.licence else []
        facts += [f"{name} {value:g}" for name, value in self.scores.items()]
        facts += [f"last used {self.used[:10]}"] if self.used else []
        if self.source == "hub":
            facts.append("cached" if self.cached else "not fetched yet")
        return f"{self.name}  ({'; '.join(facts)})  {self.summary}".rstrip()


def entries(outputs: Path | None = None) -> Iterator[Entry]:
    """Everything, named models first; with ``outputs`` also what killed runs left in that folder."""
    cards = registry.model_cards()
    for _, (plugin, card) in sorted(cards.items()):
        yield of_card(card, plugin.name)
    yield of_card(hub.VGG16, "", "features")
    listed = [card.source for _, card in cards.values()] + [hub.VGG16.source]
    for file in hub.ours():
        if file not in listed:
            yield of_file(file)
    for thing in (*kept.kept(), *(kept.leftovers(outputs) if outputs else ())):
        yield Entry(
            thing.name, thing.plugin, "kept", "kept", thing.summary, bytes=thing.bytes, path=thing.path,
            used=thing.used,
        )  # fmt: skip


def of_card(card: ModelCard, plugin: str, role: str = "filler") -> Entry:
    """A named model."""
    source, path, cached = "no weights", None, True
    file = card.source if isinstance(card.source, HubFile) else None
    size = card.bytes
    if file is not None:
        there = hub.find(file)
        source, cached, path = "hub", there is not None, there.path if there else None
        size = size or (there.bytes if there else 0)
    elif isinstance(card.source, Path):
        source, path = "bundled", card.source
    accepted = file is None or licences.is_accepted(f"hf://{file.repo}", card.licence)
    return Entry(
        card.name, plugin, role, source, card.summary, file, size, card.sha256, card.licence, accepted, cached,
        path, card.training_data, dict(card.scores),
    )  # fmt: skip


def of_file(file: HubFile) -> Entry:
    """A file that was fetched by its reference."""
    there = hub.find(file)
    digest = there.etag if there and len(there.etag) == 64 else ""
    return Entry(
        hub.address(file), "", "filler", "hub", "fetched by its reference", file, there.bytes if there else 0,
        digest, cached=there is not None, path=there.path if there else None,
    )  # fmt: skip


def find(name: str) -> Entry:
    """The entry called ``name``, also an ``hf://`` reference. Raises ModelError with the names there are."""
    known = {entry.name: entry for entry in entries()}
    if name in known:
        return known[name]
    if name.startswith(hub.PREFIX):
        file = hub.parse(name)
        same = (entry for entry in known.values() if entry.file == file)
        return next(same, None) or of_file(file)
    raise ModelError(f"there is no model '{name}': use {', '.join(known)}, or hf://owner/repo/file.onnx")


def fault_of(entry: Entry) -> str:
    """What is wrong with the file of ``entry``, read whole, or "". Raises OSError."""
    if entry.path is None or entry.role == "kept":
        return ""
    if entry.file is not None:
        there = hub.find(entry.file)
        return hub.check(there, hub.Wanted(entry.bytes, entry.sha256))[0] if there else ""
    return "" if not entry.sha256 or models.sha256(entry.path) == entry.sha256 else "its sha256 differs"
