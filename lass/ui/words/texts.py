"""Every word of the pages, in one place.

A language is one :class:`Texts` table: the type checker then finds a sentence that was forgotten. Words in
braces are filled in with ``str.format``; the names inside the braces must stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lass.ui.words import page_texts, player_texts, stand_texts
from lass.ui.words.page_texts import PageTexts
from lass.ui.words.player_texts import PlayerTexts
from lass.ui.words.stand_texts import StandTexts


@dataclass(frozen=True)
class Texts:
    """The words of one language, grouped as they appear on the page.

    ``titles`` are the names of shipped recordings and sounds by their English ones; those left out stay English.
    """

    language: str
    name: str
    tagline: str
    title: str
    other_language: str

    recording: str
    recording_named: str
    too_large: str
    query: str
    query_placeholder: str
    model: str
    separate: str
    cancel: str
    download_model: str
    download_rest: str
    unpack_model: str
    cancel_download: str

    model_here: str
    model_downloaded: str
    model_to_download: str
    model_option: str
    model_option_away: str
    model_option_here: str
    model_companions: str
    model_incomplete: str
    model_packed: str
    model_to_use: str
    model_get: str
    model_place: str
    model_licence: str
    parameters: str

    no_recording: str
    no_query: str

    lost: str
    lost_way: str

    waiting: str
    waiting_place: str
    waiting_time: str
    reading: str
    loading: str
    separating: str
    drawing: str
    downloading: str
    download_begins: str
    download_checked: str
    download_stops: str
    downloaded: str
    cancelled: str
    done: str

    target: str
    residual: str
    mixture: str
    quoted: str
    result_of: str
    picture_alt: str
    download_target: str
    download_residual: str
    download_all: str
    download_report: str

    heard_as: str
    unfamiliar: str
    not_found: str
    details: str
    details_more: str
    stereo: str
    mono: str
    channels: str

    examples: str
    examples_hint: str
    example_query: str

    draft_add: str
    draft_added: str

    unexpected: str
    model_not_here: str
    unknown_model: str

    privacy: str
    version: str
    licence: str

    titles: Mapping[str, str]
    player: PlayerTexts
    pages: PageTexts
    stand: StandTexts


ENGLISH = Texts(
    language="en",
    name="lass",
    tagline="Type what you want to hear. Get it, and everything else, from any recording.",
    title="lass: hear one sound in any recording",
    other_language="Français",
    recording="Your recording",
    recording_named="Your recording: {name}",
    too_large="This file is larger than the {size} that can be uploaded here; shorten it or send it as FLAC or MP3.",
    query="What do you want to hear?",
    query_placeholder="a dog barking",
    model="Model",
    separate="Separate",
    cancel="Cancel",
    download_model="Download ({size})",
    download_rest="Download the rest ({size})",
    unpack_model="Unpack the archive",
    cancel_download="Cancel the download",
    model_here="comes with the application",
    model_downloaded="on this machine",
    model_to_download="{size} to download",
    model_option="{title} · {state}",
    model_option_away="to download",
    model_option_here="downloaded",
    model_companions="{size} to download, and with it: {companions}",
    model_incomplete="To understand words it still needs: {companions}.",
    model_packed="Its archive is in place and has to be unpacked.",
    model_to_use="To use it, {how}",
    model_get="press Download below the model, or choose another one.",
    model_place="whoever runs this application fetches it once, on that machine, with: {command}",
    model_licence="licence: {licence}",
    parameters="{count} parameters",
    no_recording="Add a recording first: drop a file here, use the microphone, or try an example.",
    no_query="Write what you want to hear, for example “a dog barking”.",
    lost="There is no page at this address.",
    lost_way="Separate sounds",
    waiting="Waiting for a free place …",
    waiting_place="Waiting: {ahead} before you …",
    waiting_time="Waiting: {ahead} before you, about {time} …",
    reading="Reading the recording …",
    loading="Waking the model …",
    separating="Listening: part {done} of {total}",
    drawing="Drawing the pictures …",
    downloading="Downloading: {done} of {total}",
    download_begins="Starting the download …",
    download_checked="Everything has arrived. Checking it …",
    download_stops="Stopping the download …",
    downloaded="The model is here now and ready to use.",
    cancelled="Stopped. Change what you like and separate again.",
    done="Done. The results are ready.",
    target="What you asked for",
    residual="Everything else",
    mixture="As recorded",
    quoted="“{query}”",
    result_of="What came out: “{query}”",
    picture_alt=(
        "Three spectrograms on one colour scale in decibels, time across and frequency upwards: "
        "the recording, what was asked for ({query}), and everything else."
    ),
    download_target="Download this sound",
    download_residual="Download everything else",
    download_all="Download it all (zip)",
    download_report="How it was made (JSON)",
    heard_as="Heard as: {label}",
    unfamiliar=(
        "This model knows nothing close to “{query}”; it took it for “{label}”, the likeliest of the sounds it knows. "
        "Expect little if that is not what you meant; other words may do better."
    ),
    not_found=(
        "Next to nothing like that was found: it is {under} dB quieter than the recording. "
        "It may not be in there, or other words may find it."
    ),
    details="{model} · {seconds} of {channels} at {rate} · done in {taken}",
    details_more="Added together, the parts give your recording exactly.",
    stereo="stereo",
    mono="mono",
    channels="{count} channels",
    examples="No recording at hand? Try one of these",
    examples_hint="One click fills everything in and separates the sound.",
    example_query="hear “{query}”",
    draft_add="Add to a listening test",
    draft_added="Added to the draft in {folder}. “python -m lass study build {folder}” makes a listening test of it.",
    unexpected=(
        "Something went wrong inside the program and was written to its log; your recording and words are "
        "still here, so try again, or try a shorter recording or another model."
    ),
    model_not_here="The model “{title}” is not on this machine yet; to use it, {how}",
    unknown_model="There is no model called “{name}”; the models here are: {names}.",
    privacy=(
        "Recordings are worked on by this machine alone. Uploads and results are deleted after {minutes} minutes."
    ),
    version="Version {version}",
    licence="MIT licence",
    titles={},
    player=player_texts.ENGLISH,
    pages=page_texts.ENGLISH,
    stand=stand_texts.ENGLISH,
)
