"""Who may publish from the page, and with whose token."""

from __future__ import annotations

import http.server
import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import gradio as gr
import httpx
import pytest

from classifier.ui.sessions import Home, ensure_token
from classifier.ui.share.publish import is_own_browser, offers_sign_in, start
from classifier.ui.share.shown_photos import paths_of, preview
from tests import processes
from tests.helpers import MakeFolder, fill
from tests.hub_server import WRITE, Hub, serve_hub
from tests.models.test_checkpoint import save

ROOT = Path(__file__).parents[3]
SPACE = {
    "SYSTEM": "spaces", "SPACE_ID": "owner/space", "SPACE_HOST": "owner-space.hf.space", "OAUTH_CLIENT_ID": "client",
    "OAUTH_CLIENT_SECRET": "secret", "OAUTH_SCOPES": "openid profile contribute-repos",
    "OPENID_PROVIDER_URL": "http://127.0.0.1:1",
}  # fmt: skip
# Gradio has read the variables of a Space when it was imported.
_START = """
import os, runpy, sys
import gradio.oauth
for name in ("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL"):
    setattr(gradio.oauth, name, os.environ[name])
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
OWNERS_TOKEN = "hf_owner_of_the_space"


@pytest.mark.parametrize(
    ("client", "headers", "is_own"),
    [
        ("127.0.0.1", {"host": "127.0.0.1:7860"}, True),
        ("::1", {"host": "[::1]:7860"}, True),
        ("127.0.0.1", {"host": "localhost:7860"}, True),
        ("192.168.1.7", {"host": "127.0.0.1:7860"}, False),
        ("127.0.0.1", {"host": "abc.gradio.live"}, False),
        ("127.0.0.1", {"host": "192.168.1.7:7860"}, False),
        ("127.0.0.1", {"host": "localhost", "x-forwarded-for": "127.0.0.1"}, False),
        ("127.0.0.1", {"host": "localhost", "forwarded": "for=1.2.3.4"}, False),
        ("127.0.0.1", {"host": "localhost.evil.example"}, False),
        ("127.0.0.1", {"host": "evil@localhost:99999"}, False),
        ("127.0.0.1", {}, False),
        (None, {"host": "localhost"}, False),
    ],
)
def test_the_stored_token_is_for_browsers_on_this_computer(
    client: str | None, headers: dict[str, str], is_own: bool
) -> None:
    assert is_own_browser(client, headers) == is_own


def test_sign_in_is_offered_where_a_space_has_it() -> None:
    pytest.importorskip("authlib")
    pytest.importorskip("itsdangerous")
    assert offers_sign_in(SPACE)
    assert not offers_sign_in({})
    for name in SPACE.keys() - {"SPACE_HOST"}:
        assert not offers_sign_in({key: value for key, value in SPACE.items() if key != name})
    assert not offers_sign_in({**SPACE, "OAUTH_SCOPES": "openid profile read-repos"})


@pytest.mark.parametrize(
    ("variables", "host", "words"),
    [
        ({"SPACE_ID": "owner/space"}, "127.0.0.1", "Sign in with Hugging Face first."),
        ({}, "10.0.0.1", "From another computer nothing can be published"),
    ],
)
def test_nobody_else_publishes_with_the_stored_token(
    variables: dict[str, str], host: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"HF_TOKEN": OWNERS_TOKEN, **variables}.items():
        monkeypatch.setenv(name, value)
    request = gr.Request(client={"host": host}, headers={"host": "127.0.0.1"})
    home = Home(tmp_path / "home", tmp_path / "checkpoints")
    (shown,) = start(home, ensure_token(None), "cats", "hub", "cats", False, [], request, None)
    assert words in shown
    assert "Error" not in shown


def test_just_the_photos_that_were_seen_are_shown(tmp_path: Path, make_folder: MakeFolder) -> None:
    home, token = Home(tmp_path / "home", tmp_path / "checkpoints"), ensure_token(None)
    assert preview(home, token, "mine/m", True)[1] == []
    fill(home, token, make_folder({"<b>cat": 2, "dog": 2, "other": 1}))
    with home.open(token) as project:
        save(project.models / "2026-03-01-120000-quick", ("<b>cat", "dog"))
        photos = {photo.sha256: photo for photo in project.photos()}
    name = "mine/2026-03-01-120000-quick"
    assert preview(home, token, name, False) == ("", [])
    shown, chosen = preview(home, token, name, True)
    assert [photos[one].label for one in chosen] == ["<b>cat", "dog"]
    assert shown.count("data:image/jpeg;base64,") == 2
    assert "<b>" not in shown
    assert "Whoever may see the model sees these photos:" in shown
    with home.open(token) as project:
        assert paths_of(project, [*chosen, "f" * 64]) == [project.photo_path(photos[one]) for one in chosen]
    stranger = ensure_token(None)
    assert preview(home, stranger, name, True)[1] == []


# -- a Space


class Provider(http.server.BaseHTTPRequestHandler):
    """Signs everybody in as anna, as huggingface.co does by OpenID Connect."""

    nonces: dict[str, str]
    key: Any

    def do_GET(self) -> None:
        address = f"http://{self.headers['Host']}"
        if self.path.startswith("/.well-known"):
            names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            self._send({"issuer": address, **{name: f"{address}/{path}" for name, path in names.items()}})
        else:
            self._send({"keys": [self.key.as_dict(private=False)]})

    def do_POST(self) -> None:
        from joserfc import jwt

        sent = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        now = int(time.time())
        claims = {
            "iss": f"http://{self.headers['Host']}", "aud": "client", "sub": "1", "iat": now, "exp": now + 600,
            "nonce": self.nonces[sent["code"][0]], "name": "Anna", "preferred_username": "anna",
            "profile": "https://huggingface.co/anna", "picture": "https://huggingface.co/anna.png",
        }  # fmt: skip
        id_token = jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)
        token = {"access_token": WRITE, "token_type": "bearer", "expires_in": 600, "id_token": id_token}
        self._send({**token, "scope": "openid profile contribute-repos"})

    def _send(self, value: object) -> None:
        content = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serve_provider() -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the address of a provider, and its nonces by code."""
    jwk = pytest.importorskip("joserfc.jwk")
    nonces: dict[str, str] = {}
    key = jwk.RSAKey.generate_key(2048, {"kid": "1", "use": "sig", "alg": "RS256"})
    handler = type("Handler", (Provider,), {"nonces": nonces, "key": key})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", nonces
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def serve_space(folder: Path, hub: Hub, provider: str) -> Iterator[str]:
    """Yield the address of the page as a Space serves it, with a secret token of the Space's owner."""
    port = processes.free_port()
    variables = {
        **SPACE, "OPENID_PROVIDER_URL": provider, "HF_ENDPOINT": hub.address, "HF_TOKEN": OWNERS_TOKEN,
        "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0", "CLASSIFIER_HOME": str(folder / "home"),
        "CLASSIFIER_CHECKPOINTS": str(folder / "checkpoints"), "HF_HUB_DISABLE_TELEMETRY": "1",
    }  # fmt: skip
    command = ["-c", _START, ROOT / "app.py", "--host", "127.0.0.1", "--port", port]
    log = folder / "log.txt"
    with log.open("wb") as output:
        process = processes.start(command, folder, os.environ | variables, output, output)
    try:
        while True:
            assert process.poll() is None, log.read_text()
            try:
                httpx.get(f"http://127.0.0.1:{port}/theme.css", timeout=120)
                break
            except httpx.TransportError:
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
    assert WRITE not in log.read_text()
    assert OWNERS_TOKEN not in log.read_text()


