"""A stand-in of the Hugging Face Hub on this computer, for the requests that its client makes."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

WRITE, READ, EXPIRED, STRANGER = "hf_write_7f3a", "hf_read_91bc", "hf_expired_22d1", "hf_stranger_5e60"
_USERS = {WRITE: ("anna", "write"), READ: ("anna", "read"), STRANGER: ("carl", "write")}


@dataclass
class Repository:
    """The files of a repository, whether it is private, and how often it was committed to."""

    kind: str
    private: bool
    sdk: str | None = None
    files: dict[str, bytes] = field(default_factory=lambda: {".gitattributes": b"*.safetensors filter=lfs\n"})
    commits: int = 0

    @property
    def sha(self) -> str:
        """The name of the newest commit."""
        return hashlib.sha1(f"{self.commits}".encode()).hexdigest()


@dataclass
class Hub:
    """What the stand-in holds.

    ``trouble`` makes it answer what changes with a status and a sentence, ``is_silent`` end every connection, and
    ``stalls_after`` stop sending a file after so many bytes. ``starts`` holds where the parts of files begin that were
    asked for. ``close`` ends it.
    """

    is_silent: bool = False
    address: str = ""
    repositories: dict[tuple[str, str], Repository] = field(default_factory=dict)
    trouble: tuple[int, str] | None = None
    stalls_after: int | None = None
    starts: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    stored: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    close: Callable[[], None] = lambda: None

    def model(self, name: str) -> Repository:
        """The model repository of a name."""
        return self.repositories["model", name]


@contextmanager
def serve_hub() -> Iterator[Hub]:
    """Serve a Hub without repositories."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    hub.address = f"http://127.0.0.1:{server.server_port}"

    def close() -> None:
        server.shutdown()
        server.server_close()

    hub.close = close
    try:
        yield hub
    finally:
        close()


