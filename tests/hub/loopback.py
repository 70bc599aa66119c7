"""A Hub on 127.0.0.1: the file and API routes that huggingface_hub uses, and the faults that a real one has."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import unquote, urlsplit

GOOD_TOKEN = "hf_loopback"
LFS = (".onnx", ".safetensors")


@dataclass
class Repo:
    """Files by commit, branches, and who may see them. ``fault`` is what goes wrong with every file."""

    commits: dict[str, dict[str, bytes]]
    refs: dict[str, str]
    licence: str | None = "mit"
    gated: bool = False
    private: bool = False
    fault: str = ""
    messages: list[str] = field(default_factory=list)


@dataclass
class Asked:
    """One request that came."""

    method: str
    path: str
    token: str
    span: str


@dataclass
class Hub:
    """``with Hub() as hub: hub.add("owner/repo", {"model.onnx": b"..."})``."""

    repos: dict[str, Repo] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)
    closing: threading.Event = field(default_factory=threading.Event)
    down: bool = False
    times: Counter[str] = field(default_factory=Counter)

    def __enter__(self) -> Hub:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """What HF_ENDPOINT is to be."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def elsewhere(self) -> str:
        """The same server by another host's name: where a file is redirected to."""
        return f"http://localhost:{self._server.server_port}"

    def add(self, name: str, files: dict[str, bytes], *, commit: str = "", **more: object) -> str:
        """A repository with one commit on main; its hash."""
        told = json.dumps([name, sorted((k, hashlib.sha1(v).hexdigest()) for k, v in files.items())])
        commit = commit or hashlib.sha1(told.encode()).hexdigest()
        self.repos[name] = Repo({commit: dict(files)}, {"main": commit}, **more)  # type: ignore[arg-type]
        return commit

    def gets(self, method: str = "GET") -> list[Asked]:
        """The requests for files."""
        return [a for a in self.asked if a.method == method and ("/resolve/" in a.path or "/cdn/" in a.path)]


