#!/usr/bin/python3
"""Plots how fast btfs is beside others, for README.md: plot-speed.py

Writes plot-NAME.svg to packaging/pictures for each plot of packaging/pictures/speed.json, which has the programs with their
versions, and what was measured of each: "values" has a number for each run, or the median of the runs alone.
"""
import html
import json
import statistics
from pathlib import Path

PICTURES = Path(__file__).resolve().parent / "pictures"
DATA = PICTURES / "speed.json"
OURS = "btfs"
# Three of them stand beside each other in a page of GitHub.
WIDTH, MARGIN, ROW, TOP = 276, 12, 38, 62
BAR_HEIGHT, VALUE_WIDTH, LEAST_BAR = 10, 76, 2
STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1d2024 }
  .title { font-size: 15px; font-weight: 600 } .quiet { fill: #656b73 } .value { font-variant-numeric: tabular-nums }
  .sheet { fill: #ffffff; stroke: #e2e2dd } .bar { fill: #a9b0b8 } .ours { fill: #1f6fb2 } .run { fill: #1d2024; opacity: .55 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e4e6e8 } .quiet { fill: #98a0a9 } .sheet { fill: #1c1f23; stroke: #2f3339 }
    .bar { fill: #5b636c } .ours { fill: #4f9ad9 } .run { fill: #e4e6e8 }
  }
"""


def picture(programs, plot):
    """A row for each program: its name, a bar as long as the median, and a dot for each run if there are several."""
    longest = max(value for values in plot["values"].values() for value in values)
    room = WIDTH - 2 * MARGIN - VALUE_WIDTH
    height = TOP + ROW * len(plot["values"]) + 4
    title, about = html.escape(plot["title"]), html.escape(plot["about"])
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" role="img">',
             f"<title>{title}: {about}</title>", f"<style>{STYLE}</style>",
             f'<rect class="sheet" x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="6"/>',
             f'<text class="title" x="{MARGIN}" y="26">{title}</text>', f'<text class="quiet" x="{MARGIN}" y="45">{about}</text>']
    for number, (program, values) in enumerate(plot["values"].items()):
        y = TOP + ROW * number
        middle = y + 18 + BAR_HEIGHT / 2
        median = statistics.median(values)
        kind = "bar ours" if program == OURS else "bar"
        parts += [f'<text x="{MARGIN}" y="{y + 12}">{html.escape(programs[program])}</text>',
                  f'<rect class="{kind}" x="{MARGIN}" y="{y + 18}" width="{max(room * median / longest, LEAST_BAR):.1f}" '
                  f'height="{BAR_HEIGHT}" rx="2"/>']
        if len(values) > 1:
            parts += [f'<circle class="run" cx="{MARGIN + room * value / longest:.1f}" cy="{middle}" r="2"/>' for value in values]
        parts.append(f'<text class="value" x="{MARGIN + room + 8}" y="{middle + 5}">{median:g} {html.escape(plot["unit"])}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def main():
    data = json.loads(DATA.read_text())
    for plot in data["plots"]:
        (PICTURES / f"plot-{plot['name']}.svg").write_text(picture(data["programs"], plot))


if __name__ == "__main__":
    main()
