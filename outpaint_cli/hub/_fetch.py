"""One file from the Hub, or from its cache: whole, the right one, or an error that says why not."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from outpaint_cli.hub import _client as client
from outpaint_cli.hub._cache import GIT_SHA1, SHA256, Cached, cache_folder, discard, find, remember
from outpaint_cli.hub._faults import explain
from outpaint_cli.hub._reference import address, pinned
from outpaint_cli.plugin import HubFile, ModelError


@dataclass(frozen=True)
class Wanted:
    """What the file must be, where that is known beforehand: 0 and "" are not known."""

    bytes: int = 0
    sha256: str = ""


@dataclass(frozen=True)
class Fetched:
    """A checked file: ``sha256`` is that of its content, ``fresh`` whether it came over the network just now."""

    path: Path
    commit: str
    sha256: str
    fresh: bool = False


def fetch(
    file: HubFile,
    what: str,
    wanted: Wanted = Wanted(),
    *,
    offline: bool = False,
    note: Callable[[str], None] = lambda text: None,
) -> Fetched:
    """``file`` as a checked local file. ``what`` is how messages call it, ``note`` hears what goes on.

    Size and sha256 are compared with ``wanted``, or else with what the Hub says of the content. A file that
    is not right is fetched again once. A commit that is in the cache, and everything under ``offline``,
    makes no request. Raises ModelError.
    """
    client.library()
    try:
        return _fetch(file, what, wanted, client.is_offline(offline), note)
    except ModelError:
        raise
    except Exception as error:  # huggingface_hub's own, httpx's, OSError
        raise explain(error, file, what) from error


def _fetch(file: HubFile, what: str, wanted: Wanted, offline: bool, note: Callable[[str], None]) -> Fetched:
    there = find(file)
    if there is None and offline:
        raise ModelError(
            f"{what}: it is not in the cache {cache_folder()}, and the network is not to be used: run 'outpaint "
            f"models pull' once without --offline, or copy the cache of another machine"
        )
    fault = ""
    if there is not None and (offline or pinned(file)):
        fault, digest = check(there, wanted)
        if not fault:
            return Fetched(there.path, there.commit, digest)
        if offline:
            raise ModelError(
                f"{what}: the file in the cache is damaged ({fault}): fetch it again without --offline"
            )
        note(f"{what}: the file in the cache is damaged ({fault}), fetching it again")
    for force in (False, True) if not fault else (True,):
        there, fresh = _download(file, what, there, wanted, force, note)
        fault, digest = check(there, wanted)
        if not fault:
            if fresh:
                remember(file)
            return Fetched(there.path, there.commit, digest, fresh)
        if force:
            discard(there)
        else:
            note(f"{what}: what came is damaged ({fault}), fetching it again")
    raise ModelError(
        f"{what}: the Hub sends another file than {address(file)} is known to be ({fault}): it is refused; try "
        "again later, or check HF_ENDPOINT and the proxy"
    )


def _download(
    file: HubFile,
    what: str,
    there: Cached | None,
    wanted: Wanted,
    force: bool,
    note: Callable[[str], None],
) -> tuple[Cached, bool]:
    """The file from the Hub, and whether it is new in the cache.

    A branch that can't be asked about is taken from the cache. Raises whatever huggingface_hub does.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import FileMetadataError

    host, hook = client.endpoint(), client.Patience()
    with client.talking(hook):
        url = hf_hub_url(file.repo, file.file, revision=file.revision, endpoint=host)
        try:
            found = get_hf_file_metadata(url, timeout=hook.answer, endpoint=host)
        except Exception as error:
            if there is None or force or not _unreachable(error):
                raise
            note(f"{explain(error, file, what)}; the file in the cache is used")
            return there, False
        if not found.commit_hash or not found.etag:
            raise FileMetadataError("no commit, or no name of the content")
        size = found.size or wanted.bytes
        if there is None or force:
            _check_space(size, what)
            told = f"{size / 1e6:.1f} MB " if size else ""
            note(f"{what}: fetching {told}from {host}/{file.repo}")
        before = find(file) if not force else None
        path = hf_hub_download(
            file.repo,
            file.file,
            revision=file.revision,
            cache_dir=cache_folder(),
            endpoint=host,
            etag_timeout=hook.answer,
            force_download=force,
        )
    after = Cached(Path(path), found.etag)
    return after, before is None or before.path != after.path


def _unreachable(error: BaseException) -> bool:
    """Whether the Hub could not be asked, rather than said no."""
    names = {cls.__name__ for cls in type(error).__mro__}
    status = getattr(getattr(error, "response", None), "status_code", 0)
    return bool(names & {"TimeoutException", "NetworkError", "RemoteProtocolError"}) or status >= 500


def _check_space(size: int, what: str) -> None:
    folder = cache_folder()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if size > free:
        raise ModelError(
            f"{what}: no space left in {cache_folder()}: {size / 1e6:.0f} MB needed, {free / 1e6:.0f} MB free; "
            "free some, or set HF_HOME to another disk"
        )


def check(there: Cached, wanted: Wanted) -> tuple[str, str]:
    """What is wrong with a file, or "", and its sha256. Raises OSError."""
    size = there.bytes
    with there.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if wanted.sha256 or SHA256.fullmatch(there.etag):
            right = digest == (wanted.sha256 or there.etag)
        elif GIT_SHA1.fullmatch(there.etag):  # a file small enough to lie in git itself
            file.seek(0)
            content = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
            while part := file.read(1 << 20):
                content.update(part)
            right = content.hexdigest() == there.etag
        else:
            right = True
    if wanted.bytes and size != wanted.bytes:
        return f"{size} bytes in place of {wanted.bytes}", digest
    if not right:
        return f"its sha256 is {digest[:12]}..., it should be {(wanted.sha256 or there.etag)[:12]}...", digest
    return "", digest
