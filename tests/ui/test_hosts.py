"""Under which names the page may be reached, and from which websites."""

from __future__ import annotations

import socket

import pytest

from classifier.ui.hosts import find_hosts

NAMES = {"SPACE_HOST": "anna-photos.hf.space", "CLASSIFIER_HOSTS": "photos.example, https://other.example:8443,"}


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:7860", "127.0.0.1:80", "[::1]:7860", "localhost."])
def test_this_machine_is_always_allowed(host: str) -> None:
    assert find_hosts("127.0.0.1", {}).is_ours(host)
    assert find_hosts("0.0.0.0", {}).is_ours(host)


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "a@localhost", "localhost/x", "[", ":"],
)
def test_other_names_are_refused_wherever_the_page_listens(host: str) -> None:
    for address in ("127.0.0.1", "0.0.0.0", "::", "my-machine"):
        assert not find_hosts(address, NAMES).is_ours(host)


def test_addresses_are_allowed_where_the_page_listens_to_the_network() -> None:
    for host in ("192.168.1.5:7860", "[fe80::1]:7860"):
        assert find_hosts("0.0.0.0", {}).is_ours(host)
        assert find_hosts("192.168.1.5", {}).is_ours(host)
        assert not find_hosts("127.0.0.1", {}).is_ours(host)
        assert not find_hosts("localhost", {}).is_ours(host)


def test_names_of_the_machine_the_space_and_the_variable_are_allowed() -> None:
    hosts = find_hosts("My-Machine", NAMES)
    for host in (socket.gethostname(), "my-machine:7860", "anna-photos.hf.space", "photos.example", "other.example"):
        assert hosts.is_ours(host)


def test_a_space_answers_under_all_its_names_and_other_programs_do_not() -> None:
    space = find_hosts("0.0.0.0", {"SPACE_ID": "anna/photos", "SPACE_HOST": "anna-photos.hf.space"})
    assert space.is_ours("anna-photos--dev.hf.space")
    assert not space.is_ours("evilhf.space")
    assert not space.is_same_site("https://evil.hf.space", "anna-photos.hf.space")
    assert not find_hosts("0.0.0.0", {}).is_ours("anna-photos--dev.hf.space")


def test_the_public_link_is_allowed_from_when_it_is_known() -> None:
    links: list[str] = []
    hosts = find_hosts("127.0.0.1", {}, lambda: links[0] if links else None)
    assert not hosts.is_ours("abc.gradio.live")
    links.append("https://abc.gradio.live")
    assert hosts.is_ours("abc.gradio.live")
    assert hosts.is_same_site("https://abc.gradio.live", "127.0.0.1:7860")
    assert not hosts.is_ours("other.gradio.live")


@pytest.mark.parametrize(
    ("origin", "host", "is_same"),
    [
        ("http://localhost:7860", "localhost:7860", True),
        ("https://photos.example", "127.0.0.1:7860", True),  # behind a proxy
        ("http://localhost:3000", "localhost:7860", False),  # another program of this machine
        ("http://127.0.0.1:7860", "localhost:7860", False),
        ("http://evil.example", "localhost:7860", False),
        ("https://evil.hf.space", "anna-photos.hf.space", False),
        ("null", "localhost:7860", False),
        ("file://", "localhost:7860", False),
        ("http://", "", False),
    ],
)
def test_only_pages_of_ours_may_send(origin: str, host: str, is_same: bool) -> None:
    assert find_hosts("127.0.0.1", NAMES).is_same_site(origin, host) is is_same