class _Refused(Exception):
    def __init__(self, status: int, message: str = "", code: str = "") -> None:
        super().__init__(message)
        self.status, self.code = status, code


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers as the Hub does."""

    hub: Hub

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self) -> None:
        if self.hub.is_silent:
            return
        path = unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.hub.requests.append(f"{self.command} {path}")
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.hub.tokens.add(token)
        try:
            status, content, headers = self._find(path, body, token)
        except _Refused as error:
            status, content = error.status, json.dumps({"error": str(error)}).encode()
            headers = {
                "X-Error-Message": " ".join(str(error).split()),
                **({"X-Error-Code": error.code} if error.code else {}),
            }
        if self.command == "GET" and "ETag" in headers:
            start = int(self.headers.get("Range", "bytes=0-")[len("bytes=") : -1])
            self.hub.starts[path].append(start)
            if start:
                status, headers["Content-Range"] = 206, f"bytes {start}-{len(content) - 1}/{len(content)}"
                content = content[start:]
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET" and self.hub.stalls_after is not None:
            self.wfile.write(content[: self.hub.stalls_after])
            self.rfile.read(1)  # until the other side is gone
        elif self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = _answer

    def _find(self, path: str, body: bytes, token: str) -> tuple[int, bytes, dict[str, str]]:
        if token == EXPIRED:
            raise _Refused(401, "Invalid credentials in Authorization header")
        user, role = _USERS.get(token, ("", ""))
        parts = path.strip("/").split("/")
        if parts[0] == "lfs":  # where the store of large files is
            self.hub.stored[parts[1]] = body
            return 200, b"", {}
        if path == "/api/whoami-v2":
            if not user:
                raise _Refused(401, "Invalid username or password.")
            who = {"type": "user", "name": user, "orgs": [{"name": "zoo"}], "auth": {"accessToken": {"role": role}}}
            return _json(who)
        if path == "/api/validate-yaml":
            return _json({"errors": [], "warnings": []})
        if self.hub.trouble and self.command in ("POST", "PUT"):
            raise _Refused(*self.hub.trouble)
        if path == "/api/repos/create":
            return self._create(json.loads(body), user, role)
        if parts[-3:] == ["lfs", "objects", "batch"]:
            objects = json.loads(body)["objects"]
            actions = [
                {**one, "actions": {"upload": {"href": f"{self.hub.address}/lfs/{one['oid']}"}}} for one in objects
            ]
            return _json({"objects": actions, "transfer": "basic"})
        if parts[0] == "api":
            return self._repository(parts[1].removesuffix("s"), "/".join(parts[2:4]), parts[4:], body, (user, role))
        name, file = "/".join(parts[:2]), "/".join(parts[4:])
        return self._file(self._get("model", name, user), file, parts[3])

    def _get(self, kind: str, name: str, user: str) -> Repository:
        found = self.hub.repositories.get((kind, name))
        if found is None or (found.private and user not in (name.split("/")[0], "root")):
            raise _Refused(401 if not user else 404, "Repository not found", "RepoNotFound")
        return found

    def _create(self, wanted: dict[str, Any], user: str, role: str) -> tuple[int, bytes, dict[str, str]]:
        owner, kind = wanted.get("organization") or user, wanted.get("type") or "model"
        name = f"{owner}/{wanted['name']}"
        if role != "write" or owner not in (user, "zoo"):
            raise _Refused(403, "You don't have the rights to create a model under this namespace")
        if (kind, name) in self.hub.repositories:
            raise _Refused(409, "You already created this repo")
        private = wanted.get("visibility") == "private" or wanted.get("private") is True
        self.hub.repositories[kind, name] = Repository(kind, private, wanted.get("sdk"))
        return _json({"url": f"{self.hub.address}/{name}", "name": name})

    def _repository(
        self, kind: str, name: str, rest: list[str], body: bytes, who: tuple[str, str]
    ) -> tuple[int, bytes, dict[str, str]]:
        repository = self._get(kind, name, who[0])
        if self.command != "GET" and (who[1] != "write" or who[0] != name.split("/")[0]):
            raise _Refused(403, "You need write access")
        if rest[:1] == ["preupload"]:
            files = json.loads(body)["files"]
            modes = [{**_mode(one["path"]), "shouldIgnore": False} for one in files]
            return _json({"files": modes})
        if rest[:1] == ["commit"]:
            return self._commit(repository, name, body)
        if rest == ["settings"]:
            wanted = json.loads(body)
            repository.private = wanted.get("visibility") == "private" or wanted.get("private") is True
            return _json({})
        if rest[:1] == ["revision"] and rest[1] not in ("main", repository.sha):
            raise _Refused(404, "Invalid rev id", "RevisionNotFound")
        return _json(_describe(repository, name))

    def _commit(self, repository: Repository, name: str, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "header" and value.get("parentCommit") not in (None, repository.sha):
                raise _Refused(412, "A commit has happened since. Please refresh and try again.")
            if entry["key"] == "file":
                repository.files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                content = self.hub.stored[value["oid"]]
                assert hashlib.sha256(content).hexdigest() == value["oid"]
                repository.files[value["path"]] = content
            elif entry["key"] == "deletedFile":
                del repository.files[value["path"]]
        repository.commits += 1
        url = f"{self.hub.address}/{name}/commit/{repository.sha}"
        return _json({"commitUrl": url, "commitOid": repository.sha, "success": True})

    def _file(self, repository: Repository, file: str, revision: str) -> tuple[int, bytes, dict[str, str]]:
        if revision not in ("main", repository.sha):
            raise _Refused(404, "Invalid rev id", "RevisionNotFound")
        if file not in repository.files:
            raise _Refused(404, "Entry not found", "EntryNotFound")
        content = repository.files[file]
        etag = f'"{hashlib.sha256(content).hexdigest()}"'
        return 200, content, {"ETag": etag, "X-Repo-Commit": repository.sha}


def _json(value: object) -> tuple[int, bytes, dict[str, str]]:
    return 200, json.dumps(value).encode(), {"Content-Type": "application/json"}


def _mode(path: str) -> dict[str, str]:
    return {
        "path": path,
        "uploadMode": "lfs" if path.endswith((".safetensors", ".png", ".jpg", ".onnx")) else "regular",
    }


def _describe(repository: Repository, name: str) -> dict[str, Any]:
    card = repository.files.get("README.md", b"").decode()
    front = yaml.safe_load(card.split("---\n")[1]) if card.startswith("---\n") else {}
    siblings = [{"rfilename": file, "size": len(content)} for file, content in repository.files.items()]
    return {
        "_id": "1", "id": name, "modelId": name, "sha": repository.sha, "private": repository.private,
        "tags": front.get("tags", []), "siblings": siblings, "downloads": 0, "likes": 0,
    }  # fmt: skip
