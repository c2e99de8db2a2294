"""A decoder-only transformer in numpy, in double precision and from whole matrices, for reference logits.

Reads Hugging Face directories of the LLaMA and GPT-2 families, and llama2.c checkpoints. Shares nothing with src/engine.
"""

import json
import struct
from pathlib import Path

import numpy


def softmax(x):
    e = numpy.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def read_safetensors(path):
    """Name -> array; F16 and F32 are mapped, BF16 widened."""
    raw = numpy.memmap(path, dtype=numpy.uint8, mode="r")
    length = struct.unpack("<Q", raw[:8].tobytes())[0]
    header = json.loads(raw[8:8 + length].tobytes())
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        data = raw[8 + length + begin:8 + length + end]
        if entry["dtype"] == "BF16":
            values = (data.view("<u2").astype("<u4") << 16).view("<f4")
        else:
            values = data.view({"F32": "<f4", "F16": "<f2"}[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"])
    return tensors


def causal_attention(query, key, value):
    """query: positions x heads x d; key, value: positions x KV heads x d. Head h reads KV head h * KV heads / heads."""
    positions, heads, d = query.shape
    group = heads // key.shape[1]
    hidden = numpy.triu(numpy.full((positions, positions), -numpy.inf), 1)
    result = numpy.empty_like(query)
    for head in range(heads):
        scores = query[:, head] @ key[:, head // group].T / numpy.sqrt(d)
        result[:, head] = softmax(scores + hidden) @ value[:, head // group]
    return result.reshape(positions, heads * d)


def rotate(x, theta, neighbours):
    """Turns pair i of every head by position * theta^(-2i/d): elements i and i + d/2, or with `neighbours` 2i and 2i + 1."""
    positions, _, d = x.shape
    angle = numpy.outer(numpy.arange(positions), theta ** (-numpy.arange(0, d, 2) / d))
    cosine, sine = numpy.cos(angle)[:, None, :], numpy.sin(angle)[:, None, :]
    first, second = (x[..., 0::2], x[..., 1::2]) if neighbours else (x[..., :d // 2], x[..., d // 2:])
    turned = first * cosine - second * sine, first * sine + second * cosine
    if neighbours:
        return numpy.stack(turned, axis=-1).reshape(x.shape)
    return numpy.concatenate(turned, axis=-1)


class Llama:
    def __init__(self, config, tensors, neighbours=False, real=numpy.float64):
        self.config, self.tensors, self.neighbours, self.real = config, tensors, neighbours, real

    @classmethod
    def llama2c(cls, path, real=numpy.float64):
        """Version 0 of the format: seven integers, then the tensors of all layers, kind by kind."""
        with open(path, "rb") as file:
            hidden, ffn, layers, heads, kv_heads, vocabulary, positions = struct.unpack("<7i", file.read(28))
            values = numpy.fromfile(file, dtype="<f4")
        tied, vocabulary = vocabulary > 0, abs(vocabulary)
        kv_width = hidden // heads * kv_heads
        tensors, at = {}, 0

        def take(name, *shape, by_layer=True):
            nonlocal at
            for layer in range(layers) if by_layer else (None,):
                count = int(numpy.prod(shape))
                full = f"model.layers.{layer}.{name}.weight" if by_layer else f"{name}.weight"
                tensors[full] = values[at:at + count].reshape(shape)
                at += count

        take("model.embed_tokens", vocabulary, hidden, by_layer=False)
        take("input_layernorm", hidden)
        take("self_attn.q_proj", hidden, hidden)
        take("self_attn.k_proj", kv_width, hidden)
        take("self_attn.v_proj", kv_width, hidden)
        take("self_attn.o_proj", hidden, hidden)
        take("post_attention_layernorm", hidden)
        take("mlp.gate_proj", ffn, hidden)
        take("mlp.down_proj", hidden, ffn)
        take("mlp.up_proj", ffn, hidden)
        take("model.norm", hidden, by_layer=False)
        if not tied:
            at += positions * (hidden // heads)  # the tables of sines and cosines, no longer used
            take("lm_head", vocabulary, hidden, by_layer=False)
        return cls({"hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads,
                    "num_key_value_heads": kv_heads, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
                    "tie_word_embeddings": tied}, tensors, neighbours=True, real=real)

    def _weight(self, name):
        return self.tensors[name + ".weight"].astype(self.real)

    def _norm(self, x, name):
        mean = numpy.mean(x * x, axis=-1, keepdims=True)
        return x / numpy.sqrt(mean + self.real(self.config["rms_norm_eps"])) * self._weight(name)

    def logits(self, tokens):
        """positions x vocabulary"""
        c = self.config
        heads, kv_heads = c["num_attention_heads"], c["num_key_value_heads"]
        x = self.tensors["model.embed_tokens.weight"][tokens].astype(self.real)
        for layer in range(c["num_hidden_layers"]):
            prefix = f"model.layers.{layer}."
            h = self._norm(x, prefix + "input_layernorm")
            q, k, v = ((h @ self._weight(prefix + f"self_attn.{n}_proj").T).reshape(len(tokens), count, -1)
                       for n, count in (("q", heads), ("k", kv_heads), ("v", kv_heads)))
            q, k = (rotate(y, c["rope_theta"], self.neighbours).astype(self.real) for y in (q, k))
            x = x + causal_attention(q, k, v) @ self._weight(prefix + "self_attn.o_proj").T
            h = self._norm(x, prefix + "post_attention_layernorm")
            gate = h @ self._weight(prefix + "mlp.gate_proj").T
            up = h @ self._weight(prefix + "mlp.up_proj").T
            x = x + (gate / (1 + numpy.exp(-gate)) * up) @ self._weight(prefix + "mlp.down_proj").T
        classifier = "model.embed_tokens" if c["tie_word_embeddings"] else "lm_head"
        return self._norm(x, "model.norm") @ self._weight(classifier).T


class Gpt2:
    def __init__(self, config, tensors, real=numpy.float64):
        self.config = config
        self.tensors = {name.removeprefix("transformer."): array.astype(real) for name, array in tensors.items()}

    def _norm(self, x, name):
        centred = x - x.mean(axis=-1, keepdims=True)
        variance = numpy.mean(centred * centred, axis=-1, keepdims=True)
        return centred / numpy.sqrt(variance + self.config["layer_norm_epsilon"]) * self.tensors[name + ".weight"] \
            + self.tensors[name + ".bias"]

    def _linear(self, x, name):
        return x @ self.tensors[name + ".weight"] + self.tensors[name + ".bias"]  # stored as inputs x outputs

    def logits(self, tokens):
        """positions x vocabulary"""
        c, count = self.config, len(tokens)
        x = self.tensors["wte.weight"][tokens] + self.tensors["wpe.weight"][:count]
        for layer in range(c["n_layer"]):
            prefix = f"h.{layer}."
            joint = self._linear(self._norm(x, prefix + "ln_1"), prefix + "attn.c_attn")
            q, k, v = (part.reshape(count, c["n_head"], -1) for part in numpy.split(joint, 3, axis=-1))
            x = x + self._linear(causal_attention(q, k, v), prefix + "attn.c_proj")
            h = self._linear(self._norm(x, prefix + "ln_2"), prefix + "mlp.c_fc")
            h = 0.5 * h * (1 + numpy.tanh(numpy.sqrt(2 / numpy.pi) * (h + 0.044715 * h ** 3)))  # gelu_new
            x = x + self._linear(h, prefix + "mlp.c_proj")
        return self._norm(x, "ln_f") @ self.tensors["wte.weight"].T


def load(directory, real=numpy.float64):
    """The model of a Hugging Face directory, or of one with llama2.c's model.bin."""
    directory = Path(directory)
    if not (directory / "config.json").exists():
        return Llama.llama2c(directory / "model.bin", real)
    config = json.loads((directory / "config.json").read_text())
    tensors = {}
    for path in sorted(directory.glob("*.safetensors")):
        tensors.update(read_safetensors(path))
    return (Gpt2 if config["model_type"] == "gpt2" else Llama)(config, tensors, real=real)
