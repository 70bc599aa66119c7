"""The licence that a repository on the Hub states."""

from __future__ import annotations

from typing import Any

from outpaint_cli.hub import _client as client
from outpaint_cli.hub._faults import explain
from outpaint_cli.plugin import HubFile


def licence_of(file: HubFile, what: str) -> str:
    """What the model card of ``file``'s repository states, by its SPDX name; "" for none. Raises ModelError."""
    library: Any = client.library()
    try:
        hook = client.Patience()
        with client.talking(hook):
            api = library.HfApi(endpoint=client.endpoint())
            info: Any = api.model_info(file.repo, revision=file.revision, timeout=hook.answer)
    except Exception as error:  # huggingface_hub's own, httpx's
        raise explain(error, file, what) from error
    data: Any = info.card_data or {}
    stated = data.get("license")
    if stated == "other":
        stated = data.get("license_name") or "other"
    for tag in info.tags or ():
        stated = stated or (tag.removeprefix("license:") if tag.startswith("license:") else None)
    return stated if isinstance(stated, str) else ""
