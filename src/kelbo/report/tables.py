"""Mappings and histories as HTML tables. Every text is escaped here."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from numbers import Real

from kelbo.errors import InputError
from kelbo.report.values import label_of, text_of

_SHORT = 12  # a history of so many epochs is shown whole


def settings(values: Mapping[str, object]) -> str:
    """A two-column table of names and values.

    Args:
        values: nested mappings become dotted names.

    Returns:
        HTML.
    """
    rows = "".join(
        f'<tr><th scope="row">{escape(label_of(key))}</th>{_cell(value)}</tr>'
        for key, value in _flat(values).items()
    )
    return f'<div class="scroll"><table><tbody>{rows}</tbody></table></div>'


def figures(summary: Mapping[str, object]) -> str:
    """A summary: single values in one table, every nested mapping under its own heading.

    Mappings that name the same figures (train and validation, say) share one table, a column each.

    Args:
        summary: names to values or to mappings of values.

    Returns:
        HTML.
    """
    nested = {key: value for key, value in summary.items() if isinstance(value, Mapping)}
    parts = []
    placed: set[str] = set()
    for key, value in nested.items():
        if key in placed or not value:
            continue
        alike = [other for other in nested if list(nested[other]) == list(value)]
        placed.update(alike)
        if len(alike) > 1:
            parts.append(_side_by_side({other: nested[other] for other in alike}))
        else:
            parts.append(f"<section><h3>{escape(label_of(key))}</h3>{settings(value)}</section>")
    single = {key: value for key, value in summary.items() if key not in nested}
    if single:
        parts.append(f"<section><h3>run</h3>{settings(single)}</section>")
    return f'<div class="figures">{"".join(parts)}</div>'


def epochs(history: Mapping[str, Sequence[object]]) -> str:
    """The values of every epoch.

    Long histories show about ten epochs, evenly spaced, with the first, the last and the best;
    the others unfold. The best epoch, of the lowest validation loss (training loss where there is
    none), is marked.

    Args:
        history: names to one value per epoch.

    Returns:
        HTML.

    Raises:
        InputError: columns differ in length.
    """
    lengths = {key: len(values) for key, values in history.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(
            f"history must have one value per epoch under every key; got lengths {lengths}."
        )
    count = max(lengths.values(), default=0)
    if not count:
        return "<p>No epoch was finished.</p>"
    best = _best(history)
    if count <= _SHORT:
        return _epoch_table(history, range(count), best)
    shown = {round(i * (count - 1) / 9) for i in range(10)} | (
        {best} if best is not None else set()
    )
    return (
        _epoch_table(history, sorted(shown), best)
        + f"<details><summary>All {count} epochs</summary>"
        + _epoch_table(history, range(count), best)
        + "</details>"
    )


def _epoch_table(
    history: Mapping[str, Sequence[object]], shown: Sequence[int], best: int | None
) -> str:
    head = "".join(f'<th scope="col">{escape(label_of(key))}</th>' for key in history)
    rows = []
    for epoch in shown:
        mark = ' class="best"' if epoch == best else ""
        note = " <small>best</small>" if epoch == best else ""
        cells = "".join(_cell(values[epoch]) for values in history.values())
        rows.append(f'<tr{mark}><th scope="row">{epoch + 1}{note}</th>{cells}</tr>')
    return (
        '<div class="scroll"><table class="epochs">'
        f'<thead><tr><th scope="col">epoch</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _best(history: Mapping[str, Sequence[object]]) -> int | None:
    for key in ("val_loss", "loss"):
        finite = [
            (float(value), epoch)
            for epoch, value in enumerate(history.get(key, ()))
            if isinstance(value, Real) and math.isfinite(value)
        ]
        if finite:
            return min(finite)[1]
    return None


def _side_by_side(columns: Mapping[str, Mapping[str, object]]) -> str:
    head = "".join(f'<th scope="col">{escape(label_of(key))}</th>' for key in columns)
    rows = "".join(
        f'<tr><th scope="row">{escape(label_of(name))}</th>'
        + "".join(_cell(column[name]) for column in columns.values())
        + "</tr>"
        for name in next(iter(columns.values()))
    )
    return (
        '<section class="scroll"><table>'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table></section>"
    )


def _flat(values: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _cell(value: object) -> str:
    kind = ' class="number"' if isinstance(value, Real) and not isinstance(value, bool) else ""
    return f"<td{kind}>{escape(text_of(value))}</td>"
