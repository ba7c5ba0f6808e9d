"""What a run ends with, and what it says then; 11, 130 and 143 are with locks and signals."""

import csv
import re

import pytest

from tests.support.cli import run_cli

_SUMMARY = {
    "batch": None,
    "run_id": None,
    "exit": ["code", "name"],
    "jobs": [
        "total",
        "done",
        "skipped",
        "failed",
        "canceled",
        "unconfirmed",
        "pending",
        "in_flight",
    ],
    "credits": ["estimated", "charged", "refunded", "balance"],
    "bytes": ["uploaded", "upload_saved", "downloaded"],
    "requests": ["create", "status", "upload", "download"],
    "elapsed_seconds": None,
    "results": None,
    "failures": None,
    "next": None,
}
# From DESIGN, word for word.
_COLUMNS = (
    "job,name,status,attempt,project_id,generation_mode,start_seconds,end_seconds,max_fps_limit,"
    "audio,video,output,output_bytes,output_sha256,fps,width,height,credits_estimated,"
    "credits_charged,submitted_at,rendered_at,downloaded_at,render_seconds,error_stage,error_code,"
    "error_message"
)


def _sizes(batch, jobs):
    """Bytes of every file that the jobs name, each time it is named; and of each file once."""
    named = [batch.folder / job[role] for job in jobs for role in ("video", "audio")]
    return [path.stat().st_size for path in named], [path.stat().st_size for path in set(named)]


def test_0_the_summary_and_the_table_are_those_of_the_design(batch, cli, against):
    server = against()
    jobs = batch.pairs(24)
    jobs = [job | {"tags": {"show": "x", "lang": job["id"][-2:]}} for job in jobs]
    batch.write(jobs)
    ended = cli("run", "batch.yaml", "--json")
    assert ended.code == 0
    summary = ended.json
    assert list(summary) == list(_SUMMARY)
    assert {name: list(summary[name]) for name in _SUMMARY if _SUMMARY[name]} == {
        name: keys for name, keys in _SUMMARY.items() if keys
    }
    assert summary["exit"] == {"code": 0, "name": "ok"}
    assert summary["jobs"] == dict.fromkeys(_SUMMARY["jobs"], 0) | {"total": 24, "done": 24}
    assert summary["credits"] == {
        "estimated": 24 * 60,
        "charged": 24 * 50,
        "refunded": 24 * 10,
        "balance": 1_000_000 - 24 * 50,
    }
    every, once = _sizes(batch, jobs)
    outputs = [path.stat().st_size for path in batch.outputs.glob("*.mp4")]
    assert summary["bytes"] == {
        "uploaded": sum(once),
        "upload_saved": sum(every) - sum(once),
        "downloaded": sum(outputs),
    }
    asked = server.requests
    assert summary["requests"] == {
        "create": 24,
        "status": asked["status"],
        "upload": 28,
        "download": 24,
    }
    assert (summary["failures"], summary["next"]) == ([], None)
    assert summary["results"] == str(batch.results)
    with batch.results.open(newline="", encoding="utf-8") as file:
        table = list(csv.reader(file))
    assert table[0] == [*_COLUMNS.split(","), "show", "lang"]
    assert [row[0] for row in table[1:]] == [job["id"] for job in jobs]
    assert [row[-2:] for row in table[1:]] == [["x", job["id"][-2:]] for job in jobs]
    assert (server.uploads, server.requests["create"]) == (28, 24)
    assert (server.duplicates(), server.key_at_storage, server.bad_uploads) == ({}, 0, [])
    assert batch.wrong_outputs(server) == batch.strays() == []
    _rerun_does_nothing(batch, cli, server)


def _rerun_does_nothing(batch, cli, server):
    requests, files = server.requests.total(), batch.snapshot()
    ended = cli("run", "batch.yaml")
    assert (ended.code, "nothing to do" in ended.out) == (0, True)
    ended = cli("run", "batch.yaml", "--error-on-nothing", "--json")
    assert (ended.code, ended.json["exit"]["name"]) == (9, "nothing_to_do")
    assert (ended.json["jobs"]["skipped"], ended.json["jobs"]["done"]) == (24, 0)
    assert ended.json["requests"] == dict.fromkeys(_SUMMARY["requests"], 0)
    assert (server.requests.total(), batch.snapshot()) == (requests, files)


def test_q_says_nothing_on_success_and_pipes_get_no_control_codes(batch, cli, against):
    against()
    batch.write_pairs(2)
    first = cli("run", "batch.yaml", "--only", "ann-de", FORCE_COLOR=None, TERM="xterm-256color")
    assert first.code == 0
    assert "1 done" in first.out
    assert re.search(r"[\x00-\x08\x0b-\x1f\x7f]", first.said) is None
    ended = cli("run", "batch.yaml", "-q")
    assert (ended.code, ended.said) == (0, "")
    ended = cli("run", "batch.yaml", "-q")
    assert (ended.code, ended.said) == (0, "")


