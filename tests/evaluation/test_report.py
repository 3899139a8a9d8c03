"""Tables, files and the picture of an evaluation."""

from __future__ import annotations

import csv
import io
import json
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lass.errors import LassError
from lass.evaluation import Report, Row
from lass.plots import save


def row(number: int, label: str | None, score: float, **more: object) -> Row:
    values = {"sdr": score, "sdri": score + 1, "si_sdr": score - 1, "seconds": 2.0, "elapsed": 0.5}
    return Row(id=str(number), label=label, query=label or "x", sample_rate=8000, **{**values, **more})  # type: ignore[arg-type]


REPORT = Report(
    "half",
    "label",
    (
        row(0, "hum", 4.0, absent_query="beep", absent_db=-20.0),
        row(1, "hum", 6.0, absent_query="bell", absent_db=-30.0),
        row(2, "beep", 11.0),
        row(3, "beep", math.nan),
        Row("4", "beep", "beep", problem="The recording is damaged; give another."),
    ),
)


def test_means_leave_out_and_count_what_has_no_score() -> None:
    assert REPORT.sdr.mean == 7.0
    assert (REPORT.sdr.count, REPORT.sdr.undefined) == (3, 1)
    assert REPORT.sdri.mean == 8.0
    assert REPORT.si_sdr.deviation == pytest.approx(np.std([3, 5, 10]))
    assert REPORT.absent is not None
    assert REPORT.absent.mean == -25.0
    assert REPORT.real_time_factor == 0.25
    assert [problem.id for problem in REPORT.problems] == ["4"]


def test_every_label_has_its_own_means() -> None:
    labels = REPORT.by_label()
    assert list(labels) == ["beep", "hum"]
    assert labels["hum"]["sdr"].mean == 5.0
    assert (labels["beep"]["sdr"].mean, labels["beep"]["sdr"].count) == (11.0, 1)


def test_csv_holds_every_row(tmp_path: Path) -> None:
    text = REPORT.to_csv(tmp_path / "deep" / "report.csv")
    assert (tmp_path / "deep" / "report.csv").read_text(encoding="utf-8") == text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [entry["id"] for entry in rows] == ["0", "1", "2", "3", "4"]
    assert rows[0]["sdr"] == "4.0"
    assert rows[3]["sdr"] == ""
    assert rows[4]["problem"] == "The recording is damaged; give another."


def test_json_is_strict_and_complete(tmp_path: Path) -> None:
    def refuse(constant: str) -> float:
        raise AssertionError(constant)

    REPORT.to_json(tmp_path / "report.json")
    document = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert document["sdr"] == {"mean": 7.0, "deviation": pytest.approx(2.9439, abs=1e-3), "count": 3, "undefined": 1}
    assert document["labels"]["hum"]["sdri"]["mean"] == 6.0
    assert document["rows"][3]["sdr"] is None
    assert document.pop("rows")
    assert document == REPORT.summary()
    assert (document["mixtures"], document["problems"], document["sample_rates"]) == (5, 1, [8000])


def test_the_table_reads_well() -> None:
    lines = REPORT.to_table().splitlines()
    assert lines[0] == "half, asked by label: 5 mixtures, 8 s at 8000 Hz"
    assert lines[2].split() == ["dB", "SDR", "SDRi", "SI-SDR", "n"]
    assert lines[3].split() == [
        "all",
        "7.00",
        "\u00b1",
        "2.94",
        "8.00",
        "\u00b1",
        "2.94",
        "6.00",
        "\u00b1",
        "2.94",
        "3",
    ]
    assert len({len(line) for line in lines[2:6]}) == 1
    remarks = "\n".join(lines[6:])
    assert "-25.00 \u00b1 5.00 dB" in remarks
    assert "the source is silent: 1 of 5 mixtures" in remarks
    assert "not evaluated: 1 of 5 mixtures" in remarks
    assert "4: The recording is damaged" in remarks


def test_labels_from_outside_stay_on_their_line() -> None:
    report = Report("a\nmodel", "label", (row(0, "two\nlines\x1b[31m", 1.0),))
    assert len(report.to_table().splitlines()) == 7
    assert "\x1b" not in report.to_table()


def test_the_picture_has_a_row_per_label(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = REPORT.figure()
        path = save(figure, tmp_path / "scores.png")
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["all  (3)", "beep  (1)", "hum  (2)"]
    assert figure.axes[0].get_xlabel() == "SDRi (dB)"
    with Image.open(path) as picture:
        assert picture.width == 960


def test_the_picture_takes_any_label_and_leaves_out_too_many(tmp_path: Path) -> None:
    odd = Report("$\\frac{" * 40, "label", (row(0, "$x^{", 1.0), row(1, "\U0001f436", 2.0), row(2, "W" * 400, 3.0)))
    many = Report("m", "label", tuple(row(number, f"label {number}", 1.0) for number in range(200)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = odd.figure("si_sdr")
        save(figure, tmp_path / "odd.png")
        inside = figure.get_window_extent()
        for text in [*figure.texts, *figure.axes[0].get_yticklabels()]:
            assert text.get_text()
            assert inside.x0 <= text.get_window_extent().x0
            assert text.get_window_extent().x1 <= inside.x1
        assert len(many.figure().axes[0].get_yticklabels()) == 1


def test_what_cannot_be_drawn_or_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(LassError, match="no measure 'pesq'"):
        REPORT.figure("pesq")
    with pytest.raises(LassError, match="No row has a score"):
        Report("m", "label", (row(0, None, math.nan),)).figure()
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(LassError, match="cannot be written"):
        REPORT.to_csv(blocked / "report.csv")
