"""What a run takes at other costs than the ones it was simulated with: exact, since counts stay and energy is linear in each cost.

A report's `energy.sensitivity` has the total with each cost at the ends of its range. Costs are taken together in four
groups that vary apart: DRAM (dram_scale), what the KV-MMU does and leaks, the chip's other leakage and idle power, and
what the chip else does.
"""

GROUPS = ("dram", "kv_mmu", "leakage", "chip")
CHANGES = [f"{group}.{end}" for group in GROUPS for end in ("low", "high")]
KV_BLOCK = "kv_mmu"
DRAM_SCALE = "dram_scale"
PJ_PER_BIT = {"low": 8, "value": 20, "high": 40}  # what dram_scale's ends and value mean (configs/cost/65nm.json)


def group_of(name, blocks):
    """`blocks`: block that pays, by name of the cost."""
    if name == DRAM_SCALE:
        return "dram"
    if blocks[name] == KV_BLOCK:
        return "kv_mmu"
    return "leakage" if name.startswith("static/") else "chip"


def ends(report):
    """{GROUP.END: J by which the run's energy changes with all costs of a group at that end of their ranges}."""
    energy = report["energy"]
    blocks = {entry["name"]: entry["block"] for entry in energy["actions"]}
    change = dict.fromkeys(CHANGES, 0.0)
    for row in energy["sensitivity"]:
        group = group_of(row["cost"], blocks)
        for end in ("low", "high"):
            change[f"{group}.{end}"] += row[f"{end}_joules"] - energy["joules"]
    return change


class Energy:
    """The energy of a point of a study, J."""

    def __init__(self, row):
        self.value, self.dram = float(row["energy.joules"]), float(row["energy.by_block.dram"])
        self.kv_mmu = float(row["energy.kv_mmu_share"]) * self.value
        self.change = {key: float(row[key]) for key in CHANGES}

    def at(self, scale=1.0, **chosen):
        """With DRAM's energies times `scale` and groups at their `low` or `high` end: at(2, leakage="low")."""
        return (self.value + (scale - 1) * self.dram
                + sum(self.change[f"{group}.{end}"] for group, end in chosen.items() if end != "value"))

    def share_at(self, scale=1.0, **chosen):
        """The KV-MMU's, without what DRAM's scale does to spilled scores."""
        own = self.kv_mmu + (self.change[f"kv_mmu.{chosen['kv_mmu']}"] if chosen.get("kv_mmu", "value") != "value" else 0)
        return own / self.at(scale, **chosen)
