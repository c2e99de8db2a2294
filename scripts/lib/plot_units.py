"""Names and units of what is on an axis, from the path of a setting or of a result, and SI prefixes."""

NAMES = {
    "workload.batch": ("batch", "requests"),
    "workload.prompt_tokens": ("prompt", "tokens"),
    "workload.generated_tokens": ("generated", "tokens a request"),
    "cache.budget": ("cache budget", "tokens a head"),
    "cache.policy": ("policy", ""),
    "cache.recent": ("recent window", "tokens"),
    "cache.sinks": ("sinks", "tokens"),
    "dram.name": ("DRAM", ""),
    "model.name": ("model", ""),
    "hardware.pe_array.rows": ("array rows", "PEs"),
    "hardware.pe_array.columns": ("array columns", "PEs"),
    "hardware.vector_unit.lanes": ("vector unit", "lanes"),
    "latency.cycles": ("latency", "cycles"),
    "latency.seconds": ("latency", "s"),
    "latency.generation.cycles": ("generation", "cycles"),
    "latency.generation.seconds": ("generation time", "s"),
    "latency.generation.tokens_per_second": ("throughput", "tokens/s"),
    "latency.prefill.seconds": ("prefill time", "s"),
    "energy.joules": ("energy", "J"),
    "energy.kv_mmu_share": ("KV-MMU share of energy", "1"),
    "energy.average_watts": ("power", "W"),
    "dram.bandwidth_utilisation": ("DRAM bandwidth utilisation", "1"),
    "dram.row_hit_rate": ("row hit rate", "1"),
    "dram.traffic.kv.activates": ("DRAM rows opened for KV", "count"),
    "kv_cache.peak_bytes": ("peak KV cache", "B"),
    "kv_cache.reduction": ("KV cache reduction", "×"),
    "kv_reduction": ("KV cache reduction", "×"),
    "kv_cache.evictions": ("evictions", "count"),
}
UPPER = {"kv": "KV", "dram": "DRAM", "dma": "DMA", "pe": "PE", "mmu": "MMU"}
SUFFIXES = [("tokens_per_second", "tokens/s"), ("requests_per_second", "requests/s"), ("bytes_per_second", "B/s"),
            ("seconds", "s"), ("cycles", "cycles"), ("joules", "J"), ("bytes", "B"), ("bytes_read", "B"),
            ("bytes_written", "B"), ("watts", "W"), ("_ps", "ps"), ("_pj", "pJ"), ("_mw", "mW"), ("_bits", "bits"),
            ("tokens", "tokens"), ("reduction", "×"), ("saving", "×"), ("gain", "×"), ("perplexity", "1"),
            ("utilisation", "1"), ("rate", "1"), ("share", "1")]
# Of these more is better; of all else less is.
MORE_IS_BETTER = ("per_second", "reduction", "saving", "gain", "utilisation", "hit_rate", "row_hits", "agreement",
                  "share_met")
PREFIXES = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12,
                                                                                                              "p")]
COUNTED = {"B", "cycles", "MACs", "bytes"}
WITH_PREFIX = {"s", "J", "B", "W", "B/s", "cycles", "tokens/s", "MAC/s", "MACs", "bytes"}


def quantity(path):
    """(name, unit) of a setting or result. The unit is "1" of a plain ratio and "" of what is no number."""
    if path in NAMES:
        return NAMES[path]
    words = [" ".join(UPPER.get(word, word) for word in part.split("_")) for part in path.split(".")]
    if path.startswith("energy.by_") and len(words) == 3:
        return f"energy, {words[2]}", "J"
    unit = next((unit for suffix, unit in SUFFIXES if path.endswith(suffix)), "count")
    return " ".join(words[-2:]), unit


def more_is_better(path):
    return path.endswith(MORE_IS_BETTER)


def prefix_for(values, unit):
    """(factor, prefix) by which the largest of `values` becomes a number of one to three digits."""
    largest = max((abs(value) for value in values), default=0)
    if unit not in WITH_PREFIX or largest == 0:
        return 1, ""
    return next(((size, prefix) for size, prefix in PREFIXES if largest >= size), PREFIXES[-1])


def with_prefix(prefix, unit):
    """"ms"; of a counted thing the prefix is a word: "million cycles"."""
    words = {"k": "thousand ", "M": "million ", "G": "billion ", "T": "trillion "}
    return words.get(prefix, prefix) + unit if unit in ("cycles", "MACs", "tokens/s") else prefix + unit


def label(name, unit):
    return f"{name} ({unit})" if unit not in ("", "1", "count") else f"{name} (ratio)" if unit == "1" else (
        f"{name} (count)" if unit == "count" else name)


def scaled(path, values):
    """(factor, axis label): divide the column's values by the factor."""
    name, unit = quantity(path)
    factor, prefix = prefix_for(values, unit)
    return factor, label(name, with_prefix(prefix, unit))


def si(value, unit, digits=3):
    """"454 ms", "2.00 J", "64 B"."""
    factor, prefix = prefix_for([value], unit if unit in WITH_PREFIX else "s")
    whole = unit in COUNTED and factor == 1 and value == int(value)
    number = f"{value / factor:{'.0f' if whole else f'#.{digits}g'}}".rstrip(".")
    return f"{number} {prefix}{unit}"
