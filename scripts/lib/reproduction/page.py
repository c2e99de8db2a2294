"""docs/reproduction.md: docs/reproduction/page.jinja with every number put in."""

import jinja2

import figures
import judged
import kv_mmu_parts
import space
import tornado

TEMPLATE = "page.jinja"


def text(template):
    baselines, kelle = figures.baselines(), figures.kelle()
    machine, compared = baselines[figures.MACHINE], (figures.FULL, figures.FULL_ALONE)
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    environment.filters.update(
        x=lambda value, digits=2: f"{value:,.{digits}f}x",
        n=lambda value, digits=0: f"{value:,.{digits}f}",
        pct=lambda value, digits=1: f"{100 * value:.{digits}f} %")
    return environment.from_string(template).render(
        baselines=baselines, ladder=figures.ladder(), rungs=figures.LADDER, nearest=figures.nearest(), kelle=kelle,
        kelle_published=figures.KELLE_PUBLISHED, kelle_budgets=list(dict.fromkeys(name for _, name in kelle)), veda=figures.veda(),
        first_pass=judged.summary(), cells=figures.cells(), target=space.TARGET,
        reach={name: tornado.reach(name) for name in compared},
        parts=kv_mmu_parts.table(machine), whole_table=figures.rows_of("slot-table")[1], kv_share=figures.kv_share(machine))
