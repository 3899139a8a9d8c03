"""The limits that .github/SECURITY.md states are those of the code."""

from pathlib import Path

import pytest

from lass import audio, stems
from lass.audio import decoding, isolated
from lass.listening.web import security
from lass.queries.query import MAX_QUERY_CHARACTERS
from lass.settings import Settings
from lass.ui import application
from lass.ui.machine import space
from lass.ui.serving import turns, uploads
from lass.ui.work import batching, unpacking
from lass.ui.work.workbench import Limits


def stated() -> list[str]:
    settings, limits = Settings(), Limits(600, 200_000_000, application.KEEP_MINUTES)
    return [
        f"{settings.max_upload_mb:g} MB (`LASS_MAX_UPLOAD_MB`)",
        f"{audio.SHORTEST} s to {settings.max_seconds:g} s (`LASS_MAX_SECONDS`), {audio.MOST_CHANNELS} channels, "
        f"{audio.LOWEST_RATE // 1000} to {audio.HIGHEST_RATE // 1000} kHz, "
        f"2^{decoding.MOST_VALUES.bit_length() - 1} values, samples up to 2^{int(audio.LOUDEST).bit_length() - 1}",
        f"2 at once, {isolated.SECONDS:g} s and {isolated.MEMORY // 2**30} GiB of address space",
        f"every {isolated.RENEWED_AFTER}\n  recordings",
        f"{MAX_QUERY_CHARACTERS} characters; {stems.MOST} descriptions",
        f"{unpacking.MOST_ENTRIES} entries, an index of {unpacking.LARGEST_INDEX // 1_000_000} MB, "
        f"{unpacking.MOST_RATIO} times",
        f"{batching.MOST_JOBS} recordings times descriptions, {batching.MOST_SECONDS / 60:g} minutes",
        f"| the results of one separation | {limits.most_result_bytes // 10**9} GB |",
        f"| one upload request, all files together | {limits.most_result_bytes // 10**9} GB |",
        f"{limits.most_bytes // 10**9} GB, and {space.LEFT_FREE // 10**6} MB of the disk stay free",
        f"none younger than {space.PROTECTED_SECONDS // 60} minutes",
        f"| how long they are kept | {limits.keep_minutes} minutes |",
        f"| any other request | {uploads.MOST_ASKED // 1_000_000} MB |",
        f"| events that wait | {application.QUEUE_LENGTH}, of them {turns.MOST_WAITING} separations of one visitor;",
        f"{security.LARGEST_BODY // 1024} KiB, from the same origin",
    ]


@pytest.mark.parametrize("words", stated())
def test_a_stated_limit_is_the_one_in_the_code(root: Path, words: str) -> None:
    assert words in (root / ".github" / "SECURITY.md").read_text(encoding="utf-8")
