"""The KV-MMU part by part, as a report has it (docs/report.md: energy.kv_mmu, area): which columns, and the table of the page."""

PARTS = ("slot_table", "score_store", "victim_unit", "address_generator", "write_combiner", "spilled_scores")
FIELDS = ("size_bytes", "needed_bytes", "accesses", "dynamic_joules", "static_joules", "joules")
ON_CHIP = PARTS[:-1]
COLUMNS = (*(f"energy.kv_mmu.{part}.{field}" for part in PARTS for field in FIELDS), "area.mm2", "area.kv_mmu_share",
           *(f"area.kv_mmu.{part}" for part in ON_CHIP))


def table(row):
    """Of a row of the baselines: name, mm2 (None where it has none on the chip), and the fields."""
    return [{"name": part.replace("_", " "), "mm2": row.get(f"area.kv_mmu.{part}"),
             **{field: row[f"energy.kv_mmu.{part}.{field}"] for field in FIELDS}} for part in PARTS]
