"""Tables of documentation pages that scripts make anew, between the lines <!-- NAME: begin --> and <!-- NAME: end -->."""


def replaced(page, name, made):
    """The text of a page with `made`, whole lines, in the place of what stands between the markers."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    head, rest = page.split(begin)
    return head + begin + made + end + rest.split(end, 1)[1]
