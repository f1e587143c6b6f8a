"""Serve the page: settings from options and environment, a port that is free, and no proxy before its own address."""

from __future__ import annotations

import errno
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.request import getproxies

from .._version import __version__
from ..errors import ClassifierError, SettingError, StorageError
from ..files import cache_folder, check_writable, data_folder
from ..messages.server import LogCode, ServerCode
from . import host_log
from .access import read_logins
from .host_limits import HostLimits
from .hosts import find_hosts

if TYPE_CHECKING:
    from gradio import Blocks

log = logging.getLogger(__name__)

_PORTS = range(7860, 7960)  # those that Gradio tries
_OWN_NAMES = ("localhost", "127.0.0.1", "::1")
# Seconds until a thread that wants Python's lock gets it. A network gives the lock away at each of some hundred
# operations: with Python's 0.005 a pass takes many times as long where other threads are at work.
_SWITCH_INTERVAL = 0.0005


def serve(host: str | None = None, port: str | None = None, share: bool = False, root: Path | None = None) -> None:
    """Build the page and serve it until the program is stopped.

    What is not given comes from the environment: ``GRADIO_SERVER_NAME``, ``GRADIO_SERVER_PORT``, ``CLASSIFIER_HOME``,
    ``CLASSIFIER_CHECKPOINTS``, ``CLASSIFIER_KEEP_HOURS``, ``CLASSIFIER_HOSTS``, ``CLASSIFIER_AUTH``, and those that
    ``HostLimits`` names; ``GRADIO_MCP_SERVER`` says whether agents are answered, ``CLASSIFIER_DEMO`` whether the page
    only shows the models for everybody, ``CLASSIFIER_METRICS`` whether Prometheus is answered, and ``CLASSIFIER_LOG``
    the form of the log. SIGTERM ends the program at once: what is unfinished goes on at the next start.

    Args:
        host: address to listen on.
        port: port, as text; by default the first free one from 7860.
        share: whether to make a public link, too.
        root: folder that by default holds the folders of projects and models; None for the user's data folder.

    Raises:
        SettingError: host, port, hours, limits or the file of logins cannot work, or the port is taken.
        StorageError: the folder of projects cannot be written.
    """
    in_json = host_log.set_up(os.environ)
    _end_at_sigterm()
    sys.setswitchinterval(_SWITCH_INTERVAL)
    host = host or os.environ.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if "SPACE_ID" in os.environ else "127.0.0.1")
    port = port or os.environ.get("GRADIO_SERVER_PORT")
    find_port(host, port)  # an error comes before the seconds that Gradio takes
    hours = keep_hours()
    limits = HostLimits.read(os.environ)
    logins = read_logins(os.environ)
    agents, demo, with_metrics = wants_agents(), _is_on("CLASSIFIER_DEMO"), _is_on("CLASSIFIER_METRICS")
    home, checkpoints = folders(root)
    try:
        check_writable(home)
    except OSError as error:
        raise StorageError(ServerCode.HOME_UNUSABLE, folder=home, why=error.strerror or error) from error
    # Uploads wait beside the projects, not in a folder that other programs use, too.
    os.environ.setdefault("GRADIO_TEMP_DIR", str(home / "uploads"))
    for name in ("GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT", "GRADIO_NUM_PORTS"):
        os.environ.pop(name, None)  # Gradio converts them when it is imported, and looks for ports itself
    cache_folder("features")  # where it cannot be written, the Hub's has to be named before the Hub is imported
    if os.environ.get("SPACES_ZERO_GPU") and find_spec("spaces"):
        from ..leases import host_on_zero_gpu

        host_on_zero_gpu()
    bypass_proxies(host)
    with _without_proxies(share):
        from ..device import limit_arenas, limit_threads
        from .app import build_app, launch_settings

        limit_arenas()
        limit_threads()
        page = build_app(home, checkpoints, hours, limits, agents, demo)
        hosts = find_hosts(host, os.environ, lambda: page.share_url)
        gc.freeze()  # else each full collection walks through what stays, and all threads wait for 0.4 seconds
        settings = launch_settings(hosts, limits, logins, agents, demo, with_metrics)
        _launch(page, host, port, {**settings, "share": share, "quiet": in_json})
    page.share = False  # else Gradio serves a page whose scripts come from another server; the link stays
    page.block_thread()


def _launch(page: Blocks, host: str, port: str | None, settings: Mapping[str, Any]) -> None:
    """Let Gradio listen; raises ``ClassifierError`` where another program took the port in this moment."""
    number = find_port(host, port)
    name = f"[{host}]" if ":" in host and not host.startswith("[") else host
    try:
        page.launch(server_name=name, server_port=number, prevent_thread_lock=True, **settings)
    except OSError as error:
        raise ClassifierError(ServerCode.NOT_STARTED, port=number) from error
    host_log.tell(log, LogCode.STARTED, version=__version__, port=number)