def test_3_failures_are_grouped_and_the_next_command_brings_them_back(batch, cli, against):
    fates = {"ann-en": "error:no_source_face", "ann-es": "error:no_source_face"}
    server = against(fates={**fates, "ann-fr": "cancel"})
    batch.write_pairs(5)
    ended = cli("run", "batch.yaml")
    assert ended.code == 3
    words = ended.out
    assert "2 of 5 jobs done" in words
    assert "2 done · 2 failed · 1 canceled" in words
    assert "300 estimated · 100 charged · 200 given back" in words.replace(",", "")
    assert re.search(r"no_source_face: 2 jobs \(ann-en, ann-es\): .*broke", words)
    assert "outputs/batch/results.csv" in words
    following = re.search(r"next +(batchsync .*)", words)[1]
    assert following == "batchsync retry batch.yaml --failed"
    server.rules.fates = {}
    ended = cli.follow(following)
    assert ended.code == 0
    following = re.search(r"next: (batchsync .*)", ended.out)[1]
    ended = cli.follow(f"{following} --json")
    assert (ended.code, ended.json["jobs"]["done"], ended.json["jobs"]["canceled"]) == (3, 2, 1)
    assert ended.json["failures"] == [{"code": "canceled", "count": 1, "jobs": ["ann-fr"]}]
    assert server.requests["create"] == 7
    assert batch.wrong_outputs(server) == []


@pytest.mark.parametrize(
    ("code", "rules", "flags", "counts"),
    [
        (4, {"key": "another-key-than-ours"}, [], {"pending": 3}),
        (4, {"deny": {"create": 403}}, [], {"pending": 3}),
        (5, {"credits": 70}, ["--max-in-flight", "1"], {"done": 1, "pending": 2}),
        (5, {}, ["--max-credits", "70", "--max-in-flight", "1"], {"done": 1, "pending": 2}),
        (6, {}, ["--no-wait"], {"in_flight": 3}),
        (7, {"faults": ("create:lost=1",)}, [], {"unconfirmed": 3}),
    ],
)
def test_each_way_to_stop_short_has_its_code(batch, cli, against, code, rules, flags, counts):
    against(**rules)
    batch.write_pairs(3)
    ended = cli("run", "batch.yaml", "--json", *flags)
    assert ended.code == ended.json["exit"]["code"] == code
    found = {name: count for name, count in ended.json["jobs"].items() if count}
    assert found == {"total": 3, **counts}
    assert ended.json["next"].startswith("batchsync ")
    assert [row["status"] for row in batch.rows().values()].count("failed") == 0


def test_the_next_commands_keep_to_the_places_that_the_run_was_given(batch, cli, against):
    server = against(fates={"ann-de": "error:unknown_error"})
    batch.write_pairs(1)
    places = ["--state", "elsewhere/my.db", "--output-dir", "out"]
    ended = cli("run", "batch.yaml", "--json", *places)
    assert ended.code == 3
    server.rules.fates = {}
    ended = cli.follow(ended.json["next"])
    assert ended.code == 0
    following = re.search(r"next: (batchsync .*)", ended.out)[1]
    ended = cli.follow(f"{following} --json")
    assert (ended.code, ended.json["jobs"]["done"]) == (0, 1)
    assert server.requests["create"] == 2
    assert (batch.folder / "elsewhere" / "my.db").exists()
    assert not batch.ledger.exists()
    assert (batch.folder / "out" / "ann-de.mp4").exists()
    assert not batch.outputs.exists()


def test_4_without_a_key_says_what_to_set_and_connects_to_nobody(batch, tmp_path):
    batch.write_pairs(1)
    dead = "http://127.0.0.1:9"
    ended = run_cli("run", "batch.yaml", cwd=tmp_path, key=None, HTTPS_PROXY=dead, HTTP_PROXY=dead)
    assert ended.code == 4
    for words in ("MAGIC_HOUR_API_KEY", "https://magichour.ai/developer", "batchsync sandbox"):
        assert words in ended.err
    assert ended.seconds < 4
    assert [path.name for path in tmp_path.iterdir()] == ["batch.yaml"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["run", "gone.yaml"],
        ["run", "batch.yaml", "--no-such-flag"],
        ["run", "batch.yaml", "--max-in-flight", "0"],
        ["run", "batch.yaml", "--only", "nobody*"],
        ["run", "batch.yaml", "--base-url", "http://example.com"],
        ["nonsense"],
    ],
)
def test_2_usage_is_explained(batch, cli, against, arguments):
    server = against()
    batch.write_pairs(1)
    ended = cli(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err
    assert "Traceback" not in ended.err
    assert server.requests.total() == 0
