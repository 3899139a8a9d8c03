"""The bar of pages and the way to the other language, without a browser."""

from html.parser import HTMLParser

import pytest

from lass.ui import site
from lass.ui.parts import navigation
from lass.ui.words.french import FRENCH
from lass.ui.words.languages import LANGUAGES
from lass.ui.words.texts import ENGLISH, Texts

BOTH = pytest.mark.parametrize("texts", LANGUAGES, ids=lambda texts: texts.language)


class Links(HTMLParser):
    """Every link: its attributes, and its words under "words"."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[dict[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links.append({**dict(attrs), "words": ""})

    def handle_data(self, data: str) -> None:
        if self.links:
            self.links[-1]["words"] = f"{self.links[-1]['words']}{data}"


@BOTH
def test_every_page_is_one_link_and_the_current_one_is_marked(texts: Texts) -> None:
    for current, name in navigation.pages(texts):
        links = Links(navigation.bar(texts, current)).links
        assert [link["words"] for link in links] == [name for _, name in navigation.pages(texts)]
        assert [link["words"] for link in links if link.get("aria-current") == "page"] == [name]


@BOTH
def test_links_lead_to_pages_that_are_served_and_stay_below_where_they_are(texts: Texts) -> None:
    served = {path or "./" for path in site.heads()}
    for link in Links(navigation.bar(texts, "")).links:
        assert link["href"] in served
        assert not str(link["href"]).startswith("/")


def test_paths_are_the_same_in_both_languages_and_none_stands_twice() -> None:
    english, french = ([path for path, _ in navigation.pages(texts)] for texts in (ENGLISH, FRENCH))
    assert english == french
    routes = [navigation.route(texts, path) for texts in LANGUAGES for path in english]
    assert len(set(routes)) == len(routes)
    assert [navigation.route(FRENCH, path) for path in ("", "compare")] == ["fr", "fr-compare"]
    assert not any("/" in route for route in routes)  # Gradio's pages lie in no folders


def test_the_other_language_is_named_in_itself_and_leads_back() -> None:
    for path, _ in navigation.pages(ENGLISH):
        (there,) = Links(navigation.other_language(ENGLISH, path)).links
        (back,) = Links(navigation.other_language(FRENCH, path)).links
        assert (there["lang"], there["hreflang"], there["words"]) == ("fr", "fr", "Français")
        assert (back["lang"], back["hreflang"], back["words"]) == ("en", "en", "English")
        assert there["href"] == navigation.route(FRENCH, path)
        assert back["href"] == (path or "./")


def test_further_links_come_last_and_escaped() -> None:
    links = Links(navigation.bar(ENGLISH, "", [('listen/?a=1&b="2"', "Test <now>")])).links
    assert (links[-1]["href"], links[-1]["words"]) == ('listen/?a=1&b="2"', "Test <now>")
    assert "<now>" not in navigation.bar(ENGLISH, "", [("x", "<now>")])


def test_the_listening_test_is_told_the_language() -> None:
    assert navigation.listening(ENGLISH) == "listen/"
    assert navigation.listening(FRENCH) == "listen/?lang=fr"
