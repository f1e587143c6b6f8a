"""The settings of the server, the choice of a port, and which addresses are reached without a proxy."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from classifier.errors import SettingError
from classifier.messages.server import ServerCode
from classifier.ui.server import bypass_proxies, find_port, folders, keep_hours
from tests.processes import free_port


class Answers(BaseHTTPRequestHandler):
    """Answers with what was asked for: a whole address where a proxy is asked."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def web_server() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def proxies(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment without proxies, and as before at the end."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        for variable in (name, name.upper()):
            monkeypatch.setenv(variable, "")  # so that what is set meanwhile is removed
            monkeypatch.delenv(variable)
    return monkeypatch


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_the_own_address_needs_no_proxy_and_others_keep_theirs(
    variable: str, web_server: int, proxies: pytest.MonkeyPatch
) -> None:
    proxies.setenv(variable, f"http://127.0.0.1:{web_server}")
    proxies.setenv("NO_PROXY", "example.org")

    def get(url: str) -> str:
        return httpx.get(url, verify=False).text  # nothing is encrypted here; reading all certificates takes long

    assert get(f"http://127.0.0.1:{web_server}/page") != "/page"  # through the proxy
    bypass_proxies("my-machine.invalid")
    assert get(f"http://127.0.0.1:{web_server}/page") == "/page"
    assert get("http://download.invalid/weights") == "http://download.invalid/weights"
    for kept in ("my-machine.invalid", "example.org", "localhost", "::1"):
        assert kept in os.environ["no_proxy"].split(",")
    assert os.environ["NO_PROXY"] == os.environ["no_proxy"]


def test_without_proxies_the_environment_stays(proxies: pytest.MonkeyPatch) -> None:
    before = dict(os.environ)
    bypass_proxies("127.0.0.1")
    assert dict(os.environ) == before


# -- ports and hosts


def code(host: str, port: str | None, ports: range = range(1)) -> ServerCode:
    with pytest.raises(SettingError) as caught:
        find_port(host, port, ports)
    assert isinstance(caught.value.code, ServerCode)
    return caught.value.code


def test_the_first_free_port_is_found_and_none_is_an_error() -> None:
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        taken = server.getsockname()[1]
        free = free_port()
        assert find_port("127.0.0.1", None, [taken, free]) == free
        assert find_port("0.0.0.0", str(free)) == free
        assert code("127.0.0.1", None, range(taken, taken + 1)) is ServerCode.ALL_PORTS_TAKEN
        for host in ("127.0.0.1", "0.0.0.0", "localhost"):
            assert code(host, str(taken)) is ServerCode.PORT_TAKEN


@pytest.mark.parametrize("port", ["", "x", "-1", "0", "65536", "7860.5", "1e3", "²", "9" * 5000])
def test_a_port_that_is_none_is_an_error(port: str) -> None:
    assert code("127.0.0.1", port) is ServerCode.NO_PORT


@pytest.mark.parametrize("host", ["nothing.invalid", "203.0.113.7", "a" * 70, "1.2.3", "http://localhost"])
def test_a_host_that_is_not_this_machines_is_an_error(host: str) -> None:
    for port in (None, str(free_port())):
        assert code(host, port) is ServerCode.NO_HOST


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the data folder is elsewhere there")
def test_projects_and_models_are_below_the_program_or_the_users_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CLASSIFIER_HOME", "CLASSIFIER_CHECKPOINTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    data = tmp_path / "photo-classifier"
    assert folders(None) == (data / "home", data / "checkpoints")
    assert folders(tmp_path) == (tmp_path / "home", tmp_path / "checkpoints")
    monkeypatch.setenv("CLASSIFIER_HOME", "/data")
    assert folders(None) == (Path("/data"), Path("/data/checkpoints"))
    assert folders(tmp_path) == (Path("/data"), tmp_path / "checkpoints")
    monkeypatch.setenv("CLASSIFIER_CHECKPOINTS", "/models")
    assert folders(None) == (Path("/data"), Path("/models"))


@pytest.mark.parametrize(("value", "hours"), [("", None), ("24", 24.0), ("0.5", 0.5)])
def test_the_hours_that_projects_are_kept(value: str, hours: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLASSIFIER_KEEP_HOURS", value)
    assert keep_hours() == hours


@pytest.mark.parametrize("value", ["a day", "nan", "0", "-1"])
def test_hours_that_would_delete_every_project_are_an_error(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLASSIFIER_KEEP_HOURS", value)
    with pytest.raises(SettingError, match="CLASSIFIER_KEEP_HOURS"):
        keep_hours()


def test_importing_the_server_loads_no_gradio() -> None:
    code = "import sys, classifier.ui.server; sys.exit(bool({'torch', 'gradio', 'httpx'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode == 0
