"""The sounds a checkpoint was trained on, and which of them a query comes nearest to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lass.queries.query import Query
from lass.queries.recogniser import Recogniser

if TYPE_CHECKING:
    from torch import Tensor

# How far a query is drawn towards the known sounds, and how sharply the nearest of them are preferred. Measured on
# mixtures of held-out recordings: wordings that training never met gain about 1 dB of SDR, labels lose nothing.
DRAW = 0.5
SHARPNESS = 20.0
# With a recogniser a query is drawn further, the surer it is of what is meant: all the way where its log-odds lie this
# far above those of a query that is barely familiar.
DRAW_WHEN_SURE = 1.0
SURE = 2.0
# Sounds whose log-odds are so little below the likeliest's may be meant as well: the likeliest of them are listened
# for. What is heard, from UNHEARD to everything, turns the order of sounds round that are 4.6 apart.
DOUBT = 5.0
CANDIDATES = 8
# Cosine from which two known sounds are one under two names (rain, rain falling), between which nothing is to decide.
ALIKE = 0.8
# What a sound counts for that is not heard in the recording: silence speaks against words, but not for certain.
UNHEARD = 0.01

# How much of a recording's energy each known sound has in it, by its number, of those that were listened for.
Heard = Mapping[int, float]


@dataclass(frozen=True)
class Understanding:
    """How a checkpoint understood a query: the sound it took it for, of those it was trained on.

    ``similarity`` is the cosine between the two; ``familiar`` says whether the query means that sound surely enough to
    expect a separation.
    """

    label: str
    similarity: float
    familiar: bool


@dataclass(frozen=True, eq=False)
class KnownSounds:
    """The sounds a checkpoint was trained on.

    ``vectors`` is ``(labels, size)``: the mean, of unit length, of the vectors of each sound's wordings. ``threshold``
    is the cosine under which a query is far from all of them. The ``recogniser`` tells more surely which of them is
    meant; checkpoints of earlier versions have none.
    """

    labels: tuple[str, ...]
    vectors: Tensor
    threshold: float
    recogniser: Recogniser | None = None

    def candidates(self, query: Query) -> list[int]:
        """What the first row of a query may mean, the likeliest first: numbers of known sounds to listen for.

        Empty where the words alone tell, and without a recogniser.
        """
        if self.recogniser is None:
            return []
        odds = self.recogniser.odds(_unit(query[:1]))[0]
        likeliest = odds.topk(min(CANDIDATES, len(odds)))
        near = likeliest.values > likeliest.values[0] - DOUBT
        others = self.vectors[likeliest.indices] @ self.vectors[likeliest.indices[0]] < ALIKE
        return likeliest.indices[near].tolist() if bool((near & others).any()) else []

    def nearest(self, query: Query, heard: Heard | None = None) -> Understanding:
        """The known sound that the first row of a query means, or comes nearest to.

        What was ``heard`` may decide between sounds. Whether the query is familiar is a matter of its words alone:
        they have to name that very sound.
        """
        pooled = _unit(query[:1])
        similarities = (pooled @ self.vectors.T)[0]
        if self.recogniser is None:
            best = int(similarities.argmax())
            similarity = float(similarities[best])
            return Understanding(self.labels[best], similarity, similarity >= self.threshold)
        odds = self.recogniser.odds(pooled)
        best = int(_weighed(odds, heard)[0].argmax())
        sure = float(odds[0, best]) >= self.recogniser.familiar
        similarity = float(similarities[best])
        return Understanding(self.labels[best], similarity, sure and similarity >= self.threshold)

    def settle(self, query: Query, heard: Heard | None = None) -> Query:
        """The query with its pooled vectors drawn towards the known sounds they come near.

        A network trained on few sounds knows what to do at their vectors and only guesses between them. Each row
        moves towards the mean of the known sounds, weighted by how near they are; its tokens stay as they are.

        What was ``heard`` counts beside the words: sounds that the recording does not hold are hardly meant. Where
        one of them was heard, the query moves all the way, however unsure its words. It is one query then, of one row.
        """
        from torch.nn.functional import normalize

        pooled = _unit(query)
        if self.recogniser is None:
            nearness = (SHARPNESS * pooled @ self.vectors.T).softmax(dim=1)
            draw = pooled.new_full((len(pooled), 1), DRAW)
        else:
            odds = self.recogniser.odds(pooled)
            nearness = _weighed(odds, heard).softmax(dim=1)
            surely = odds.amax(dim=1, keepdim=True) - self.recogniser.familiar
            draw = DRAW + (DRAW_WHEN_SURE - DRAW) * (surely / SURE).clamp(0, 1)
            if _tells(heard):
                draw = draw.new_full(draw.shape, DRAW_WHEN_SURE)
        drawn = pooled.lerp(normalize(nearness @ self.vectors, dim=1), draw)
        return Query(normalize(drawn, dim=1), query.tokens, query.mask)


def _unit(query: Query) -> Tensor:
    from torch.nn.functional import normalize

    return normalize(query.pooled, dim=1)


def _tells(heard: Heard | None) -> bool:
    """Whether any sound was heard; where none was, the words stand alone."""
    return heard is not None and max(heard.values(), default=0.0) > UNHEARD


def _weighed(odds: Tensor, heard: Heard | None) -> Tensor:
    """Log-odds ``(batch, labels)`` of words, and of what was heard if anything was listened for.

    A sound is as likely meant as its words say, times its share of the recording's energy: what is loud is more often
    asked for, and most sounds are not there at all.
    """
    if heard is None or not _tells(heard):
        return odds
    shares = odds.new_zeros(odds.shape[1])
    for sound, share in heard.items():
        shares[sound] = share
    return odds + (shares + UNHEARD).log()
