"""What went wrong with the Hub, in one line with the remedy. By class names: httpx has two, and both occur."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from urllib.parse import urlsplit

from outpaint_cli.hub import _client as client
from outpaint_cli.hub._cache import cache_folder
from outpaint_cli.plugin import HubFile, ModelError

FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)
OTHERWISE = "or fetch it elsewhere and use --offline"


def explain(error: BaseException, file: HubFile, what: str) -> ModelError:
    """The ModelError for ``error``, met while ``what`` (how messages call it) was fetched from ``file``."""
    host = client.endpoint()
    page = f"{host}/{file.repo}"
    chain = list(_chain(error))
    names = {cls.__name__ for one in chain for cls in type(one).__mro__}
    status = next((s for one in chain if (s := _status(one))), 0)
    system = next((one.errno for one in chain if isinstance(one, OSError) and one.errno), 0)
    if "GatedRepoError" in names:
        why = f"its authors want their terms accepted: do so at {page}, and set HF_TOKEN"
    elif "RevisionNotFoundError" in names:
        why = f"{file.repo} has no revision '{file.revision}': see {page}/commits, or leave @revision out"
    elif "RepositoryNotFoundError" in names:
        why = f"there is no repository {file.repo}, or it is private: check the name, or set HF_TOKEN"
    elif "RemoteEntryNotFoundError" in names:
        why = f"{file.repo} has no file '{file.file}' at '{file.revision}': see {page}/tree/{file.revision}"
    elif status in (401, 403):
        why = f"the Hub refuses access ({status}): check HF_TOKEN"
    elif status == 429:
        why = "the Hub wants fewer requests (429): wait a while, or set HF_TOKEN"
    elif status >= 500 or names <= {"GaveUp", "Exception", "BaseException", "object"}:
        told = f" ({status})" if status else ""
        why = f"the Hub at {host} has a fault of its own{told}: try again later, {OTHERWISE}"
    elif status:
        why = f"the Hub at {host} answers {status}: see {page}"
    elif system in FULL:
        why = f"no space left in {cache_folder()}: free some, or set HF_HOME to another disk"
    elif system in UNWRITABLE:
        why = (
            f"the cache {cache_folder()} can't be written: make it writable, or set HF_HOME to another folder"
        )
    elif "FileMetadataError" in names:
        why = f"{host} is no Hub: check HF_ENDPOINT, the proxy, or the network's login page"
    elif "TimeoutException" in names:
        why = f"{urlsplit(host).hostname} is silent for {max(client.patience())} s: try again, {OTHERWISE}"
    elif "Consistency check failed" in " ".join(map(str, chain)):
        why = "the Hub sent fewer bytes than the file has: try again"
    elif "ProxyError" in names:
        why = "the proxy can't be used: check HTTPS_PROXY"
    elif names & {"UnsupportedProtocol", "InvalidURL"}:
        why = f"HF_ENDPOINT is no address: {host}"
    elif "ConnectError" in names:
        why = f"{host} can't be reached: check the network, {OTHERWISE}"
    elif names & {"RemoteProtocolError", "NetworkError"}:
        why = "the connection was cut before the file was whole: try again"
    else:
        told = " ".join(str(chain[0]).split())[:160]
        why = f"it can't be fetched ({type(chain[0]).__name__}: {told}): try again, {OTHERWISE}"
    return ModelError(f"{what}: {why}")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """``error`` and what led to it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _status(error: BaseException) -> int:
    return int(getattr(getattr(error, "response", None), "status_code", 0) or 0)
