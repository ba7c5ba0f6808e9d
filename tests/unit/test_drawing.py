"""A scene as lines: true, and never wider or higher than the terminal."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.text import Text

from batchsync.model import JobState
from batchsync.report.drawing import draw, one_line
from batchsync.report.glyphs import ASCII, UNICODE, glyphs_for, harmless
from batchsync.report.scene import Credits, Flight, Scene, Speed, Trouble, lanes

S = JobState
STATES: Mapping[JobState, int] = {S.PENDING: 1_900, S.UPLOADED: 64, S.SUBMITTED: 16, S.DONE: 3_017}
# What is left of the first twelve jobs, in steps of five seconds.
LEFT = (30, 30, 30, 35, 35, 35, 35, 35, 40, 40, 40, 40)


def a_scene(**changes: Any) -> Scene:
    states = {**STATES, S.FAILED: 3}
    speeds = {"upload": Speed(4, 0.5, 2_100_000.0), "render": Speed(16, 0.52)}
    fields: dict[str, Any] = {
        "batch": "spring",
        "states": states,
        "lanes": lanes(states, speeds),  # type: ignore[arg-type]
        "credits": Credits(104_050, 8_000, 200_000),
        "seconds": 761.0,
        "left": "about 14-18 min left",
        "flights": tuple(Flight(f"j{n}", "rendering", 90.0 - n, 30.0 + n) for n in range(16)),
        "under_way": 53,
        "troubles": (Trouble("no_source_face", 3, "j7", "No face was found."),),
    }
    return Scene(**(fields | changes))


def shown(scene: Scene, width: int = 80, height: int = 30, **more: Any) -> list[str]:
    return [line.plain.rstrip() for line in draw(scene, width, height, **more)]


def test_a_view_says_what_was_done_what_failed_what_it_cost_and_how_long_it_takes() -> None:
    assert shown(a_scene()) == [
        "spring                                              12:41 · about 14–18 min left",
        "upload    ━━━━━━━━━━━━━━━━━───────────  3,100/5,000  4 sending          2.1 MB/s",
        "submit    ━━━━━━━━━━━━━━━━━───────────  3,036/5,000  64 waiting",
        "render    ━━━━━━━━━━━━━━━━────────────  3,020/5,000  16 rendering         31/min",
        "download  ━━━━━━━━━━━━━━━━────────────  3,020/5,000",
        "",
        *(f"  j{n:<2}  rendering       1:{30 - n}  about 0:{LEFT[n]} left" for n in range(12)),
        "  +41 more under way",
        "",
        "ended     3,017 done · 3 failed",
        "  ✗ 3 no_source_face: No face was found. (j7)",
        "credits   104,050 spent · 8,000 reserved · cap 200,000",
    ]


def test_what_is_not_there_takes_no_line() -> None:
    bare = a_scene(flights=(), under_way=0, troubles=(), left=None, seconds=None, states=STATES)
    lines = shown(bare)

    assert lines[0] == "spring"
    assert not [line for line in lines if "✗" in line or "under way" in line]
    assert "cap" not in shown(a_scene(credits=Credits(5)))[-1]


@pytest.mark.parametrize(
    ("flight", "words"),
    [
        (Flight("j", "rendering", 5.0), "0:05"),
        (Flight("j", "rendering", 5.0, 55.0), "about 0:55 left"),
        (Flight("j", "rendering", 5.0, 200.0), "about 3:15 left"),
        (Flight("j", "rendering", 65.0, -5.0), "any moment now"),
        (Flight("j", "rendering", 3_725.0, -3_000.0, slow=True), "1:02:05  longer than usual"),
    ],
)
def test_a_job_under_way_tells_its_age_and_its_end(flight: Flight, words: str) -> None:
    assert shown(a_scene(flights=(flight,), under_way=1))[6].endswith(words)


@pytest.mark.parametrize(
    ("per_second", "words"),
    [(25.0, "25/s"), (0.52, "31/min"), (0.02, "1.2/min"), (0.002, "7.2/h"), (0.01, "36/h")],
)
def test_speeds_come_in_the_unit_that_fits(per_second: float, words: str) -> None:
    scene = a_scene(lanes=lanes(STATES, {"render": Speed(None, per_second)}))

    assert shown(scene)[3].split()[-1] == words


def test_a_stage_that_is_through_has_a_full_bar_and_no_speed() -> None:
    done = a_scene(lanes=lanes({S.DONE: 5}, {"upload": Speed(0, 3.0, 5.0)}), states={S.DONE: 5})
    line = shown(done)[1]

    assert "─" not in line
    assert line.endswith("5/5")


def test_bars_keep_their_length_whatever_the_speeds_are() -> None:
    quiet = a_scene(lanes=lanes(STATES, {}))

    assert shown(quiet)[1].index("3,0") == shown(a_scene())[2].index("3,0")


def test_a_narrow_terminal_keeps_bars_counts_and_ids() -> None:
    lines = shown(a_scene(), width=40)

    assert lines[0] == "spring      12:41 · about 14–18 min left"
    assert lines[2] == "submit    ━━━━━━━━━━───────  3,036/5,000"
    assert "  j0      1:30  0:30 left" in lines
    assert lines[-3:] == [
        "credits   104,050 spent",
        "          8,000 reserved",
        "          cap 200,000",
    ]


def test_a_low_terminal_keeps_the_stages() -> None:
    lines = shown(a_scene(), height=5)

    assert [line.split()[0] for line in lines] == [
        "spring",
        "upload",
        "submit",
        "render",
        "download",
    ]


def test_ascii_is_all_that_some_consoles_have() -> None:
    lines = shown(a_scene(notes=("stopping",)), glyphs=ASCII, width=60)

    assert all(line.isascii() for line in lines)
    assert "####" in lines[1]
    assert (glyphs_for("cp437"), glyphs_for("utf-8")) == (ASCII, UNICODE)
    assert glyphs_for(None) is glyphs_for("no-such-thing") is ASCII


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 250),
    st.integers(1, 60),
    st.text(max_size=60),
    st.text(max_size=200),
    st.sampled_from([UNICODE, ASCII]),
)
def test_nothing_is_ever_wider_or_higher_than_the_terminal(
    width: int, height: int, job: str, message: str, glyphs: Any
) -> None:
    scene = a_scene(
        batch=job,
        flights=(Flight(job, "downloading", 9e5, 1e6), Flight("b", "rendering", 1.0)),
        troubles=(Trouble("code", 2, job, message),) * 9,
        calls=message,
        notes=(message,),
    )
    lines = draw(scene, width, height, glyphs)

    assert len(lines) <= height
    assert all(line.cell_len <= width for line in lines)
    assert not [line for line in lines if "\n" in line.plain or "\x1b" in line.plain]


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("\x1b[2Jgone", " [2Jgone"),
        ("a\nb\tc", "a b c"),
        ("evil\u202egnp.exe", "evilgnp.exe"),
        ("dünn 🎬 العربية", "dünn 🎬 العربية"),
    ],
)
def test_names_and_messages_can_not_draw_on_the_terminal(text: str, safe: str) -> None:
    assert harmless(text) == safe


def test_no_color_is_fixed_for_dark_or_for_light_ground() -> None:
    fixed = ("white", "black", "bright", "#", "rgb", " on ")
    styles = [
        str(style) for line in draw(a_scene(), 80, 30) for style in _styles(line) if str(style)
    ]

    assert styles
    assert not [style for style in styles if any(word in style for word in fixed)]


def _styles(line: Text) -> list[Any]:
    return [line.style, *(span.style for span in line.spans)]


def test_a_log_line_says_it_all_in_one() -> None:
    scene = a_scene(calls="9 in all, 3 tried again", notes=("stopping: x",))

    assert one_line(scene) == (
        "3,020 of 5,000 ended · 3 failed · 16 rendering · 104,050 credits spent"
        " · about 14-18 min left · requests: 9 in all, 3 tried again · stopping: x"
    )
