"""Writes a model as Hugging Face directories hold it: model.safetensors, config.json, tokenizer.json.

The bytes written depend on nothing but the model, so that a converted file can be checked by its SHA-256. A safetensors
file is the length of its header (8 bytes, little-endian), the header (JSON: of each tensor its type, shape and place)
and the tensors' bytes.
"""

import json
import struct

TYPES = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}


class SafetensorsWriter:
    """Takes the tensors one by one, in the order announced, so that only one is in memory."""

    def __init__(self, path, tensors):
        """`tensors`: (name, "F32" | "F16" | "BF16", shape) of each."""
        header, offset = {"__metadata__": {"format": "pt"}}, 0
        self._expected = []
        for name, kind, shape in tensors:
            size = 4 if kind == "F32" else 2
            for extent in shape:
                size *= extent
            header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [offset, offset + size]}
            self._expected.append((name, kind, tuple(shape)))
            offset += size
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        self._expected.reverse()
        self._file = open(path, "wb")
        self._file.write(struct.pack("<Q", len(text)) + text)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self._file.close()
        if kind is None and self._expected:
            raise ValueError(f"tensor {self._expected[-1][0]} was announced and not written")

    def write(self, name, array):
        """`array` holds the values; of BF16 the 16 bits of each."""
        expected, kind, shape = self._expected.pop()
        if name != expected or tuple(array.shape) != shape:
            raise ValueError(f"{name} {array.shape} instead of {expected} {shape}")
        self._file.write(array.astype(TYPES[kind]).tobytes())


def llama_tensors(layers, hidden, kv_width, ffn_hidden, vocabulary, tied):
    """(name, shape) of a LLaMA model's tensors, in the order of computation."""
    tensors = [("model.embed_tokens.weight", (vocabulary, hidden))]
    for layer in range(layers):
        tensors += [(f"model.layers.{layer}.{name}.weight", shape) for name, shape in (
            ("input_layernorm", (hidden,)),
            ("self_attn.q_proj", (hidden, hidden)),
            ("self_attn.k_proj", (kv_width, hidden)),
            ("self_attn.v_proj", (kv_width, hidden)),
            ("self_attn.o_proj", (hidden, hidden)),
            ("post_attention_layernorm", (hidden,)),
            ("mlp.gate_proj", (ffn_hidden, hidden)),
            ("mlp.up_proj", (ffn_hidden, hidden)),
            ("mlp.down_proj", (hidden, ffn_hidden)))]
    tensors.append(("model.norm.weight", (hidden,)))
    if not tied:
        tensors.append(("lm_head.weight", (vocabulary, hidden)))
    return tensors


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def write_json(path, value, indent=2):
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        json.dump(value, file, indent=indent, ensure_ascii=False)
        file.write("\n")
