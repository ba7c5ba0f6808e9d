"""The report as a page: what it says, what it holds back; nothing in it can be made to run."""

import base64
import hashlib
import json
import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import pytest

from batchsync.errors import LedgerUnusable, UsageError
from batchsync.ledger.file import open_for_writing
from batchsync.ledger.reviews import Verdict
from batchsync.manifest import load
from batchsync.report.html import reading
from batchsync.report.html.next_steps import Commands
from batchsync.report.html.report import Made, Wanted, make
from tests.support.media import Media
from tests.support.told import Told, tell

HOSTILE = "</script><script>alert(1)</script><!--"


class Parsed(HTMLParser):
    """The page as a browser would take it apart."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.styles: list[str] = []
        self.addresses: list[str] = []
        self.policy = ""
        self.words: list[str] = []
        self._open = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._open = tag
        values = dict(attributes)
        self.addresses += [values[name] or "" for name in ("src", "href") if name in values]
        assert not any(name.startswith("on") for name in values), tag
        if tag == "script":
            self.scripts.append((values, ""))
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"] or ""

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open == "script":
            values, text = self.scripts[-1]
            self.scripts[-1] = (values, text + data)
        elif self._open == "style":
            self.styles.append(data)
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def data(self) -> dict:
        [text] = [text for values, text in self.scripts if values.get("id") == "data"]
        return json.loads(text)


def wanted(manifest: Path, **more: object) -> Wanted:
    state = manifest.parent / ".batchsync" / "batch.db"
    asked = {"state": state, "pictures": 0, "folder": manifest.parent, **more}
    return Wanted(load(manifest), command=Commands(manifest.name), now=time.time(), **asked)


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., Made]:
    """Tells a batch, and makes its report."""
    return lambda **rules: make(wanted(tell(tmp_path, Told(**rules))))


def test_the_headline_has_the_counts_and_the_credits_of_the_ledger(
    told: Callable[..., Made], tmp_path: Path
) -> None:
    made = told(jobs=60, failed=0.2, unfinished=8, unconfirmed=2)
    text = Parsed(made.page).text
    with closing(sqlite3.connect(tmp_path / ".batchsync" / "batch.db")) as ledger:
        counts = dict(ledger.execute("SELECT state, count(*) FROM jobs GROUP BY 1"))
        charged, refunded = ledger.execute(
            "SELECT sum(credits_charged), sum(credits_refunded) FROM attempts"
        ).fetchone()

    assert f"{counts['done']} of 60 jobs are done, {counts['failed']} failed, 2 need a p" in text
    assert f"{charged:,}" in text
    assert f"{refunded:,} given back" in text
    assert "batchsync resolve batch.yaml welcome-00000 --adopt PROJECT_ID" in text
    assert "No face was detected in the video" in text


def test_a_batch_that_is_done_says_so(told: Callable[..., Made]) -> None:
    text = Parsed(told(jobs=3, failed=0).page).text

    assert "All 3 jobs are done." in text
    assert "What failed" not in text


def test_verdicts_of_the_outputs_that_stand_are_told(tmp_path: Path) -> None:
    manifest = tell(tmp_path, Told(3, failed=0))
    state = tmp_path / ".batchsync" / "batch.db"
    for job, attempt, verdict in (
        ("welcome-00000", 1, Verdict.APPROVED),
        ("welcome-00001", 1, Verdict.REJECTED),
        # Of an attempt before: it says nothing of this output.
        ("welcome-00002", 0, Verdict.REJECTED),
    ):
        with closing(sqlite3.connect(state)) as ledger, ledger:
            ledger.execute(
                "INSERT INTO reviews (job, attempt, verdict, note, at) VALUES (?, ?, ?, ?, 1)",
                (job, attempt, verdict.value, "late lips"),
            )
    parsed = Parsed(make(wanted(manifest)).page)
    jobs = parsed.data["jobs"]

    assert "1 approved · 1 rejected" in parsed.text
    assert "retry batch.yaml --rejected" in parsed.text
    assert [word and jobs["texts"][word] for word in jobs["columns"]["verdict"]] == [
        "approved", "rejected", None,
    ]  # fmt: skip


def test_a_batch_without_a_ledger_has_not_been_run(tmp_path: Path) -> None:
    manifest = tell(tmp_path, Told(2))
    (tmp_path / ".batchsync" / "batch.db").unlink()
    text = Parsed(make(wanted(manifest)).page).text

    assert "2 jobs; nothing has been run yet." in text
    assert "batchsync run batch.yaml" in text


def test_an_empty_ledger_is_one_that_has_not_been_run(tmp_path: Path) -> None:
    manifest = tell(tmp_path, Told(2))
    (tmp_path / ".batchsync" / "batch.db").write_bytes(b"")

    assert "nothing has been run yet" in Parsed(make(wanted(manifest)).page).text


@pytest.mark.parametrize(
    "damage", [b"no database at all, but long enough to be one", b"SQLite format 3\x00" + b"x" * 99]
)
def test_a_ledger_that_is_none_is_refused(tmp_path: Path, damage: bytes) -> None:
    manifest = tell(tmp_path, Told(2))
    (tmp_path / ".batchsync" / "batch.db").write_bytes(damage)

    with pytest.raises(LedgerUnusable):
        make(wanted(manifest))


def test_the_ledger_of_another_manifest_is_refused(tmp_path: Path) -> None:
    tell(tmp_path, Told(2))
    other = tmp_path / "other.yaml"
    other.write_text((tmp_path / "batch.yaml").read_text())

    with pytest.raises(UsageError, match="two manifests of one name"):
        make(wanted(other))


def test_a_locked_ledger_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = tell(tmp_path, Told(2))

    def refuse(_: object) -> None:
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(reading, "_read", refuse)

    with pytest.raises(LedgerUnusable, match=r"just now \(database is locked\).*Try again"):
        make(wanted(manifest))


def test_a_report_is_made_while_a_run_writes_and_leaves_no_trace(tmp_path: Path) -> None:
    manifest = tell(tmp_path, Told(2))
    state = tmp_path / ".batchsync" / "batch.db"
    with closing(open_for_writing(state)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE jobs SET state = 'failed'")
        text = Parsed(make(wanted(manifest)).page).text
        writer.execute("ROLLBACK")
        writer.execute("PRAGMA journal_mode = DELETE")

    assert "All 2 jobs are done." in text
    before = state.read_bytes()
    make(wanted(manifest))
    assert state.read_bytes() == before
    assert [path.name for path in state.parent.iterdir()] == ["batch.db"]


def test_the_policy_names_each_script_and_style_and_nothing_else(told: Callable[..., Made]) -> None:
    parsed = Parsed(told(jobs=3).page)
    rules = dict(rule.split(" ", 1) for rule in parsed.policy.split("; "))
    [script] = [text for values, text in parsed.scripts if not values]

    assert rules["default-src"] == "'none'"
    assert "unsafe" not in rules["script-src"] + rules["style-src-elem"]
    assert "http" not in parsed.policy
    assert _hash(script) in rules["script-src"]
    assert all(_hash(style) in rules["style-src-elem"] for style in parsed.styles)


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_no_name_ends_the_script_that_holds_it(told: Callable[..., Made]) -> None:
    fields = [{"name": HOSTILE, "tags": {"__proto__": HOSTILE, HOSTILE: "x"}}]
    parsed = Parsed(told(jobs=2, fields=fields).page)

    assert len(parsed.scripts) == 3
    assert parsed.data["jobs"]["columns"]["name"][0] == HOSTILE
    assert ["__proto__", HOSTILE] in parsed.data["jobs"]["tags"]
    assert HOSTILE in parsed.text


def test_nothing_is_loaded_from_a_network(told: Callable[..., Made]) -> None:
    parsed = Parsed(told(jobs=3).page)

    assert set(parsed.addresses) == {"#jobs"}


def test_signatures_of_sources_are_not_in_the_page(told: Callable[..., Made]) -> None:
    page = told(jobs=3).page

    assert b"media.example.com/welcome.mp4?\xe2\x80\xa6" in page
    assert b"Signature=" not in page


def test_outputs_are_linked_from_where_the_page_lies(tmp_path: Path, media: Media) -> None:
    manifest = tell(tmp_path, Told(3, failed=0, clips=[media.clip]))
    (tmp_path / "outputs" / "batch" / "00001.mp4").unlink()
    made = make(wanted(manifest, folder=tmp_path / "pages", pictures=2))
    data = Parsed(made.page).data

    assert data["jobs"]["columns"]["output"] == [
        "./../outputs/batch/00000.mp4", None, "./../outputs/batch/00002.mp4",
    ]  # fmt: skip
    assert (made.missing, made.pictures) == (1, 2)
    assert [number for number, _ in data["pictures"]] == [0, 2]
    assert "1 output is not where the run put them" in Parsed(made.page).text


def test_a_thousand_jobs_take_little_room(tmp_path: Path) -> None:
    few, many = (
        make(wanted(tell(tmp_path / str(count), Told(count)))).page for count in (10, 1010)
    )

    # 10,000 jobs have to fit into 10 MB with Plotly (2 MB) and the pictures (2 MB).
    assert (len(many) - len(few)) / 1000 < 500


def test_spending_by_tag_adds_up_to_the_whole(told: Callable[..., Made]) -> None:
    page = told(jobs=40).page.decode()
    tables = re.findall(r'<table class="spend">.*?</table>', page, re.DOTALL)
    sums = [
        sum(
            int(row.replace(",", ""))
            for row in re.findall(r'<td class="n">[\d,]+</td><td class="n">[\d,]+</td>'
                                  r'<td class="n">([\d,]+)</td>', table)
        )
        for table in tables
    ]  # fmt: skip

    assert len(sums) == 3
    assert f">{sums[0]:,}<" in page
    assert len(set(sums)) == 1