def _end_at_sigterm() -> None:
    """Let SIGTERM end the program: the first process of a container gets no signal that it has no handler for."""

    def end(number: int, frame: FrameType | None) -> NoReturn:
        host_log.tell(log, LogCode.ENDING)
        sys.exit(0)

    if threading.current_thread() is threading.main_thread():  # others may set no handler
        signal.signal(signal.SIGTERM, end)


def keep_hours() -> float | None:
    """Return the hours without a visit after which a project is deleted; None keeps projects."""
    value = os.environ.get("CLASSIFIER_KEEP_HOURS", "24" if "SPACE_ID" in os.environ else "")
    if not value:
        return None
    try:
        hours = float(value)
    except ValueError:
        hours = 0.0
    if not hours > 0:  # nan, too
        raise SettingError(ServerCode.KEEP_HOURS, value=value)
    return hours


def wants_agents() -> bool:
    """Return whether to answer the Model Context Protocol; raises ``SettingError`` where its package is missing."""
    if not _is_on("GRADIO_MCP_SERVER"):
        return False
    if find_spec("mcp") is None:
        raise SettingError(ServerCode.NO_MCP)
    return True


def _is_on(variable: str) -> bool:
    return os.environ.get(variable, "").strip().lower() in ("1", "true", "yes", "on")


def folders(root: Path | None) -> tuple[Path, Path]:
    """Return the folder of projects and that of models for everybody, from the environment or below ``root``.

    Without ``root`` they are in the user's data folder, and the models below the projects where these have a folder of
    their own. Raises ``StorageError`` where there is no such folder.
    """
    home, checkpoints = os.environ.get("CLASSIFIER_HOME"), os.environ.get("CLASSIFIER_CHECKPOINTS")
    base = root or (Path(home) if home else data_folder())
    projects = Path(home) if home else base / "home"
    return projects.resolve(), Path(checkpoints or base / "checkpoints").resolve()


def find_port(host: str, port: str | None, ports: Sequence[int] = _PORTS) -> int:
    """Return the given port as a number if the host can listen on it, or the first of ``ports`` that is free.

    Raises ``SettingError`` where there is none.
    """
    if port is None:
        for number in ports:
            if not _is_taken(host, number):
                return number
        raise SettingError(ServerCode.ALL_PORTS_TAKEN, first=ports[0], last=ports[-1])
    number = int(port) if port.isdecimal() and len(port) < 6 else 0
    if not 0 < number < 2**16:
        raise SettingError(ServerCode.NO_PORT, port=port)
    if _is_taken(host, number):
        raise SettingError(ServerCode.PORT_TAKEN, port=number)
    return number


def _is_taken(host: str, port: int) -> bool:
    """Whether another program listens on the port; raises ``SettingError`` where this one can never do so."""
    try:
        for name in {host.strip("[]"), "127.0.0.1"}:  # the second is where Gradio looks
            for family, kind, protocol, _, address in socket.getaddrinfo(
                name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            ):
                _bind(socket.socket(family, kind, protocol), address)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        number = getattr(error, "errno", None)
        if number == errno.EADDRINUSE:
            return True
        if number == errno.EACCES:
            raise SettingError(ServerCode.PORT_FORBIDDEN, port=port, why=why) from error
        raise SettingError(ServerCode.NO_HOST, host=host, why=why) from error
    return False


def _bind(probe: socket.socket, address: tuple[object, ...]) -> None:
    """Bind a socket as the server will, and close it."""
    with probe:
        if os.name == "posix":  # on Windows this would allow the port of another program
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if probe.family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind(address)


def bypass_proxies(host: str) -> None:
    """Let this process, which checks the page once it is served, reach its own address without the user's proxies.

    Downloads still go through them.
    """
    proxies = getproxies()
    if set(proxies) <= {"no"}:
        return
    for scheme, address in proxies.items():  # also those of the system's settings, which variables would hide
        os.environ[f"{scheme}_proxy"] = address
    _set_no_proxy(",".join(filter(None, (proxies.get("no"), *_OWN_NAMES, host.strip("[]")))))


@contextmanager
def _without_proxies(share: bool) -> Iterator[None]:
    """Hide the user's proxies while Gradio is imported and the page starts.

    Gradio makes clients then, which fails with a SOCKS proxy where the package socksio is missing and with an address
    that is none. A public link has to be asked for through a proxy.
    """
    before = os.environ.get("no_proxy")
    is_socks = any(address.startswith("socks") for address in getproxies().values())
    if before is None or (share and not (is_socks and find_spec("socksio") is None)):
        yield
        return
    _set_no_proxy("*")
    try:
        yield
    finally:
        _set_no_proxy(before)


def _set_no_proxy(hosts: str) -> None:
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = hosts
