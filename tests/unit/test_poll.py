"""What a status answer means, and how tolerantly it is read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchsync.api.wire import Project, read_account, read_project
from batchsync.errors import Unintelligible
from batchsync.stages.poll import Broke, Canceled, Finished, Rendering, read

URL = "https://storage.example/out.mp4?sig=x"


def project(**fields: Any) -> Project:
    return read_project(json.dumps({"id": "p", **fields}).encode(), "p")


@pytest.mark.parametrize(
    "status", ["draft", "queued", "rendering", "postprocessing", "", "COMPLETE", "x" * 500]
)
def test_every_word_that_is_no_end_is_waited_for(status: str) -> None:
    assert read(project(status=status)) == Rendering(status[:40])


def test_complete_with_a_url_is_finished() -> None:
    made = project(status="complete", downloads=[{"url": URL}], credits_charged=5, fps=25)

    assert read(made) == Finished(made)
    assert made.output_url == URL


def test_the_deprecated_field_is_read_where_the_new_one_is_empty() -> None:
    made = project(status="complete", downloads=[], download={"url": URL})

    assert isinstance(read(made), Finished)


def test_complete_without_a_url_is_waited_for() -> None:
    assert read(project(status="complete", downloads=[])) == Rendering("complete")


@pytest.mark.parametrize(
    ("error", "look"),
    [
        ({"code": "no_source_face", "message": "none"}, Broke("no_source_face", "none")),
        (None, Broke("unknown_error", "the service gave no reason")),
        ({}, Broke("unknown_error", "the service gave no reason")),
        ("oh no", Broke("unknown_error", "the service gave no reason")),
        ({"code": 5, "message": None}, Broke("unknown_error", "the service gave no reason")),
    ],
)
def test_an_error_has_a_code_and_words_whatever_was_said(error: object, look: Broke) -> None:
    assert read(project(status="error", error=error)) == look


def test_a_canceled_render_says_what_it_still_costs() -> None:
    assert read(project(status="canceled", credits_charged=7)) == Canceled(7)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OPTIONAL = ("name", "credits_charged", "fps", "width", "height", "error", "download")


@given(st.dictionaries(st.sampled_from(OPTIONAL), JSON))
def test_odd_values_of_optional_fields_lose_no_render(fields: dict[str, Any]) -> None:
    body = json.dumps({"id": "p", "status": "complete", "downloads": [{"url": URL}], **fields})

    assert isinstance(read(read_project(body.encode(errors="replace"), "p")), Finished)


@pytest.mark.parametrize("downloads", [None, "soon", {}, [{"url": None}], [{}], [{"url": ""}]])
def test_odd_downloads_of_a_finished_render_are_looked_at_again(downloads: object) -> None:
    try:
        look = read(project(status="complete", downloads=downloads))
    except Unintelligible as error:
        assert error.retryable
    else:
        assert look == Rendering("complete")


def test_a_null_for_downloads_of_a_render_under_way_is_no_error() -> None:
    assert read(project(status="queued", downloads=None)) == Rendering("queued")


@given(st.binary(max_size=100))
def test_bytes_that_are_no_answer_say_so(body: bytes) -> None:
    for call in (read_account, lambda content: read_project(content, "p")):
        with pytest.raises(Unintelligible):
            call(body)
