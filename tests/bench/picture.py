"""The picture for docs/performance.md, from the kept results: `python -m tests.bench.picture`."""

import argparse
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from tests.bench.figures import ASYNC, BARE, CURL, OURS, THREADS, number
from tests.bench.results import RESULTS, Parts, to_show

PICTURE = Path("docs/images/performance.svg")

_INK, _PAPER, _TARGET = "#1f2328", "#ffffff", "#cf222e"
_COLOURS = {OURS: "#2f81f7", BARE: "#8b949e", CURL: "#57ab5a", THREADS: "#d29922", ASYNC: "#a371f7"}
# Browsers that prefer dark get these instead; other viewers show the picture as it was drawn.
_DARK = {_INK: "#e6edf3", _PAPER: "#0d1117", _TARGET: "#ff7b72"}

_Figure = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Panel:
    """Some figures, as bars.

    Attributes:
        title: above it.
        labels: of a figure, by its part and what it measures; None leaves it out.
        base: whose value counts as 1; the values themselves where that is None.
        excess: show what is above 1, in percent.
    """

    title: str
    labels: Callable[[str, str], str | None]
    base: str | None = None
    excess: bool = False

    def figures(self, parts: Parts) -> list[tuple[str, _Figure]]:
        """Those that it shows, with their labels."""
        found = [
            (self.labels(part, figure["what"]), figure)
            for part, record in parts.items()
            for figure in record["figures"]
        ]
        return [(label, figure) for label, figure in found if label]

    def length(self, value: float, figure: _Figure) -> float:
        """Of the bar."""
        if self.excess:
            return 100 * (value - 1)
        return value / (figure["medians"][self.base] if self.base else 1.0)

    def told(self, value: float, figure: _Figure) -> str:
        """Beside the bar."""
        if self.excess:
            return f"+{100 * (value - 1):.1f} %"
        return f"{number(value)} {figure['unit']}".rstrip()


def _ending(part: str, text: str, before: str = "") -> Callable[[str, str], str | None]:
    def label(named: str, what: str) -> str | None:
        fits = named == part and what.endswith(text)
        return before + what.removesuffix(text) if fits else None

    return label


def _dubbing(part: str, what: str) -> str | None:
    shown = ("wall", "CPU", "peak memory", "bytes sent")
    return next((each for each in shown if part == "dubbing" and what.startswith(each)), None)


def _starting(part: str, what: str) -> str | None:
    return what if part in ("startup", "rerun") and "memory" not in what else None


_PANELS = (
    _Panel(
        "(a) 60 jobs, 5 slots: time above the ideal",
        _ending("span", ": span over the ideal", "service "),
        excess=True,
    ),
    _Panel("(a) Status requests a job", _ending("span", ": status requests a job", "service ")),
    _Panel("(b) 6 videos in 10 languages; SDK threads = 1", _dubbing, base=THREADS),
    _Panel("(c) CPU of a small job", _ending("small", ": CPU a job")),
    _Panel("(d) One large file: more is better", _ending("transfer", ": speed")),
    _Panel("(e, f) Start-up, and runs with nothing to do", _starting),
)


def draw(parts: Parts) -> Canvas:
    """All panels, those without figures left out.

    Raises:
        ValueError: there are no figures.
    """
    panels = [panel for panel in _PANELS if panel.figures(parts)]
    if not panels:
        raise ValueError("no figures to draw: run python -m tests.bench")
    rows = (len(panels) + 1) // 2
    layout = ConstrainedLayoutEngine(hspace=0.06, wspace=0.04)
    canvas = Canvas(figsize=(10.5, 2.7 * rows + 1.0), facecolor=_PAPER, layout=layout)
    axes = list(canvas.subplots(rows, 2, squeeze=False).flat)
    for panel, axis in zip(panels, axes, strict=False):
        _bars(axis, panel, panel.figures(parts))
        _tidy(axis, panel.title)
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    shown = {who for panel in panels for _, figure in panel.figures(parts) for who in _who(figure)}
    canvas.legend(
        handles=list(_legend(shown)), loc="outside upper center", ncols=6, frameon=False, fontsize=9
    )
    canvas.supxlabel(_made(parts), fontsize=7.5, color=_INK)
    return canvas


