"""Evaluation by the published protocols: lists of mixtures, the measurement, and the report."""

from lass.evaluation.clips import CAPTIONS_FILE, SAME_SOUND_FILE, folder_list, read_captions, read_same_sound
from lass.evaluation.lists import WORDINGS, Item, Sound, Wording, read_list, write_list
from lass.evaluation.measures import SCORES, Answer, open_measures
from lass.evaluation.protocol import Separates, evaluate, mix
from lass.evaluation.report import MEASURES, Report, Row
from lass.evaluation.settings import EvaluationSettings

__all__ = [
    "EvaluationSettings", "evaluate", "Report", "Row", "MEASURES",
    "read_list", "write_list", "folder_list", "mix", "Item", "Sound", "Wording", "WORDINGS",
    "read_captions", "CAPTIONS_FILE", "Separates", "read_same_sound", "SAME_SOUND_FILE",
    "open_measures", "SCORES", "Answer",
]  # fmt: skip
