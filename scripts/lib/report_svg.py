"""Pictures as SVG inside a page: in the page's colours, with names that no other picture of the page has."""

import io
import re

import plot_style

# The colours of ink and paper follow the page, which may be dark; those of data stay.
PAGE_COLOURS = {plot_style.INK: "var(--ink)", plot_style.MUTED: "var(--muted)", plot_style.GRID: "var(--grid)",
                plot_style.PAPER: "var(--paper)"}


def inline(figure, name, title):
    """The figure as an <svg> element, scaled to its place. `name` makes its ids its own."""
    file = io.StringIO()
    figure.patch.set_alpha(0)
    for axes in figure.axes:
        axes.patch.set_alpha(0)
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    svg = file.getvalue()
    svg = svg[svg.index("<svg"):]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<style type="text/css">.*?</style>', "", svg, flags=re.DOTALL)  # the page's style sheet has it
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r'(xlink:href|href)="#([^"]+)"', rf'\1="#{name}-\2"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", svg)
    for colour, variable in PAGE_COLOURS.items():
        svg = re.sub(rf"(fill|stroke): {colour}(?![0-9a-f])", rf"\1: {variable}", svg)
    width = re.search(r'viewBox="0 0 ([\d.]+)', svg).group(1)
    return re.sub(r'<svg [^>]*?(viewBox="[^"]+")[^>]*>',
                  rf'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" \1 role="img" '
                  rf'aria-label="{title}" data-width="{width}">', svg, count=1).strip()
