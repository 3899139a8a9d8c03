"""The words of the large, unattended variant at a stand."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StandTexts:
    """What the page says at a stand only. ``{seconds}`` is filled in by the browser."""

    examples: str
    examples_hint: str
    idle: str
    stay: str
    qr: str
    qr_words: str
    qr_alt: str
    qr_unreachable: str


ENGLISH = StandTexts(
    examples="Touch an example and listen",
    examples_hint="The machine takes the sound you ask for apart from everything else.",
    idle="This page starts over in {seconds} s.",
    stay="Stay here",
    qr="Be the judge: the listening test",
    qr_words="Point your phone at this code, or open",
    qr_alt="QR code of the address {address}",
    qr_unreachable=(
        "A phone does not reach this address. For whoever runs the stand: set LASS_PUBLIC_URL to this machine’s "
        "address on the network."
    ),
)
