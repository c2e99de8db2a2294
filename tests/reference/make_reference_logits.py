#!/usr/bin/env python3
"""Makes the tiny models and the reference logits in tests/engine/data (see the README there). Needs python3-numpy.

Usage: make_reference_logits.py [--models DIR]

DIR  where scripts/fetch-model puts models; logits of those that are not there are left as they are
"""

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

import numpy

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts" / "lib"))
import decoder_reference  # noqa: E402
import model_directory  # noqa: E402

DATA = ROOT / "tests" / "engine" / "data"
TOKENS = 16
TINY_POSITIONS = [0, 7, 15]
TOP = 5

# Sizes that are no powers of two and constants that are nobody's defaults, so that ignoring one shows.
TINY_LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "bos_token_id": 1,
    "eos_token_id": 2,
    "hidden_act": "silu",
    "hidden_size": 24,
    "intermediate_size": 26,
    "max_position_embeddings": 20,
    "model_type": "llama",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-3,
    "rope_theta": 700.0,
    "tie_word_embeddings": False,
    "vocab_size": 64,
}
TINY_GPT2 = {
    "activation_function": "gelu_new",
    "architectures": ["GPT2LMHeadModel"],
    "bos_token_id": 65,
    "eos_token_id": 65,
    "layer_norm_epsilon": 1e-3,
    "model_type": "gpt2",
    "n_ctx": 17,
    "n_embd": 18,
    "n_head": 3,
    "n_inner": 24,
    "n_layer": 2,
    "n_positions": 17,
    "vocab_size": 66,
}

# Real models: a text, and its tokens with the one that begins a text in front.
REAL = {
    "stories15M": (
        "Once upon a time there was a small robot who liked to read. One day it found",
        [1, 9038, 2501, 263, 931, 727, 471, 263, 2319, 19964, 1058, 23289, 304, 1303, 29889, 3118, 2462, 372, 1476]),
    "minimind2-small": (
        "The lighthouse was built in 1874, and its keeper wrote a letter every winter; nobody",
        [1, 1148, 372, 597, 450, 2974, 889, 1711, 6337, 295, 5967, 25, 22, 14, 281, 1113, 2998, 275, 288, 306, 1491,
         260, 5228, 1972, 5319, 511, 29, 358, 1293, 2840]),
    "tinyllama-1.1b": (
        "The lighthouse was built in 1874, and its keeper wrote a letter every winter; nobody",
        [1, 450, 301, 18919, 1709, 471, 4240, 297, 29871, 29896, 29947, 29955, 29946, 29892, 322, 967, 1589, 11356,
         5456, 263, 5497, 1432, 13851, 29936, 23196]),
}


def llama_weights(random):
    config = TINY_LLAMA
    kv_width = config["hidden_size"] // config["num_attention_heads"] * config["num_key_value_heads"]
    tensors = {}
    for name, shape in model_directory.llama_tensors(config["num_hidden_layers"], config["hidden_size"], kv_width,
                                                     config["intermediate_size"], config["vocab_size"], False):
        if len(shape) == 1:
            tensors[name] = 1 + 0.2 * random.standard_normal(shape)
        else:
            scale = 1 if "embed" in name else 1.5 / numpy.sqrt(shape[1])
            tensors[name] = scale * random.standard_normal(shape)
    return tensors


def gpt2_weights(random):
    hidden, tensors = TINY_GPT2["n_embd"], {}

    def norm(name):
        tensors[name + ".weight"] = 1 + 0.2 * random.standard_normal(hidden)
        tensors[name + ".bias"] = 0.2 * random.standard_normal(hidden)

    def linear(name, inputs, outputs):
        tensors[name + ".weight"] = 1.5 / numpy.sqrt(inputs) * random.standard_normal((inputs, outputs))
        tensors[name + ".bias"] = 0.3 * random.standard_normal(outputs)

    tensors["wte.weight"] = 0.7 * random.standard_normal((TINY_GPT2["vocab_size"], hidden))
    tensors["wpe.weight"] = 0.7 * random.standard_normal((TINY_GPT2["n_positions"], hidden))
    for layer in range(TINY_GPT2["n_layer"]):
        norm(f"h.{layer}.ln_1")
        linear(f"h.{layer}.attn.c_attn", hidden, 3 * hidden)
        linear(f"h.{layer}.attn.c_proj", hidden, hidden)
        norm(f"h.{layer}.ln_2")
        linear(f"h.{layer}.mlp.c_fc", hidden, TINY_GPT2["n_inner"])
        linear(f"h.{layer}.mlp.c_proj", TINY_GPT2["n_inner"], hidden)
    norm("ln_f")
    return tensors


def stored(values, kind):
    """The values as `kind` stores them; of BF16, rounded to nearest even, the 16 bits."""
    if kind == "F16":
        return values.astype(numpy.float16)
    single = values.astype(numpy.float32)
    if kind == "F32":
        return single
    bits = single.view(numpy.uint32).astype(numpy.uint64)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(numpy.uint16)


