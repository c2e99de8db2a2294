"""Delay and energy of a step in closed form: the first pass over the space of machines and workloads.

It knows the tiles, folds and words that the simulator's specification gives (docs/blocks), and neither waits for single
bursts nor looks at single tiles: a unit's time is what it has to do, units that overlap take the longest of them, units that
do not take the sum. What that leaves out is a handful of coefficients (COEFFICIENTS), fitted to simulated steps and
judged on others; docs/reproduction.md has the error.

All functions work on arrays: a Point's fields are numbers or numpy arrays that broadcast.
"""

import dataclasses

import numpy as np

# layers, hidden, heads, KV heads, head dimension, feed-forward width, feed-forward matrices, vocabulary, positions:
# configs/models/*.json. All have multi-head attention.
MODELS = {
    "gpt2-small": (12, 768, 12, 12, 64, 3072, 2, 50257, 1024),
    "gpt2-medium": (24, 1024, 16, 16, 64, 4096, 2, 50257, 1024),
    "gpt2-xl": (48, 1600, 25, 25, 64, 6400, 2, 50257, 1024),
    "opt-125m": (12, 768, 12, 12, 64, 3072, 2, 50272, 2048),
    "opt-1.3b": (24, 2048, 32, 32, 64, 8192, 2, 50272, 2048),
    "llama-2-7b": (32, 4096, 32, 32, 128, 11008, 3, 32000, 4096),
}
SHAPE = ["layers", "hidden", "heads", "kv_heads", "head_dim", "ffn", "matrices", "vocabulary", "positions"]


@dataclasses.dataclass
class Dram:
    """Of configs/dram/*.json: bytes a second, share of it that a stream gets, pJ a bit with row activations and I/O, and W of
    standby and refresh."""

    peak: float
    efficiency: float
    pj_per_bit: float
    standby_watts: float


DRAMS = {
    "lpddr4-3200": Dram(25.6e9, 0.925, (6246.4 + 1024 * 12.1 + 6956 / 64) / 1024, 0.226 + 364e3 / 3.904e6),
    "ddr4-3200": Dram(25.6e9, 0.93, (2974.7 + 512 * 17.8 + 9991 / 128) / 512, 0.269 + 379e3 / 7.8e6),
    "hbm2": Dram(256e9, 0.93, (401.9 + 256 * 1.9 + 828 / 32) / 256, 16 * (0.033 + 30.5e3 / 3.9e6)),
}

# pJ of an SRAM word read and written, mW of a bank, by bank and word bytes: CACTI 7, 65 nm, as src/energy/sram_scaling.cpp.
SRAM = {(4096, 32): (13.8, 24.9), (8192, 32): (15.8, 38.5), (16384, 32): (20.1, 66.0), (32768, 32): (37.5, 75.4),
        (4096, 64): (40.1, 50.7), (8192, 64): (42.2, 64.4), (16384, 64): (46.1, 91.5), (32768, 64): (54.4, 146.0)}
BANK_MILLIWATTS = {4096: 6.0, 8192: 11.7, 16384: 23.0, 32768: 43.0}
LEAKAGE_AT_300K = 19.8 / 43.0
BANKS = {"weight": 8, "activation": 16, "kv": 8, "score": 4}
ACCUMULATOR_ROWS = 512

# Cycles that the closed form leaves out. A tile of a projection and a head of attention, each overlapped and alone: so much for
# each PE of the array's edge, and so much for each ns of DRAM latency.
COEFFICIENTS = {
    "tile_edge_overlapped": 1.42, "tile_ns_overlapped": 8.0, "tile_edge_alone": 1.99, "tile_ns_alone": 173.0,
    "head_edge_overlapped": 0.85, "head_ns_overlapped": 0.0, "head_edge_alone": 0.0, "head_ns_alone": 409.0,
    "head_cycles_overlapped": 203.0, "head_cycles_alone": 411.0,
}


@dataclasses.dataclass
class Point:
    """A generation step of a batch. `tokens` are the residents attended to; `bank_bytes` above 32 kB are more banks of 32 kB."""

    model: object
    batch: object
    tokens: object
    weight_bits: object
    kv_bits: object
    dram: object
    array: object
    bank_bytes: object
    core_ps: object
    overlap: object
    batched: object
    evicts: object


def _table(values, keys):
    """values[key] for each of an array of keys."""
    keys = np.asarray(keys)
    names, places = np.unique(keys, return_inverse=True)
    return np.array([values[name] for name in names.tolist()])[places].reshape(keys.shape)


