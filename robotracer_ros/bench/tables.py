"""Tables of a terminal: tallies row by row, shares in per cent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from robotracer_ros.bench.tally import CRITERIA, Share, Tally


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they need to be, the first to the left and the others to the right, under a ruled head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells[1:]]).rstrip())
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def table_of_tallies(head: str, tallies: Mapping[str, Tally]) -> str:
    """A row for each tally; the columns are the criteria that one of them has, the last one all of them together."""
    shown = [name for name in CRITERIA if any(name in tally.criteria for tally in tallies.values())]
    rows = [[head, *shown, "overall", "right of"]]
    for name, tally in tallies.items():
        cells = [_per_cent(tally.criteria[column]) if column in tally.criteria else "" for column in shown]
        rows.append([name, *cells, _with_error(tally.overall), f"{tally.overall.right} of {tally.overall.asked}"])
    return table(rows)


def errors_in_words(errors: Mapping[str, int]) -> str:
    """One line."""
    counted = ", ".join(f"{count} {name}" for name, count in errors.items())
    return f"without a usable answer: {counted or 'none'}"


def _per_cent(share: Share) -> str:
    return f"{100 * share.value:.0f} %"


def _with_error(share: Share) -> str:
    return f"{100 * share.value:.0f} ± {100 * share.standard_error:.0f} %"
