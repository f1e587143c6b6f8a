"""The Gradio app: theme, launch settings, and the page built over the folders it serves."""

from __future__ import annotations

import os
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from .access import Logins
from .downloads import download_routes
from .health import health_routes
from .host_limits import HOME_LIMITS, HostLimits
from .hosts import Hosts, find_hosts
from .languages import Page
from .layout import build_layout
from .middleware import protect
from .phone_route import phone_routes
from .predict.demo import build_demo
from .sessions import Home
from .upload_route import upload_routes

_CACHE_CLEANUP = (600, 3000)  # seconds: how often and at what age Gradio deletes uploads: within the hour
_QUEUE_PAUSE = 0.01  # seconds between two looks for events; Gradio's 0.001 takes 4 % of a core while nobody is there
_MOST_WAITING = 1000  # events of all visitors; the next one is told that too many wait
_MOST_SESSIONS = 1000  # open pages whose state is kept in memory, a few hundred kilobytes each

# System fonts: nothing is fetched from anywhere. Blue and orange can be told apart with color blindness.
THEME = gr.themes.Base(
    primary_hue=gr.themes.colors.blue,
    secondary_hue=gr.themes.colors.blue,
    neutral_hue=gr.themes.colors.slate,
    radius_size=gr.themes.sizes.radius_lg,
    text_size=gr.themes.sizes.text_lg,
    spacing_size=gr.themes.sizes.spacing_md,
    font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
    font_mono=["ui-monospace", "Consolas", "monospace"],
).set(
    **{
        f"{name}{mode}": value
        for mode in ("", "_dark")  # the variables of ``page.css`` have other values in the dark
        for name, value in {
            "body_background_fill": "var(--pc-page)",
            "body_text_color": "var(--pc-text)",
            "body_text_color_subdued": "var(--pc-soft)",
            "block_background_fill": "var(--pc-card)",
            "block_border_color": "var(--pc-line)",
            "block_label_text_color": "var(--pc-soft)",
            "block_title_text_color": "var(--pc-soft)",
            "block_info_text_color": "var(--pc-soft)",
            "border_color_primary": "var(--pc-line)",
            "input_background_fill": "var(--pc-field)",
            "input_border_color": "var(--pc-edge)",
            "input_placeholder_color": "var(--pc-soft)",
            "checkbox_border_color": "var(--pc-edge)",
            "button_primary_background_fill": "var(--pc-main)",
            "button_primary_background_fill_hover": "var(--pc-main-over)",
            "button_primary_text_color": "var(--pc-on-main)",
            "button_secondary_background_fill": "var(--pc-card)",
            "button_secondary_background_fill_hover": "var(--pc-over)",
            "button_secondary_border_color": "var(--pc-line)",
            "block_border_width": "1px",
            "block_shadow": "none",
        }.items()
    },
    input_border_width="1px",  # a field of the color of the page is hardly seen without; the next two follow it
    checkbox_border_width="0",
    checkbox_label_border_width="0",
    checkbox_label_border_width_dark="0",
    button_large_padding="var(--pc-space-3) var(--pc-space-5)",
    button_large_text_size="var(--pc-size-m)",
    button_border_width="1px",
    block_radius="var(--pc-radius-m)",
    button_large_radius="var(--pc-radius-m)",
    button_medium_radius="var(--pc-radius-m)",
    button_small_radius="var(--pc-radius-m)",
)
CSS = (Path(__file__).parent / "page.css").read_text("utf-8")


def build_app(
    home: Path,
    checkpoints: Path,
    keep_hours: float | None = None,
    limits: HostLimits = HOME_LIMITS,
    agents: bool = False,
    demo: bool = False,
) -> gr.Blocks:
    """Build the page.

    Args:
        home: folder of the visitors' projects.
        checkpoints: folder of the models offered to everybody.
        keep_hours: hours without a visit after which a project is deleted; None keeps projects.
        limits: what visitors may use of this machine.
        agents: whether the page is launched for agents, too, which it tells then.
        demo: whether it only tries the models offered to everybody, and keeps no projects.
    """
    # After each event Gradio sums up the last 10,000 for its monitoring, which is off, and takes longer than the event.
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(sys.maxsize))
    place = Home(home, checkpoints, keep_hours, limits, agents)
    fill = partial(build_demo if demo else build_layout, home=place)
    page = Page(fill, analytics_enabled=False, delete_cache=_CACHE_CLEANUP)
    page.home = place
    page.queue(max_size=_MOST_WAITING)
    page._queue.sleep_when_free = _QUEUE_PAUSE
    # Earlier versions let Gradio keep the state of pages there, with the tokens of visitors.
    shutil.rmtree(Path(get_upload_folder()) / "deep_links", ignore_errors=True)
    place.start_cleanup()
    return page


def launch_settings(
    hosts: Hosts | None = None,
    limits: HostLimits = HOME_LIMITS,
    logins: Logins | None = None,
    agents: bool = False,
    demo: bool = False,
    with_metrics: bool = False,
) -> dict[str, Any]:
    """Return the arguments of ``launch`` besides host and port: the look, and nothing kept or shown that is private.

    Args:
        hosts: names under which the page may be reached; by default those of this machine alone.
        limits: what visitors may use of this machine.
        logins: who may use the page; None for everybody.
        agents: whether to answer the Model Context Protocol, with the endpoints for programs as tools.
        demo: whether the page only tries models.
        with_metrics: whether to answer Prometheus.
    """
    return {
        "theme": THEME,
        "css": CSS,
        "run_history": False,
        "show_error": False,
        "footer_links": [],
        "max_file_size": limits.upload.bytes_unpacked,
        "ssr_mode": False,
        "allowed_paths": [],
        "enable_monitoring": False,
        "_frontend": False,  # else Gradio ends where the page does not answer within 3 seconds: on a busy machine
        "state_session_capacity": _MOST_SESSIONS,
        "auth": logins.check if logins else None,
        "mcp_server": agents,
        "app_kwargs": {
            "routes": [
                *upload_routes(limits.upload.bytes_unpacked),
                *download_routes(),
                *phone_routes(),
                *health_routes(with_metrics),
            ],
            "lifespan": protect(hosts or find_hosts("127.0.0.1", {}), agents, not demo, with_metrics),
        },
    }
