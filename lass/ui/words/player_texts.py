"""The words of the player."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PlayerTexts:
    """Words in braces are filled in by the player itself; their names must stay. ``keys`` are keys and what they do."""

    tracks: str
    play: str
    pause: str
    loop: str
    position: str
    place: str
    level: str
    hearing: str
    loop_set: str
    picture_help: str
    wave_help: str
    part: str
    undrawable: str
    remix: str
    only_target: str
    as_recorded: str
    only_residual: str
    quieter: str
    desk: str
    save: str
    over: str
    clips: str
    unplayable: str
    keyboard: str
    keys: tuple[tuple[str, str], ...]


ENGLISH = PlayerTexts(
    tracks="What you hear",
    play="Play",
    pause="Pause",
    loop="Repeat",
    position="Position",
    place="{at} of {of}",
    level="Level of what you hear",
    hearing="You hear: {track}",
    loop_set="Repeats from {from} to {to}",
    picture_help="On the picture: click to go there, drag to repeat a part.",
    wave_help="Drag to choose the part; or press [ and ] where it begins and ends.",
    part="Separate just this part",
    undrawable="Your browser cannot show this recording; say in seconds which part you mean.",
    remix="Remix",
    only_target="Only the sound",
    as_recorded="As recorded",
    only_residual="Only the rest",
    quieter="{track}: {level} dB",
    desk="In the mix",
    save="Download as heard",
    over=(
        "This mix goes {level} dB over full scale. The file keeps every sample (32-bit float), "
        "but players may distort its peaks: lower it before you use it."
    ),
    clips="What you hear goes over full scale here, so your loudspeakers may distort it.",
    unplayable="These sounds cannot be loaded any more; separate again.",
    keyboard="Keys",
    keys=(
        ("1 2 3", "switch what you hear"),
        ("Space", "play or pause"),
        ("← →", "two seconds back or on"),
        ("Home End", "to the beginning or the end"),
        ("L", "repeat on or off"),
        ("[ ]", "repeat from here, or up to here"),
    ),
)
