"""New wordings for a finished checkpoint: what it recognises queries by is learned anew, its network stays."""

from pathlib import Path

from safetensors import SafetensorError

from lass.checkpoints.bundled import load_bundled, save_bundled
from lass.errors import LassError
from lass.files import unwritable
from lass.queries import QueryEncoder
from lass.training.mixing import Captions, Words, read_captions
from lass.training.vectors import encode_all


def learn_wordings(checkpoint: Path, captions: Path, encoder: QueryEncoder) -> int:
    """Recognise the known sounds of ``checkpoint`` by the ``train`` wordings of ``captions``; returns their number.

    The file is written anew in its place, with every tensor of the network as it was. It comes out as training with
    these captions writes it.

    Raises:
        LassError: the checkpoint knows no sounds or cannot be read or written, or a sound has no wording.
        QueryError: a wording cannot be encoded.
    """
    model, card, known = load_bundled(checkpoint)
    if known is None:
        raise LassError(f"{checkpoint.name} does not list the sounds it knows; train it with labels to have it do so.")
    table = read_captions(captions, known.labels)
    texts: dict[Words, list[str]] = {label: table[label] for label in sorted(known.labels)}
    words = Captions(texts, encode_all(encoder, [text for wordings in texts.values() for text in wordings]))
    try:
        save_bundled(checkpoint, model, card, words.known_sounds(known.labels))
    except (OSError, SafetensorError) as error:
        raise unwritable(checkpoint, error) from error
    return len(words.query)
