"""An S3-compatible server on this machine (moto's), with a log of requests and faults to order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

NAME = "photos"
SECRET = "moto-secret-key"

DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
SLOW = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"

Fault = Callable[[str, str], "tuple[str, bytes] | None"]


@dataclass
class Bucket:
    """The bucket "photos" and its server. ``faults`` may answer a request (method, path) in the server's place."""

    endpoint: str
    app: Any
    log: list[tuple[str, str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.log.append((method, path))
        for fault in list(self.faults):
            answer = fault(method, path)
            if answer is not None:
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                start(
                    answer[0], [("Content-Type", "application/xml"), ("Content-Length", str(len(answer[1])))]
                )
                return [] if method == "HEAD" else [answer[1]]
        found: Iterable[bytes] = self.app(environ, start)
        return found

    def put(self, key: str, data: bytes) -> None:
        """Store an object."""
        import s3fs

        self.fs(s3fs).pipe_file(f"{NAME}/{key}", data)

    def fs(self, s3fs: Any) -> Any:
        """A client of our own."""
        return s3fs.S3FileSystem(
            key="test",
            secret=SECRET,
            endpoint_url=self.endpoint,
            skip_instance_cache=True,
            use_listings_cache=False,
        )

    def files(self, below: str = "") -> dict[str, bytes]:
        """All objects below a prefix by their keys, journals apart."""
        import s3fs

        fs = self.fs(s3fs)
        found = fs.find(f"{NAME}/{below}")
        return {
            key.removeprefix(f"{NAME}/{below}").lstrip("/"): fs.cat_file(key)
            for key in found
            if "/.outpaint/" not in key
        }

    def journals(self, below: str) -> list[str]:
        """The texts of the journal objects of an output folder."""
        import s3fs

        fs = self.fs(s3fs)
        return [fs.cat_file(key).decode() for key in fs.find(f"{NAME}/{below}/.outpaint")]

    def asked(self, method: str, part: str) -> list[str]:
        """The paths of logged requests."""
        return [path for did, path in self.log if did == method and part in path]


@contextmanager
def serve() -> Iterator[Bucket]:
    """The server, in threads, until the end."""
    pytest.importorskip("s3fs", reason="needs the extra remote")
    server = pytest.importorskip("moto.server", reason="needs moto's server, of the extra dev")
    import s3fs
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Silent(WSGIRequestHandler):
        def log(self, type: str, message: str, *args: Any) -> None:
            pass

    bucket = Bucket("", server.DomainDispatcherApplication(server.create_backend_app))
    httpd = make_server("127.0.0.1", 0, bucket, threaded=True, request_handler=Silent)
    bucket.endpoint = f"http://127.0.0.1:{httpd.server_port}"
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    try:
        # What moto stores outlives its server.
        urlopen(Request(f"{bucket.endpoint}/moto-api/reset", method="POST")).close()
        bucket.fs(s3fs).mkdir(NAME)
        yield bucket
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


@contextmanager
def stocked(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server whose bucket ``name`` has the files of ``folder`` under in/; this process's URLs lead to it."""
    with serve() as bucket:
        for variable, value in settings(bucket).items():
            monkeypatch.setenv(variable, value)
        forget()
        import s3fs

        fs = bucket.fs(s3fs)
        fs.mkdir(name)
        for path in folder.rglob("*.*"):
            fs.pipe_file(f"{name}/in/{path.relative_to(folder).as_posix()}", path.read_bytes())
        yield


def settings(bucket: Bucket) -> dict[str, str]:
    """The environment in which fsspec finds the server; quick to give up."""
    return {
        "AWS_ENDPOINT_URL": bucket.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "2",
    }


def forget() -> None:
    """Have the next URL connect anew."""
    import fsspec

    from outpaint_cli.remote import _server

    _server._filesystems.clear()
    if "s3fs" in __import__("sys").modules:
        fsspec.get_filesystem_class("s3").clear_instance_cache()
