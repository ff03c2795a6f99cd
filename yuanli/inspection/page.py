"""The report of a model that answers no rows: facts, pictures and texts, in the report's own look."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from yuanli.inspection.report import picture
from yuanli.training.files import write_atomically


def write_page(
    path: Path,
    *,
    title: str,
    data: str,
    facts: Mapping[str, str],
    figures: Sequence[tuple[Any, str]] = (),
    texts: Sequence[tuple[str, str]] = (),
    command: str = "",
    config: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
) -> Path:
    """Write one HTML file with everything inside, whole or not at all.

    `data`: a line on what it was judged on; `figures`: each with its caption; `texts`: each after its title.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("yuanli", "inspection"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    section = {
        "anchor": "model",
        "title": title,
        "facts": facts,
        "pictures": [picture(figure, caption, wide=True) for figure, caption in figures],
        "tables": [],
        "texts": [{"title": name, "text": text} for name, text in texts],
        "flawless": False,
        "command": command,
        "config": json.dumps(config, ensure_ascii=False, indent=2) if config else "",
    }
    html = environment.get_template("report.html").render(
        title=title,
        command="",
        notes=notes,
        data=data,
        summary={},
        pictures=[],
        sections=[section],
        interval=False,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, html.encode())
    return path
