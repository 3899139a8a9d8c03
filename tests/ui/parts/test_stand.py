"""What a stand tells its visitors: the code, the address in words, and the clock's words for the script."""

import re

import pytest

from lass.ui.parts import stand
from lass.ui.words.french import FRENCH
from lass.ui.words.texts import ENGLISH


def test_the_code_is_that_of_the_address() -> None:
    import segno

    html = stand.invitation(ENGLISH, "http://192.168.4.1:7860/listen/")
    modules = segno.make("http://192.168.4.1:7860/listen/", error="m", micro=False).symbol_size(border=4)[0]
    assert f'viewBox="0 0 {modules} {modules}"' in html
    assert "<strong>http://192.168.4.1:7860/listen/</strong>" in html
    assert html != stand.invitation(ENGLISH, "http://192.168.4.2:7860/listen/")
    assert "LASS_PUBLIC_URL" not in html


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost", "[::1]:7860"])
def test_an_address_of_this_machine_alone_comes_with_a_warning(host: str) -> None:
    assert "LASS_PUBLIC_URL" in stand.invitation(ENGLISH, f"http://{host}/listen/")


@pytest.mark.parametrize(
    "address",
    [None, "", "listen/", "javascript:alert(1)", "file:///etc/passwd", "http://", "http://[", "http://a/" + "b" * 300],
)  # fmt: skip
def test_what_is_no_address_of_a_page_gives_no_code(address: str | None) -> None:
    assert stand.invitation(ENGLISH, address) == ""


def test_a_hostile_address_is_escaped() -> None:
    html = stand.invitation(ENGLISH, 'http://a.example/"><script>alert(1)</script>')
    assert "<script" not in html


def test_the_clock_says_when_where_and_how() -> None:
    html = stand.clock(FRENCH, stand.Stand(45.0))
    assert 'data-seconds="45"' in html
    assert 'data-start="fr"' in html
    assert 'data-start="./"' in stand.clock(ENGLISH, stand.Stand(45.0))
    words = re.findall(r'data-idle="([^"]*)"', html)[0]
    assert "{seconds}" in words


def test_files_are_kept_for_minutes_only() -> None:
    assert 1 <= stand.KEEP_MINUTES <= 10
