"""The words of the pages beside Separate, one table for each page; :mod:`lass.ui.words.texts` holds them together."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NavigationTexts:
    """The bar that leads from page to page."""

    label: str
    separate: str
    compare: str
    measure: str
    batch: str
    models: str
    listening: str


@dataclass(frozen=True)
class MoreTexts:
    """What may be said on the Separate page beyond recording and words."""

    heading: str
    add: str
    another: str
    take_back: str
    keep: str
    keep_it: str
    remove_it: str
    part: str
    part_hint: str
    start: str
    end: str
    stem: str
    rest: str
    picture_alt: str
    edited_alt: str
    without: str
    without_end: str
    removed: str
    only_there: str
    only_there_end: str
    files: str
    download_edited: str
    download_removed: str
    shared: str


@dataclass(frozen=True)
class CompareTexts:
    """The page Compare."""

    title: str
    intro: str
    models: str
    models_hint: str
    only_one: str
    truth: str
    truth_hint: str
    start: str
    separating: str
    loading: str
    how_many: str
    answers: str
    answers_hint: str
    vote: str
    vote_hint: str
    vote_for: str
    no_preference: str
    voted: str
    voted_none: str
    picture_alt: str
    answer: str
    mixture: str
    clean: str
    measures: str
    model: str
    took: str
    download: str


@dataclass(frozen=True)
class MeasureTexts:
    """The page Mix & measure."""

    title: str
    intro: str
    first: str
    second: str
    own: str
    own_file: str
    shipped_hint: str
    snr: str
    offset: str
    wanted: str
    wanted_first: str
    wanted_second: str
    query: str
    listen: str
    start: str
    sweep: str
    sweeping: str
    no_sounds: str
    mixture: str
    truth: str
    other: str
    target: str
    residual: str
    mixed: str
    turned_down: str
    results: str
    sdr: str
    sdri: str
    si_sdr: str
    sdr_means: str
    sdri_means: str
    si_sdr_means: str
    not_defined: str
    download: str
    beside: str
    sweep_heading: str
    sweep_hint: str
    sweep_alt: str
    sweep_table: str
    ratio: str
    picture_alt: str


@dataclass(frozen=True)
class BatchTexts:
    """The page Batch."""

    title: str
    intro: str
    files: str
    files_hint: str
    queries: str
    queries_hint: str
    action: str
    start: str
    separating: str
    no_files: str
    too_many: str
    too_long: str
    empty_zip: str
    beside: str
    results: str
    summary: str
    column_file: str
    column_query: str
    column_result: str
    found: str
    download: str
    table: str


@dataclass(frozen=True)
class ModelsTexts:
    """The page Models & method."""

    title: str
    intro: str
    method: str
    method_words: tuple[str, ...]
    limits: str
    limits_words: tuple[str, ...]
    budget: str
    budget_words: tuple[str, ...]
    budgets: str
    model: str
    training: str
    weighs: str
    trained: str
    trained_in: str
    trained_after: str
    not_stated: str
    cards: str
    architecture: str
    encoder: str
    sample_rate: str
    parameters: str
    not_known: str
    size: str
    licence: str
    state: str
    source: str
    whole_card: str
    known: str
    known_hint: str
    known_query: str
    known_model: str
    search: str
    nearest: str
    familiar: str
    unfamiliar: str
    all_known: str
    none_known: str
    citations: str
    citations_words: tuple[str, ...]


@dataclass(frozen=True)
class PageTexts:
    """All pages beside Separate."""

    navigation: NavigationTexts
    more: MoreTexts
    compare: CompareTexts
    measure: MeasureTexts
    batch: BatchTexts
    models: ModelsTexts


ENGLISH = PageTexts(
    navigation=NavigationTexts(
        label="Pages",
        separate="Separate",
        compare="Compare",
        measure="Mix & measure",
        batch="Batch",
        models="Models & method",
        listening="Listening test",
    ),
    more=MoreTexts(
        heading="More: several sounds, remove, a part only",
        add="Add another description",
        another="Also, as a stem of its own (description {number})",
        take_back="Take the last one back",
        keep="What to do with it",
        keep_it="Keep it",
        remove_it="Remove it",
        part="Only a part of the recording",
        part_hint="In seconds. Outside the part nothing changes.",
        start="From",
        end="To (0: the end)",
        stem="“{query}”",
        rest="Everything else",
        picture_alt=(
            "Spectrograms on one colour scale in decibels, time across and frequency upwards: the recording, "
            "{queries}, and everything else."
        ),
        edited_alt=(
            "Three spectrograms on one colour scale in decibels, time across and frequency upwards: the recording as "
            "it was, as it is now ({change}), and what was removed."
        ),
        without="Without “{query}”",
        without_end="Without the sound",
        removed="What was removed",
        only_there="With only “{query}” from {start} s to {end} s",
        only_there_end="As changed",
        files="The stems, in the order of their descriptions",
        download_edited="Download the changed recording",
        download_removed="Download what was removed",
        shared="Some of the sound fits more than one description; it was shared out, so that nothing counts twice.",
    ),
    compare=CompareTexts(
        title="Compare models by ear",
        intro=(
            "The same recording and words go through two or more models. You hear the answers as A, B, C, in an order "
            "that is drawn anew each time; the names come after your vote."
        ),
        models="Models",
        models_hint="Those that are on this machine.",
        only_one=(
            "Only one model is on this machine. Download another one on the page Separate, then compare them here."
        ),
        truth="The clean sound, if you have it",
        truth_hint="With it every answer is also measured: SDR, SDRi and SI-SDR.",
        start="Compare",
        separating="Answer {about}: part {done} of {total}",
        loading="Waking the model behind answer {about} …",
        how_many="Choose at least two models and at most {most}.",
        answers="The answers",
        answers_hint="All start at the same moment; switch between them while they play.",
        vote="Which one do you like best?",
        vote_hint="The names are shown after your vote.",
        vote_for="Answer {letter}",
        no_preference="No difference",
        voted="You chose answer {letter}: {title}.",
        voted_none="You heard no difference.",
        picture_alt="Spectrograms on one colour scale: the recording and the answers {letters}.",
        answer="Answer {letter}",
        mixture="The recording",
        clean="The clean sound",
        measures="Measured against the clean sound, in decibels; more is better.",
        model="Model",
        took="Time taken",
        download="Download it all (zip)",
    ),
    measure=MeasureTexts(
        title="Mix & measure",
        intro=(
            "Mix two sounds and the truth is known, so that a separation can be measured instead of judged. "
            "Take sounds that ship with the application, or your own."
        ),
        first="First sound",
        second="Second sound",
        own="Your own recording …",
        own_file="Your own recording",
        shipped_hint=(
            "The sounds in these lists were generated for this application and are easy to tell apart; expect less of "
            "real recordings."
        ),
        snr="First over second (dB)",
        offset="The second begins later by (s)",
        wanted="Separate",
        wanted_first="the first sound",
        wanted_second="the second sound",
        query="Described as",
        listen="Hear the mixture",
        start="Mix, separate and measure",
        sweep="Sweep the ratio",
        sweeping="At {about}: part {done} of {total}",
        no_sounds="Choose two sounds first: ones that ship, or recordings of your own.",
        mixture="The mixture",
        truth="The wanted sound as it was",
        other="The other sound as it was",
        target="What was separated",
        residual="Everything else",
        mixed="The mixture is ready.",
        turned_down="The whole mixture was turned down by {decibels} dB to stay within full scale.",
        results="How well it went",
        sdr="SDR",
        sdri="SDRi",
        si_sdr="SI-SDR",
        sdr_means="How far all errors together lie under the wanted sound. 0 dB: as loud as the sound itself.",
        sdri_means="How much of that is the model’s doing: the SDR now, less the SDR of the mixture ({before} dB).",
        si_sdr_means="The same when a wrong volume does not count as an error.",
        not_defined="not defined",
        download="Download it all (zip)",
        beside=(
            "Here you will hear the mixture, the wanted sound as it was and what the model made of it, and read how "
            "close the two are."
        ),
        sweep_heading="Over a range of ratios",
        sweep_hint="The first {seconds} seconds of the mixture, at {count} ratios.",
        sweep_alt="SDR and SI-SDR of the separation over the ratio of wanted to other sound: {points}.",
        sweep_table="Download the table (CSV)",
        ratio="Ratio",
        picture_alt=(
            "Spectrograms on one colour scale: the mixture, the wanted sound as it was, and what was separated."
        ),
    ),
    batch=BatchTexts(
        title="Many recordings at once",
        intro=(
            "Send several recordings, or a zip of them, and one or more descriptions. You get one zip with what was "
            "asked for and everything else of each, and a table."
        ),
        files="Recordings, or a zip of them",
        files_hint="Up to {jobs} recordings times descriptions, and {minutes} minutes of sound.",
        queries="What do you want to hear? One description a line",
        queries_hint="Every recording is separated once for each line.",
        action="What to do with it",
        start="Separate them all",
        separating="{about}: part {done} of {total}",
        no_files="Add recordings first: several files, or one zip.",
        too_many=(
            "Not separated: with so many descriptions, a batch takes {most} recordings; send the rest in another one."
        ),
        too_long="Not separated: a batch takes {minutes} minutes of sound; send the rest in another one.",
        empty_zip="This zip holds no files; pack recordings in it.",
        beside=(
            "Here a line appears for every recording as soon as it is done. What cannot be read gets a sentence that "
            "says why, and the others go on."
        ),
        results="Results",
        summary="{done} of {total} separated",
        column_file="Recording",
        column_query="Description",
        column_result="Result",
        found="{level} dB against the recording",
        download="Download the results (zip)",
        table="Download the table (CSV)",
    ),
    models=ModelsTexts(
        title="Models & method",
        intro="What does the work, what it learnt from, and where it ends.",
        method="How it works",
        method_words=(
            "Your words become a vector that stands for their meaning. A network looks at the spectrogram of the "
            "recording and, steered by that vector, predicts how much of each moment and frequency belongs to the "
            "described sound, and how its phase differs. What it predicts is the target; the recording minus the "
            "target is everything else, so the two always add up.",
            "Long recordings are cut into overlapping windows of about ten seconds that are cross-faded where both "
            "see enough of their surroundings.",
            "Several descriptions are answered one by one. Where the answers together claim more of a moment and "
            "frequency than there is, they share it according to their energies (a Wiener filter built from the "
            "estimates, after Liutkus and Badeau 2015; the sum is kept consistent with the mixture, after Wisdom "
            "et al. 2019). Where they do not, each stays as it was.",
        ),
        limits="Where it ends",
        limits_words=(
            "A separation is an estimate. It may keep traces of other sounds and lose parts of the wanted one; it is "
            "no evidence of what was said or done.",
            "Two alike sounds at once, such as two voices, are told apart by none of these models.",
            "Descriptions are understood in English only, without names and without “not”.",
        ),
        budget="What it takes",
        budget_words=(
            "A model that comes with the application runs on a plain processor. Downloaded ones are larger; their "
            "cards say how large. Speed on your machine: python -m lass benchmark.",
        ),
        budgets="The models that come with the application, as their files state it",
        model="Model",
        training="Training",
        weighs="{parameters} parameters, {size}",
        trained="{steps} steps, {hours} hours on {devices}",
        trained_in="in {stages} stages, each going on from the one before",
        trained_after="going on from {name}",
        not_stated="not stated",
        cards="The models",
        architecture="Architecture",
        encoder="Understands words with",
        sample_rate="Sample rate",
        parameters="Parameters",
        not_known="known once it is here",
        size="Size",
        licence="Licence of the weights",
        state="Where it is",
        source="Source",
        whole_card="The whole card: training, measures, limits",
        known="What a model knows",
        known_hint="Type words and see which known sounds they come nearest to.",
        known_query="Words",
        known_model="Model",
        search="Find the nearest sounds",
        nearest="“{query}” comes nearest to:",
        familiar="near enough to expect a separation",
        unfamiliar="far from it: expect little",
        all_known="All {count} known sounds",
        none_known="No model on this machine lists the sounds it knows.",
        citations="Works this rests on",
        citations_words=(
            "AudioSep: X. Liu et al., Separate anything you describe, arXiv:2308.05037.",
            "ResUNet for separation: Q. Kong et al., Decoupling magnitude and phase estimation with deep ResUNet, "
            "arXiv:2109.05418.",
            "ResUNet++: D. Jha et al., arXiv:1911.07067; dual-path recurrence: Y. Luo et al., arXiv:1910.06379.",
            "CLAP: Y. Wu et al., arXiv:2211.06687.",
            "Sharing between stems: A. Liutkus and R. Badeau, Generalized Wiener filtering with fractional power "
            "spectrograms, ICASSP 2015; S. Wisdom et al., Differentiable consistency constraints for improved deep "
            "speech enhancement, ICASSP 2019.",
            "SI-SDR: J. Le Roux et al., SDR – half-baked or well done?, ICASSP 2019.",
        ),
    ),
)
