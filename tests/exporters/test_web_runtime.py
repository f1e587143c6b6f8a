from __future__ import annotations

from pathlib import Path

import pytest

from classifier.errors import ExportError
from classifier.exporters import web_runtime
from classifier.messages.web_page import WebRuntimeCode
from tests.exporters.pages import need_runtime, served
from tests.processes import free_port


def test_a_folder_without_the_files_is_a_sentence_with_their_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(web_runtime.VARIABLE, str(tmp_path))
    with pytest.raises(ExportError, match=r"lacks ort\.wasm\.bundle\.min\.mjs; unpack https://registry\.npmjs\.org"):
        web_runtime.copy_runtime(tmp_path / "runtime")


def test_files_of_another_version_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(web_runtime.VARIABLE, str(tmp_path))
    for name in web_runtime.FILES.values():
        (tmp_path / name).write_text("another version")
    with pytest.raises(ExportError) as error:
        web_runtime.copy_runtime(tmp_path / "runtime")
    assert error.value.code is WebRuntimeCode.OTHER_CONTENT


def test_without_a_network_the_sentence_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(web_runtime.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    address = f"http://127.0.0.1:{free_port()}/package.tgz"
    with pytest.raises(ExportError, match="has to be fetched once, and that did not work"):
        web_runtime.copy_runtime(tmp_path / "runtime", address)


def test_a_download_with_another_content_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(web_runtime.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "package.tgz").write_bytes(b"not the package")
    with served(tmp_path) as server, pytest.raises(ExportError, match=r"package\.tgz is not the one") as error:
        web_runtime.copy_runtime(tmp_path / "runtime", f"http://127.0.0.1:{server.server_port}/package.tgz")
    assert error.value.code is WebRuntimeCode.OTHER_CONTENT
    assert not list((tmp_path / "cache").rglob("ort*"))


def test_the_files_come_with_their_licenses(tmp_path: Path) -> None:
    need_runtime()
    web_runtime.copy_runtime(tmp_path / "runtime")
    assert {path.name for path in (tmp_path / "runtime").iterdir()} == {*web_runtime.FILES, "LICENSE.txt"}
    license = (tmp_path / "runtime" / "LICENSE.txt").read_text("utf-8")
    assert license.startswith("MIT License")
    assert "Eigen" in license
