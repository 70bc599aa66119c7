"""Whatever fsspec's file systems raise, in one line that says what to do."""

from __future__ import annotations

from collections.abc import Iterable

from outpaint_cli.plugin import PictureError
from outpaint_cli.remote._redact import redact

CREDENTIALS = (
    "NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound",
    "TokenRetrievalError", "UnauthorizedSSOTokenError", "SSOTokenLoadError", "DefaultCredentialsError",
    "RefreshError",
)  # fmt: skip
AWAY = (
    "EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError",
    "ProxyConnectionError", "HTTPClientError", "ClientConnectionError", "ServerTimeoutError", "FSTimeoutError",
    "ConnectionError", "TimeoutError", "gaierror", "TransportError", "ClientPayloadError", "IncompleteRead",
)  # fmt: skip
"""Classes by name, so that none of the libraries need be there to tell its errors."""


class RemoteError(PictureError):
    """A file that lies elsewhere can't be had; one line without its URL."""


class Missing(RemoteError):
    """There is no such file, or no such bucket."""


def told(error: BaseException, doing: str = "read", secrets: Iterable[str] = ()) -> RemoteError:
    """``error`` of a file system, met when something was to be ``doing`` (read, written, listed).

    ``secrets`` are parts of the URL that its text must not have.
    """
    if isinstance(error, RemoteError):
        return error
    known = _known(error, doing)
    if known is not None and not isinstance(known, Missing):
        return known
    # What can't be reached is "not found" to some, for a reason.
    reason = _known(error.__cause__, doing) if error.__cause__ is not None else None
    if reason is not None or known is not None:
        return reason or known  # type: ignore[return-value]  # one of them is there
    text = " ".join(str(error).split())
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    return RemoteError(
        f"it can't be {doing} ({type(error).__name__}: {redact(text)[:120]}); check the URL, then run again"
    )


def _known(error: BaseException, doing: str) -> RemoteError | None:
    names = {part.__name__ for part in type(error).__mro__}
    status = getattr(error, "status", None) or getattr(error, "code", None)
    if isinstance(error, FileNotFoundError) or status == 404:
        text = str(error)
        what = "there is no such bucket" if "bucket does not exist" in text else "there is no such file"
        return Missing(f"{what}; check its name")
    if isinstance(error, PermissionError) or status in (401, 403):
        return RemoteError(f"it may not be {doing} (denied); check the credentials and what they allow")
    if names & set(CREDENTIALS) or "credentials" in str(error).lower():
        return RemoteError(
            "there are no valid credentials for it; set them in the environment or in the storage's own files"
        )
    if isinstance(error, (ConnectionError, TimeoutError)) or names & set(AWAY):
        return RemoteError("the server can't be reached; check the network and the endpoint, then run again")
    return None
