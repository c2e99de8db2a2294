# Runs the points of a sweep that have no report yet. scripts/sweep writes the plan (--configfile) and calls Snakemake;
# the name of a point is a digest of all that its result depends on, so a report that is there is the right one.

wildcard_constraints:
    id="[0-9a-f]{16}"


localrules:
    all,


rule all:
    input:
        expand("points/{id}/report.json", id=config["points"]),


rule point:
    output:
        "points/{id}/report.json",
    log:
        "points/{id}/log",
    params:
        command=lambda wildcards: config["points"][wildcards.id],
    shell:
        "{params.command}"
