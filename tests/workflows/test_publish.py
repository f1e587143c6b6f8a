"""Publishing and opening models on a Hub on this computer; the client reads where it is from the environment."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from classifier import Finished
from tests import processes
from tests.hub_server import EXPIRED, READ, STRANGER, WRITE, Hub, Repository, serve_hub

# Runs one command, or publishes one folder, for each line that it is sent.
WORKER = """
import contextlib, io, json, os, sys
from pathlib import Path
from classifier.cli.main import main
from classifier.errors import ClassifierError
from classifier.exporters.publishing import publish
for line in sys.stdin:
    request = json.loads(line)
    os.environ["HF_TOKEN"] = request["token"]
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        if "argv" in request:
            code = main(request["argv"])
        else:
            try:
                *_, done = publish(Path(request.pop("folder")), **request)
                print(json.dumps(vars(done)))
            except ClassifierError as error:
                print(error, file=sys.stderr)
                code = 2
    print(json.dumps([code, out.getvalue(), err.getvalue()]), file=sys.__stdout__, flush=True)
"""
CARD = "---\ntags:\n- photo-classifier\nsdk: static\n---\n\n# Flowers\n"

pytestmark = pytest.mark.slow


class Program:
    """The program in a process of its own, which reaches the Hub at ``address``."""

    def __init__(self, address: str, home: Path, **variables: str) -> None:
        self.home = home
        settings = {
            "HF_ENDPOINT": address, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_XET": "1", **variables,
        }  # fmt: skip
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = processes.start(["-c", WORKER], env=os.environ | settings, stdin=theirs, stdout=theirs)
        with ours:
            self.stream = ours.makefile("rw")

    def run(self, *argv: object, token: str = WRITE) -> tuple[int, str, str]:
        """Exit code, output and errors of a command."""
        return self._ask({"argv": [str(word) for word in argv], "token": token})

    def publish(self, folder: Path, repository: str, token: str = WRITE, **options: Any) -> tuple[int, str, str]:
        """The same of publishing a folder."""
        return self._ask({"folder": str(folder), "repository": repository, "token": token, **options})

    def _ask(self, request: dict[str, Any]) -> tuple[int, str, str]:
        print(json.dumps(request), file=self.stream, flush=True)
        answer = self.stream.readline()
        assert answer, "the program ended"
        code, out, err = json.loads(answer)
        assert not any(secret in out + err for secret in (WRITE, READ, EXPIRED, STRANGER))
        return code, out, err

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        self.stream.close()


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with serve_hub() as served:
        yield served


@pytest.fixture(scope="module")
def program(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    running = Program(hub.address, tmp_path_factory.mktemp("hub"))
    yield running
    running.close()


@pytest.fixture(autouse=True)
def _without_trouble(hub: Hub) -> None:
    hub.trouble, hub.is_silent = None, False


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to publish, with files that must stay here."""
    made = tmp_path / "export"
    (made / "resume").mkdir(parents=True)
    for name, content in {"README.md": CARD, "config.json": "{}", "index.html": "<p>", "a.safetensors": "1"}.items():
        (made / name).write_text(content)
    for name in ("training_photos.json", "resume/state", ".training.lock"):
        (made / name).write_text("private")
    (made / "link.txt").symlink_to("/etc/hostname")
    return made


