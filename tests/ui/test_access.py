"""Who may use the page: the file of logins, and a page that asks for them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from classifier.errors import SettingError
from classifier.messages.server import AccessCode
from classifier.ui.access import make_line, read_logins
from classifier.ui.middleware import ROUTES
from tests.ui.web import API, Answer, Served, serve

ROOT = Path(__file__).parents[2]
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("logins")
    (folder / "logins").write_text(f"# who may\n\n{make_line('anna', 'Käse 1')}\n{make_line('bo', 'x')}\n", "utf-8")
    with serve(folder, logins=read_logins({"CLASSIFIER_AUTH": str(folder / "logins")})) as served:
        yield served


def log_in(page: Served, user: str, password: str) -> Answer:
    body = urlencode({"username": user, "password": password}).encode()
    return page.ask("/login", body, form=FORM)


def test_the_page_shows_nothing_before_a_login_and_all_after_it(page: Served) -> None:
    before = page.ask("/")
    assert before.status == 200
    assert '"auth_required":true' in before.text
    assert "/predict" in page.ask("/", Cookie=cookie_of(log_in(page, "anna", "Käse 1"))).text
    assert '"dependencies":[]' in before.text


def cookie_of(answer: Answer) -> str:
    assert answer.status == 200, answer.text
    return answer.headers["set-cookie"].partition(";")[0]


def test_without_a_login_every_other_address_answers_401(page: Served) -> None:
    cookie = cookie_of(log_in(page, "bo", "x"))
    for path in ("/config", f"{API}/info", f"{API}/file=x", f"{API}/heartbeat/x", f"{API}/queue/data?session_hash=x"):
        assert page.ask(path).status == 401
    for path in ("upload", "queue/join", "run/predict", "call/predict", "cancel"):
        assert page.ask(f"{API}/{path}", {}).status == 401
        assert page.ask(f"{API}/{path}", {}, Cookie=f"access-token-{page.blocks.app.cookie_id}=wrong").status == 401
        assert page.ask(f"{API}/{path}", {}, Cookie=cookie).status != 401
    assert page.ask("/config", Cookie=cookie).status == 200
    assert sum(is_open for _, _, is_open in ROUTES) == 8


@pytest.mark.slow
@pytest.mark.parametrize(("user", "password"), [("anna", "x"), ("nobody", "x"), ("anna", ""), ("bo", "x" * 2000)])
def test_a_wrong_password_is_no_login(user: str, password: str, page: Served) -> None:
    assert log_in(page, user, password).status in (400, 422)


def test_the_endpoint_for_programs_asks_for_the_login_too(page: Served) -> None:
    answer = page.ask(f"{API}/call/predict", {"data": [None, "", 3]})
    assert (answer.status, json.loads(answer.body)["detail"]) == (401, "Please log in first.")


# -- the file


def test_without_the_variable_the_page_is_open() -> None:
    assert read_logins({}) is None
    assert read_logins({"CLASSIFIER_AUTH": " "}) is None


def test_a_line_is_made_anew_each_time_and_lets_its_password_in(tmp_path: Path) -> None:
    line = make_line("anna", "secret")
    assert line != make_line("anna", "secret")
    assert "secret" not in line
    (tmp_path / "logins").write_text(line)
    logins = read_logins({"CLASSIFIER_AUTH": str(tmp_path / "logins")})
    assert logins is not None
    assert logins.is_right("anna", "secret")
    assert not logins.is_right("anna", "Secret")
    assert not logins.is_right("", "secret")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, AccessCode.NO_FILE), (b"\xff", AccessCode.NO_FILE), (b"", AccessCode.NO_USERS),
        (b"# nobody\n", AccessCode.NO_USERS), (b"anna:secret", AccessCode.BAD_LINE), (b"anna", AccessCode.BAD_LINE),
        (b"anna:scrypt$x$y", AccessCode.BAD_LINE),
    ],
)  # fmt: skip
def test_a_file_that_names_no_users_is_an_error(content: bytes | None, code: AccessCode, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "logins").write_bytes(content)
    with pytest.raises(SettingError) as caught:
        read_logins({"CLASSIFIER_AUTH": str(tmp_path / "logins")})
    assert caught.value.code is code


def test_a_user_named_twice_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "logins").write_text(f"{make_line('a', 'x')}\n{make_line('a', 'y')}\n")
    with pytest.raises(SettingError, match="Line 2"):
        read_logins({"CLASSIFIER_AUTH": str(tmp_path / "logins")})


@pytest.mark.parametrize(("user", "password"), [("", "x"), ("a:b", "x"), ("a b", "x"), ("a", ""), ("a", "x" * 1025)])
def test_names_and_passwords_that_cannot_be_used_are_errors(user: str, password: str) -> None:
    with pytest.raises(SettingError):
        make_line(user, password)


@pytest.mark.slow
def test_the_program_ends_with_a_sentence_where_the_file_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLASSIFIER_AUTH", str(tmp_path / "nothing"))
    ended = subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 2
    assert "CLASSIFIER_AUTH cannot be read" in ended.stderr
    assert "Traceback" not in ended.stderr
