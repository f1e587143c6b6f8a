"""The page in the browser; the rest of the package never imports it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from ..config import Limits
from .layout import lay_out
from .session import Home

_TEMPORARY = 3600  # seconds that photos which were only tried may lie about

# System fonts: nothing is fetched from anywhere. Blue and orange stay apart for colour-blind eyes.
THEME = gr.themes.Base(
    primary_hue=gr.themes.colors.blue,
    secondary_hue=gr.themes.colors.blue,
    neutral_hue=gr.themes.colors.slate,
    radius_size=gr.themes.sizes.radius_lg,
    text_size=gr.themes.sizes.text_lg,
    spacing_size=gr.themes.sizes.spacing_lg,
    font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
    font_mono=["ui-monospace", "Consolas", "monospace"],
).set(
    body_background_fill="#f6f7f9",
    body_background_fill_dark="#0f141b",
    block_border_width="0px",
    block_background_fill="transparent",
    block_background_fill_dark="transparent",
    block_shadow="none",
    button_large_padding="14px 24px",
    button_primary_background_fill="#1d5fd1",
    button_primary_background_fill_hover="#174fb0",
    button_primary_background_fill_dark="#2f6fe0",
    button_primary_background_fill_hover_dark="#4a84ea",
    button_primary_text_color="#ffffff",
)
CSS = (Path(__file__).parent / "page.css").read_text("utf-8")


def build_app(home: Path, checkpoints: Path, keep_hours: float | None = None) -> gr.Blocks:
    """The whole page over the visitors' projects in ``home`` and the models for everybody in ``checkpoints``.

    Projects nobody visits for ``keep_hours`` are deleted, never if that is None.
    """
    place = Home(home, checkpoints, keep_hours)
    with gr.Blocks(
        title="Teach a photo classifier", analytics_enabled=False, delete_cache=(_TEMPORARY // 6, _TEMPORARY)
    ) as page:
        lay_out(page, place)
    place.keep_sweeping()
    return page


def launch_settings() -> dict[str, Any]:
    """What ``launch`` is given besides host and port: the look, and nothing kept or shown that is private."""
    return {
        "theme": THEME,
        "css": CSS,
        "run_history": False,
        "show_error": False,
        "footer_links": [],
        "max_file_size": Limits().bytes_unpacked,
        "ssr_mode": False,
        "allowed_paths": [],
    }
