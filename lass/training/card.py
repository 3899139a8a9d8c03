"""The model card: what a checkpoint is, how it came to be, how well it does, and whose recordings it learned from."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lass import scenes
from lass.checkpoints.catalogue import read_metadata, starts
from lass.errors import LassError
from lass.files import whole
from lass.training.collection import Recording, read_collection
from lass.training.markdown import escaped, link
from lass.training.recipe import RECIPES, Mixing, Optimisation, Recipe, SourceSet
from lass.training.scores import Evaluation, read_evaluations, score_tables

CHECKPOINT = "model.safetensors"
CARD = "README.md"


@dataclass(frozen=True)
class _Sources:
    """The recordings of one set of a recipe; none for generated sounds."""

    source: SourceSet
    recordings: list[Recording]


def publish(recipe: Recipe, checkpoint: Path, evaluations: Path, data: Path, out: Path) -> None:
    """Write a model's folder: its checkpoint as ``model.safetensors`` and its card as ``README.md``.

    Args:
        recipe: what the checkpoint was trained by.
        checkpoint: in the project's own layout.
        evaluations: a folder with one folder for each evaluation, named as the card shall name it, as written by
            ``python -m lass evaluate … --out evaluations/NAME``.
        data: root of the recordings, for the credits.
        out: the folder to write.

    Raises:
        LassError: the checkpoint, an evaluation or a list of recordings cannot be read, one of them belongs to
            another model, or the folder cannot be written to.
    """
    if not checkpoint.is_file():
        raise LassError(f"There is no checkpoint at {checkpoint}; train {recipe.name} first, or say where its run is.")
    facts = dict(read_metadata(checkpoint))
    if facts.get("name") != recipe.name:
        raise LassError(
            f"{checkpoint} holds the model {facts.get('name')!r}, not {recipe.name!r}; give its own recipe."
        )
    sources = [
        _Sources(source, [] if source.generated else read_collection(source, data)) for source in recipe.data.sets
    ]
    weights = checkpoint.read_bytes()
    card = _card(recipe, facts, len(weights), read_evaluations(evaluations, recipe.name), sources, data)
    for name, content in ((CHECKPOINT, weights), (CARD, card.encode())):
        with whole(out / name) as file:
            file.write(content)


def _card(
    recipe: Recipe, facts: dict[str, Any], size: int, evaluations: list[Evaluation], sources: list[_Sources], data: Path
) -> str:
    parts = [
        _front_matter(recipe),
        f"# {recipe.name}\n\n{escaped(recipe.summary)}",
        _what_it_is(recipe, facts, size),
        _use(recipe, facts),
        _training(recipe, facts, sources),
        score_tables(evaluations, recipe, data),
        _known_sounds(facts),
        _credits(sources),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(recipe: Recipe) -> str:
    fields = {
        "license": "mit",
        "language": ["en"],
        "library_name": "lass",
        "pipeline_tag": "audio-to-audio",
        "tags": ["audio", "audio-source-separation", "language-queried-audio-source-separation", "sound"],
        "model_name": recipe.name,
    }
    return f"---\n{yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)}---"


def _what_it_is(recipe: Recipe, facts: dict[str, Any], size: int) -> str:
    model = recipe.model
    rows = [
        ("architecture", escaped(str(facts.get("architecture", model.title)))),
        ("parameters", f"{int(facts['parameters']):,}"),
        ("size", f"{size / 1e6:.1f} MB, kernels in half precision"),
        ("sample rate", f"{model.sample_rate:,} Hz; other rates are converted"),
        ("spectrogram", f"window of {model.window} samples, hop of {model.hop}"),
        ("query encoder", f"{escaped(recipe.encoder)}, {model.condition_size} values"),
        ("licence of the weights", "MIT"),
    ]
    table = "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])
    return (
        "## What it is\n\nA network that takes a recording and a description in English, and gives the part of the "
        f"recording that was described. The rest is the recording minus that part.\n\n{table}"
    )


def _use(recipe: Recipe, facts: dict[str, Any]) -> str:
    known = len(_labels(facts))
    sounds = f"the {known} sounds listed below" if known else "the descriptions it was trained on"
    listens = " Where words leave open which of them is meant, it goes by what\n  excerpts of the recording hold."
    instead = ", or another one in its place" if known else ""
    low, high = recipe.mixing.snr
    most = len(recipe.mixing.interferers) + 1
    return f"""## What it is for, and where it ends

