"""Files that lie elsewhere: URLs that fsspec opens (s3://, gs://, https://). fsspec is imported when one is used."""

from outpaint_cli.remote._faults import Missing, RemoteError
from outpaint_cli.remote._redact import redact
from outpaint_cli.remote._server import WEB, Stat
from outpaint_cli.remote._url import Found, Location, Url, is_url, local_only, location

__all__ = [
    "WEB",
    "Found",
    "Location",
    "Missing",
    "RemoteError",
    "Stat",
    "Url",
    "is_url",
    "local_only",
    "location",
    "redact",
]
