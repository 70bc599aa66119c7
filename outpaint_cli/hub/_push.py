"""A model and its card to a repository of the user's on the Hub."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from outpaint_cli.hub import _client as client
from outpaint_cli.hub._faults import explain
from outpaint_cli.hub._reference import MAIN
from outpaint_cli.plugin import HubFile, ModelError


def push(model: Path, repo: str, card: str, *, private: bool = False, message: str = "") -> HubFile:
    """Upload the file ``model`` with the text ``card`` as README.md: where it is now, pinned to the commit.

    The repository is made where it is not there. Needs a token (HF_TOKEN, or that of ``hf auth login``).
    Raises ModelError.
    """
    library: Any = client.library()
    what = f"{model.name} to {repo}"
    if not library.get_token():
        raise ModelError(
            f"{what}: the Hub wants a token: set HF_TOKEN to one that may write, or run 'hf auth login'"
        )
    file = HubFile(repo, MAIN, model.name)
    api = library.HfApi(endpoint=client.endpoint())
    with tempfile.TemporaryDirectory(prefix="outpaint-push-") as name:
        folder = Path(name)
        shutil.copy2(model, folder / model.name)
        (folder / "README.md").write_text(card, encoding="utf-8")
        try:
            with client.talking(client.Patience()):
                api.create_repo(repo, private=private or None, exist_ok=True)
                done = api.upload_folder(
                    repo_id=repo,
                    folder_path=folder,
                    commit_message=message or f"Upload {model.name} with outpaint",
                )
        except Exception as error:  # huggingface_hub's own, httpx's, OSError
            refused = _refused(error)
            raise ModelError(f"{what}: {refused}") if refused else explain(error, file, what) from error
    return HubFile(repo, done.oid, model.name)


def _refused(error: Exception) -> str:
    """What the Hub said no to, where it is the user's to mend."""
    status = getattr(getattr(error, "response", None), "status_code", 0)
    if status in (401, 403):
        return f"the Hub refuses ({status}): HF_TOKEN must be allowed to write to it"
    if isinstance(error, ValueError) and "README.md" in str(error):
        return "the Hub finds fault with the card's header: " + " ".join(str(error).split())[:200]
    return ""
