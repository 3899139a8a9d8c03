"""What the parts of a study must agree on."""

import hashlib
from collections.abc import Iterable, Iterator

from lass.listening.design.problems import Place, Places
from lass.listening.design.scales import PRESETS
from lass.listening.design.study import Item, Study
from lass.listening.design.text import Text

Found = Iterator[tuple[Place, str]]


def inconsistencies(study: Study, broken: Places | None = None) -> Found:
    """Where a study whose values are right by themselves contradicts itself, and what would be right.

    ``broken`` are places of values that are not the file's; nothing that rests on them is said.
    """
    doubts = _Doubts(study, broken or Places())
    for where, message in _contradictions(study, doubts):
        if not doubts.at(*where):
            yield where, message


class _Doubts:
    """What cannot be known of a study, because values that it rests on could not be read."""

    def __init__(self, study: Study, broken: Places) -> None:
        self._broken = broken
        self.ids = any(self.at("conditions", index, "id") for index in range(len(study.conditions)))
        self.models = {
            one.id for index, one in enumerate(study.conditions) if self.at("conditions", index, "model")
        }
        self._items = range(len(study.items))

    def at(self, *where: str | int) -> bool:
        """Whether a place, something within it or something around it could not be read."""
        return self._broken.touch(where)

    def items(self, *fields: str) -> bool:
        """Whether one of these fields could not be read in any item."""
        return any(self.at("items", index, field) for index in self._items for field in fields)


def _contradictions(study: Study, doubts: _Doubts) -> Found:
    yield from _twice(("conditions",), (one.id for one in study.conditions), "id")
    # An id names an item's audio: practice must not share it.
    yield from _twice(("items",), (one.id for one in study.items), "id")
    yield from _twice(("practice",), (one.id for one in study.practice), "id", {one.id for one in study.items})
    yield from _twice(("questionnaire",), (one.key for one in study.questionnaire), "key")
    yield from _twice(("scale", "questions"), (one.key for one in study.scale.questions), "key")
    for part, items in (("items", study.items), ("practice", study.practice)):
        for index, item in enumerate(items):
            yield from _item(study, item, (part, index), doubts)
    yield from _controls(study, doubts)
    yield from _questionnaire(study)
    if study.opens and study.closes and study.closes <= study.opens:
        yield ("closes",), "must be later than opens"
    if not doubts.at("languages"):
        yield from _languages(study)


def _twice(where: Place, names: Iterable[str], key: str, seen: set[str] | None = None) -> Found:
    seen = set(seen or ())
    for index, name in enumerate(names):
        if name in seen:
            yield (*where, index, key), f"{name!r} is used twice; choose another one"
        seen.add(name)


def _item(study: Study, item: Item, where: Place, doubts: _Doubts) -> Found:
    known = {one.id: one for one in study.conditions}
    for index, name in enumerate(item.conditions or ()):
        if name not in known and not doubts.ids:
            yield (*where, "conditions", index), f"{name!r} is no condition of this study; known are {', '.join(known)}"
    if item.conditions and len(set(item.conditions)) < len(item.conditions):
        yield (*where, "conditions"), "must name every condition once"
    for name in item.files:
        if name not in known:
            if not doubts.ids:
                yield (*where, "files", name), f"belongs to no condition of this study; known are {', '.join(known)}"
        elif known[name].model is not None:
            yield (*where, "files", name), f"is not needed: the condition {name} is made by a model; remove one of both"
    if doubts.ids or doubts.at(*where, "conditions"):
        return
    for condition in study.conditions_of(item):
        if condition.model is None and condition.id not in item.files and condition.id not in doubts.models:
            yield (*where, "files"), f"must give a file for the condition {condition.id}, which has no model"


def _controls(study: Study, doubts: _Doubts) -> Found:
    if study.hidden_reference and not any(item.reference for item in study.items) and not doubts.items("reference"):
        yield ("hidden_reference",), "needs an item with a reference; give one, or set this to false"
    possible = sum(_can_trap(study, item) for item in study.items)
    if study.traps > possible and not (doubts.models or doubts.items("trap", "other", "query")):
        yield (
            ("traps",),
            f"can be at most {possible}: a trap needs an item of its own with a trap file, or with a condition that "
            "has a model and something else to ask for (other, or another item's query)",
        )
    rated = sum(len(study.conditions_of(item)) for item in study.items)
    counted = not (doubts.ids or doubts.at("items_per_rater") or doubts.items("conditions"))
    if counted and study.repeats >= max(2, min(study.items_per_rater or rated, rated)):
        yield ("repeats",), "must be less than the number of stimuli a rater hears"


def trap_model(study: Study) -> str | None:
    """The condition whose model makes the wrong-source outputs: the first that has one."""
    return next((one.id for one in study.conditions if one.model is not None), None)


def other_query(study: Study, item: Item) -> str | None:
    """What a trap asks for: another sound of the item's mixture, or else what the next item asks for."""
    if item.other:
        return item.other
    index = study.items.index(item)
    following = (*study.items[index + 1 :], *study.items[:index])
    return next((one.asked for one in following if one.asked.casefold() != item.asked.casefold()), None)


def trap_items(study: Study) -> list[Item]:
    """The items whose mixtures the traps are made from: as many as there are traps, drawn by the study's seed."""
    possible = [item for item in study.items if _can_trap(study, item)]
    # Items that know what else is in them make the traps that are heard to be wrong.
    possible.sort(key=lambda item: (not (item.trap or item.other), _drawn(study.seed, item.id)))
    return possible[: study.traps]


def _can_trap(study: Study, item: Item) -> bool:
    return bool(item.trap) or (trap_model(study) is not None and other_query(study, item) is not None)


def _drawn(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed} {name}".encode()).hexdigest()


def _questionnaire(study: Study) -> Found:
    for index, field in enumerate(study.questionnaire):
        if field.kind == "choice" and len(field.choices) < 2:
            yield ("questionnaire", index, "choices"), "must offer at least two"
        if field.kind != "choice" and field.choices:
            yield ("questionnaire", index, "choices"), "is for the kind choice only; remove it, or set kind: choice"


def _languages(study: Study) -> Found:
    """A text that names languages must name all of the study's: a rater would read two in one page."""
    for where, text in _texts(study):
        missing = [one for one in study.languages if text.languages and one not in text.languages]
        if missing:
            yield where, f"has no text in {', '.join(missing)}, a language of this study; add it"


def _texts(study: Study) -> Iterator[tuple[Place, Text]]:
    for name in ("title", "welcome", "consent"):
        text = getattr(study, name)
        if text is not None:
            yield (name,), text
    for part, items in (("items", study.items), ("practice", study.practice)):
        for index, item in enumerate(items):
            yield (part, index, "query"), item.query
    for index, field in enumerate(study.questionnaire):
        yield ("questionnaire", index, "label"), field.label
        for place, choice in enumerate(field.choices):
            yield ("questionnaire", index, "choices", place), choice
    if study.scale not in PRESETS.values():
        for index, question in enumerate(study.scale.questions):
            yield ("scale", "questions", index, "text"), question.text
            for place, label in enumerate(question.labels):
                yield ("scale", "questions", index, "labels", place), label


__all__ = ["inconsistencies", "other_query", "trap_items", "trap_model"]
