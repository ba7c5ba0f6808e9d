"""Output in encodings that have few letters."""

import io
import sys

import pytest

from batchsync.cli.streams import be_plainer_where_needed


@pytest.mark.parametrize(
    ("encoding", "written"),
    [
        ("ascii", "3 done | 2 failed ... Muller -> x # ?"),
        ("cp1252", "3 done · 2 failed … Müller -> ✗ # ?".replace("✗", "x")),
        ("utf-8", "3 done · 2 failed … Müller → ✗ ━ 話"),
    ],
)
def test_what_an_encoding_lacks_is_written_in_plainer_letters(
    monkeypatch: pytest.MonkeyPatch, encoding: str, written: str
) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    be_plainer_where_needed()
    stream.write("3 done · 2 failed … Müller → ✗ ━ 話")
    stream.flush()

    assert raw.getvalue().decode(encoding) == written
