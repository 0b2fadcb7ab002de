"""YAML front matter, as the Hugging Face Hub reads it at the top of a card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml


def front_matter(fields: Mapping[str, Any]) -> str:
    """The block of YAML at the top of a Markdown file.

    Args:
        fields: JSON values by name; their order is kept.

    Returns:
        Lines from ``---`` to ``---``, without a line break at the end.
    """
    text = yaml.safe_dump(dict(fields), sort_keys=False, allow_unicode=True, width=100)
    return f"---\n{text}---"
