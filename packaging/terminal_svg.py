#!/usr/bin/python3
"""Makes an SVG of what `tmux capture-pane -e -p` prints: terminal_svg.py WIDTH HEIGHT <CAPTURED >PICTURE"""
import html
import re
import sys
import unicodedata

CELL_WIDTH, CELL_HEIGHT, BASELINE, MARGIN = 8, 17, 13, 10
GROUND, TEXT = "#1c1e26", "#d5d8e0"
COLOURS = ["#2b2e3a", "#e06c75", "#98c379", "#e5c07b", "#3d6fb6", "#c678dd", "#56b6c2", "#d5d8e0",
           "#5c6370", "#ff7b86", "#b5e08c", "#ffd88a", "#6ba4f0", "#e49bff", "#7fe0ec", "#ffffff"]


class Look:
    """Colours and attributes, as escape sequences set them."""

    def __init__(self):
        self.fore = self.back = None
        self.bold = self.dim = self.reverse = False

    def apply(self, codes):
        numbers = [int(code or 0) for code in codes.split(";")]
        while numbers:
            code = numbers.pop(0)
            if code == 0:
                self.__init__()
            elif code in (1, 2, 7):
                setattr(self, {1: "bold", 2: "dim", 7: "reverse"}[code], True)
            elif code == 22:
                self.bold = self.dim = False
            elif code == 27:
                self.reverse = False
            elif code in (38, 48) and numbers[:1] == [5]:
                colour = COLOURS[numbers[1] % 16]
                self.fore, self.back = (colour, self.back) if code == 38 else (self.fore, colour)
                del numbers[:2]
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self.fore = COLOURS[code - 30 if code < 40 else code - 82]
            elif 40 <= code <= 47 or 100 <= code <= 107:
                self.back = COLOURS[code - 40 if code < 50 else code - 92]
            elif code == 39:
                self.fore = None
            elif code == 49:
                self.back = None

    def shown(self):
        fore, back = self.fore or TEXT, self.back
        if self.reverse:
            fore, back = back or GROUND, fore
        return fore, back, self.bold, self.dim


def columns(character):
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def words(text):
    """Parts of a text that are placed by themselves, so that no font moves what follows: the text between wide gaps, and
    each stretch of wide characters."""
    for gap, stretch in re.findall(r"( {2,}|^ )|((?:(?! {2}).)+)", text):
        if gap:
            yield gap
            continue
        for wide, narrow in re.findall(r"([\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\uff60]+)"
                                       r"|([^\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\uff60]+)", stretch):
            yield wide or narrow


def runs(line, look):
    """Stretches of a line that look the same: column, width, text, look."""
    column = 0
    for sequence, text in re.findall(r"\x1b\[([\d;]*)m|([^\x1b]+)", line):
        if not text:
            look.apply(sequence)
            continue
        width = sum(map(columns, text))
        yield column, width, text, look.shown()
        column += width


def draw(lines, width, height):
    size = (width * CELL_WIDTH + 2 * MARGIN, height * CELL_HEIGHT + 2 * MARGIN)
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]}" height="{size[1]}" viewBox="0 0 {size[0]} {size[1]}">'
           f'<style>text{{font:13px "DejaVu Sans Mono","Liberation Mono",Menlo,Consolas,monospace;fill:{TEXT};white-space:pre}}'
           '.b{font-weight:bold}.d{opacity:.6}</style>'
           f'<rect width="100%" height="100%" rx="8" fill="{GROUND}"/>')
    look = Look()
    for row, line in enumerate(lines[:height]):
        top = MARGIN + row * CELL_HEIGHT
        for column, cells, text, (fore, back, bold, dim) in runs(line, look):
            x = MARGIN + column * CELL_WIDTH
            if back:
                yield f'<rect x="{x}" y="{top}" width="{cells * CELL_WIDTH}" height="{CELL_HEIGHT}" fill="{back}"/>'
            if not text.strip():
                continue
            kinds = " ".join(kind for kind, holds in (("b", bold), ("d", dim)) if holds)
            for word in words(text):
                cells = sum(map(columns, word))
                if word.strip():
                    yield (f'<text x="{x}" y="{top + BASELINE}" textLength="{cells * CELL_WIDTH}"'
                           + (f' class="{kinds}"' if kinds else "") + (f' style="fill:{fore}"' if fore != TEXT else "")
                           + f'>{html.escape(word)}</text>')
                x += cells * CELL_WIDTH
    yield "</svg>"


def main():
    width, height = int(sys.argv[1]), int(sys.argv[2])
    print("\n".join(draw(sys.stdin.read().split("\n"), width, height)))


if __name__ == "__main__":
    main()
