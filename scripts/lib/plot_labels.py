"""Names beside points, where they cover neither points nor each other."""

PLACES = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)]
ALIGN = {1: ("left", "bottom"), 0: ("center", "center"), -1: ("right", "top")}
TRIES = [4, 8, 14, 22, 32, 44]  # points away


def name_points(axes, points, names, radii, fontsize=6.5, avoid=(), lines=()):
    """Writes names[i] near points[i] (data coordinates), whose marker has a radius of radii[i] points. A name that
    has to go far gets a thin line to its point. `avoid` are artists that no name may cover, `lines` are
    [(x, y), ...] that none may cross."""
    figure = axes.figure
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    frame = axes.get_window_extent(renderer)
    pixels = figure.dpi / 72
    taken = [artist.get_window_extent(renderer) for artist in avoid]
    for line in lines:
        places = [axes.transData.transform(place) for place in line]
        for before, after in zip(places, places[1:]):
            count = int(max(abs(after - before)) / (3 * pixels)) + 1
            for number in range(count + 1):
                x, y = before + (after - before) * number / count
                taken.append(_box(x - pixels, y - pixels, x + pixels, y + pixels))
    for (x, y), radius in zip(points, radii):
        middle = axes.transData.transform((x, y))
        half = radius * pixels
        taken.append(_box(middle[0] - half, middle[1] - half, middle[0] + half, middle[1] + half))
    for point, name, radius in sorted(zip(points, names, radii), key=lambda entry: -entry[2]):
        text = _placed(axes, point, name, radius, fontsize, taken, frame, renderer)
        taken.append(text.get_window_extent(renderer))


def _box(left, bottom, right, top):
    from matplotlib.transforms import Bbox
    return Bbox.from_extents(left, bottom, right, top)


def _placed(axes, point, name, radius, fontsize, taken, frame, renderer):
    best, least = None, None
    for away in TRIES:
        for x, y in PLACES:
            line = dict(arrowstyle="-", linewidth=0.4, color="#444444", shrinkA=0, shrinkB=0) if away > 10 else None
            text = axes.annotate(name, point, xytext=(x * (radius + away), y * (radius + away)), fontsize=fontsize,
                                 textcoords="offset points", ha=ALIGN[x][0], va=ALIGN[y][1] if y else "center",
                                 arrowprops=line, annotation_clip=False)
            text.set_in_layout(False)
            box = text.get_window_extent(renderer)
            cost = sum(_shared(box, other) for other in taken) + 10 * (box.width * box.height - _shared(box, frame))
            if least is None or cost < least - 1e-6:
                if best is not None:
                    best.remove()
                best, least = text, cost
            else:
                text.remove()
        if least <= 1e-6:
            break
    return best


def _shared(one, other):
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return max(width, 0) * max(height, 0)
