"""What the site changes in the pages: links that leave docs/ on a disk lead nowhere on the web."""

from __future__ import annotations

from typing import Any


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Name the README of the repository instead of linking to it."""
    return markdown.replace("[README](../README.md)", "README of the repository")