def test_a_model_is_published_and_opens_by_its_name(
    program: Program, hub: Hub, trained: Finished, example_set: Path
) -> None:
    photos, shown = example_set / "key", example_set / "mug/mug 02.jpg"
    code, out, err = program.run(
        "export",
        trained.folder,
        "--to",
        "hub",
        "--out",
        "hub:anna/things",
        "--photos",
        photos,
        "--show",
        shown,
        "--json",
    )
    assert code == 0, err
    result = json.loads(out.splitlines()[-1])
    assert result["verified"]["same"] == result["verified"]["photos"] == 8
    assert (result["url"], result["public"], result["path"]) == (f"{hub.address}/anna/things", False, "hub:anna/things")
    repository = hub.model("anna/things")
    assert repository.private
    assert set(repository.files) == {
        ".gitattributes", "README.md", "config.json", "confusion.png", "evaluated.safetensors", "export.json",
        "familiar.safetensors", "model.safetensors", "photos/1.jpg", "report.json", "training.json",
    }  # fmt: skip
    assert repository.files["model.safetensors"] == (trained.folder / "model.safetensors").read_bytes()
    card = ModelCard(repository.files["README.md"].decode())
    assert card.data.widget[0]["src"] == "photos/1.jpg"
    assert card.data.widget[0]["output"][0]["label"] == "mug"
    for name in ("hf-hub:anna/things", '"image-classification", "anna/things"', "predict hub:anna/things"):
        assert name in card.text

    code, out, err = program.run("predict", "hub:anna/things", shown, "--json")
    assert code == 0, err
    assert json.loads(out.splitlines()[-1])[0]["answer"] == "mug"
    fetched = [line.rpartition("/")[2] for line in hub.requests if line.startswith("GET /anna/things/resolve")]
    assert sorted(fetched) == sorted(
        name for name in repository.files if name not in (".gitattributes", "export.json", "photos/1.jpg")
    )
    hub.requests.clear()
    code, out, err = program.run("evaluate", f"hub:anna/things@{repository.sha}", example_set, "--json")
    assert (code, json.loads(out.splitlines()[-1])["classes"]) == (0, ["apple", "key", "leaf", "mug"]), err
    assert not [line for line in hub.requests if line.startswith("GET /anna")]  # it is there already


def test_a_folder_is_sent_without_what_stays_here(program: Program, hub: Hub, folder: Path) -> None:
    code, out, err = program.publish(folder, "flowers", public=True)
    assert code == 0, err
    assert json.loads(out)["repository"] == "anna/flowers"
    assert set(hub.model("anna/flowers").files) == {
        ".gitattributes", "README.md", "config.json", "index.html", "a.safetensors",
    }  # fmt: skip
    assert not hub.model("anna/flowers").private


def test_what_was_published_is_replaced_in_one_commit(program: Program, hub: Hub, folder: Path) -> None:
    program.publish(folder, "anna/again")
    (folder / "index.html").unlink()
    (folder / "config.json").write_text('{"new": 1}')
    code, _, err = program.publish(folder, "anna/again")
    assert code == 0, err
    repository = hub.model("anna/again")
    assert set(repository.files) == {".gitattributes", "README.md", "config.json", "a.safetensors"}
    assert (repository.files["config.json"], repository.commits) == (b'{"new": 1}', 2)
    assert program.publish(folder, "anna/again", public=True)[0] == 0
    assert not repository.private
    code, _, err = program.publish(folder, "anna/again")
    assert (code, err) == (
        2,
        "anna/again is there already and everybody can see it: publish for everybody, or choose another name.\n",
    )


def test_a_page_is_published_as_a_static_space(program: Program, hub: Hub, folder: Path) -> None:
    code, out, err = program.publish(folder, "anna/page", kind="space")
    assert code == 0, err
    space = hub.repositories["space", "anna/page"]
    assert (space.sdk, space.private) == ("static", True)
    assert json.loads(out)["url"] == f"{hub.address}/spaces/anna/page"


def test_a_repository_of_something_else_is_left_alone(program: Program, hub: Hub, folder: Path) -> None:
    before = {"README.md": b"My own words", "notes.txt": b"mine"}
    hub.repositories["model", "anna/mine"] = Repository("model", True, files=dict(before))
    code, _, err = program.publish(folder, "anna/mine")
    assert (code, err) == (
        2,
        "anna/mine is there already and holds something else (notes.txt…); choose another name.\n",
    )
    assert hub.model("anna/mine").files == before


