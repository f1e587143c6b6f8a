"""What the server keeps of each open page, without what Gradio keeps for links to a page as it is filled in.

For these links, which are off, Gradio computes the configuration of all components for each new page, which takes a
tenth of a second of the thread that answers all requests, and again that of each component that is given a value.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from gradio.blocks import Blocks
from gradio.routes import App
from gradio.state_holder import SessionState, StateHolder

from . import gradio_versions


def keep_states_only(app: App) -> None:
    """Let an app that has no session yet keep the states of its sessions alone, where Gradio's internals are known."""
    if not gradio_versions.is_known():
        return
    holder = _States()
    holder.set_blocks(app.get_blocks())
    app.state_holder = holder


class _States(StateHolder):
    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = _State(self.blocks)
        return super().__getitem__(session_id)


class _State(SessionState):
    def __init__(self, blocks: Blocks) -> None:
        config = blocks.default_config
        super().__init__(cast(Blocks, SimpleNamespace(default_config=config, blocks={})))  # without components
        self.blocks_config.config_for_block = _nothing  # type: ignore[assignment]


def _nothing(*_: Any) -> dict[str, Any]:
    return {}