class Machine:
    """What follows from the hardware and the model alone."""

    def __init__(self, point):
        for index, name in enumerate(SHAPE):
            setattr(self, name, _table({model: shape[index] for model, shape in MODELS.items()}, point.model))
        for field in dataclasses.fields(Dram):
            setattr(self, field.name, _table({name: getattr(dram, field.name) for name, dram in DRAMS.items()}, point.dram))
        self.array = np.asarray(point.array)
        self.word = np.maximum(32, self.array)  # the buffers' words are as wide as the array
        self.bank = np.minimum(32768, point.bank_bytes)
        self.banks = np.asarray(point.bank_bytes) // self.bank
        self.hertz = 1e12 / np.asarray(point.core_ps)
        self.weight_bytes = np.asarray(point.weight_bits) // 8
        self.kv_bytes = np.asarray(point.kv_bits) // 8
        # A DMA moves a word a cycle.
        self.bytes_per_cycle = np.minimum(self.peak * self.efficiency / self.hertz, self.word)

    def half_words(self, buffer):
        return BANKS[buffer] * self.banks * self.bank / 2 / self.word

    def projections(self):
        """(how often, inputs, outputs, is it the vocabulary) of the products of a step."""
        d, q, kv = self.hidden, self.heads * self.head_dim, self.kv_heads * self.head_dim
        return [(self.layers, d, q + 2 * kv), (self.layers, q, d), (self.layers, d, self.ffn * (self.matrices - 1)),
                (self.layers, self.ffn, d), (1, d, self.vocabulary)]

    def folds(self, inputs, outputs):
        return np.ceil(inputs / self.array), np.ceil(outputs * self.weight_bytes / self.array)

    def tiles(self, inputs, outputs, rows):
        """Weight tiles of a product: what fits half of the weight buffer and of the accumulator."""
        deep, wide = self.folds(inputs, outputs)
        room = self.half_words("weight") / self.array  # folds of array x array, a word a row
        across = np.minimum(np.maximum(1, np.floor(room / deep)), np.floor(ACCUMULATOR_ROWS / rows))
        return np.ceil(wide / across) * np.ceil(deep / np.maximum(1, np.floor(room)))


def step_cycles(point, coefficients=None):
    """Core cycles of a generation step."""
    c = coefficients or COEFFICIENTS
    m = Machine(point)
    overlap, batched, batch = np.asarray(point.overlap), np.asarray(point.batched), np.asarray(point.batch)
    rows, times = np.where(batched, batch, 1), np.where(batched, 1, batch)
    per_ns = m.hertz / 1e9
    total = 0.0
    for often, inputs, outputs in m.projections():
        deep, wide = m.folds(inputs, outputs)
        load = inputs * outputs * m.weight_bytes / m.bytes_per_cycle
        compute = deep * wide * np.maximum(rows, m.array)
        tiles = m.tiles(inputs, outputs, rows)
        together = np.maximum(load, compute) + tiles * (c["tile_edge_overlapped"] * m.array + c["tile_ns_overlapped"] * per_ns)
        alone = load + compute + tiles * (c["tile_edge_alone"] * m.array + c["tile_ns_alone"] * per_ns)
        total = total + often * times * np.where(overlap, together, alone)
    total = total + m.layers * batch * m.kv_heads * head_cycles(point, m, c)
    norm = 3 * np.ceil(m.hidden / m.array) + m.hidden / m.array  # three passes, and the read of what was normalised
    return total + (2 * m.layers + 1) * batch * norm


def head_cycles(point, m, c):
    """Of one KV head of one request: its K and V loaded, scores, softmax, values."""
    group = m.heads // m.kv_heads
    tokens, overlap = np.asarray(point.tokens), np.asarray(point.overlap)
    load = 2 * tokens * m.head_dim * m.kv_bytes / m.bytes_per_cycle
    scores = np.ceil(m.head_dim / m.array) * np.ceil(group / m.array) * np.maximum(tokens * m.kv_bytes, m.array)
    values = np.ceil(tokens / m.array) * np.ceil(m.head_dim * m.kv_bytes / m.array) * np.maximum(group, m.array)
    softmax = 3 * np.ceil(tokens / m.array) * group
    per_ns = m.hertz / 1e9
    chain = scores + softmax + values + c["head_edge_overlapped"] * m.array + c["head_cycles_overlapped"]
    together = np.maximum(load + c["head_ns_overlapped"] * per_ns, chain)
    alone = load + scores + softmax + values + c["head_edge_alone"] * m.array + c["head_cycles_alone"] + c["head_ns_alone"] * per_ns
    return np.where(overlap, together, alone)