To hear one sound of an everyday recording better, and to study separation by language.

    python -m lass separate recording.wav --query "a dog barking" --model {recipe.name} --out out/

- It learned {sounds}.{listens if known else ''} A sound far from all of
  them may come out whole, in part or not at all{instead}.
- It learned from mixtures of up to {most} sounds, {low:g} to {high:+g} dB apart. Denser scenes and fainter sounds
  separate worse.
- It works on what differs in the spectrogram: two alike sounds at once, such as two voices, are beyond it.
- It reads English descriptions of sounds; names, other languages and negations it does not understand.
- It may leave traces of the other sounds, or take parts of the wanted one away. It is no evidence of what was said
  or done in a recording."""


def _training(recipe: Recipe, facts: dict[str, Any], sources: list[_Sources]) -> str:
    mixing, optimisation = recipe.mixing, recipe.optimisation
    run = facts.get("training", {})
    steps, hours = int(run.get("steps", 0)), float(run.get("seconds", 0)) / 3600
    heard = steps * optimisation.batch * mixing.seconds / 3600
    losses = " + ".join(f"{weight:g} x {name}" for name, weight in optimisation.loss.items())
    level = f", and {optimisation.absent_weight:g} x the output's level in decibels where nothing in the "
    average = f"an exponential moving average with decay {optimisation.ema:g}" if optimisation.ema else ""
    average = average or "those of the last step"
    kept = optimisation.start_share
    share = f"{kept:.0%} those of the start and {1 - kept:.0%} " if kept else ""
    absent = f"{level}mixture fits the query" if mixing.absent else ""
    lines = [
        f"- {steps:,} steps of {optimisation.batch} mixtures, {heard:.0f} hours of audio, in {hours:.1f} hours on "
        f"{escaped(str(run.get('device', 'an unknown device')))}",
        *(f"- {_share(item, sources)}" for item in sources),
        *(f"- {line}" for line in _mixing(mixing)),
        f"- loss: {losses}{absent}",
        f"- {_steps(optimisation)}, {optimisation.precision}; the weights are {share}{average}",
    ]
    lines[:0] = _stages(run)
    begun_with = (str(start.get("checkpoint")) for start in starts(run))
    shipped = [name for name in begun_with if (RECIPES / f"{name}.yaml").exists()]
    stages = [*reversed(shipped), recipe.name]
    several = "The recipes say it all; each goes on with what the one before learnt:"
    say = several if shipped else f"The recipe `{recipe.name}` says it all:"
    commands = "\n".join(f"    python -m lass train {name} --data data" for name in stages)
    return "## How it was trained\n\n" + "\n".join(lines) + f"\n\n{say}\n\n{commands}"


def _stages(run: dict[str, Any]) -> Iterator[str]:
    """A line for each checkpoint that a run goes back to."""
    begun = "from the weights of"
    for start in starts(run):
        taken, everything = (int(start.get(name, 0)) for name in ("parameters", "of_parameters"))
        rest = "" if taken == everything else "; the rest started at random"
        training = start.get("training") or {}
        steps, hours = int(training.get("steps", 0)), float(training.get("seconds", 0)) / 3600
        budget = f" ({steps:,} steps, {hours:.1f} hours on {escaped(str(training.get('device')))})" if steps else ""
        name = escaped(str(start.get("checkpoint")))
        yield f"- {begun} {name}{budget}: {taken:,} of {everything:,} parameters{rest}"
        begun = "and these from those of"


def _steps(optimisation: Optimisation) -> str:
    """The optimiser and its learning rate in words."""
    name, _, amsgrad = optimisation.optimiser.partition("-")
    titles = {"adamw": "AdamW", "adam": "Adam", "muon": "Muon for the kernels and AdamW for the rest,"}
    parts = [f"{titles[name]} with AMSGrad" if amsgrad else titles[name]]
    parts.append(f"at {optimisation.rate:g}")
    if optimisation.warmup:
        parts.append(f"with {optimisation.warmup:,} steps of warm-up")
    if optimisation.schedule == "cosine":
        parts.append(f"and a cosine down to {optimisation.final * optimisation.rate:g}")
    return " ".join(parts)


def _share(item: _Sources, sources: list[_Sources]) -> str:
    share = item.source.weight / sum(other.source.weight for other in sources)
    if item.source.generated:
        count = item.source.generated * len(scenes.SOUNDS)
        return f"{share:.0%} of the sounds: {count} clips made by this project's own sound models"
    folds = f", folds {', '.join(map(str, item.source.folds))}" if item.source.folds else ""
    return f"{share:.0%} of the sounds: {len(item.recordings)} recordings of {escaped(item.source.folder)}{folds}"


def _mixing(mixing: Mixing) -> list[str]:
    total = sum(mixing.interferers)
    counts = ", ".join(
        f"{number} interferer{'s' * (number > 1)} in {share / total:.0%}"
        for number, share in enumerate(mixing.interferers, start=1)
        if share
    )
    lines = [
        f"mixtures of {mixing.seconds:g} s made on the fly: {counts}; the target {mixing.snr[0]:g} to "
        f"{mixing.snr[1]:+g} dB over each{' as heard (LUFS)' if mixing.loudness == 'lufs' else ''}, the whole "
        + ("at the target's own level" if mixing.levels == "recorded" else
           f"at {mixing.level[0]:g} to {mixing.level[1]:g} dB of full scale"),
        f"each sound at {mixing.speed[0]:g} to {mixing.speed[1]:g} times its speed, through an equaliser of up to "
        f"{mixing.equaliser:g} dB, with a random polarity",
    ]  # fmt: skip
    changes = {
        "two recordings of it at once": mixing.same_sound_layers,
        "in a synthetic room": mixing.reverb,
        "without its top or bottom": mixing.band,
    }
    if any(changes.values()):
        lines.append("a sound is " + ", ".join(f"{name} in {share:.0%}" for name, share in changes.items() if share))
    if mixing.similarity < 1:
        limit = f"a cosine of more than {mixing.similarity:g}"
        lines.append(f"mixtures whose magnitude spectrogram has {limit} with the target's are discarded")
    if mixing.absent:
        lines.append(f"{mixing.absent:.0%} of the queries ask for a sound that is not there; the answer is silence")
    return lines


def _labels(facts: dict[str, Any]) -> list[str]:
    return [str(label) for label in facts.get("known_sounds", {}).get("labels", ())]


def _known_sounds(facts: dict[str, Any]) -> str:
    labels = _labels(facts)
    if not labels:
        return ""
    return "## Sounds it knows\n\n" + ", ".join(map(escaped, sorted(labels))) + "."


def _credits(sources: list[_Sources]) -> str:
    parts = ["## Credits\n\nIt learned from these recordings. Thank you to everyone who recorded and shared them."]
    seen: set[Path] = set()
    for item in sources:
        fresh = [recording for recording in item.recordings if recording.path.resolve() not in seen]
        seen |= {recording.path.resolve() for recording in fresh}
        if item.source.generated:
            parts.append(
                "### Generated sounds\n\nMade by this project's own sound models (`lass/sounds`, MIT), "
                f"{item.source.generated} of each: {', '.join(map(escaped, sorted(scenes.SOUNDS)))}."
            )
        elif fresh:
            parts.append(_credit_table(item.source, fresh))
    return "\n\n".join(parts)


def _credit_table(source: SourceSet, recordings: list[Recording]) -> str:
    licences = Counter(recording.facts.get("licence", "") or "not stated" for recording in recordings)
    counts = ", ".join(f"{count} {escaped(name)}" for name, count in licences.most_common())
    lines = ["| file | title | author | licence | source |", "|---|---|---|---|---|"]
    for recording in recordings:
        facts = recording.facts
        # A list may name files by where they lie on somebody's machine.
        name = Path(recording.file).name if Path(recording.file).is_absolute() else recording.file
        title = facts.get("source_title") or facts.get("title") or recording.label
        cells = [escaped(text or "not stated") for text in (name, title, facts.get("author"), facts.get("licence"))]
        lines.append(f"| {' | '.join(cells)} | {link(facts.get('source_url', ''))} |")
    return f"### {escaped(source.folder)}\n\n{len(recordings)} recordings: {counts}.\n\n" + "\n".join(lines)
