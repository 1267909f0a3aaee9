"""cli/MANUAL.md as sections, and their Markdown as roff for manual pages.

The Markdown is what the manual uses: headings, paragraphs, lists of one level, tables of two or more columns, code blocks,
`code`, **strong** and *emphasized* text, and links.
"""
import re
from dataclasses import dataclass, field

FENCE = "```"


def roff(text):
    """Text as roff takes it."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha").replace("'", "\\(aq")
    return re.sub(r"^([.'])", r"\\&\1", text)


def inline(text):
    """A line of Markdown as a line of roff."""
    out = []
    for part in re.split(r"(`[^`]+`|\*\*.+?\*\*|\*[^*\s][^*]*\*|\[[^\]]+\]\([^)]+\))", text):
        if part.startswith("`"):
            out.append(f"\\fB{roff(part[1:-1])}\\fR")
        elif part.startswith("**"):
            out.append(f"\\fB{roff(part[2:-2].replace('`', ''))}\\fR")
        elif part.startswith("*") and len(part) > 1:
            out.append(f"\\fI{roff(part[1:-1])}\\fR")
        elif part.startswith("[") and "](" in part:
            out.append(roff(part[1:part.index("]")]))
        else:
            out.append(roff(part) if not out else roff(part).removeprefix("\\&"))
    line = "".join(out)
    return "\\&" + line if line.startswith((".", "'")) else line


def cells(row):
    """The cells of a row of a table; `\\|` and code keep their bars."""
    parts = re.findall(r"(?:`[^`]*`|[^|`])+|(?<=\|)(?=\|)", row.strip().strip("|"))
    return [part.strip() for part in parts]


@dataclass
class Block:
    kind: str                                  # "text", "list", "table" or "code"
    lines: list = field(default_factory=list)  # a text's, an item's or a code block's lines; a table's rows of cells

    @property
    def is_of_options(self):
        """A table that describes options: each row begins with one."""
        return self.kind == "table" and all(re.match(r"`--?\w", row[0]) for row in self.lines)

    @property
    def is_of_commands(self):
        """A table that describes commands below a command: each row begins with one."""
        return self.kind == "table" and all(re.match(r"`btfs \w+ \w", row[0]) for row in self.lines)

    @property
    def heading(self):
        """The bold words that a paragraph begins with, if it does."""
        found = re.match(r"\*\*(.+?)\*\*", self.lines[0]) if self.kind == "text" else None
        return found[1] if found else ""

    def roff(self):
        if self.kind == "code":
            shown = [roff(line) for line in self.lines]
            return [".PP", ".EX", *shown, ".EE"]
        if self.kind == "list":
            return [".TP", "\\(bu", inline(" ".join(self.lines))]
        if self.kind == "text":
            return [".PP", inline(" ".join(self.lines))]
        out = []
        for row in self.lines:
            out += [".TP", inline(row[0]) or "\\&", inline(". ".join(cell for cell in row[1:] if cell))]
        return out


@dataclass
class Section:
    title: str
    level: int
    blocks: list = field(default_factory=list)

    def roff(self):
        """All of it but the tables of options and commands, which have places of their own."""
        return [line for block in self.blocks if not block.is_of_options and not block.is_of_commands for line in block.roff()]

    def parts(self):
        """What stands before the section's table of options, and what follows it: two sections."""
        ends = [i for i, block in enumerate(self.blocks) if block.is_of_options]
        end = ends[0] if ends else len(self.blocks)
        return Section(self.title, self.level, self.blocks[:end]), Section(self.title, self.level, self.blocks[end:])

    def roff_with_headings(self):
        """As roff(), with a heading above each paragraph that begins with bold words."""
        out = []
        for block in self.blocks:
            if block.is_of_options or block.is_of_commands:
                continue
            heading = block.heading
            if heading:
                out.append(f".SS {roff(heading.rstrip('.').replace('`', ''))}")
            if heading.endswith("."):  # the words are a heading alone
                lines = [re.sub(r"^\*\*.+?\*\* *", "", block.lines[0]), *block.lines[1:]]
                out += Block("text", lines).roff()
            else:
                out += block.roff()
        return out


def blocks_of(lines):
    found = []
    code = False
    fresh = True  # the next line begins a block
    for line in lines:
        if line.startswith(FENCE):
            code = not code
            if code:
                found.append(Block("code"))
            fresh = True
        elif code:
            found[-1].lines.append(line)
        elif line.startswith("    ") and (fresh or found[-1].kind == "code"):
            if fresh:
                found.append(Block("code"))
            found[-1].lines.append(line[4:])
            fresh = False
        elif not line.strip():
            fresh = True
        elif line.startswith("|"):
            if fresh or found[-1].kind != "table":
                found.append(Block("table"))
                fresh = False
            found[-1].lines.append(cells(line))
        elif line.startswith("- "):
            found.append(Block("list", [line[2:]]))
            fresh = False
        else:
            if fresh:
                found.append(Block("text"))
                fresh = False
            found[-1].lines.append(line.strip())
    for block in found:
        if block.kind == "table":  # without its titles and the line below them
            block.lines = block.lines[2:]
    return found


def sections_of(text):
    """All sections of the manual by their titles."""
    found = {}
    lines = []
    code = False
    for line in text.splitlines():
        code ^= line.startswith(FENCE)
        heading = None if code else re.match(r"(#+) (.*)", line)
        if heading:
            lines = []
            found[heading[2]] = (len(heading[1]), lines)
        else:
            lines.append(line)
    return {name: Section(name, level, blocks_of(lines)) for name, (level, lines) in found.items()}


def commands_of(title):
    """The commands that a heading is about: "btfs pin PATH..., btfs unpin PATH..." is about pin and unpin."""
    return re.findall(r"\bbtfs ([a-z]+)\b", title)


@dataclass
class OptionText:
    value: str  # the name of its value
    text: str   # roff


def option_texts(section):
    """What the section's tables say of options, by each name of an option."""
    found = {}
    for block in section.blocks:
        if block.is_of_options:
            for row in block.lines:
                for name, value in re.findall(r"`(--?[\w-]+)(?:[ =\[]+([A-Z:]+)\]?)?`", row[0]):
                    found[name] = OptionText(value, inline(row[1]))
    return found


def command_texts(section):
    """What the section's tables say of the commands below its command, as roff, by their names."""
    return {re.match(r"`btfs (\w+ \w+)", row[0])[1]: inline(row[1])
            for block in section.blocks if block.is_of_commands for row in block.lines}
