"""Lists of pictures from agents, which Gradio 6.31 cannot take.

For an input of several files its description of a tool refers to a definition that is not there, so that every call is
refused, and it turns no picture of the list into a file.
"""

from __future__ import annotations

from typing import Any

from gradio.routes import App

_MOST = 51  # pictures of a list that become files: one more than are answered, which is then said


def take_lists_of_pictures(app: App) -> None:
    """Let the tools of a page that answers agents take lists of pictures, as they take single ones."""
    server: Any = app.get_blocks().mcp_server_obj
    if server is None:
        return
    describe = server.get_input_schema

    def get_input_schema(name: str, parameters: dict[str, str] | None = None) -> tuple[dict[str, Any], list[list[Any]]]:
        schema, files = describe(name, parameters)
        taken = []
        for place in files:
            if place[1:] != ["items"]:
                taken.append(place)
                continue
            described = schema["properties"][place[0]]
            described.pop("$defs", None)
            described["items"].pop("$ref", None)
            taken += [[place[0], number] for number in range(_MOST)]
        return schema, taken

    server.get_input_schema = get_input_schema
