"""A picture of how much is found, by type and set."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from callveil.schemas.errors import UserError
from callveil.transforms.lab.evaluate.evaluate import POOLED, SetResult

FORMATS = (".svg", ".png")


class PlotError(UserError, ValueError):
    """A picture cannot be drawn; the text says why and how to mend it."""


def check_plot(path: Path) -> None:
    """Find out before the work whether a picture can be drawn. Raises `PlotError`."""
    if path.suffix.lower() not in FORMATS:
        raise PlotError(f"--plot: {path}: the name must end in {' or '.join(FORMATS)}")
    if not path.parent.is_dir():
        raise PlotError(f"--plot: {path.parent}: is no folder; make it first")
    if find_spec("matplotlib") is None:
        raise PlotError(
            "--plot needs matplotlib, which callveil does not install by itself: pip install "
            "'callveil[plot]'"
        )


def plot_measured(found: Sequence[SetResult], path: Path) -> None:
    """Draw entity recall by type, with 95 % intervals, one colour a set; and leaked and needlessly
    covered letters below.

    Equal measures give the same SVG, byte for byte.

    Args:
        found: measures by set; those of all sets together are left out.
        path: `.svg` or `.png`; replaced where it exists.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    sets = [m for m in found if m.name != POOLED]
    mean = {
        k: -sum(m.figures.by_type[k].entity_recall.n for m in sets if k in m.figures.by_type)
        for m in sets
        for k in m.figures.by_type
    }
    kinds = [k for k in sorted(mean, key=lambda k: (mean[k], k)) if mean[k]]
    height = 0.8 / max(1, len(sets))
    with mpl.rc_context({"svg.hashsalt": "callveil", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(
            figsize=(9, 2.2 + 0.28 * (len(kinds) + 1) * max(1, 0.6 * len(sets))),
            layout="constrained",
        )
        recall, rates = figure.subplots(2, 1, height_ratios=(max(2, len(kinds)), 2))
        for n, measured in enumerate(sets):
            estimates = {
                k: f.entity_recall
                for k, f in measured.figures.by_type.items()
                if f.entity_recall.value is not None
            }
            places = [
                i + (n - (len(sets) - 1) / 2) * height
                for i, k in enumerate(kinds)
                if k in estimates
            ]
            chosen = [estimates[k] for k in kinds if k in estimates]
            values = [e.value or 0.0 for e in chosen]
            errors = [
                [(e.value or 0.0) - (e.low or 0.0) for e in chosen],
                [(e.high or 0.0) - (e.value or 0.0) for e in chosen],
            ]
            style = {"fmt": "o", "markersize": 4, "capsize": 2, "color": f"C{n}"}
            recall.errorbar(values, places, xerr=errors, label=Path(measured.name).name, **style)
            for row, rate in enumerate(
                (measured.figures.leak_per_1000, measured.figures.over_per_1000)
            ):
                if rate.value is not None:
                    error = [[rate.value - (rate.low or 0.0)], [(rate.high or 0.0) - rate.value]]
                    rates.errorbar(
                        [rate.value],
                        [row + (n - (len(sets) - 1) / 2) * height],
                        xerr=error,
                        **style,
                    )
        recall.set_yticks(range(len(kinds)), [f"{k} ({-mean[k]:,})" for k in kinds])
        recall.set_ylim(len(kinds) - 0.4, -0.6)
        recall.set_xlim(-0.02, 1.02)
        recall.set_title(
            "share of labelled spans wholly covered, by type (number of spans), with 95 % intervals"
        )
        rates.set_yticks((0, 1), ("leaked", "covered without a label"))
        rates.set_ylim(1.6, -0.6)
        rates.set_xlim(left=0)
        rates.set_title("letters and digits per 1,000 characters")
        for axes in (recall, rates):
            axes.grid(axis="x", alpha=0.3)
        if sets:
            figure.legend(loc="outside lower center", ncols=min(4, len(sets)))
        figure.savefig(
            path, dpi=150, metadata={"Date": None} if path.suffix.lower() == ".svg" else None
        )