class Browser:
    """A browser that opens a page by https, as it seems to it."""

    def __init__(self, address: str) -> None:
        self.cookies: dict[str, str] = {}
        self._address = address
        self._client = httpx.Client(timeout=120)
        self.config = self.ask("/config").json() if self.ask("/").status_code == 200 else {}
        self.session = secrets.token_hex(8)

    def ask(self, path: str, body: object = None) -> httpx.Response:
        """Send a request with the cookies of this browser, and keep those that come back."""
        headers = {
            "Host": SPACE["SPACE_HOST"], "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.5",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
        }  # fmt: skip
        if body is None:
            answer = self._client.get(self._address + path, headers=headers)
        else:
            answer = self._client.post(self._address + path, json=body, headers=headers)
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def run(self, name: str, values: dict[str, Any]) -> list[Any]:
        """Run the event of the component with the id ``name``; what is not in ``values`` is as the page has it."""
        parts = {part["id"]: part["props"] for part in self.config["components"]}
        target = next(id for id, props in parts.items() if props.get("elem_id") == name)
        event = next(
            one for one in self.config["dependencies"] if [target, "click"] in one["targets"] and one["inputs"]
        )
        data = [values.get(parts[id].get("elem_id"), parts[id].get("value")) for id in event["inputs"]]
        body = {"data": data, "fn_index": event["id"], "session_hash": self.session, "trigger_id": target}
        assert self.ask("/gradio_api/queue/join", body).status_code == 200
        text = self.ask(f"/gradio_api/queue/data?session_hash={self.session}").text
        messages = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
        return [message for message in messages if message["msg"] in ("process_generating", "process_completed")]

    def sign_in(self, nonces: dict[str, str]) -> str:
        """Go through the sign-in and return the scope that was asked for."""
        there = urlsplit(self.ask("/login/huggingface?_target_url=/").headers["location"])
        asked = {name: value[0] for name, value in parse_qs(there.query).items()}
        nonces["code"] = asked["nonce"]
        back = urlsplit(asked["redirect_uri"])
        assert (back.netloc, back.path) == (SPACE["SPACE_HOST"], "/login/callback")
        answer = self.ask(f"/login/callback?{back.query}&code=code&state={asked['state']}")
        assert answer.headers["location"].startswith("/"), answer.text
        return asked["scope"]


@pytest.mark.slow
def test_on_a_space_who_signs_in_publishes_under_their_own_name(tmp_path: Path) -> None:
    pytest.importorskip("authlib")
    pytest.importorskip("itsdangerous")
    save(tmp_path / "checkpoints/cats")
    values = {"share-model": "cats", "publish-name": "cats"}
    with serve_hub() as hub, serve_provider() as (provider, nonces), serve_space(tmp_path, hub, provider) as address:
        stranger, anna = Browser(address), Browser(address)
        token = ensure_token(None)
        assert "Sign in with Hugging Face first." in str(stranger.run("publish-start", {None: token, **values}))
        assert anna.sign_in(nonces) == SPACE["OAUTH_SCOPES"]
        shown = str(anna.run("publish-start", {None: token, **values}))
        assert "Open anna/cats on the Hugging Face Hub" in shown
        assert WRITE not in shown
        assert hub.model("anna/cats").private
        assert hub.tokens == {WRITE, ""}  # never the owner's
        assert "Sign in with Hugging Face first." in str(stranger.run("publish-start", {None: token, **values}))
        anna.ask("/logout")
        assert "Sign in with Hugging Face first." in str(anna.run("publish-start", {None: token, **values}))