@pytest.mark.parametrize(
    ("repository", "token", "trouble", "words"),
    [
        ("anna/x", "", None, "You are not signed in to the Hugging Face Hub: run “hf auth login” first"),
        ("anna/x", EXPIRED, None, "does not accept your sign-in any more: sign in again."),
        ("anna/x", READ, None, "Your token for the Hugging Face Hub may read and not write"),
        ("anna/x", STRANGER, None, "You may not write to anna/x: choose a name of your own, such as carl/x."),
        ("anna/x", WRITE, (403, "Private repository storage limit reached"), "There is no room left for anna/x"),
        ("anna/x", WRITE, (403, "Forbidden"), "You may not write to anna/x: choose a name of your own"),
        ("anna/x", WRITE, (402, "Payment required"), "asks for a paid plan for anna/x"),
        ("anna/x", WRITE, (503, "Down"), "The Hugging Face Hub failed with anna/x (status 503); try again"),
        ("anna/x", WRITE, (413, "Payload too large"), "The model is too large for anna/x"),
        ("anna/x", WRITE, (429, "Too many"), "answers no more requests for now; try again in an hour."),
        ("anna/x", WRITE, (418, "No\n\ntea."), "refused anna/x (status 418): No tea."),
        ("anna/x y", WRITE, None, "“anna/x y” cannot be the name of a repository"),
        ("../x", WRITE, None, "“../x” cannot be the name of a repository"),
    ],
)
def test_what_goes_wrong_is_one_sentence(
    repository: str, token: str, trouble: tuple[int, str] | None, words: str, program: Program, hub: Hub, folder: Path
) -> None:
    hub.trouble = trouble
    code, out, err = program.publish(folder, repository, token)
    assert (code, out) == (2, "")
    assert words in err
    assert_sentence(err)
    assert ("model", "anna/x") not in hub.repositories


def test_a_model_that_cannot_be_opened_is_one_sentence(program: Program, hub: Hub, example_set: Path) -> None:
    hub.repositories["model", "anna/empty"] = Repository("model", False)
    pickled = {"config.json": b"{}", "pytorch_model.bin": b"\x80"}
    hub.repositories["model", "anna/pickled"] = Repository("model", False, files=pickled)
    vast = {"config.json": b"{}", "model.safetensors": b"x", "report.json": b" " * (2**24 + 1)}
    hub.repositories["model", "anna/vast"] = Repository("model", False, files=vast)
    cases = {
        "hub:anna/none": "There is no anna/none on the Hugging Face Hub, or you may not see it",
        "hub:anna/empty": "The repository anna/empty holds no classifier: it has no config.json",
        "hub:anna/empty@v2": "There is no version “v2” of anna/empty",
        "hub:anna/pickled": "a kind of file that can run code when it is opened",
        "hub:anna/vast": "The file report.json of anna/vast has 16.8 MB, which is too large for a model",
        "hub:../etc": "“hub:../etc” names no repository",
    }
    hub.requests.clear()
    for name, words in cases.items():
        code, out, err = program.run("predict", name, example_set / "mug/mug 02.jpg")
        assert (code, out) == (2, ""), err
        assert words in err
        assert_sentence(err)
    assert not [line for line in hub.requests if "/resolve/" in line]  # nothing is fetched
    code, _, err = program.run("export", example_set, "--to", "hub", "--out", "hub:anna/x@v2")
    assert (code, "names no repository" in err) == (2, True)
    code, _, err = program.run("threshold", "hub:anna/empty", 0.5)
    assert (code, "is not changed there" in err) == (2, True)


def test_without_a_connection_what_was_fetched_is_used(
    program: Program, hub: Hub, trained: Finished, example_set: Path, folder: Path
) -> None:
    files = {path.name: path.read_bytes() for path in trained.folder.iterdir()}
    hub.repositories["model", "anna/kept"] = Repository("model", False, files=files)
    photo = example_set / "mug/mug 02.jpg"
    assert program.run("predict", "hub:anna/kept", photo)[0] == 0
    assert not list(program.home.glob("**/training_photos.json"))
    hub.is_silent = True
    assert program.run("predict", "hub:anna/kept", photo)[0] == 0
    code, _, err = program.run("predict", "hub:anna/others", photo)
    assert (code, re.sub(r"\(\w+\)", "(…)", err)) == (
        2,
        "The Hugging Face Hub cannot be reached for anna/others (…); check the connection and try again.\n",
    )
    assert "cannot be reached for anna/x" in program.publish(folder, "anna/x")[2]
    offline = Program(hub.address, program.home, HF_HUB_OFFLINE="1")
    assert offline.run("predict", "hub:anna/kept", photo)[0] == 0
    for code, _, err in (offline.run("predict", "hub:anna/others", photo), offline.publish(folder, "anna/x")):
        assert (code, "(HF_HUB_OFFLINE is set)" in err) == (2, True)
    offline.close()


def assert_sentence(text: str) -> None:
    """One line that ends as a sentence does."""
    assert text.count("\n") == 1
    assert text.endswith(".\n")
