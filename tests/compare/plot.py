"""The plot of the README: bars on scales of powers, in colours that can be seen on light and on dark pages."""

import math
from xml.sax.saxutils import escape

WIDTH, ROW, TOP = 860, 30, 62
NAMES = 262  # where names end and bars begin
STREAM, TRIP = (NAMES, 545), (615, 800)  # from where to where each scale goes
TEXT, FAINT, OURS, THEIRS = "#768390", "#76839055", "#2f81f7", "#8b949e"


def plot(rows):
    height = TOP + ROW * len(rows) + 12
    slowest = min(row["of rate"] for row in rows)
    stream = Scale(*STREAM, 10 ** math.floor(math.log10(slowest)), 1)
    trip = Scale(*TRIP, 0.5, 2 ** math.ceil(math.log2(max(row["to p50"] for row in rows))))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="14">',
        "<title>Messages a second and round trips, as ratios to the limit</title>",
        label(NAMES, 20, "stream, messages/s: longer is faster", weight="bold"),
        label(TRIP[0], 20, "round trip: shorter is faster", weight="bold"),
    ]
    for scale, ticks in (stream, stream.tens()), (trip, trip.twos()):
        for tick in ticks:
            at = scale.place(tick)
            parts.append(f'<path d="M{at:.1f} {TOP - 10}V{height - 12}" stroke="{FAINT}"/>')
            parts.append(label(at, TOP - 18, fraction(tick) if scale is stream else f"{tick:g}×", anchor="middle", size=12))
    for number, row in enumerate(rows):
        middle = TOP + ROW * number + ROW / 2
        called = row["name"].replace("*", "").replace("`", "")
        is_ours = "Ropeway" in called
        colour, weight = (OURS, "bold") if is_ours else (THEIRS, "normal")
        parts.append(label(NAMES - 10, middle + 5, called, anchor="end", weight=weight))
        for scale, value, shown in (
            (stream, row["of rate"], fraction(row["of rate"])),
            (trip, row["to p50"], f"{row['to p50']:.2f}×"),
        ):
            end = scale.place(value)
            parts.append(
                f'<rect x="{scale.start}" y="{middle - 9:.1f}" width="{max(end - scale.start, 1):.1f}" height="18" '
                f'rx="2" fill="{colour}"/>'
            )
            parts.append(label(end + 6, middle + 5, shown, weight=weight))
    return "\n".join([*parts, "</svg>"]) + "\n"


class Scale:
    """A logarithmic one, from `low` at `start` to `high` at `end`."""

    def __init__(self, start, end, low, high):
        self.start, self.end, self.low, self.high = start, end, low, high

    def place(self, value):
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return self.start + (self.end - self.start) * share

    def tens(self):
        return [10.0**power for power in range(round(math.log10(self.low)), round(math.log10(self.high)) + 1)]

    def twos(self):
        return [2.0**power for power in range(round(math.log2(self.low)), round(math.log2(self.high)) + 1)]


def fraction(ratio):
    """A ratio of at most one, as people say it."""
    return f"{ratio:.2f}".removesuffix(".00") if ratio >= 0.1 and ratio != 0.1 else f"1/{round(1 / ratio):,}"


def label(x, y, words, anchor="start", weight="normal", size=14):
    style = "" if size == 14 else f' font-size="{size}"'
    style += "" if weight == "normal" else f' font-weight="{weight}"'
    style += "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{TEXT}"{style}>{escape(words)}</text>'
