"""Delay and energy of a prompt's chunks in closed form, beside first_pass.py, which has generation.

A chunk is 64 tokens of each request. Its activations mostly lie in DRAM, so how a product is tiled decides its traffic: the
tiling rule of src/host/tiling.h is followed. Attention of a head is a chain: scores, softmax, values. Scalar, since tiles are a
matter of cases; results are kept.
"""

import functools
import math

import first_pass

CHUNK = 64

# As in first_pass.COEFFICIENTS, of a projection's tile and of a head's query tile in a chunk.
COEFFICIENTS = {
    "tile_edge_overlapped": 0.0, "tile_ns_overlapped": 23.0, "tile_edge_alone": 0.55, "tile_ns_alone": 298.0,
    "head_edge_overlapped": 0.0, "head_ns_overlapped": 0.0, "head_edge_alone": 6.74, "head_ns_alone": 0.0,
    "head_cycles_overlapped": 206.0, "head_cycles_alone": 1250.0,
}


def ceil_div(a, b):
    return -(-a // b)


def halvings(whole, multiple):
    sizes, parts = [], 1
    while True:
        size = whole if parts == 1 else ceil_div(ceil_div(whole, parts), multiple) * multiple
        if not sizes or size < sizes[-1]:
            sizes.append(size)
        if size <= multiple:
            return sizes
        parts *= 2


@functools.lru_cache(maxsize=None)
def tiling(rows, reduction, columns, array, weight_words, staging_bytes, input_in_dram, output_bytes, bytes_per_cycle):
    """(array cycles, DRAM bytes, tiles) of a product; `output_bytes` of a column, 0 where the output stays on chip."""
    best = None
    for height in halvings(rows, 1):
        if height > first_pass.ACCUMULATOR_ROWS:
            continue
        for depth in halvings(reduction, array):
            if input_in_dram and height * depth > staging_bytes:
                continue
            folds = min(weight_words // (ceil_div(depth, array) * array), first_pass.ACCUMULATOR_ROWS // height)
            if output_bytes:
                folds = min(folds, int(staging_bytes / height / (output_bytes * array)))
            width = min(folds * array, columns)
            if width <= 0:
                continue
            high, deep, wide = ceil_div(rows, height), ceil_div(reduction, depth), ceil_div(columns, width)
            cycles = ceil_div(reduction, array) * ceil_div(columns, array) * high * max(rows / high, array)
            inputs = rows * reduction if input_in_dram else 0
            for outer in (False, True):
                if outer:
                    loaded = reduction * columns * (1 if deep == 1 else high)
                    read = inputs * (1 if high == 1 and deep == 1 else wide)
                else:
                    loaded = reduction * columns * (1 if wide == 1 and deep == 1 else high)
                    read = inputs * (1 if deep == 1 else wide)
                moved = loaded + read + rows * columns * output_bytes
                cost = (cycles + moved / bytes_per_cycle, moved)
                if best is None or cost < best[0]:
                    best = (cost, cycles, moved, high * deep * wide)
    return best[1:] if best else None


class Chunk:
    """A chunk of the prompt on a machine. `config`: model, batch, weight_bits, kv_bits, dram, array, bank_bytes, core_ps."""

    def __init__(self, config):
        shape = dict(zip(first_pass.SHAPE, first_pass.MODELS[config["model"]]))
        self.__dict__.update(shape)
        dram = first_pass.DRAMS[config["dram"]]
        self.batch, self.array = config["batch"], config["array"]
        self.word = max(32, self.array)
        self.ghz = 1e3 / config["core_ps"]
        self.bytes_per_cycle = min(dram.peak * dram.efficiency / self.ghz / 1e9, self.word)
        self.weight_bytes, self.kv_bytes = config["weight_bits"] // 8, config["kv_bits"] // 8
        self.half = {buffer: banks * config["bank_bytes"] // 2 for buffer, banks in first_pass.BANKS.items()}
        self.rows = self.batch * CHUNK
        self.place()

    def place(self):
        """Which tensors stay on chip: the first that fit, in the order of src/host/transformer.cpp."""
        left, d, q, kv = self.half["activation"], self.hidden, self.heads * self.head_dim, self.kv_heads * self.head_dim
        self.on_chip = {}
        for name, row in (("normed", d), ("attended", q), ("residual", 2 * d), ("qkv", q + 2 * kv * self.kv_bytes), ("hidden", self.ffn)):
            self.on_chip[name] = self.rows * row <= left
            left -= self.rows * row if self.on_chip[name] else 0

    def projections(self):
        """(array cycles, DRAM bytes, tiles, vector cycles) of a layer's products, and its multiply-adds."""
        d, q, kv, w = self.hidden, self.heads * self.head_dim, self.kv_heads * self.head_dim, self.weight_bytes
        gated = self.matrices - 1
        found = []
        for source, target, inputs, outputs, element in (
                ("normed", "qkv", d, q + 2 * kv, 1), ("attended", "residual", q, d, 4),
                ("normed", "hidden", d, self.ffn * gated, 1 / gated), ("hidden", "residual", self.ffn, d, 4)):
            made = tiling(self.rows, inputs, outputs * w, self.array, self.half["weight"] // self.word,
                          self.half["activation"] // 4, not self.on_chip[source],
                          0 if self.on_chip[target] else element / w, self.bytes_per_cycle)
            if made is None:
                return None
            found.append((*made, self.rows * outputs * w / self.array, inputs * outputs * w))
        return found

    def attention(self, residents):
        """Of one head: (array cycles, softmax cycles, DRAM bytes, query tiles)."""
        keys, a, k, dh = residents + CHUNK, self.array, self.kv_bytes, self.head_dim
        one_piece = CHUNK * ceil_div(keys * k, a) <= first_pass.ACCUMULATOR_ROWS
        room = self.half["score"] // (keys if one_piece else 2 * keys)
        queries = max(1, min(CHUNK, room))
        tiles = ceil_div(CHUNK, queries)
        queries = ceil_div(CHUNK, tiles)
        stationary = ceil_div(keys * k, a) * max(queries, a)
        streaming = ceil_div(queries, a) * max(keys * k, a)
        array = ceil_div(dh, a) * min(stationary, streaming) + ceil_div(keys, a) * ceil_div(dh * k, a) * max(queries, a)
        softmax = queries * ceil_div(keys, a) * (5 if one_piece else 8)
        words = 2 * keys * max(dh * k, ceil_div(dh, a) * self.word * k)
        kept = tiles == 1 or words <= self.half["kv"]
        moved = (1 if kept else tiles) * 2 * keys * dh * k + 2 * CHUNK * dh
        return array * tiles, softmax * tiles, moved, tiles

    def cycles(self, residents, overlap, coefficients=None):
        """Core cycles of a layer's chunk with so many residents of each head, or None where no tile fits."""
        c, which = coefficients or COEFFICIENTS, "overlapped" if overlap else "alone"
        products = self.projections()
        if products is None:
            return None
        total = 0.0
        for array, moved, tiles, vector, _ in products:
            load = moved / self.bytes_per_cycle
            extra = tiles * (c[f"tile_edge_{which}"] * self.array + c[f"tile_ns_{which}"] * self.ghz)
            total += (max(array, load) if overlap else array + load + vector) + extra
        array, softmax, moved, tiles = self.attention(residents)
        load = moved / self.bytes_per_cycle
        extra = tiles * (c[f"head_edge_{which}"] * self.array + c[f"head_cycles_{which}"])
        chain = array + softmax + extra
        latency = tiles * c[f"head_ns_{which}"] * self.ghz
        total += self.batch * self.kv_heads * (max(chain, load + latency) if overlap else chain + load + latency)
        norm = self.rows * (3 * ceil_div(self.hidden, self.array) + self.hidden / self.array)
        spilled = 0 if self.on_chip["residual"] else 3 * self.rows * self.hidden / self.bytes_per_cycle
        return total + 2 * (max(norm, spilled) if overlap else norm + spilled)

    def energy(self, residents, config, cycles, costs="value"):
        """J of a layer's chunk of so many core cycles, by the parts of first_pass.step_energy."""
        cost, array, keys, k = first_pass.COSTS[costs], self.array, residents + CHUNK, self.kv_bytes
        dram = first_pass.DRAMS[config["dram"]]
        heads = self.batch * self.kv_heads
        traffic, macs, words, loads, hops, sums = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for cycles_of_array, moved, _, _, weights in self.projections():
            folds = weights / array / array * max(1, self.rows / first_pass.ACCUMULATOR_ROWS)
            traffic += moved
            macs += self.rows * weights
            loads += folds * array * array * (array + 1) / 2
            hops += self.rows * weights * (array - 1) / array
            sums += 2 * self.rows * weights / array
            words += self.rows * weights / array / array
        _, softmax, moved, tiles = self.attention(residents)
        products = 2 * CHUNK * keys * self.head_dim * k * heads
        traffic += heads * (moved + 2 * CHUNK * self.head_dim * k) + (0 if self.on_chip["residual"] else 8 * self.rows * self.hidden)
        macs += products
        loads += products / CHUNK * tiles * (array + 1) / 2
        hops += products * (array - 1) / array
        sums += 2 * products / array
        words += products / array / array + 3 * heads * softmax / 5
        read, write = first_pass.SRAM[min(32768, config["bank_bytes"]), self.word]
        read, write = read * cost["read"], write * cost["write"]
        picojoules = (cost["mac"] * macs + cost["hop"] * (loads + hops) + cost["sum"] * sums + words * read
                      + traffic / self.word * (read + write + cost["dma"]) + 20 * CHUNK * keys * heads)
        seconds = cycles / self.ghz / 1e9
        return {"dram": traffic * 8e-12 * dram.pj_per_bit + seconds * dram.standby_watts, "dynamic": picojoules * 1e-12,
                "leakage": seconds * first_pass.leakage_watts(self.array, config["bank_bytes"]),
                "kv_mmu": seconds * first_pass.KV_MMU_WATTS, "spilled": 0.0}
