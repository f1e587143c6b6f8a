"""Serve the page: ``python app.py [--host H] [--port P] [--share]``. Hugging Face Spaces runs this file, too."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from classifier.messages import sentence
from classifier.messages.page import ServerCode

HERE = Path(__file__).resolve().parent


def parse_arguments() -> argparse.Namespace:
    """Parse the command line; its defaults come from the environment."""
    on_space = "SPACE_ID" in os.environ
    host = os.environ.get("GRADIO_SERVER_NAME", "0.0.0.0" if on_space else "127.0.0.1")
    parser = argparse.ArgumentParser(description=str(ServerCode.DESCRIPTION))
    parser.add_argument("--host", default=host, help=sentence(ServerCode.HOST, host=host))
    # argparse converts a default that is text, and reports one that is no number
    port = os.environ.get("GRADIO_SERVER_PORT")
    parser.add_argument("--port", type=int, default=port, help=str(ServerCode.PORT))
    parser.add_argument("--share", action="store_true", help=str(ServerCode.SHARE))
    return parser.parse_args()


def keep_hours() -> float | None:
    """Return the hours without a visit after which a project is deleted; None keeps projects."""
    value = os.environ.get("CLASSIFIER_KEEP_HOURS", "24" if "SPACE_ID" in os.environ else "")
    try:
        return float(value) if value else None
    except ValueError:
        raise SystemExit(sentence(ServerCode.KEEP_HOURS, value=value)) from None


def main() -> None:
    """Build the page and serve it until the program is stopped."""
    arguments, hours = parse_arguments(), keep_hours()
    home = Path(os.environ.get("CLASSIFIER_HOME", HERE / "home")).resolve()
    checkpoints = Path(os.environ.get("CLASSIFIER_CHECKPOINTS", HERE / "checkpoints")).resolve()
    # Uploads wait beside the projects, not in a folder that other programs use, too.
    os.environ.setdefault("GRADIO_TEMP_DIR", str(home / "uploads"))
    if os.environ.get("SPACES_ZERO_GPU"):
        from classifier.device import host_on_zero_gpu

        host_on_zero_gpu()
    from classifier.ui.app import build_app, launch_settings

    page = build_app(home, checkpoints, hours)
    page.launch(server_name=arguments.host, server_port=arguments.port, share=arguments.share, **launch_settings())


if __name__ == "__main__":
    main()
