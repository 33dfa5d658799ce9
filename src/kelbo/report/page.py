"""The page as a whole."""

import os
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from kelbo.files import replacing
from kelbo.report.pictures import embedded
from kelbo.report.tables import epochs, figures, settings

# The policy lets a browser load nothing but what stands in the file itself, whatever the content.
_PAGE = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" \
content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
$style</style>
</head>
<body>
<header>
<h1>$title</h1>
<pre><code>$command</code></pre>
$notes$verdict</header>
<main>
<h2>Figures</h2>
$summary
$pictures<h2>Epochs</h2>
$history
<h2>Settings</h2>
$config
</main>
</body>
</html>
""")


def write(
    path: str | os.PathLike[str],
    *,
    title: str,
    command: str,
    summary: Mapping[str, object],
    config: Mapping[str, object],
    history: Mapping[str, Sequence[object]],
    pictures: Sequence[tuple[str, str | os.PathLike[str]]],
    notes: Sequence[str] = (),
    verdict: Mapping[str, Any] | None = None,
) -> Path:
    """Writes one HTML file that holds everything about a run, pictures included.

    It needs no network, no script and no other file, reads well in light and dark, on a narrow
    screen and on paper. Every text is escaped. The same content gives the same bytes; an old file
    is replaced only once the new one is complete.

    Args:
        path: where; the folder must exist.
        title: the heading.
        command: what was typed to make the run.
        summary: figures by name. Nested mappings get a heading of their own, and those with the
            same names share one table: `{"train": {"loss": 150.1, "kl": 6.3}, "validation":
            {"loss": 153.0, "kl": 6.4}, "log likelihood": {"nats per example": -148.9, "samples":
            1000, "examples": 500}, "seconds": 61.2, "seed": 0}`.
        config: settings by name, nested or not.
        history: one value per epoch by name, None where there is none.
        pictures: captions and paths of PNG files, in order.
        notes: warnings for the person, shown first.
        verdict: what is to be said of the fit, shown at the top: `headline`, `healthy`, and
            `findings`, each a mapping of `severity`, `sentence` and `advice`; as
            `kelbo.evaluation.Verdict.as_dict` makes it.

    Returns:
        The path.

    Raises:
        InputError: a picture cannot be read or is no PNG, columns of the history differ in length,
            or the folder does not exist.

    Example:
        >>> import tempfile
        >>> from kelbo import report
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     page = report.write(
        ...         f"{folder}/report.html",
        ...         title="digits",
        ...         command="kelbo fit digits",
        ...         summary={"seed": 0},
        ...         config={"latent_dim": 2},
        ...         history={"loss": [31.5, 28.0]},
        ...         pictures=[],
        ...     )
        ...     page.name
        'report.html'
    """
    shown = embedded(pictures)
    page = _PAGE.substitute(
        title=escape(title),
        style=files("kelbo.report").joinpath("page.css").read_text("utf-8"),
        command=escape(command),
        notes=_notes(notes),
        verdict=_verdict(verdict),
        summary=figures(summary),
        pictures=f"<h2>Pictures</h2>\n{shown}\n" if shown else "",
        history=epochs(history),
        config=settings(config),
    )
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")
    return Path(path)


def _notes(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    return f'<ul class="notes">{"".join(f"<li>{escape(note)}</li>" for note in notes)}</ul>\n'


def _verdict(verdict: Mapping[str, Any] | None) -> str:
    if verdict is None:
        return ""
    items = "".join(
        f'<li class="{escape(finding["severity"])}"><strong>{escape(finding["severity"])}</strong> '
        f"{escape(finding['sentence'])}{_advice(finding['advice'])}</li>"
        for finding in verdict["findings"]
    )
    kind = "healthy" if verdict["healthy"] else "suspicious"
    listed = f"<ul>{items}</ul>" if items else ""
    return (
        f'<section class="verdict {kind}"><h2>Verdict</h2>'
        f"<p>{escape(verdict['headline'])}</p>{listed}</section>\n"
    )


def _advice(advice: Sequence[str]) -> str:
    if not advice:
        return ""
    lines = "".join(f"<li>{escape(line)}</li>" for line in advice)
    return f"<details open><summary>What to try</summary><ul>{lines}</ul></details>"