def _bars(axis: Axes, panel: _Panel, figures: Sequence[tuple[str, _Figure]]) -> None:
    lengths = [
        panel.length(value, figure) for _, figure in figures for value in figure["medians"].values()
    ]
    limits = [_limit(panel, figure) for _, figure in figures]
    longest = max(*lengths, *(limit for limit in limits if limit is not None), 0.0)
    place = 0.0
    ticks = []
    for (label, figure), limit in zip(figures, limits, strict=True):
        first = place
        for who in _who(figure):
            mark = limit if who == OURS else None
            _bar(axis, panel, figure, who, place, mark, longest)
            place += 1
        ticks.append(((first + place - 1) / 2, label))
        place += 0.6
    axis.set_yticks([at for at, _ in ticks], [label for _, label in ticks], fontsize=8.5)
    axis.set_xlim(0, longest * 1.25)
    axis.invert_yaxis()


def _bar(
    axis: Axes,
    panel: _Panel,
    figure: _Figure,
    who: str,
    place: float,
    limit: float | None,
    longest: float,
) -> None:
    value = figure["medians"][who]
    end = panel.length(value, figure)
    axis.barh(place, end, height=0.82, color=_COLOURS[who], zorder=2)
    if limit is not None:
        axis.plot([limit, limit], [place - 0.48, place + 0.48], color=_TARGET, lw=2, zorder=3)
        # The text stands clear of the mark.
        end = limit if end <= limit < end + 0.2 * longest else end
    axis.text(
        end + 0.015 * longest, place, panel.told(value, figure), va="center", fontsize=8, zorder=4
    )


def _limit(panel: _Panel, figure: _Figure) -> float | None:
    target = figure["target"]
    if not target:
        return None
    against = figure["medians"][target["against"]] if target["against"] else 1.0
    return panel.length(target["limit"] * against, figure)


def _tidy(axis: Axes, title: str) -> None:
    axis.set_title(title, loc="left", fontsize=10, fontweight="bold")
    axis.set_facecolor("none")
    axis.tick_params(length=0)
    axis.set_xticks([])
    for side in ("top", "right", "bottom"):
        axis.spines[side].set_visible(False)


def _who(figure: _Figure) -> Sequence[str]:
    return [who for who in _COLOURS if who in figure["medians"]]


def _legend(shown: Collection[str]) -> Iterator[Patch | Line2D]:
    for who, colour in _COLOURS.items():
        if who in shown:
            yield Patch(color=colour, label=who)
    yield Line2D([], [], color=_TARGET, lw=2, label="target")


def _made(parts: Parts) -> str:
    dates = sorted(record["date"] for record in parts.values())
    about = next(iter(parts.values()))["machine"]
    return (
        f"medians · {about['cores']} cores of {about['cpu']} · Python {about['python']} · "
        f"{dates[-1]} · make bench"
    )


def save(canvas: Canvas, path: Path) -> None:
    """Write it as SVG, with the colours that a dark page wants beside those of a light one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    canvas.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    rules = "".join(
        f'[style*="fill: {light}"]{{fill:{dark}!important}}'
        f'[style*="stroke: {light}"]{{stroke:{dark}!important}}'
        for light, dark in _DARK.items()
    )
    style = f"<style>@media (prefers-color-scheme: dark){{{rules}}}</style>"
    drawn = path.read_text("utf-8")
    head, mark, rest = drawn.partition("<defs>")
    path.write_text(f"{head}{style}\n {mark}{rest}", encoding="utf-8")


def main() -> int:
    """Draw what was measured."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.picture", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--output", type=Path, default=PICTURE)
    options = parser.parse_args()
    # Text stays text: small, sharp, and in the reader's own font; ids are the same each time.
    mpl.rcParams.update(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "batchsync",
            "font.family": "sans-serif",
            "text.color": _INK,
            "axes.edgecolor": _INK,
            "axes.labelcolor": _INK,
            "xtick.color": _INK,
            "ytick.color": _INK,
        }
    )
    parts = to_show(options.results)
    if any(part["quick"] for part in parts.values()):
        print("these are figures of --quick: not for the documentation", file=sys.stderr)
    save(draw(parts), options.output)
    print(options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