def write_shard(path, tensors):
    """tensors: name -> (kind, values)"""
    with model_directory.SafetensorsWriter(path, [(name, kind, values.shape)
                                                  for name, (kind, values) in tensors.items()]) as writer:
        for name, (kind, values) in tensors.items():
            writer.write(name, stored(values, kind))


def write_sharded(directory, tensors, shards):
    names = list(tensors)
    index = {"metadata": {"total_size": sum(values.size * (4 if kind == "F32" else 2)
                                            for kind, values in tensors.values())}, "weight_map": {}}
    for shard in range(shards):
        part = names[shard * len(names) // shards:(shard + 1) * len(names) // shards]
        file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        write_shard(directory / file, {name: tensors[name] for name in part})
        index["weight_map"].update({name: file for name in part})
    model_directory.write_json(directory / "model.safetensors.index.json", index)


def fresh_directory(name):
    directory = DATA / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def rounded(rows):
    return [[round(float(value), 5) for value in row] for row in rows]


def write_reference(path, fields, rows):
    """JSON, a line a field and a line a row of a matrix."""
    lines = [f'  "{key}": {json.dumps(value, ensure_ascii=False)}' for key, value in fields.items()]
    for key, matrix in rows.items():
        lines.append(f'  "{key}": [\n' + ",\n".join("    " + json.dumps(row) for row in matrix) + "\n  ]")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def reference_of_tiny(directory, random_tokens):
    logits = decoder_reference.load(directory).logits(random_tokens)
    write_reference(directory / "reference_logits.json",
                    {"tokens": random_tokens.tolist(), "positions": TINY_POSITIONS},
                    {"logits": rounded(logits[TINY_POSITIONS])})
    single = decoder_reference.load(directory, numpy.float32).logits(random_tokens)
    print(f"{directory.name}: logits {logits.min():.2f} .. {logits.max():.2f}; "
          f"in single precision off by {numpy.abs(single - logits).max():.1e}")


def make_tiny_models():
    random = numpy.random.default_rng(20240607)
    tensors = llama_weights(random)
    tokens = random.integers(0, TINY_LLAMA["vocab_size"], TOKENS)
    for kind, dtype in (("F32", "float32"), ("F16", "float16"), ("BF16", "bfloat16")):
        directory = fresh_directory(f"tiny-llama-{kind.lower()}")
        model_directory.write_json(directory / "config.json", {**TINY_LLAMA, "torch_dtype": dtype})
        typed = {name: (kind, values) for name, values in tensors.items()}
        if kind == "BF16":
            write_sharded(directory, typed, 3)
        else:
            write_shard(directory / "model.safetensors", typed)
        reference_of_tiny(directory, tokens)

    tensors = gpt2_weights(random)
    tokens = random.integers(0, TINY_GPT2["vocab_size"], TOKENS)
    for kind, dtype in (("F32", "float32"), ("F16", "float16")):
        directory = fresh_directory(f"tiny-gpt2-{kind.lower()}")
        model_directory.write_json(directory / "config.json", {**TINY_GPT2, "torch_dtype": dtype})
        if kind == "F32":  # as transformers saves it
            typed = {"transformer." + name: (kind, values) for name, values in tensors.items()}
        else:  # as the first files were made: without the prefix, and with the causal mask of each layer
            typed = {name: (kind, values) for name, values in tensors.items()}
            mask = numpy.tril(numpy.ones((1, 1, TINY_GPT2["n_positions"], TINY_GPT2["n_positions"])))
            typed.update({f"h.{layer}.attn.bias": ("F32", mask) for layer in range(TINY_GPT2["n_layer"])})
        write_shard(directory / "model.safetensors", typed)
        reference_of_tiny(directory, tokens)


def make_real_references(models):
    for name, (text, tokens) in REAL.items():
        if not (models / name).is_dir():
            print(f"{name}: not in {models}; scripts/fetch-model {name} gets it")
            continue
        logits = decoder_reference.load(models / name).logits(numpy.array(tokens))
        positions = [0, len(tokens) // 2, len(tokens) - 1]
        best = [numpy.argsort(-logits[position], kind="stable")[:TOP] for position in positions]
        write_reference(DATA / f"{name}.json", {"text": text, "tokens": tokens, "positions": positions},
                        {"ids": [row.tolist() for row in best],
                         "logits": rounded(logits[position][ids] for position, ids in zip(positions, best))})
        single = decoder_reference.load(models / name, numpy.float32).logits(numpy.array(tokens))
        print(f"{name}: in single precision off by {numpy.abs(single - logits).max():.1e}")


def main():
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--models", type=Path, default=cache / "palimpsest" / "models",
                        help="where scripts/fetch-model puts models (default: %(default)s)")
    arguments = parser.parse_args()
    DATA.mkdir(parents=True, exist_ok=True)
    make_tiny_models()
    make_real_references(arguments.models)


if __name__ == "__main__":
    main()
