"""What stands between a browser and Gradio, by raw requests to a page that is served."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route

from classifier import __version__
from classifier.ui.middleware import METRICS_ROUTES, ROUTES
from tests.ui.web import API, Served, serve

SHA = "a" * 64


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("page"), with_metrics=True) as served:
        yield served


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.png"
    path.write_bytes(b"a picture of somebody else")
    return path


def file_inputs(page: Served) -> list[tuple[int, int]]:
    """Each event with the place of each of its inputs that is a file."""
    return [
        (number, place)
        for number, event in page.blocks.fns.items()
        for place, block in enumerate(event.inputs)
        if getattr(block, "data_model", None)
    ]


def forged_values(path: str) -> list[Any]:
    """A path that is no upload, in the forms that Gradio does not check and in those that it does."""
    marked = {"path": path, "meta": {"_type": "gradio.FileData"}}
    return [
        {"path": path},
        {"path": path, "orig_name": "x.svg"},
        {"path": path, "meta": {"_type": "other"}},
        marked,
        {**marked, "url": "http://127.0.0.1:1/x.png"},
        {"path": None, "url": f"data:image/png;base64,{path}"},
        path,
        [{"path": path}],
        [path],
        {"image": {"path": path}},
        {"path": {"path": path}},
    ]


def names_of(page: Served, secret: Path) -> list[str]:
    folder = page.uploads / SHA
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "link.png"
    link.unlink(missing_ok=True)
    link.symlink_to(secret)
    return [
        str(secret), str(link), f"{folder}/../../../{secret.name}", str(page.uploads / "loose.png"), "/etc/passwd",
        str(folder), f"http://127.0.0.1:{page.port}/config", f"file://{secret}", str(folder / "gone.png"), "a\0b",
        str(page.uploads.parent / "browser-secret"), "",
    ]  # fmt: skip


# -- files


@pytest.mark.slow
def test_no_event_takes_a_file_that_is_no_upload(page: Served, secret: Path) -> None:
    events = file_inputs(page)
    assert len(events) >= 2
    before = secret.read_bytes()
    for (event, place), name in itertools.product(events, names_of(page, secret)):
        fn = page.blocks.fns[event]
        for value in forged_values(name):
            data = page.usual_values(event)
            data[place] = value
            body = {"data": data, "fn_index": event, "session_hash": "forger"}
            routes = [f"{API}/queue/join", f"{API}/run/{fn.api_name}", f"{API}/call/{fn.api_name}"]
            for route in routes if value == {"path": name} else routes[:1]:
                answer = page.ask(route, body)
                assert answer.status in (404, 422, 400), (route, value, answer.text)
                assert json.loads(answer.body)["detail"]
    assert secret.read_bytes() == before


def test_a_forged_file_in_what_a_script_sends_is_refused(page: Served, secret: Path) -> None:
    sent = {"files": [{"path": str(secret), "name": "a.png"}], "label": "x"}
    for event in (number for number, fn in page.blocks.fns.items() if fn.collects_event_data):
        body = {"data": page.usual_values(event), "fn_index": event, "session_hash": "s", "event_data": sent}
        assert page.ask(f"{API}/queue/join", body).status == 422
    assert secret.exists()


def test_only_uploads_have_an_address_and_only_for_their_browser(page: Served, secret: Path) -> None:
    mine, other = page.cookie(), page.cookie()
    path = page.upload(b"pixels", Cookie=mine)
    answer = page.ask(f"{API}/file={path}", Cookie=mine)
    assert (answer.status, answer.body) == (200, b"pixels")
    assert answer.headers["content-disposition"] == "attachment"
    assert page.ask(f"{API}/file={path}", Cookie=mine, Range="bytes=0-2").body == b"pixels"
    assert page.ask(f"{API}/file={path}", Cookie=other).status == 404
    assert page.ask(f"{API}/file={path}").status == 404
    for name in [*names_of(page, secret), "http://127.0.0.1:1/x.png", "https://example.org/x.png", "%2e%2e/a"]:
        assert page.ask(f"{API}/file={name}".replace("\0", "%00").replace(" ", "%20")).status == 404, name
    Path(path).unlink()
    assert page.ask(f"{API}/file={path}", Cookie=mine).status == 404


# -- addresses


def all_routes(router: Any) -> Iterator[Route]:
    for route in router.routes:
        if isinstance(route, Route):
            yield route
        elif hasattr(route, "original_router"):  # FastAPI's routes with a prefix of their own
            yield from all_routes(route.original_router)


def test_every_other_route_of_gradio_answers_404(page: Served) -> None:
    patterns = [(methods, re.compile(pattern)) for methods, pattern, _ in (*ROUTES, *METRICS_ROUTES)]
    closed = set()
    for route in all_routes(page.blocks.app):
        path = re.sub(r"\{[^}]*\}", "x", route.path)
        for method in sorted((route.methods or set()) | {"OPTIONS", "PUT", "DELETE", "PATCH"}):
            if any(method in methods and pattern.fullmatch(path) for methods, pattern in patterns):
                continue
            closed.add(path)
            answer = page.ask(path, b"{}" if method == "POST" else None, method)
            assert answer.status == 404, (method, path)
    needless = (
        "monitoring", "monitoring/summary", "deep_link", "component_server", "proxy=x", "dev/reload", "token", "runs",
        "process_recording", "vibe-code", "app_id", "queue/status", "call/v2/x", "openapi.json", "stream/x",
    )  # fmt: skip
    assert len(closed) > 30
    for name in needless:
        assert page.ask(f"{API}/{name}").status == 404
        assert page.ask(f"{API}/{name}", {}).status == 404


def test_every_answer_has_the_headers(page: Served) -> None:
    answers = [
        page.ask("/"), page.ask("/", method="HEAD"), page.ask("/config"), page.ask("/theme.css"), page.ask("/nothing"),
        page.ask(f"{API}/file=x"), page.ask(f"{API}/queue/join", b"x"), page.ask("/", Host="other.example"),
        page.ask("/", Origin="http://other.example"), page.ask(f"{API}/queue/data?session_hash=x"),
        page.ask("/", method="OPTIONS", Origin="http://other.example", Access_Control_Request_Method="POST"),
    ]  # fmt: skip
    # Every route of Gradio's, also those of later versions; HEAD, as some streams have no end.
    paths = {re.sub(r"\{[^}]*\}", "x", route.path) for route in all_routes(page.blocks.app)}
    assert len(paths) > 30
    answers += [
        page.ask(path, b"{}" if method == "POST" else None, method) for path in paths for method in ("HEAD", "POST")
    ]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["permissions-policy"].startswith("camera=(self)")
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'self' https://huggingface.co https://*.hf.space" in policy
        assert "access-control-allow-origin" not in answer.headers


def test_the_page_runs_no_script_but_those_it_came_with(page: Served) -> None:
    answer = page.ask("/")
    scripts = re.search(r"script-src ([^;]*);", answer.headers["content-security-policy"])
    assert scripts is not None
    sources = scripts[1].split()
    inline = len(re.findall(r"<script(?![^>]* src=)", answer.text))
    assert sum(source.startswith("'sha256-") for source in sources) == inline > 0
    assert {source for source in sources if not source.startswith("'sha256-")} == {"'self'", "'unsafe-eval'"}
    packed = page.ask("/", Accept_Encoding="gzip, br")
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.body) < len(answer.body) / 2


def test_the_settings_of_the_page_hold_no_secret_of_the_server(page: Served) -> None:
    assert '"secret":"photo-classifier"' in page.ask("/config").text.replace(" ", "")
    assert not (page.uploads.parent / "browser-secret").exists()


# -- what the tools of a host ask


def test_the_health_is_that_of_the_program_and_says_nothing_private(page: Served) -> None:
    damaged = page.uploads.parents[1] / "checkpoints" / "damaged"
    damaged.mkdir(parents=True)
    (damaged / "config.json").write_text("{}")
    (damaged / "model.safetensors").touch()
    answer = page.ask("/health")
    said = json.loads(answer.body)
    assert said.pop("device")
    queue = {"running": 0, "waiting": 0}
    assert (answer.status, said) == (200, {"status": "ok", "version": __version__, "models": 0, "queue": queue})


def test_the_health_fails_while_the_projects_cannot_be_written(page: Served) -> None:
    home = page.uploads.parent
    aside = home.rename(home.with_name("aside"))
    try:
        home.touch()
        answer = page.ask("/health")
    finally:
        home.unlink()
        aside.rename(home)
    assert (answer.status, json.loads(answer.body)["status"]) == (503, "failing")
    assert str(home) not in answer.text
    assert page.ask("/health").status == 200


def test_metrics_are_those_of_prometheus_and_name_no_visitor(page: Served) -> None:
    page.ask("/download/x/somebodys-photo.jpg")
    page.ask("/nothing")
    answer = page.ask("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z_]+(\{[a-z]+=\"\w+\"\})? [0-9.e+]+", line) for line in lines)
    assert 'classifier_refused_total{reason="not_here"}' in answer.text
    names = {line.partition("{")[0].partition(" ")[0] for line in lines}
    assert names > {"classifier_requests_total", "classifier_trainings_waiting", "process_resident_memory_bytes"}
    assert "somebodys" not in answer.text


# -- hosts and websites


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:7860", 200),
        ("127.0.0.1", 200),
        ("[::1]:80", 200),
        ("evil.example", 421),
        ("192.0.2.1", 421),
        ("", 421),
    ],
)
def test_the_page_answers_only_under_its_own_names(host: str, status: int, page: Served) -> None:
    assert page.ask("/theme.css", Host=host).status == status


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "file://", "x"])
def test_other_websites_can_send_nothing(origin: str, page: Served) -> None:
    for path, body in ((f"{API}/queue/join", {}), (f"{API}/upload", b"x"), ("/login", b"x"), ("/theme.css", None)):
        assert page.ask(path, body, Origin=origin).status == 403
    assert page.ask("/theme.css", Origin=f"http://127.0.0.1:{page.port}").status == 200


# -- sizes


@pytest.mark.slow
def test_a_body_that_is_too_long_is_refused_before_it_is_read(page: Served) -> None:
    assert page.ask(f"{API}/queue/join", b"[", Content_Length=str(10**9)).status == 413
    assert page.ask("/login", b"x" * 2**15, form="application/x-www-form-urlencoded").status == 413
    large = json.dumps({"data": ["x" * 2**20], "fn_index": 0, "session_hash": "s"}).encode()
    for path in ("queue/join", "run/predict", "call/predict", "cancel"):
        assert page.ask(f"{API}/{path}", large).status in (413, 422)
    assert page.ask(f"{API}/queue/join", large).status == 413
    assert page.ask(f"{API}/cancel", iter([b"[" * 2**20] * 9)).status == 413  # in chunks, with no length
    answer = page.ask(f"{API}/cancel", b"1," * 2**24)  # who sends to the end reads the sentence
    assert (answer.status, json.loads(answer.body)["detail"]) == (413, "The request has more than 8.4 MB.")
    assert page.ask(f"{API}/queue/join", b"1," * 2**21).status == 400


def test_an_event_is_refused_with_a_sentence_where_as_many_wait_as_may(
    page: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page.blocks._queue, "max_size", 0)
    answer = page.ask(f"{API}/queue/join", {"data": [], "fn_index": 0, "session_hash": "late"}, Accept_Language="de")
    assert answer.status == 429
    assert "warten gerade so viele Menschen" in json.loads(answer.body)["detail"]


@pytest.mark.slow
def test_a_list_of_the_files_of_a_large_folder_may_be_longer(page: Served) -> None:
    rows = [{"path": f"{page.uploads}/{number:064x}/photo.jpg", "name": f"cats/{number}.jpg"} for number in range(9000)]
    event = next(number for number, fn in page.blocks.fns.items() if fn.name == "add")
    sent = {"files": rows, "label": ""}
    body = {"data": page.usual_values(event), "fn_index": event, "session_hash": "large", "event_data": sent}
    assert len(json.dumps(body)) > 2**20
    assert page.ask(f"{API}/queue/join", body).status == 200


# -- other browsers


@pytest.mark.slow
def test_nothing_that_one_browser_began_can_be_used_by_another(page: Served) -> None:
    mine, other = page.cookie(), page.cookie()
    event = next(number for number, fn in page.blocks.fns.items() if fn.name == "ensure_token")
    call = {"data": [""], "fn_index": event, "session_hash": "mine"}
    begun = page.ask(f"{API}/queue/join", call, Cookie=mine)
    assert begun.status == 200
    number = json.loads(begun.body)["event_id"]
    cancel = {"session_hash": "mine", "fn_index": event, "event_id": number}
    for cookie in (other, "a=b"):
        assert page.ask(f"{API}/queue/join", call, Cookie=cookie).status == 404
        assert page.ask(f"{API}/queue/data?session_hash=mine", Cookie=cookie).status == 404
        assert page.ask(f"{API}/heartbeat/mine", Cookie=cookie).status == 404
        assert page.ask(f"{API}/cancel", cancel, Cookie=cookie).status == 404
        assert page.ask(f"{API}/call/ensure_token/{number}", Cookie=cookie).status == 404
    assert "process_completed" in page.ask(f"{API}/queue/data?session_hash=mine", Cookie=mine).text


def test_an_upload_of_one_browser_is_no_value_for_another(page: Served) -> None:
    mine, other = page.cookie(), page.cookie()
    path = page.upload(b"pixels", Cookie=mine)
    for number, (event, place) in enumerate(file_inputs(page)):
        data, value = page.usual_values(event), {"path": path, "meta": {"_type": "gradio.FileData"}}
        takes_several = getattr(page.blocks.fns[event].inputs[place], "file_count", "single") == "multiple"
        data[place] = [value] if takes_several else value
        body = {"data": data, "fn_index": event, "session_hash": f"other{number}"}
        assert page.ask(f"{API}/queue/join", body, Cookie=other).status == 404
    assert Path(path).read_bytes() == b"pixels"


# -- odd values

ODD: tuple[Any, ...] = (
    None, True, -1, 0.5, 10**30, "", "x" * 3000, "\0<b>&", [], [[]], {"a": 1}, {"files": 5, "path": 3},
)  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b"5", b"\xff\xfe{}", b'{"data": NaN}', b'{"data": [Infinity]}', b"[" * 100_000,
        b'{"data": 5, "fn_index": 0}', b'{"data": [], "fn_index": 0}', b'{"fn_index": 0}', b'{"data": [1]}',
        b'{"data": [], "fn_index": 99999}', b'{"data": [], "fn_index": "0"}', b'{"data": [], "fn_index": true}',
        b'{"data": [], "fn_index": 1e5}', b'{"data": [""], "fn_index": 0, "session_hash": 5}',
        b'{"data": [""], "fn_index": 0, "session_hash": "../x"}', b'{"data": ["\\ud800"], "fn_index": 0}',
        b'{"data": [""], "fn_index": 0, "trigger_id": "x", "session_hash": "s"}', b"9" * 5000,
    ],
)  # fmt: skip
def test_a_body_that_is_no_call_is_refused(body: bytes, page: Served, capfd: pytest.CaptureFixture[str]) -> None:
    for path in ("queue/join", "run/predict", "run/nothing", "call/predict", "call/nothing", "cancel"):
        answer = page.ask(f"{API}/{path}", body)
        assert answer.status in (400, 404, 422), (path, answer.text)
    assert "Traceback" not in capfd.readouterr().err


def results(page: Served, session: str, calls: int) -> list[dict[str, Any]]:
    """The answers to so many calls of a session, as they come."""
    if not calls:
        return []
    lines = page.ask(f"{API}/queue/data?session_hash={session}").text.splitlines()
    sent = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    return [one for one in sent if one["msg"] == "process_completed"]


def different_events(page: Served) -> list[int]:
    """One event for each handler with its inputs: many redraw the same."""
    seen = {(fn.fn, *(block._id for block in fn.inputs)): number for number, fn in page.blocks.fns.items()}
    return sorted(seen.values())


@pytest.mark.slow
def test_odd_values_for_any_event_leave_no_traceback(
    page: Served, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Each input of each event gets every sixth value, and over the events each place all of them."""
    calls = {f"odd{number}": 0 for number in range(len(ODD))}
    values = list(zip(calls, ODD, strict=True))
    for number, event in enumerate(different_events(page)):
        usual = page.usual_values(event)
        chosen = ((place, one) for place in range(len(usual)) for one in values[(number + place) % 6 :: 6])
        for place, (session, value) in chosen:
            body = {"data": [*usual[:place], value, *usual[place + 1 :]], "fn_index": event, "session_hash": session}
            if body["data"] != usual:
                answer = page.ask(f"{API}/queue/join", body)
                assert answer.status in (200, 400, 422), answer.text
                calls[session] += answer.status == 200
    for session, count in calls.items():
        assert len(results(page, session, count)) == count
    assert "Traceback" not in capfd.readouterr().err
    assert not [record.getMessage() for record in caplog.records if record.exc_info]


@pytest.mark.slow
def test_odd_data_from_scripts_leave_no_traceback(
    page: Served, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    calls = {f"script{number}": 0 for number in range(len(ODD))}
    for event in different_events(page):
        for session, value in zip(calls, ODD, strict=True) if page.blocks.fns[event].collects_event_data else ():
            body = {"data": page.usual_values(event), "fn_index": event, "session_hash": session, "event_data": value}
            answer = page.ask(f"{API}/queue/join", body)
            assert answer.status in (200, 400, 422), answer.text
            calls[session] += answer.status == 200
    for session, number in calls.items():
        assert len(results(page, session, number)) == number
    assert "Traceback" not in capfd.readouterr().err
    assert not [record.getMessage() for record in caplog.records if record.exc_info]
