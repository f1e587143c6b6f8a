"""Starts the page: ``python app.py [--host H] [--port P] [--share]``. Hugging Face Spaces runs this file too."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

HERE = Path(__file__).resolve().parent


def arguments() -> argparse.Namespace:
    """The command line; its defaults come from the environment."""
    on_space = "SPACE_ID" in os.environ
    host = os.environ.get("GRADIO_SERVER_NAME", "0.0.0.0" if on_space else "127.0.0.1")
    parser = argparse.ArgumentParser(description="Teach a photo classifier in the browser.")
    parser.add_argument("--host", default=host, help=f"address to listen on (default {host})")
    parser.add_argument(
        "--port",
        type=int,
        default=os.environ.get("GRADIO_SERVER_PORT"),  # argparse turns texts into numbers, or says why not
        help="port (default: the first free one from 7860)",
    )
    parser.add_argument("--share", action="store_true", help="also make a public link through gradio.live")
    return parser.parse_args()


def keep_hours() -> float | None:
    """After how many hours without a visit a project is deleted; None is never."""
    text = os.environ.get("CLASSIFIER_KEEP_HOURS", "24" if "SPACE_ID" in os.environ else "")
    try:
        return float(text) if text else None
    except ValueError:
        raise SystemExit(f"CLASSIFIER_KEEP_HOURS is “{text}”; it must be a number of hours, such as 24.") from None


def main() -> None:
    """Builds the page and serves it until it is stopped."""
    chosen, hours = arguments(), keep_hours()
    home = Path(os.environ.get("CLASSIFIER_HOME", HERE / "home")).resolve()
    checkpoints = Path(os.environ.get("CLASSIFIER_CHECKPOINTS", HERE / "checkpoints")).resolve()
    # Uploads on their way in lie beside the projects, not in a folder that other programs use as well.
    os.environ.setdefault("GRADIO_TEMP_DIR", str(home / "uploads"))
    if os.environ.get("SPACES_ZERO_GPU"):
        from classifier.device import host_on_zero_gpu

        host_on_zero_gpu()
    from classifier.ui.app import build_app, launch_settings

    page = build_app(home, checkpoints, hours)
    page.launch(server_name=chosen.host, server_port=chosen.port, share=chosen.share, **launch_settings())


if __name__ == "__main__":
    main()
