"""Starts the page: ``python app.py [--host H] [--port P] [--share]``. Hugging Face Spaces runs this file too."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

HERE = Path(__file__).resolve().parent


def arguments() -> argparse.Namespace:
    """Host, port and sharing; Gradio's own environment variables give the defaults."""
    on_space = "SPACE_ID" in os.environ
    host = os.environ.get("GRADIO_SERVER_NAME", "0.0.0.0" if on_space else "127.0.0.1")
    port = os.environ.get("GRADIO_SERVER_PORT")
    parser = argparse.ArgumentParser(description="Teach a photo classifier in the browser.")
    parser.add_argument("--host", default=host, help=f"address to listen on (default {host})")
    parser.add_argument(
        "--port", type=int, default=int(port) if port else None, help="port (default: the first free one from 7860)"
    )
    parser.add_argument("--share", action="store_true", help="also make a public link through gradio.live")
    return parser.parse_args()


def main() -> None:
    """Builds the page and serves it until it is stopped."""
    chosen = arguments()
    home = Path(os.environ.get("CLASSIFIER_HOME", HERE / "home")).resolve()
    checkpoints = Path(os.environ.get("CLASSIFIER_CHECKPOINTS", HERE / "checkpoints")).resolve()
    hours = os.environ.get("CLASSIFIER_KEEP_HOURS", "24" if "SPACE_ID" in os.environ else "")
    # Uploads on their way in lie beside the projects, not in a folder that other programs use as well.
    os.environ.setdefault("GRADIO_TEMP_DIR", str(home / "uploads"))
    if os.environ.get("SPACES_ZERO_GPU"):
        from classifier.device import host_on_zero_gpu

        host_on_zero_gpu()
    from classifier.ui import build_app, launch_settings

    page = build_app(home, checkpoints, float(hours) if hours else None)
    page.launch(server_name=chosen.host, server_port=chosen.port, share=chosen.share, **launch_settings())


if __name__ == "__main__":
    main()
