"""Figures as lines and bars: made here, drawn by `templates/charts.html` as SVG with the same figures in a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

# The drawing's own units; it scales with its place.
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 480, 170, 56, 22, 8


@dataclass(frozen=True, slots=True)
class Series:
    """`values` in order; None where there is nothing to show. `number` is its colour."""

    label: str
    number: int
    values: list[float | None]
    # Runs of points without a gap: `x,y x,y …` for a polyline; a lone point is drawn as a dot.
    lines: list[str]
    dots: list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """`moments` are the beginnings of the hours; `rows` the table: a moment and each series' value as text."""

    title: str
    series: list[Series]
    bars: list[tuple[float, float, float, float]]
    moments: list[datetime]
    rows: list[tuple[datetime, list[str]]]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    empty: bool


def last_hours(hours: int, now: datetime | None = None) -> list[datetime]:
    """The beginnings of the last hours, the present one too, oldest first."""
    present = (now or datetime.now(UTC)).replace(minute=0, second=0, microsecond=0)
    return [present - timedelta(hours=back) for back in range(hours - 1, -1, -1)]


def hourly(
    title: str,
    rows: Sequence[Mapping[str, Any]],
    moments: list[datetime],
    columns: Sequence[tuple[str, str]],
    *,
    show: Callable[[float], str],
    bars: bool = False,
) -> Chart:
    """A chart of `(column, label)` over the hours; `show` makes a value's text. Without mail, bars are zero."""
    by_hour = {row["hour"]: row for row in rows}
    table = [
        [None if (value := by_hour.get(at, {}).get(name)) is None else float(value) for at in moments]
        for name, _ in columns
    ]
    if bars:
        table = [[value or 0.0 for value in values] for values in table]
    top = _nice(max((value for values in table for value in values if value is not None), default=0.0))
    step = (WIDTH - LEFT) / len(moments)

    def place(index: int, value: float) -> tuple[float, float]:
        return round(LEFT + step * (index + 0.5), 1), round((HEIGHT - BOTTOM) * (1 - value / top) + TOP, 1)

    series = []
    for number, ((_, label), values) in enumerate(zip(columns, table, strict=True)):
        runs = _runs(values)
        points = [[place(index, values[index] or 0.0) for index in run] for run in runs]
        series.append(
            Series(
                label,
                number,
                values,
                [" ".join(f"{x},{y}" for x, y in run) for run in points if len(run) > 1],
                [run[0] for run in points if len(run) == 1],
            )
        )
    floor = HEIGHT - BOTTOM + TOP
    drawn = [
        (x - step * 0.35, y, step * 0.7, floor - y)
        for index, value in enumerate(table[0])
        if bars and value
        for x, y in [place(index, value)]
    ]
    return Chart(
        title=title,
        series=[] if bars else series,
        bars=[(round(x, 1), y, round(width, 1), round(height, 1)) for x, y, width, height in drawn],
        moments=moments,
        rows=[
            (at, ["–" if (v := values[index]) is None else show(v) for values in table])
            for index, at in reversed(list(enumerate(moments)))
        ],
        x_ticks=[
            Tick(round(LEFT + step * (index + 0.5), 1), f"{at:%H:%M}")
            for index, at in enumerate(moments)
            if at.hour % max(1, len(moments) // 6) == 0
        ],
        y_ticks=[Tick(place(0, top * part)[1], show(top * part)) for part in (0, 0.5, 1)],
        empty=not any(value for values in table for value in values),
    )


def _runs(values: Sequence[float | None]) -> list[list[int]]:
    """Indices of neighbours that have a value."""
    runs: list[list[int]] = []
    for index, value in enumerate(values):
        if value is None:
            continue
        if runs and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs


def _nice(value: float) -> float:
    """The next 1, 2 or 5 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= value))