# pJ of what the array, its accumulators, the DMA and the buffers do, at the low end, the value and the high end of configs/cost/65nm.json;
# those of buffers in proportion to SRAM above.
COSTS = {
    "low": {"mac": 0.21, "hop": 0.05, "sum": 1.2, "dma": 7.0, "read": 20.1 / 37.5, "write": 56.4 / 75.4},
    "value": {"mac": 0.5, "hop": 0.11, "sum": 2.5, "dma": 30.7, "read": 1.0, "write": 1.0},
    "high": {"mac": 0.6, "hop": 0.35, "sum": 5.1, "dma": 38.7, "read": 72.8 / 37.5, "write": 95.9 / 75.4},
}
# The same for leakage and clock: factors on it.
LEAKAGE = {"low": 0.28, "value": 1.0, "high": 2.2}


def step_energy(point, cycles, costs="value"):
    """J of a generation step of so many core cycles, by part. "dram" and "spilled" at the DRAM file's own figures, all of them scale with the
    energy of a bit; "leakage" and "kv_mmu" (leakage too) scale by LEAKAGE; "dynamic" is the chip's at `costs`."""
    cost = COSTS[costs]
    m = Machine(point)
    batched, batch, tokens = np.asarray(point.batched), np.asarray(point.batch), np.asarray(point.tokens)
    rows, times = np.where(batched, batch, 1), np.where(batched, 1, batch)
    sets = m.layers * m.kv_heads * batch
    group = m.heads // m.kv_heads
    seconds = cycles / m.hertz
    read, write = (_table({at: cost[i] for at, cost in _by_bank().items()}, m.bank * 100 + m.word) for i in (0, 1))

    weights = macs = loads = hops = sums = streamed = 0.0
    for often, inputs, outputs in m.projections():
        deep, wide = m.folds(inputs, outputs)
        columns, n = outputs * m.weight_bytes, often * times
        weights = weights + n * inputs * columns
        macs = macs + n * rows * inputs * columns
        loads = loads + n * deep * wide * m.array * m.array * (m.array + 1) / 2
        hops = hops + n * rows * inputs * (m.array - 1) * wide
        sums = sums + n * rows * columns * 2 * deep
        streamed = streamed + n * rows * deep * wide
    k = m.kv_bytes
    kv = sets * 2 * tokens * m.head_dim * k
    folds_of_values = np.ceil(tokens / m.array) * np.ceil(m.head_dim * k / m.array)
    macs = macs + 2 * sets * group * tokens * m.head_dim * k
    loads = loads + sets * (np.ceil(m.head_dim / m.array) + folds_of_values) * m.array * m.array * (m.array + 1) / 2
    hops = hops + sets * (tokens * k * m.head_dim + group * tokens * np.ceil(m.head_dim * k / m.array)) * (m.array - 1)
    sums = sums + sets * group * (2 * np.ceil(m.head_dim / m.array) * tokens * k + 2 * np.ceil(tokens / m.array) * m.head_dim * k)
    vector = 20 * sets * group * tokens + 30 * (2 * m.layers + 1) * batch * m.hidden
    words = (weights + kv) / m.word
    read, write = read * cost["read"], write * cost["write"]
    picojoules = (cost["mac"] * macs + cost["hop"] * (loads + hops) + cost["sum"] * sums + vector
                  + words * (read + write + cost["dma"]) + streamed * read)

    # Scores of 16 bits that do not fit the KV-MMU's 64 kB go to DRAM and back.
    vectors = np.ceil(2 * tokens / 32) * 32
    spilled = np.where(point.evicts, 2 * np.maximum(0, sets - np.floor(65536 / vectors)) * vectors, 0)
    kv_mmu = seconds * KV_MMU_WATTS
    traffic = weights + kv * (1 + 1 / tokens) + 2 * batch * m.vocabulary
    dram_bit = 8e-12 * m.pj_per_bit
    return {"dram": traffic * dram_bit + seconds * m.standby_watts, "dynamic": picojoules * 1e-12, "leakage": seconds * leakage_watts(m.array, point.bank_bytes),
            "kv_mmu": kv_mmu, "spilled": spilled * dram_bit}


KV_MMU_WATTS = (5.2 + 0.62 * 64) * 1e-3  # its score store of 64 kB, and its other parts with bursts of 128 B


def leakage_watts(array, bank_bytes):
    """Of the chip without its KV-MMU: configs/cost/65nm.json for an array of so many rows and columns."""
    bank = np.minimum(32768, bank_bytes)
    banks = sum(BANKS.values()) * np.asarray(bank_bytes) / bank
    kib = (2 * ACCUMULATOR_ROWS * 4 * array + 65536) / 1024
    return (banks * _table(BANK_MILLIWATTS, bank) * LEAKAGE_AT_300K + 0.018 * array ** 2 + 0.71 * kib + 0.18 * array
            + 0.67 * 24 + 30.0) * 1e-3


def _by_bank():
    return {bank * 100 + word: cost for (bank, word), cost in SRAM.items()}
