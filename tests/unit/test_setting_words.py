"""Settings that make no sense are answered in words that help."""

import pytest

from batchsync.errors import UsageError
from batchsync.settings import settle


@pytest.mark.parametrize(
    ("name", "found", "said"),
    [
        ("uploads", "many", "--uploads (run.uploads): found 'many'; expected a whole number"),
        ("uploads", "0", "found '0'; expected greater than or equal to 1"),
        ("halt", "never", "found 'never'; expected now,fail=N or soon,fail=N or soon,fail=N%"),
        ("max_duration", "tomorrow", "expected seconds, or a time such as 90s, 45m or 2h"),
        ("keep_going", "perhaps", "expected yes or no"),
        ("base_url", "ftp://x", "found 'ftp://x'; expected an http(s) URL such as https://api."),
    ],
)
def test_a_bad_value_names_the_flag_what_was_found_and_what_is_expected(
    name: str, found: str, said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        settle({}, {name: found})

    assert said in str(caught.value)
    assert "Value error" not in str(caught.value)
