"""Sentences of the rooms below, which speak English only, in the language of a page.

A sentence is known by its English pattern, so that no room below has to know of languages, and so that one that
comes out of another process, as text, is known as well. ``tests/ui/words/test_sentences.py`` provokes the errors
and reads the rooms' sources: a sentence that is new or changed below and not here is found there. Sentences about the
files of models, which are for whoever runs the machine, stay English.
"""

from __future__ import annotations

import re
from functools import cache

from lass.typography import french
from lass.ui.words import french as french_texts
from lass.ui.words.texts import ENGLISH, Texts

FRENCH: dict[str, tuple[str, str]] = {
    "too long": (
        "{name} is longer than {most} seconds, the most that is accepted; choose a shorter part of it.",
        "{name} dure plus de {most} secondes, le maximum accepté ; choisissez-en une partie plus courte.",
    ),
    "too large": (
        "{name} has {size}, and at most {most} are accepted; choose a shorter part, or a compressed format such as "
        "flac or mp3.",
        "{name} fait {size}, et {most} au plus sont acceptés ; choisissez une partie plus courte, ou un format "
        "compressé comme flac ou mp3.",
    ),
    "too much": (
        "{name} holds too much sound for its length, {channels} channels at {rate} Hz; choose a shorter part, or "
        "convert it to fewer channels or a lower rate.",
        "{name} contient trop de son pour sa durée, {channels} canaux à {rate} Hz ; choisissez une partie plus courte, "
        "ou convertissez-le vers moins de canaux ou une fréquence plus basse.",
    ),
    "too short": (
        "{name} lasts only {seconds} s; choose a recording of at least {least} s.",
        "{name} ne dure que {seconds} s ; choisissez un enregistrement d’au moins {least} s.",
    ),
    "no format": (
        "{name} is not a recording in a format that can be read; use wav, flac, mp3, ogg, opus, aiff, m4a, mp4 or "
        "webm.",
        "{name} n’est pas un enregistrement dans un format lisible ; utilisez wav, flac, mp3, ogg, opus, aiff, m4a, "
        "mp4 ou webm.",
    ),
    "empty": (
        "{name} is empty; choose a file that holds a recording.",
        "{name} est vide ; choisissez un fichier qui contient un enregistrement.",
    ),
    "gone": (
        "{name} cannot be opened; check that it exists and may be read.",
        "{name} ne peut pas être ouvert : il n’est plus là ; envoyez-le de nouveau.",
    ),
    "no sound track": (
        "{name} has no sound track; choose a recording or a video with sound.",
        "{name} n’a pas de piste sonore ; choisissez un enregistrement ou une vidéo avec du son.",
    ),
    "no sound": (
        "{name} holds no sound that can be read, so it may be damaged or cut short; export it again.",
        "{name} ne contient pas de son lisible ; il est peut-être abîmé ou tronqué : exportez-le de nouveau.",
    ),
    "no samples": (
        "{name} holds no samples; choose a recording with sound in it.",
        "{name} ne contient aucun échantillon ; choisissez un enregistrement avec du son.",
    ),
    "silent": (
        "{name} is silent from beginning to end; choose a recording with sound in it.",
        "{name} est silencieux du début à la fin ; choisissez un enregistrement avec du son.",
    ),
    "not finite": (
        "{name} holds samples that are no finite numbers; export it again from where it was made.",
        "{name} contient des échantillons qui ne sont pas des nombres finis ; exportez-le de nouveau depuis son "
        "origine.",
    ),
    "no memory": (
        "{name} does not fit into memory; choose a shorter part of it.",
        "{name} ne tient pas en mémoire ; choisissez-en une partie plus courte.",
    ),
    "damaged": (
        "{name} could not be read, so it may be damaged; export it again.",
        "{name} n’a pas pu être lu ; il est peut-être abîmé : exportez-le de nouveau.",
    ),
    "many channels": (
        "{name} has {channels} channels, and 1 to {most} can be separated; mix it down first.",
        "{name} a {channels} canaux, et l’on en sépare de 1 à {most} ; réduisez d’abord leur nombre.",
    ),
    "rate": (
        "{name} has a sample rate of {rate} Hz; convert it to one from {least} to {most} Hz.",
        "{name} a une fréquence d’échantillonnage de {rate} Hz ; convertissez-le à une fréquence de {least} à {most} "
        "Hz.",
    ),
    "part bounds": (
        "The part to separate has no such beginning or end; give both in seconds from 0 on.",
        "La partie à séparer n’a pas un tel début ou une telle fin ; donnez les deux en secondes à partir de 0.",
    ),
    "part late": (
        "The part to separate begins at {start} s but the recording ends at {end} s; begin earlier.",
        "La partie à séparer commence à {start} s, mais l’enregistrement finit à {end} s ; commencez plus tôt.",
    ),
    "part short": (
        "The part from {start} to {end} s is too short; end it at least {least} s after its beginning.",
        "La partie de {start} à {end} s est trop courte ; finissez-la au moins {least} s après son début.",
    ),
    "no words": (
        "The description is empty: write in a few words what you want to hear.",
        "La description est vide : écrivez en quelques mots, en anglais, ce que vous voulez entendre.",
    ),
    "many words": (
        "The description is {count} characters long: say what you want to hear in at most {most}.",
        "La description fait {count} caractères : dites en {most} au plus ce que vous voulez entendre.",
    ),
    "many descriptions": (
        "These are {count} descriptions; give at most {most} for one recording.",
        "Cela fait {count} descriptions ; donnez-en au plus {most} pour un enregistrement.",
    ),
    "results too large": (
        "The results would take {needed} GB, and at most {most} GB are kept of one separation; choose a shorter part, "
        "fewer descriptions, or a lower sample rate.",
        "Les résultats prendraient {needed} Go, et l’on en garde au plus {most} Go par séparation ; choisissez une "
        "partie plus courte, moins de descriptions ou une fréquence d’échantillonnage plus basse.",
    ),
    "no room": (
        "There is no room for more results on this machine at the moment; try a shorter part, or again in some "
        "minutes.",
        "Il n’y a pas de place pour d’autres résultats sur cette machine en ce moment ; essayez une partie plus "
        "courte, ou de nouveau dans quelques minutes.",
    ),
    "not written": (
        "Results cannot be written on this machine ({reason}); try again in some minutes.",
        "Les résultats ne peuvent pas être écrits sur cette machine ({reason}) ; réessayez dans quelques minutes.",
    ),
    "no memory to separate": (
        "There was not enough memory for this separation; try a shorter part of the recording, or a smaller model.",
        "La mémoire n’a pas suffi pour cette séparation ; essayez une partie plus courte de l’enregistrement, ou un "
        "modèle plus petit.",
    ),
    "lost device": (
        "The graphics processor of this machine failed; try again in some minutes, when the application was restarted.",
        "Le processeur graphique de cette machine a fait défaut ; réessayez dans quelques minutes, quand l’application "
        "aura redémarré.",
    ),
    "decoder too slow": (
        "{name} could not be read within {seconds} seconds; choose a shorter part of it, or export it again as wav or "
        "flac.",
        "{name} n’a pas pu être lu en {seconds} secondes ; choisissez-en une partie plus courte, ou exportez-le de "
        "nouveau en wav ou en flac.",
    ),
    "decoder failed": (
        "{name} could not be read because its decoder failed, so it may be damaged; export it again as wav or flac.",
        "{name} n’a pas pu être lu parce que son décodeur a échoué, il est donc peut-être endommagé ; exportez-le de "
        "nouveau en wav ou en flac.",
    ),
    "decoder away": (
        "{name} cannot be read at the moment; try again in a minute.",
        "{name} ne peut pas être lu en ce moment ; réessayez dans une minute.",
    ),
    "decoder stopping": (
        "{name} cannot be read, because the application is stopping; try again later.",
        "{name} ne peut pas être lu, car l’application s’arrête ; réessayez plus tard.",
    ),
    "restarting": (
        "The application is being restarted; try again in a minute.",
        "L’application redémarre ; réessayez dans une minute.",
    ),
    "loud samples": (
        "{name} holds samples as large as {peak}, so it is damaged; export it again.",
        "{name} contient des échantillons qui vont jusqu’à {peak}, il est donc endommagé ; exportez-le de nouveau.",
    ),
    "changing": (
        "{name} changes its sample rate or its channels on the way; export it again as one recording.",
        "{name} change de fréquence d’échantillonnage ou de canaux en chemin ; exportez-le de nouveau comme un seul "
        "enregistrement.",
    ),
    "ratio": (
        "A ratio of {ratio} dB cannot be heard; choose one from {least} to {most}.",
        "Un rapport de {ratio} dB ne s’entend pas ; choisissez-en un de {least} à {most}.",
    ),
    "channels apart": (
        "The sounds have {one} and {other} channels, which do not fit; mix one of them down first.",
        "Les sons ont {one} et {other} canaux, qui ne vont pas ensemble ; réduisez d’abord ceux de l’un des deux.",
    ),
    "first silent": (
        "The first sound is silent within the mixture; choose another one or a smaller offset.",
        "Le premier son est silencieux dans le mélange ; choisissez-en un autre ou un décalage plus petit.",
    ),
    "second silent": (
        "The second sound is silent within the mixture; choose another one or a smaller offset.",
        "Le second son est silencieux dans le mélange ; choisissez-en un autre ou un décalage plus petit.",
    ),
    "no offset": (
        "The offset is no number of seconds; choose 0 to begin both sounds together.",
        "Le décalage n’est pas un nombre de secondes ; choisissez 0 pour commencer les deux sons ensemble.",
    ),
    "never meet": (
        "With an offset of {seconds} s the two sounds never meet; choose a smaller one.",
        "Avec un décalage de {seconds} s, les deux sons ne se rencontrent jamais ; choisissez-en un plus petit.",
    ),
    "long mixture": (
        "The mixture would last longer than {most} seconds; choose shorter sounds.",
        "Le mélange durerait plus de {most} secondes ; choisissez des sons plus courts.",
    ),
    "other length": (
        "The clean sound lasts {clean} s and the recording {recording} s; give the one that was mixed into this "
        "recording, uncut.",
        "Le son pur dure {clean} s et l’enregistrement {recording} s ; donnez celui qui a été mélangé à cet "
        "enregistrement, sans coupure.",
    ),
    "other channels": (
        "The clean sound has {clean} channels and the recording {recording}; give it with one channel or as many as "
        "the recording.",
        "Le son pur a {clean} canaux et l’enregistrement {recording} ; donnez-le avec un canal ou autant que "
        "l’enregistrement.",
    ),
    "clean silent": (
        "The clean sound is silent, so there is nothing to measure against; choose another file.",
        "Le son pur est silencieux, il n’y a donc rien à quoi se comparer ; choisissez un autre fichier.",
    ),
    "archive damaged": (
        "The archive is damaged and cannot be opened; pack it again as a plain zip.",
        "L’archive est endommagée et ne peut pas être ouverte ; refaites-en un simple zip.",
    ),
    "archive of many": (
        "The archive holds more than {most} files; pack fewer at a time.",
        "L’archive contient plus de {most} fichiers ; mettez-en moins à la fois.",
    ),
    "archive large": (
        "The archive is larger than the {most} MB that can be sent; pack fewer files.",
        "L’archive dépasse les {most} Mo que l’on peut envoyer ; mettez-y moins de fichiers.",
    ),
    "no archive": (
        "This file is no zip archive; pack the recordings as a zip, or choose them one by one.",
        "Ce fichier n’est pas une archive zip ; mettez les enregistrements dans un zip, ou choisissez-les un par un.",
    ),
    "damaged within": (
        "{name} is damaged within the archive; pack it again.",
        "{name} est endommagé dans l’archive ; refaites-la.",
    ),
    "outside": (
        "{name} points to a place outside the archive; pack it again without its path.",
        "{name} désigne un endroit hors de l’archive ; ajoutez-le de nouveau, sans son chemin.",
    ),
    "no plain file": (
        "{name} is a link or a device, not a recording; pack the recording itself.",
        "{name} est un lien ou un périphérique, non un enregistrement ; mettez-y l’enregistrement lui-même.",
    ),
    "locked": (
        "{name} is locked with a password; pack it without one.",
        "{name} est protégé par un mot de passe ; ajoutez-le sans.",
    ),
    "no known name": (
        "{name} is no recording that is known by its name; give wav, flac, mp3 or the like.",
        "{name} n’a pas le nom d’un enregistrement ; donnez du wav, du flac, du mp3 ou semblable.",
    ),
    "large within": (
        "{name} is larger than the {most} MB that can be taken; shorten it or send it as FLAC.",
        "{name} dépasse les {most} Mo acceptés ; raccourcissez-le ou envoyez-le en FLAC.",
    ),
    "growing": (
        "{name} unpacks to more than a recording would; send it by itself, outside an archive.",
        "{name} se décompresse en plus qu’un enregistrement ne le ferait ; envoyez-le seul, hors d’une archive.",
    ),
    "not packed": (
        "The results could not be packed, the disk may be full; try again later.",
        "Les résultats n’ont pas pu être réunis, le disque est peut-être plein ; réessayez plus tard.",
    ),
    "batch not packed": (
        "The results could not be packed, the disk may be full; try fewer recordings.",
        "Les résultats n’ont pas pu être réunis, le disque est peut-être plein ; essayez moins d’enregistrements.",
    ),
    "result gone": (
        "A result is no longer there; separate again.",
        "Un résultat n’est plus là ; séparez de nouveau.",
    ),
    "picture gone": (
        "{name} is not a picture that can be read; separate again.",
        "{name} n’est pas une image lisible ; séparez de nouveau.",
    ),
    "file not written": (
        "{name} cannot be written; check the folder and the space on its disk.",
        "{name} ne peut pas être écrit ; il manque peut-être de la place sur cette machine : réessayez plus tard.",
    ),
    "folder not written": (
        "The results cannot be written to {folder} ({reason}); choose another folder.",
        "Les résultats ne peuvent pas être écrits dans {folder} ({reason}) ; réessayez plus tard.",
    ),
    "picture not written": (
        "The picture could not be written to {path} ({reason}); choose another folder.",
        "L’image n’a pas pu être écrite dans {path} ({reason}) ; réessayez plus tard.",
    ),
    "cancelled": (
        "The work was cancelled; start it again whenever you like.",
        "Le travail a été annulé ; relancez-le quand vous voulez.",
    ),
}
"""By a key for people: the sentence as it is raised, and in French. Both have the same names in braces."""


OF_THE_SHELF = ("unknown_model", "model_not_here", "model_get", "model_place")
"""Sentences of the pages' own tables that come in English, because the shelf of models serves all languages."""


def told(texts: Texts, sentence: str) -> str:
    """A sentence of a :class:`lass.errors.LassError` in the language of a page; English where nobody translated it."""
    if texts.language != "fr":
        return sentence
    for pattern, translation in _patterns():
        found = pattern.fullmatch(sentence)
        if found:
            values = {name: told(texts, value) for name, value in found.groupdict().items()}
            return french(translation).format(**values)
    return sentence


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    tables = [(getattr(ENGLISH, name), getattr(french_texts.FRENCH, name)) for name in OF_THE_SHELF]
    return [(_pattern(english), translation) for english, translation in [*FRENCH.values(), *tables]]


def _pattern(english: str) -> re.Pattern[str]:
    """What matches a sentence whose names in braces have become words."""
    parts = re.split(r"\{(\w+)\}", english)
    return re.compile("".join(re.escape(part) if number % 2 == 0 else f"(?P<{part}>.+?)"
                              for number, part in enumerate(parts)), re.DOTALL)  # fmt: skip
