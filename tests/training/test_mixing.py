"""Mixtures: the same for the same number, at the levels asked for, never of one sound twice."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from lass import audio
from lass.errors import LassError
from lass.queries import Query
from lass.training.levels import level
from lass.training.mixing import Batch, Captions, Mixtures, read_captions
from lass.training.recipe import Mixing, SourceSet
from lass.training.similarity import similarity
from lass.training.sources import Pool, open_pool
from tests.training.small import LABELS, RATE, WORDINGS, encoder, sound, write_collection, write_table

# One interferer, nothing random but what a test asks for.
PLAIN = Mixing(
    seconds=1.0, snr=(0.0, 0.0), interferers=(1.0,), absent=0.0, level=(-30.0, -30.0), speed=(1.0, 1.0),
    equaliser=0.0, caption_blend=0.0, query_noise=0.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def pools(tmp_path_factory: pytest.TempPathFactory) -> list[Pool]:
    data = write_collection(tmp_path_factory.mktemp("data"))
    return [open_pool(SourceSet(folder="tones"), data, data / "cache", RATE, print)]


def encode(texts: list[str]) -> Query:
    return encoder().encode(texts)


def mixtures(
    pools: list[Pool], settings: Mixing = PLAIN, same: tuple[tuple[str, ...], ...] = (), batch: int = 4, seed: int = 0
) -> Mixtures:
    return Mixtures(pools, Captions.of(pools, WORDINGS, encode), settings, same, batch, seed)


def tones_in(waveform: torch.Tensor) -> set[str]:
    """Which of the four sounds can be heard in a waveform."""
    spectrum = np.abs(np.fft.rfft(waveform.numpy())) ** 2
    hertz = np.fft.rfftfreq(len(waveform), 1 / RATE)

    def share(low: float, high: float) -> float:
        return float(spectrum[(hertz > low) & (hertz < high)].sum() / (spectrum.sum() + 1e-12))

    # The hiss is the only one between the lines of the others.
    heard = {"hum": share(90, 150) > 0.05, "whistle": share(1300, 1700) > 0.1, "ticking": share(2950, 3050) > 0.1}
    heard["hiss"] = share(3300, 3900) > 0.03
    return {label for label, is_heard in heard.items() if is_heard}


def identical(first: Batch, second: Batch) -> bool:
    return (
        torch.equal(first.mixture, second.mixture)
        and torch.equal(first.target, second.target)
        and torch.equal(first.query.pooled, second.query.pooled)
        and torch.equal(first.absent, second.absent)
        and first.label == second.label
    )


def test_a_batch_depends_on_seed_and_number_only(pools: list[Pool]) -> None:
    settings = Mixing(seconds=1.0, absent=0.3)
    forwards = [mixtures(pools, settings)[number] for number in range(4)]
    backwards = [mixtures(pools, settings)[number] for number in reversed(range(4))]
    assert all(map(identical, forwards, reversed(backwards)))
    assert not torch.equal(forwards[0].mixture, forwards[1].mixture)
    assert not torch.equal(forwards[0].mixture, mixtures(pools, settings, seed=1)[0].mixture)
    rows = forwards[0].mixture
    assert not any(torch.equal(rows[0], row) for row in rows[1:])


EVERYTHING = Mixing(
    seconds=1.0, absent=0.3, interferers=(0.4, 0.3, 0.3), same_sound_layers=0.5, reverb=0.5, band=0.5,
    loudness="lufs", similarity=0.75, tokens=True,
)  # fmt: skip


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("settings", [Mixing(seconds=1.0, absent=0.3), EVERYTHING], ids=["usual", "everything"])
def test_workers_change_nothing(pools: list[Pool], workers: int, settings: Mixing) -> None:
    data = mixtures(pools, settings)
    loader = DataLoader(data, batch_size=None, sampler=range(2, 7), num_workers=workers)
    for number, batch in zip(range(2, 7), loader, strict=True):
        assert identical(batch, data[number])
        assert batch.discarded == data[number].discarded
        if settings.tokens:
            assert batch.query.tokens is not None
            assert torch.equal(batch.query.tokens, data[number].query.tokens)


def test_processes_share_a_batch_row_by_row(pools: list[Pool]) -> None:
    whole = mixtures(pools, EVERYTHING, batch=6)[3]
    captions = Captions.of(pools, WORDINGS, encode)
    for number in range(2):
        part = Mixtures(pools, captions, EVERYTHING, (), 6, 0, part=(number, 2))[3]
        assert torch.equal(part.mixture, whole.mixture[number::2])
        assert part.label == whole.label[number::2]


def test_mixtures_too_similar_to_their_target_are_drawn_again(pools: list[Pool]) -> None:
    settings = dataclasses.replace(PLAIN, snr=(-10.0, 10.0))
    filtered = dataclasses.replace(settings, similarity=0.7)

    def likenesses(data: Mixtures) -> tuple[list[float], int]:
        batch = data[0]
        pairs = zip(batch.mixture.numpy(), batch.target.numpy(), strict=True)
        return [similarity(mixture, target) for mixture, target in pairs], batch.discarded

    before, none = likenesses(mixtures(pools, settings, batch=40))
    after, discarded = likenesses(mixtures(pools, filtered, batch=40))
    assert none == 0
    assert max(before) > 0.9
    assert max(after) <= 0.7
    # Every row that passes at once stays what it was.
    assert [score for score in before if score <= 0.7] == [
        score for old, score in zip(before, after, strict=True) if old <= 0.7
    ]
    assert discarded >= sum(score > 0.7 for score in before) > 0


def test_where_nothing_passes_the_least_similar_is_taken(pools: list[Pool]) -> None:
    settings = dataclasses.replace(PLAIN, snr=(40.0, 50.0), similarity=0.01)
    batch = mixtures(pools, settings, batch=2)[0]
    assert batch.discarded == 40
    assert batch.target.abs().amax(1).min() > 1e-3


def test_recorded_levels_stay_unless_the_mixture_would_clip(pools: list[Pool]) -> None:
    settings = dataclasses.replace(PLAIN, snr=(-20.0, 20.0), levels="recorded")
    batch = mixtures(pools, settings, batch=40)[0]
    peaks, targets = batch.mixture.abs().amax(1), batch.target.abs().amax(1)
    scaled = peaks < 0.9001
    assert 0 < int((peaks.sub(0.9).abs() < 1e-3).sum()) < 40
    assert peaks.max() <= 1
    # Pools hold recordings at full scale.
    assert targets[~scaled].min() > 0.7
    ratio = 10 * torch.log10(batch.target.square().sum(1) / (batch.mixture - batch.target).square().sum(1))
    assert ratio.abs().max() < 20.01


def test_loudness_is_what_the_ratio_is_about_if_asked(pools: list[Pool]) -> None:
    batch = mixtures(pools, dataclasses.replace(PLAIN, loudness="lufs"), batch=20)[0]
    loud = [
        level(target, RATE, "lufs") / level(mixture - target, RATE, "lufs")
        for mixture, target in zip(batch.mixture.numpy(), batch.target.numpy(), strict=True)
    ]
    np.testing.assert_allclose(loud, 1, rtol=0.02)
    energies = batch.target.square().sum(1) / (batch.mixture - batch.target).square().sum(1)
    assert energies.max() > 2, "a hum needs more energy than a whistle to be as loud"


def test_tokens_are_those_of_one_wording_and_the_pooled_vector_alone_is_blended(pools: list[Pool]) -> None:
    settings = dataclasses.replace(PLAIN, tokens=True, caption_blend=1.0, query_noise=0.1)
    data = Mixtures(pools, Captions.of(pools, WORDINGS, encoder().encode), settings, (), 30, 0)
    query = data[0].query
    everything = encoder().encode([text for texts in WORDINGS.values() for text in texts])
    assert query.tokens is not None
    assert everything.tokens is not None
    assert query.tokens.shape[1:] == everything.tokens.shape[1:], "padded to the longest of all wordings"
    for row, label in enumerate(data[0].label):
        known = encoder().encode(WORDINGS[label])
        assert known.tokens is not None
        assert known.mask is not None
        assert query.mask is not None
        words = query.tokens[row][query.mask[row]]
        matches = [torch.allclose(words, tokens[mask], atol=1e-5) if len(words) == mask.sum() else False
                   for tokens, mask in zip(known.tokens, known.mask, strict=True)]  # fmt: skip
        assert any(matches)


def test_a_remix_is_two_mixtures_with_a_query_for_every_source(pools: list[Pool]) -> None:
    settings = dataclasses.replace(PLAIN, interferers=(0.5, 0.0, 0.5), snr=(-3.0, 3.0))
    captions = Captions.of(pools, WORDINGS, encode)
    plain = mixtures(pools, settings, batch=12)[0]
    batch = Mixtures(pools, captions, settings, (), 12, 0, remix=True)[0]
    remix = batch.remix
    assert remix is not None
    assert plain.remix is None
    torch.testing.assert_close(remix.references.sum(1), batch.mixture, atol=1e-6, rtol=1e-4)
    assert set(remix.there.sum(1).tolist()) == {2, 4}
    queries = remix.queries.pooled.reshape(12, 4, -1)
    assert torch.equal(queries[:, 0], batch.query.pooled)
    for row in range(12):
        heard = [tones_in(reference) for reference in remix.references[row]]
        sources = int(remix.there[row].sum())
        asked = []
        for place in range(sources):
            nearest = {
                label: float((encode(texts).pooled @ queries[row, place]).max()) for label, texts in WORDINGS.items()
            }
            asked.append(max(nearest, key=lambda label: nearest[label]))
        assert {asked[place] for place in range(0, sources, 2)} == heard[0]
        assert {asked[place] for place in range(1, sources, 2)} == heard[1]


@pytest.mark.parametrize("snr", [(-10.0, 10.0), (3.0, 3.0)])
def test_the_ratio_of_target_to_interferer_is_in_its_range(pools: list[Pool], snr: tuple[float, float]) -> None:
    data = mixtures(pools, dataclasses.replace(PLAIN, snr=snr, level=(-40, -12), speed=(0.8, 1.2), equaliser=6.0))
    batches = [data[number] for number in range(12)]
    ratios = torch.cat(
        [10 * torch.log10(b.target.square().sum(1) / (b.mixture - b.target).square().sum(1)) for b in batches]
    )
    assert ratios.min() >= snr[0] - 0.01
    assert ratios.max() <= snr[1] + 0.01
    # The whole range is used, evenly.
    assert ratios.max() - ratios.min() >= 0.8 * (snr[1] - snr[0]) - 0.01
    assert ratios.mean() == pytest.approx(sum(snr) / 2, abs=2.5)


def test_a_mixture_is_its_target_and_one_other_sound(pools: list[Pool]) -> None:
    seen = set()
    for number in range(8):
        batch = mixtures(pools)[number]
        for mixture, target, label in zip(batch.mixture, batch.target, batch.label, strict=True):
            assert tones_in(target) == {label}
            others = tones_in(mixture - target)
            assert len(others) == 1
            assert label not in others
            seen.add((label, *others))
    assert len(seen) > 8, "every sound meets every other sooner or later"


def test_several_interferers_are_all_different(pools: list[Pool]) -> None:
    batch = mixtures(pools, dataclasses.replace(PLAIN, interferers=(0.0, 0.0, 1.0)), batch=12)[0]
    for mixture, target, label in zip(batch.mixture, batch.target, batch.label, strict=True):
        assert tones_in(mixture - target) == set(LABELS) - {label}


def test_the_same_sound_under_two_labels_never_meets_itself(pools: list[Pool]) -> None:
    same = (("hum", "whistle"), ("whistle", "ticking"))
    data = mixtures(pools, same=same, batch=40)
    for number in range(2):
        batch = data[number]
        for mixture, target, label in zip(batch.mixture, batch.target, batch.label, strict=True):
            others = tones_in(mixture - target)
            assert not {label, *others} >= {"hum", "whistle"}
            assert not {label, *others} >= {"whistle", "ticking"}
    assert {"hum", "ticking"} in [
        {label, *tones_in(m - t)} for m, t, label in zip(batch.mixture, batch.target, batch.label, strict=True)
    ]


@pytest.mark.parametrize("level", [(-40.0, -20.0), (0.0, 0.0)])
def test_levels_are_as_asked_and_nothing_passes_full_scale(pools: list[Pool], level: tuple[float, float]) -> None:
    batch = mixtures(pools, dataclasses.replace(PLAIN, level=level, snr=(-10, 10)), batch=60)[0]
    decibels = 10 * torch.log10(batch.mixture.square().mean(1))
    assert batch.mixture.abs().max() <= 0.9001
    assert decibels.max() <= level[1] + 0.01
    if level[1] < 0:
        assert decibels.min() >= level[0] - 0.01
        assert decibels.max() - decibels.min() > 15
    else:
        torch.testing.assert_close(batch.mixture.abs().amax(1), torch.full((60,), 0.9), atol=1e-3, rtol=0)


def test_absent_sounds_are_asked_for_as_often_as_said(pools: list[Pool]) -> None:
    batch = mixtures(pools, dataclasses.replace(PLAIN, absent=0.25), batch=400)[0]
    assert float(batch.absent.float().mean()) == pytest.approx(0.25, abs=0.07)
    assert not batch.target[batch.absent].any()
    assert batch.target[~batch.absent].abs().amax(1).min() > 1e-3
    for row in batch.absent.nonzero()[:, 0].tolist():
        heard = tones_in(batch.mixture[row])
        assert len(heard) == 2
        assert batch.label[row] not in heard


def test_queries_are_wordings_of_what_is_asked_for(pools: list[Pool]) -> None:
    batch = mixtures(pools, dataclasses.replace(PLAIN, absent=0.3), batch=40)[0]
    asked = set()
    for row, label in enumerate(batch.label):
        vectors = encode(WORDINGS[label]).pooled
        cosines = vectors @ batch.query.pooled[row]
        assert cosines.max() == pytest.approx(1, abs=1e-5)
        asked.add((label, int(cosines.argmax())))
    assert len(asked) == sum(map(len, WORDINGS.values())), "each wording is used"


def test_blends_and_noise_stay_near_the_words(pools: list[Pool]) -> None:
    batch = mixtures(pools, dataclasses.replace(PLAIN, caption_blend=1.0, query_noise=0.15), batch=20)[0]
    torch.testing.assert_close(batch.query.pooled.norm(dim=1), torch.ones(20))
    for row, label in enumerate(batch.label):
        best = float((encode(WORDINGS[label]).pooled @ batch.query.pooled[row]).max())
        assert 0.7 < best < 0.9999


def test_recordings_with_captions_are_asked_for_by_them(tmp_path: Path) -> None:
    data = write_collection(tmp_path)
    rows = [
        {"file": "hum-1.wav", "label": "", "caption": "a low drone"},
        {"file": "whistle-1.wav", "label": "", "caption": "somebody whistles a note"},
        {"file": "hiss-1.wav", "label": "hiss", "caption": "air escapes from a valve"},
        {"file": "hiss-2.wav", "label": "hiss", "caption": ""},
    ]
    write_table(data / "tones" / "clips.csv", rows)
    pools = [open_pool(SourceSet(folder="tones"), data, data / "cache", RATE, print)]
    captions = Captions.of(pools, {"hiss": ["hiss"]}, encode)
    texts = {
        "hum-1.wav": ["a low drone"], "whistle-1.wav": ["somebody whistles a note"],
        "hiss": ["air escapes from a valve", "hiss"],
    }  # fmt: skip
    batch = Mixtures(pools, captions, dataclasses.replace(PLAIN, absent=0.3), (), 40, 0)[0]
    used = set()
    for row, label in enumerate(batch.label):
        cosines = encode(texts[label]).pooled @ batch.query.pooled[row]
        assert cosines.max() == pytest.approx(1, abs=1e-5)
        used.add(texts[label][int(cosines.argmax())])
    assert len(used) == 4
    known = captions.known_sounds(["hiss"])
    assert known is not None
    assert known.labels == ("hiss",)
    torch.testing.assert_close(
        known.vectors[0], torch.nn.functional.normalize(encode(texts["hiss"]).pooled.mean(0), dim=0)
    )
    assert captions.known_sounds([]) is None


def test_a_set_of_one_sound_borrows_interferers_from_another(pools: list[Pool]) -> None:
    lonely = dataclasses.replace(pools[0], clips={"hum": pools[0].clips["hum"]}, weight=50.0)
    batch = mixtures([lonely, *pools], dataclasses.replace(PLAIN, interferers=(0, 1.0)), batch=20)[0]
    for mixture, target, label in zip(batch.mixture, batch.target, batch.label, strict=True):
        assert label not in tones_in(mixture - target)
        assert len(tones_in(mixture - target)) == 2


def test_two_sounds_are_enough_and_one_is_not(pools: list[Pool]) -> None:
    two = dataclasses.replace(pools[0], clips={label: pools[0].clips[label] for label in ("hum", "hiss")})
    batch = mixtures([two], dataclasses.replace(PLAIN, interferers=(0, 0, 1.0), absent=0.9), batch=10)[0]
    assert not batch.absent.any(), "there is no third sound to ask for"
    assert all(tones_in(mixture) == {"hum", "hiss"} for mixture in batch.mixture)
    one = dataclasses.replace(pools[0], clips={"hum": pools[0].clips["hum"]})
    with pytest.raises(LassError, match="at least two different sounds"):
        mixtures([one])
    with pytest.raises(LassError, match="at least two different sounds"):
        mixtures([two], same=(("hum", "hiss"),))


def test_layers_of_a_sound_are_of_that_sound_alone(pools: list[Pool]) -> None:
    plain = mixtures(pools, batch=12)[0]
    layers = mixtures(pools, dataclasses.replace(PLAIN, same_sound_layers=1.0), batch=12)[0]
    assert not torch.equal(plain.target, layers.target)
    for mixture, target, label in zip(layers.mixture, layers.target, layers.label, strict=True):
        assert tones_in(target) == {label}
        assert len(tones_in(mixture - target)) == 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "hold no labels"),
        ("- hum", "hold no labels"),
        ("hum: [hum]", "has no train wording for 'hum'"),
        ("hum: {train: []}", "has no train wording for 'hum'"),
        ("hum: {train: hum}", "has no train wording for 'hum'"),
        ("hum: {train: [yes]}", r"has a wording for 'hum' that is no text \(True\); put it in quotes"),
        ("hum: {train: ['  ']}", "has a wording for 'hum' that is no text"),
        ("hum: [", "cannot be read"),
    ],
)
def test_captions_that_cannot_be_used_cost_a_sentence(tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "words.yaml").write_text(content)
    with pytest.raises(LassError, match=f"words.yaml {sentence}"):
        read_captions(tmp_path / "words.yaml", ["hum"])


def test_captions_are_read_by_label(tmp_path: Path) -> None:
    with pytest.raises(LassError, match="cannot be read"):
        read_captions(tmp_path / "none.yaml", ["hum"])
    (tmp_path / "words.yaml").write_text("hum: {train: [a, b], held_out: [c]}\nhiss: {train: [d]}")
    assert read_captions(tmp_path / "words.yaml", ["hum"]) == {"hum": ["a", "b"]}
    assert read_captions(tmp_path / "words.yaml", ["hum"], "held_out") == {"hum": ["c"]}
    assert read_captions(None, ["hum"]) == {"hum": ["hum"]}


def test_a_recording_that_is_silent_where_it_is_cut_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "tones").mkdir()
    wave = np.zeros(3 * RATE, np.float32)
    wave[:50] = 0.5
    audio.write(tmp_path / "tones" / "click.wav", wave[None], RATE)
    audio.write(tmp_path / "tones" / "hum.wav", sound("hum", 2, 0)[None], RATE)
    rows = [{"file": "click.wav", "label": "whistle"}, {"file": "hum.wav", "label": "hum"}]
    write_table(tmp_path / "tones" / "clips.csv", rows)
    pools = [open_pool(SourceSet(folder="tones"), tmp_path, tmp_path / "cache", RATE, print)]
    batch = mixtures(pools, batch=20)[0]
    assert batch.mixture.isfinite().all()
    assert batch.target.isfinite().all()
    assert batch.mixture.abs().max() <= 0.9001
