"""The report: one file, nothing from outside, everything escaped, and tables that can be walked through."""

import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lass.errors import LassError
from lass.listening.results import figures, report, tables
from lass.listening.results.agreement import alpha, repeats
from lass.listening.results.analysis import Built, analyse
from lass.listening.results.findings import Analysis, QuestionResults, Sample, System
from lass.listening.results.markup import Html, join, tag
from lass.listening.results.statistics import describe, describe_system
from tests.listening.rated import AFTERWARDS, WHILE_OPEN, golden_store

HOSTILE = '<script>alert("1")</script> & $x_1$ \u202e=1+1'


@pytest.fixture(scope="module")
def analyses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Analysis]:
    """The golden study closed, open, and closed with hostile texts everywhere."""
    store, built, _ = golden_store(tmp_path_factory.mktemp("golden"))
    study = built.study
    text = type(study.title).of(HOSTILE)
    question = study.scale.questions[0].model_copy(update={"text": text, "labels": (text,) * 5})
    hostile = study.model_copy(
        update={
            "title": text,
            "scale": study.scale.model_copy(update={"questions": (question,), "name": HOSTILE}),
            "conditions": tuple(one.model_copy(update={"title": HOSTILE}) for one in study.conditions),
        }
    )
    with store:
        return {
            "closed": analyse(store, built, AFTERWARDS),
            "open": analyse(store, built, WHILE_OPEN),
            "hostile": analyse(store, Built(hostile.named("demo", study.sha256), built.manifest), AFTERWARDS),
        }


class Page(HTMLParser):
    """What a page is made of: elements with their attributes, and whether they are closed in order."""

    VOID = frozenset({"meta", "link", "input", "img", "br", "hr", "col"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.path: list[str] = []
        self.feed(text)
        assert self.path == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.path.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.path.pop() == tag

    def of(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag == name]


@pytest.mark.parametrize("state", ["closed", "open", "hostile"])
def test_a_report_is_one_sound_document_that_fetches_nothing(analyses: dict[str, Analysis], state: str) -> None:
    text = report.document(analyses[state])
    page = Page(text)
    assert not {"script", "link", "iframe", "object", "form"} & {name for name, _ in page.elements}
    for name, attributes in page.elements:
        for key, value in attributes.items():
            assert not key.startswith("on")
            if key in ("src", "href", "srcset", "data", "action"):
                assert name == "img"
                assert (value or "").startswith("data:image/svg+xml;base64,")
    assert not re.search(r"url\(|@import|expression\(", report.style())


def test_the_tables_can_be_walked_through(analyses: dict[str, Analysis]) -> None:
    page = Page(report.document(analyses["closed"]))
    ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    assert page.of("table")
    assert len(ids) == len(page.of("table"))  # one name each, and none twice
    for table in page.of("table"):
        assert table["aria-labelledby"] in ids
    assert {cell.get("scope") for cell in page.of("th")} == {"col", "row"}
    assert all(picture["alt"] for picture in page.of("img"))
    assert [name for name, _ in page.elements if name in ("h1", "h2")].count("h1") == 1


def test_the_report_says_what_it_rests_on(analyses: dict[str, Analysis]) -> None:
    analysis = analyses["closed"]
    text = report.document(analysis)
    for words in (
        "not directly comparable", analysis.study_sha256, "python -m lass study report demo --out report.html",
        "Krippendorff", "Wilcoxon", "profile-likelihood", "met at least one rule", "without the flagged raters",
        "Unprocessed mixture (hidden anchor)", "Wrong-source outputs", "3.07 to 4.71",
    ):  # fmt: skip
        assert words in text, words


def test_the_report_of_an_open_study_has_no_mean(analyses: dict[str, Analysis]) -> None:
    text = report.document(analyses["open"])
    assert "means are hidden" in text
    assert "Width of the 95 % interval" in text
    for words in ("Average rating", "<img", "3.89", "Effect"):
        assert words not in text


def test_hostile_texts_stay_texts(analyses: dict[str, Analysis]) -> None:
    text = report.document(analyses["hostile"])
    assert "<script" not in text
    assert "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;" in text


def test_the_report_is_written_with_its_numbers_beside_it(analyses: dict[str, Analysis], tmp_path: Path) -> None:
    file = report.write_report(analyses["closed"], tmp_path / "new" / "report.html")
    assert file.read_text(encoding="utf-8") == report.document(analyses["closed"])
    numbers = json.loads((tmp_path / "new" / "report.json").read_text(encoding="utf-8"))
    system = numbers["results"]["questions"][0]["systems"][0]
    assert system["means"]["mean"] == pytest.approx(70 / 18)
    assert numbers["screening"]["flags"]["Participant 6"][0]["rule"] == "traps"
    assert "rated 4 or higher" in numbers["screening"]["sentences"]["traps"]
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LassError, match="cannot be written"):
        report.write_report(analyses["closed"], tmp_path / "file" / "report.html")


def test_the_same_ratings_give_the_same_report(analyses: dict[str, Analysis]) -> None:
    before = report.document(analyses["closed"])
    figures.pictures.cache_clear()
    assert report.document(analyses["closed"]) == before


# --- Pictures


def results(samples: int, title: str = "system") -> QuestionResults:
    return QuestionResults(
        "rating", "?", ("",) * 5,
        tuple(Sample(f"item {n}", "", "a", title, "system", describe([1, 3, 5][: n % 4])) for n in range(samples)),
        (System("a", title, "system", describe_system([4], ["x"])),
         System("b", title, "anchor", describe_system([], []))),
        (), None, alpha([]), repeats([]), (),
    )  # fmt: skip


def test_pictures_of_anything_can_be_drawn() -> None:
    for question in (results(1), results(3, HOSTILE), results(200, "long " * 60)):
        for picture in figures.pictures(question):
            assert picture is None or (picture.startswith("<?xml") and "<script" not in picture)
    assert figures.pictures(results(1)) == (None, figures.pictures(results(1))[1])  # its only sound has no vote
    height = figures.votes(results(200)).get_figheight()  # type: ignore[union-attr]
    assert height < 0.45 * figures.MOST_ROWS


def test_the_colours_of_neighbours_can_be_told_apart_in_grey() -> None:
    def grey(colour: str) -> float:
        red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    tones = [grey(colour) for colour in figures.SCORE_COLOURS]
    assert min(abs(one - other) for one, other in itertools.pairwise(tones)) > 25


# --- Markup


def test_markup_escapes_all_but_itself() -> None:
    assert tag("p", "<b>", tag("i", "&"), None, ["x", 3], title='"') == (
        '<p title="&quot;">&lt;b&gt;<i>&amp;</i>x3</p>'
    )
    assert tag("input", name="a", required=True, disabled=False, value=None) == '<input name="a" required>'
    assert isinstance(join("a"), Html)
    assert join(Html("<b>"), "<b>") == "<b>&lt;b&gt;"


def test_an_empty_table_says_so() -> None:
    assert "nothing to show" in report.table(tables.Table("Flagged raters", ("Rater",), ()))
