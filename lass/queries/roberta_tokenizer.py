"""The tokenizer of CLAP's text branch, roberta-base, from files that are here.

`transformers` makes a tokenizer of five entries when it finds no files, says nothing, and every query is then
encoded alike. So the files are found and the size is checked here.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lass.errors import ModelError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SOURCE = "https://huggingface.co/FacebookAI/roberta-base"
WHOLE = "tokenizer.json"
PARTS = ("vocab.json", "merges.txt")
PADDING = 1
# The numbers by which the text branch knows where a text begins, ends, and is not.
_MARKS = {"<s>": 0, "<pad>": PADDING, "</s>": 2}
_REPOSITORIES = ("FacebookAI/roberta-base", "roberta-base")
_FILES = f"{' and '.join(PARTS)} (or {WHOLE}) from {SOURCE}"

logger = logging.getLogger(__name__)


def load_roberta_tokenizer(folders: Sequence[Path], *, entries: int, maximum: int, offline: bool = True) -> Tokenizer:
    """The tokenizer, with begin and end marks, cutting texts at `maximum` tokens, without padding.

    folders: looked through in order, then the Hugging Face cache; a person is told to place files in the first.
    entries: how many the text branch knows, 50265 in roberta-base.
    offline: False allows to fetch the files from the Hugging Face hub when they are nowhere.

    Raises ModelError when the files are nowhere, damaged, or of another vocabulary.
    """
    place = f"place them in {folders[0]}" if folders else "place them in the Hugging Face cache"
    found = next((files for folder in folders if (files := _in_folder(folder))), None) or _in_cache(offline)
    if found is None:
        raise ModelError(f"CLAP's tokenizer is not here, so no query can be encoded: get {_FILES} and {place}.")
    where = " and ".join(map(str, found))
    try:
        tokenizer = _read(found)
    except Exception as error:  # the library raises nothing more special
        raise ModelError(f"CLAP's tokenizer in {where} is damaged: get {_FILES} and {place}.") from error
    size = tokenizer.get_vocab_size()
    if size != entries or any(tokenizer.token_to_id(mark) != number for mark, number in _MARKS.items()):
        raise ModelError(
            f"CLAP's tokenizer in {where} has {size} entries and is not the one of the text branch, which has "
            f"{entries}: get {_FILES} and {place}."
        )
    from tokenizers.processors import RobertaProcessing

    tokenizer.post_processor = RobertaProcessing(("</s>", _MARKS["</s>"]), ("<s>", _MARKS["<s>"]))
    tokenizer.no_padding()
    tokenizer.enable_truncation(maximum)
    return tokenizer


def is_complete(folder: Path) -> bool:
    """Whether a folder holds the files of one tokenizer; they are not read."""
    return _in_folder(folder) is not None


def _in_folder(folder: Path) -> tuple[Path, ...] | None:
    """The files of one tokenizer, when they are complete."""
    for names in ((WHOLE,), PARTS):
        files = tuple(folder / name for name in names)
        if all(file.is_file() for file in files):
            return files
    return None


def _in_cache(offline: bool) -> tuple[Path, ...] | None:
    from huggingface_hub import hf_hub_download

    # What is in the cache under one name is better than a download under the other.
    for local in (True,) if offline else (True, False):
        for repository in _REPOSITORIES:
            for names in ((WHOLE,), PARTS):
                try:
                    return tuple(Path(hf_hub_download(repository, name, local_files_only=local)) for name in names)
                except Exception as error:  # noqa: BLE001 (not here, no network, refused: the caller says so)
                    logger.debug("%s of %s: %s", names, repository, error)
    return None


def _read(files: tuple[Path, ...]) -> Tokenizer:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    if len(files) == 1:
        return Tokenizer.from_file(str(files[0]))
    tokenizer = Tokenizer(models.BPE.from_file(*map(str, files)))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    known = [mark for mark in ("<s>", "<pad>", "</s>", "<unk>") if tokenizer.token_to_id(mark) is not None]
    tokenizer.add_special_tokens([AddedToken(mark, normalized=False, special=True) for mark in known])
    if tokenizer.token_to_id("<mask>") is not None:
        tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False, special=True)])
    return tokenizer