def etag(name: str, data: bytes) -> str:
    """As the Hub calls content: sha256 of large files, git's own sha1 of the others."""
    if name.endswith(LFS):
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _json(self, value: object, status: int = 200) -> None:
        self._answer(status, json.dumps(value).encode(), Content_Type="application/json")

    def _refuse(self, status: int, code: str) -> None:
        self._answer(status, b"{}", X_Error_Code=code, X_Error_Message=code)

    def _note(self) -> str:
        path = unquote(urlsplit(self.path).path)
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.hub.asked.append(Asked(self.command, path, token, self.headers.get("Range", "")))
        return path

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    # -------------------------------------------------------------------------------------- reading

    def do_HEAD(self) -> None:
        """As GET, without the body."""
        self.do_GET()

    def do_GET(self) -> None:
        """Files and what is told of repositories."""
        path = self._note()
        if self.hub.down:
            self._answer(500)
        elif found := re.fullmatch(r"/(\w[\w.-]*/[\w.-]+)/resolve/(.+?)/([^/].*)", path):
            self._resolve(*found.groups())
        elif found := re.fullmatch(r"/cdn/(\w+)", path):
            self._send(self.hub.objects[found[1]], "")
        elif found := re.fullmatch(r"/api/models/([\w.-]+/[\w.-]+)(?:/revision/(.+))?", path):
            self._info(found[1], found[2] or "main")
        elif path == "/api/whoami-v2":
            self._json({"type": "user", "name": "me", "auth": {"accessToken": {"role": "write"}}})
        else:
            self._refuse(404, "EntryNotFound")

    def _repo(self, name: str, revision: str) -> tuple[Repo, str] | None:
        """The repository and the commit, or an answer that says no."""
        repo = self.hub.repos.get(name)
        authorised = self.headers.get("Authorization") == f"Bearer {GOOD_TOKEN}"
        if repo is None or (repo.private and not authorised):
            self._refuse(401, "RepoNotFound")
            return None
        if repo.gated and not authorised and "/resolve/" in self.path:
            self._refuse(403 if self.headers.get("Authorization") else 401, "GatedRepo")
            return None
        commit = repo.refs.get(revision, revision)
        if commit not in repo.commits:
            self._refuse(404, "RevisionNotFound")
            return None
        return repo, commit

    def _info(self, name: str, revision: str) -> None:
        if found := self._repo(name, revision):
            repo, commit = found
            tags = [f"license:{repo.licence}"] if repo.licence else []
            card = {"license": repo.licence} if repo.licence else {}
            files = [{"rfilename": file} for file in repo.commits[commit]]
            self._json(
                {"id": name, "modelId": name, "sha": commit, "private": repo.private, "tags": tags,
                 "cardData": card, "siblings": files, "downloads": 0, "likes": 0}
            )  # fmt: skip

    def _resolve(self, name: str, revision: str, file: str) -> None:
        found = self._repo(name, revision)
        if found is None:
            return
        repo, commit = found
        if file not in repo.commits[commit]:
            self._answer(404, b"", X_Error_Code="EntryNotFound", X_Repo_Commit=commit)
            return
        data = repo.commits[commit][file]
        known = {"X_Repo_Commit": commit, "ETag": f'"{etag(file, data)}"', "Accept_Ranges": "bytes"}
        fault = repo.fault
        if fault == "no hub":
            self._answer(200, b"<html>Please log in", Content_Type="text/html")
        elif fault == "stall head" and self.command == "HEAD":
            self.hub.closing.wait(20)
        elif fault == "redirect":
            key = hashlib.sha256(data).hexdigest()
            self.hub.objects[key] = data
            linked = {"X_Linked_Etag": known["ETag"], "X_Linked_Size": str(len(data))}
            self._answer(302, b"", Location=f"{self.hub.elsewhere}/cdn/{key}", X_Repo_Commit=commit, **linked)
        elif self.command == "HEAD":
            self._answer(200, b"", **known, Content_Length=str(len(data)))
        else:
            self._send(data, fault, **known)

    def _send(self, data: bytes, fault: str, **headers: str) -> None:
        fault, _, once = fault.partition(" ")
        self.hub.times[self.path] += 1
        if once and self.hub.times[self.path] > 1:
            fault = ""
        if fault == "500":
            self._answer(500)
            return
        if fault == "flip":
            data = bytes([data[0] ^ 1]) + data[1:]
        if fault == "short":
            data = data[: len(data) // 2]
        start, total = 0, len(data)
        if span := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            start = int(span[1])
            headers["Content_Range"] = f"bytes {start}-{total - 1}/{total}"
        body = data[start:]
        self.send_response(206 if start else 200)
        for name, value in {**headers, "Content_Length": str(len(body))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if fault == "cut":
            body = body[: max(0, total // 2 - start)]
        if fault == "stall":
            self.wfile.write(body[: len(body) // 2] if not start else b"")
            self.wfile.flush()
            self.hub.closing.wait(20)
            return
        self.wfile.write(body)
        if fault == "cut":
            self.close_connection = True

    # -------------------------------------------------------------------------------------- writing

    def do_POST(self) -> None:
        """Repositories, uploads, commits."""
        path, body = self._note(), self._body()
        if self.headers.get("Authorization") != f"Bearer {GOOD_TOKEN}":
            self._refuse(401, "")
            return
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked['organization'] or 'me'}/{asked['name']}"
            private = asked.get("visibility") == "private" or bool(asked.get("private"))
            self.hub.repos.setdefault(name, Repo({"0" * 40: {}}, {"main": "0" * 40}, private=private))
            self._json({"url": f"{self.hub.url}/{name}", "name": name, "id": name})
        elif path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif path.endswith("/preupload/main"):
            files = [
                {"path": f["path"], "shouldIgnore": False,
                 "uploadMode": "lfs" if f["path"].endswith(LFS) else "regular"}
                for f in json.loads(body)["files"]
            ]  # fmt: skip
            self._json({"files": files})
        elif path.endswith(".git/info/lfs/objects/batch"):
            objects = [
                {**o, "actions": {"upload": {"href": f"{self.hub.url}/lfs/{o['oid']}", "header": {}}}}
                for o in json.loads(body)["objects"]
            ]
            self._json({"transfer": "basic", "objects": objects})
        elif found := re.fullmatch(r"/api/models/(.+)/commit/main", path):
            self._commit(self.hub.repos[found[1]], found[1], body)
        else:
            self._refuse(404, "EntryNotFound")

    def _commit(self, repo: Repo, name: str, body: bytes) -> None:
        files = dict(repo.commits[repo.refs["main"]])
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "header":
                repo.messages.append(value["summary"])
            elif line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.hub.objects[value["oid"]]
        commit = hashlib.sha1(body).hexdigest()
        repo.commits[commit], repo.refs["main"] = files, commit
        self._json({"commitUrl": f"{self.hub.url}/{name}/commit/{commit}", "commitOid": commit})

    def do_PUT(self) -> None:
        """Large files."""
        path, body = self._note(), self._body()
        self.hub.objects[path.removeprefix("/lfs/")] = body
        self._answer(200)
