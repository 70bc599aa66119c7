"""An output folder as a run sees it: what is there, what is known of it, and how files get there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from outpaint_cli import picture
from outpaint_cli.batch.journal import Journal
from outpaint_cli.batch.workspace import Workspace, sweep
from outpaint_cli.plugin import PictureError

Place = TypeVar("Place", contravariant=True)


class Target(Protocol[Place]):
    """One output folder and its journal. Safe to use from several threads."""

    def open(self, outputs: Sequence[Place]) -> None:
        """Before a run that may make ``outputs``."""

    def close(self) -> None:
        """After it; what was delivered stays."""

    def holds(self, output: Place) -> bool:
        """Whether something is there already."""

    def is_folder(self, output: Place) -> bool:
        """Whether that is a folder."""

    def record(self, output: Place) -> dict[str, Any] | None:
        """What was noted when the very file that is there was made; None where it is another one."""

    def latest(self, output: Place) -> dict[str, Any] | None:
        """What was noted last under that name."""

    def unfinished(self, output: Place) -> bool:
        """Whether a killed run may have made it without noting it."""

    def put(self, output: Place, data: bytes, record: dict[str, Any]) -> None:
        """Write the file, whole or not at all, and note ``record``. Raises PictureError."""


class FolderTarget:
    """A folder of this machine."""

    def __init__(self, folder: Path) -> None:
        sweep(folder)
        self.journal, self.space = Journal(folder), Workspace(folder)

    def open(self, outputs: Sequence[Path]) -> None:
        """Nothing: what killed runs left was removed first thing."""

    def close(self) -> None:
        """Tidy up."""
        self.space.close()

    def holds(self, output: Path) -> bool:
        """Links to nothing count."""
        return os.path.lexists(output)

    def is_folder(self, output: Path) -> bool:
        """Whether it is one."""
        return output.is_dir()

    def record(self, output: Path) -> dict[str, Any] | None:
        """As the journal has it."""
        return self.journal.record(output)

    def latest(self, output: Path) -> dict[str, Any] | None:
        """As the journal has it."""
        return self.journal.latest(output)

    def unfinished(self, output: Path) -> bool:
        """Never: a file is noted before it appears."""
        return False

    def put(self, output: Path, data: bytes, record: dict[str, Any]) -> None:
        """Written beside, noted, renamed."""

        def note(there: os.stat_result) -> None:
            digest = hashlib.sha256(data).hexdigest()
            told = {"bytes": there.st_size, "modified": there.st_mtime_ns, "sha256": digest}
            self.journal.add(output, record | told)

        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            beside = self.space.file()
        except OSError as error:
            raise PictureError(
                f"the output folder can't be made or written ({reason(error)}); choose another -o"
            ) from error
        picture.write_atomic(output, data, beside=beside, ready=note)


def reason(error: OSError) -> str:
    """What the system says, in small letters."""
    return (error.strerror or type(error).__name__).lower()
