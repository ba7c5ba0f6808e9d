"""Which storage URLs may be followed, and that they are kept to the letter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from batchsync.api.urls import storage_url
from batchsync.errors import Rejected

HTTPS = URL("https://api.example.com")
LOCAL = URL("http://localhost:8765")


@pytest.mark.parametrize(
    "text",
    [
        "https://s3.example.com/a%2Fb%20c?X-Amz-Signature=a%2Bb+c%3D&x=%7E~",
        "https://s3.example.com/%c3%a9?a=%2f",
        "https://8.8.8.8/x",
        "https://s3.example.com:8443/x",
    ],
)
def test_a_signed_url_is_kept_to_the_letter(text: str) -> None:
    assert str(storage_url(text, HTTPS)) == text


@pytest.mark.parametrize("text", ["http://127.0.0.1:9/x", "http://10.0.0.1/x", "https://a.local/x"])
def test_beside_a_local_api_everything_may_be_local(text: str) -> None:
    assert str(storage_url(text, LOCAL)) == text


@pytest.mark.parametrize(
    "text",
    [
        "https://0x7f000001/x",
        "https://2130706433/x",
        "https://127.1/x",
        "https://0.0.0.0/x",
        "https://100.64.0.1/x",
        "https://LOCALHOST/x",
        "https://localhost./x",
        "https://metadata.google.internal./x",
    ],
)
def test_a_private_address_in_disguise_is_refused(text: str) -> None:
    with pytest.raises(Rejected):
        storage_url(text, HTTPS)


@given(st.text(max_size=60))
def test_no_text_is_an_error_of_ours(text: str) -> None:
    try:
        url = storage_url(text, HTTPS)
    except Rejected as error:
        assert len(str(error)) < 300
    else:
        assert url.scheme == "https"
