#!/usr/bin/env python3
"""Writes the manual pages and the shells' completions of btfs from its own --help.

    packaging/documents.py BTFS OUTPUT

BTFS is the program. OUTPUT gets man1/, man5/ and man8/, and completions/btfs.bash, _btfs (zsh) and btfs.fish. Commands,
options, values and defaults come from --help, and nowhere else. A page's description, and the text of an option where its
table has one, come from the command's section of cli/MANUAL.md; other sections follow, as PAGES says. packaging/man/NAME.roff
adds what only the page NAME has: what stands before its first .SH follows the description, the rest stands at the end.
"""
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from manual_text import command_texts, commands_of, option_texts, roff, sections_of

PROSE = Path(__file__).resolve().parent / "man"
MANUAL = PROSE.parent.parent / "cli/MANUAL.md"
# Sections of the manual that pages have beside those of their commands, below their options.
PAGES = {"btfs": ["How it behaves", "Exit codes"],
         "btfs-mount": ["The cache", "Data of other clients", "Web page", "Remotes", "Programs", "IP filter"],
         "btfs-add": ["From a shell"]}
# Names of values, and what a shell offers for options and operands.
FILES = {"--config", "--ip-filter", "--proxy-file", "--log-file", "--output", "--web-password-file", "PATH", "DEST", "SOURCE"}
FOLDERS = {"--cache-dir", "--data", "--watch", "--library"}
MOUNTS = {"--to", "--from", "--of"}
MOUNT_COMMANDS = {"umount", "ls", "status", "top"}  # whose MOUNTPOINT is a mount that runs
VALUE_NAMES = {"--peer": "HOST:PORT", "--dht-bootstrap": "HOST:PORT", "--port": "PORT", "--proxy": "URL", "--tracker": "URL",
               "--web-seed": "URL", "--bind": "WHERE", "--timeout": "TIME", "--seed-time": "TIME", "--older-than": "TIME",
               "--seed-ratio": "RATIO", "--read-timeout": "SECONDS", "--player": "COMMAND", "--label": "LABEL",
               "--comment": "TEXT", "--wait": "SECONDS", "--web": "ADDRESS:PORT", "--web-name": "NAME", "--interval": "SECONDS",
               "-o": "OPTIONS"}


@dataclass
class Option:
    names: list       # "-f", "--foreground"
    attributes: str   # CLI11's, as "TEXT:{rename,leave}=rename"
    text: str
    optional: bool = False  # it stands without a value as well, as --wait and --wait=20

    @property
    def key(self):
        return self.names[-1]

    @property
    def takes_value(self):
        return bool(re.match(r"[A-Z]+\b(?!:)|[A-Z]+:", self.attributes)) and not self.attributes.startswith("Excludes")

    @property
    def repeats(self):
        return "..." in self.attributes.split("Excludes:")[0].replace(", ...]", "]")

    @property
    def choices(self):
        found = re.search(r"\{([\w,-]+)\}", self.attributes)
        return found.group(1).split(",") if found and self.takes_value else []

    @property
    def default(self):
        """As "=1G" says or, in later versions of CLI11, "[1G]"."""
        attributes = self.attributes.split(" Excludes:")[0].split(" REQUIRED")[0].strip()
        found = re.search(r"=(\S+)$", attributes) or re.search(r"(?<! in) \[([^\[\],]+)\]$", attributes)
        return found.group(1) if found and self.takes_value else ""

    @property
    def value(self):
        """The name of the value: VALUE, FILE and so on."""
        if not self.takes_value and not self.optional:
            return ""
        if "SIZE" in self.attributes:
            return "SIZE"
        for known, name in ((FILES, "FILE"), (FOLDERS, "DIR"), (MOUNTS, "MOUNTPOINT")):
            if self.key in known:
                return name
        if self.key in VALUE_NAMES:
            return VALUE_NAMES[self.key]
        return "N" if re.match("UINT|INT|FLOAT", self.attributes) else "VALUE"

    @property
    def kind(self):
        """The kind of what a shell offers: choices, files, folders, mounts or nothing."""
        if self.choices:
            return "choices"
        if "SIZE" in self.attributes:
            return "nothing"
        for known, kind in ((FILES, "files"), (FOLDERS, "folders"), (MOUNTS, "mounts")):
            if self.key in known:
                return kind
        return "nothing"


@dataclass
class Command:
    words: list                # ["cache", "list"]; [] for btfs itself
    text: str = ""
    usage: str = ""
    operands: list = field(default_factory=list)
    options: list = field(default_factory=list)
    commands: list = field(default_factory=list)

    @property
    def name(self):
        return " ".join(["btfs", *self.words])

    def all(self):
        yield self
        for command in self.commands:
            yield from command.all()

    def operand_kind(self):
        """The kind of what a shell offers for the operands."""
        names = {operand.key for operand in self.operands}
        if "TORRENT" in names:
            return "cached" if self.words[0] == "cache" else "torrents"
        if "MOUNTPOINT" in names and self.words[-1] in MOUNT_COMMANDS:
            return "mounts"
        return "files" if names & FILES or "MOUNTPOINT" in names else "nothing"


def rows(lines):
    """The rows of a table of CLI11's help: (left, right). A long left side has its right side in the next line."""
    padding = " " * 30
    found = []
    for number, line in enumerate(lines):
        if line.startswith(padding):
            left, right = found[-1]
            found[-1] = (left, (right + " " + line.strip()).strip())
            continue
        continued = number + 1 < len(lines) and lines[number + 1].startswith(padding)
        if len(line) > 30 and line[29] == " " and (line[28] == " " or not continued):
            found.append((line[:30].strip(), line[30:].strip()))
        else:
            found.append((line.strip(), ""))
    return found


def parse_row(left, right):
    names, _, attributes = left.partition(" ")
    names, optional, _ = names.partition("{")  # --wait{forever}: what it is without a value
    return Option(names.split(","), attributes.strip(), right, bool(optional))


def parse_help(program, words=()):
    """Runs `btfs WORDS --help`, and that of the commands below it."""
    done = subprocess.run([program, *words, "--help"], capture_output=True, text=True, check=True, timeout=30)
    command = Command(list(words))
    tables = {"": []}
    table = ""
    for line in done.stdout.splitlines():
        if line.startswith("Usage:"):
            command.usage = line.removeprefix("Usage:").strip()
        elif re.fullmatch(r"[A-Za-z]+:", line.strip()) and not line.startswith(" "):
            table = line.strip()[:-1].lower()
            tables[table] = []
        elif line.strip():
            tables[table].append(line)
    command.text = " ".join(line.strip() for line in tables[""] if not line.startswith("[At least"))
    command.operands = [parse_row(*row) for row in rows(tables.get("positionals", []))]
    command.options = [parse_row(*row) for row in rows(tables.get("options", []))]
    # A command with a second name ("status, top") is described under both.
    command.commands = [parse_help(program, [*words, name]) for left, _ in rows(tables.get("subcommands", []))
                        for name in left.split(", ")]
    return command


# ---- manual pages ----

def sentence(text):
    return text if not text or text.endswith(".") else text + "."


def synopsis(command):
    words = command.usage.split()
    begin = len(command.name.split())
    lines = [f".B {roff(command.name)}"]
    for word in words[begin:]:
        word = "COMMAND" if word in ("SUBCOMMAND", "[SUBCOMMAND]") else word
        lines.append(f".RI {roff(word)}" if word.startswith("[") else f".I {roff(word)}")
    return lines


def option_rows(options, texts=None):
    """The options, with the texts that the manual has in place of those of --help."""
    lines = []
    for option in options:
        of_manual = (texts or {}).get(option.key)
        value = of_manual.value if of_manual and of_manual.value else option.value
        parts = []
        for name in option.names:
            separator = "=" if value and name.startswith("--") else "\\~" if value else ""
            shown = separator + (f"\\fI{roff(value)}\\fR" if value else "")
            parts.append(f"\\fB{roff(name)}\\fR" + (f"[{shown}]" if option.optional else shown))
        lines += [".TP", ", ".join(parts)]
        if of_manual:
            lines.append(sentence(of_manual.text[:1].upper() + of_manual.text[1:]))
            continue
        text = sentence(option.text)
        if option.default and "default" not in option.text:
            text += f" Default: {option.default}."
        excluded = re.search(r"Excludes:(.*)", option.attributes)
        if excluded:
            text += " Not together with " + ", ".join(excluded.group(1).split()) + "."
        if option.repeats and "several times" not in option.text and option.key != "-o":
            text += " May be given several times."
        lines.append(roff(text.strip()) or "See above.")
    return lines


def operand_rows(operands):
    lines = []
    for operand in operands:
        lines += [".TP", f"\\fI{roff(operand.key)}\\fR", roff(sentence(operand.text)) or "See above."]
    return lines


def prose(name):
    """What packaging/man has for the page: the part before its first section, and the rest."""
    file = PROSE / f"{name}.roff"
    text = "".join(line for line in file.read_text().splitlines(True) if not line.startswith('.\\"')) \
        if file.exists() else ""
    before, heading, rest = text.partition(".SH ") if not text.startswith(".SH ") else ("", ".SH ", text[4:])
    return before.rstrip("\n").splitlines(), (heading + rest).rstrip("\n").splitlines()


@dataclass
class FromManual:
    """What the manual has for a page."""
    description: list = field(default_factory=list)
    options: dict = field(default_factory=dict)   # texts of options by their names
    commands: dict = field(default_factory=dict)  # texts of the commands below by their words
    rest: list = field(default_factory=list)


def from_manual(page_name, words):
    sections = sections_of(MANUAL.read_text())
    elsewhere = {name: page for page, names in PAGES.items() if page != page_name for name in names}

    def with_pages(lines):
        """Names the page of each section that the text refers to."""
        return [re.sub(r'"([^"]+)"', lambda found: found[0] + (f" in \\fB{roff(elsewhere[found[1]])}\\fR(1)"
                                                               if found[1] in elsewhere else ""), line) for line in lines]
    found = FromManual()
    for section in sections.values():
        if words and section.level == 3 and " ".join(words) in commands_of(section.title):
            before, behind = section.parts()
            found.description += with_pages(before.roff())
            found.options |= option_texts(section)
            found.commands |= command_texts(section)
            details = behind.roff_with_headings()
            found.rest += [".SH DETAILS", *with_pages(details)] if details else []
    for name in PAGES.get(page_name, []):
        found.rest += [f".SH {roff(name.upper())}", *with_pages(sections[name].roff_with_headings())]
    return found


def title(name, section, version):
    return ['.\\" Written by packaging/documents.py from the --help of btfs and cli/MANUAL.md.',
            f'.TH {name.upper()} {section} "" "btfs {version}" "btfs"']


def page(command, others, version):
    """Page of one command; the commands below it have a section each."""
    name = "-".join(["btfs", *command.words])
    before, rest = prose(name)
    manual = from_manual(name, command.words)
    lines = title(name, 1, version)
    lines += [".SH NAME", f"{roff(name)} \\- {roff(command.text.removeprefix('btfs: ').split('. ')[0].rstrip('.'))}"]
    lines += [".SH SYNOPSIS", *synopsis(command)]
    text = command.text.removeprefix("btfs: ")
    lines += [".SH DESCRIPTION", *(manual.description or [roff(sentence(text[:1].upper() + text[1:]))]), *before]
    if command.operands:
        lines += [".SH OPERANDS", *operand_rows(command.operands)]
    lines += [".SH OPTIONS", *option_rows(command.options, manual.options)]
    if command.commands:
        lines.append(".SH COMMANDS")
        for below in command.commands:
            if not command.words:
                lines += [".TP", f"\\fBbtfs\\-{roff(below.words[-1])}\\fR(1)", roff(sentence(below.text))]
                continue
            text = manual.commands.get(" ".join(below.words), roff(below.text))
            lines += [f".SS {roff(below.name)}", sentence(text[:1].upper() + text[1:]), ".PP", *synopsis(below)]
            lines += operand_rows(below.operands) + option_rows(below.options)
    lines += manual.rest + rest
    related = [f".BR {roff(other)} ({section})" for other, section in others if other != name]
    lines += [".SH SEE ALSO", " ,\n".join(related)]
    return "\n".join(lines) + "\n"


def prose_page(name, section, version):
    """Page that has no command: all of it is prose, with sections of the manual where it says .MANUAL "TITLE"."""
    before, rest = prose(name)
    sections = sections_of(MANUAL.read_text())
    rest = [shown for line in rest
            for shown in (sections[line.split('"')[1]].roff() if line.startswith(".MANUAL ") else [line])]
    return "\n".join(title(name, section, version) + before + rest) + "\n"


def write_pages(root, folder, version):
    others = [("btfs", 1), *((f"btfs-{command.words[-1]}", 1) for command in root.commands), ("btfs.toml", 5), ("mount.btfs", 8)]
    for section in (1, 5, 8):
        (folder / f"man{section}").mkdir(parents=True, exist_ok=True)
    (folder / "man1/btfs.1").write_text(page(root, others, version))
    for command in root.commands:
        related = [("btfs", 1), ("btfs.toml", 5)]
        related += [("mount.btfs", 8)] if command.words == ["mount"] else []
        (folder / f"man1/btfs-{command.words[-1]}.1").write_text(page(command, related, version))
    (folder / "man5/btfs.toml.5").write_text(prose_page("btfs.toml", 5, version))
    (folder / "man8/mount.btfs.8").write_text(prose_page("mount.btfs", 8, version))
    (folder / "man8/mount.fuse.btfs.8").write_text(".so man8/mount.btfs.8\n")


# ---- completions ----

HEADER = "# Completion of btfs. Written by packaging/documents.py from the --help of btfs.\n"
# One mountpoint a line; the kernel writes a space as \040.
MOUNTPOINTS = "awk '$3 == \"fuse.btfs\" { print $2 }' /proc/self/mounts 2>/dev/null"


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def first_sentence(text):
    return text.split(". ")[0].split(" (")[0].rstrip(".")


def bash(root):
    out = [HEADER + r"""
_btfs_mountpoints() {
    local place
    while read -r place; do printf '%b\n' "${place//\\/\\0}"; done < <(""" + MOUNTPOINTS + r""")
}

_btfs_torrents() {  # the torrents of a command's mount or, of the kind "cached", of its cache
    local words=(ls --names) i
    [ "$1" = cached ] && words=(cache list --names)
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            --of|--from) words+=("$(_btfs_value $((i + 1)))") ;;
            --cache-dir) words+=(--cache-dir "$(_btfs_value $((i + 1)))") ;;
        esac
    done
    timeout 2 "${COMP_WORDS[0]}" "${words[@]}" 2>/dev/null
}

_btfs_value() {  # a word as a command gets it: without backslashes, and behind a "="
    local at=$1
    [ "${COMP_WORDS[at]}" = "=" ] && at=$((at + 1))
    printf '%s' "${COMP_WORDS[at]//\\/}"
}

_btfs_offer() {  # its kind: choices, files, folders, mounts, torrents, cached or nothing; then the choices
    local word=${COMP_WORDS[COMP_CWORD]} IFS=$'\n'
    [ "$word" = "=" ] && word=
    case $1 in
        choices) COMPREPLY=($(compgen -W "${*:2}" -- "$word")) ;;
        files) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")) ;;
        folders) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$word")) ;;
        mounts)
            compopt -o filenames 2>/dev/null
            local place
            while read -r place; do [[ $place == "$word"* ]] && COMPREPLY+=("$place"); done < <(_btfs_mountpoints) ;;
        torrents|cached)
            compopt -o filenames 2>/dev/null
            local name
            word=${word//\\/}
            while read -r name; do [[ $name == "$word"* ]] && COMPREPLY+=("$name"); done < <(_btfs_torrents "$1")
            [[ $1 == torrents && $word == */* ]] && COMPREPLY+=($(compgen -f -- "$word")) ;;
    esac
}

_btfs() {
    COMPREPLY=()
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= i
    [ "$word" = "=" ] || { [ "$before" = "=" ] && before=${COMP_WORDS[COMP_CWORD-2]}; }
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$command/${COMP_WORDS[i]}" in"""]
    for command in root.all():
        for below in command.commands:
            out.append(f"            '{' '.join(command.words)}/{below.words[-1]}') command='{' '.join(below.words)}' ;;")
    out.append("        esac\n    done\n    case \"$command\" in")
    for command in root.all():
        out.append(f"        '{' '.join(command.words)}')")
        out.append("            case \"$before\" in")
        for option in command.options:
            if option.takes_value:
                words = " ".join(f"'{choice}'" for choice in option.choices)
                out.append(f"                {'|'.join(option.names)}) _btfs_offer {option.kind} {words}".rstrip() + "; return ;;")
        out.append("            esac")
        names = " ".join(f"'{name}'" for option in command.options for name in option.names)
        commands = " ".join(f"'{below.words[-1]}'" for below in command.commands)
        out.append(f"            case \"$word\" in -*) _btfs_offer choices {names}; return ;; esac")
        out.append(f"            _btfs_offer choices {commands} ;;" if commands else
                   f"            _btfs_offer {command.operand_kind()} ;;")
    out.append("    esac\n}\ncomplete -F _btfs btfs")
    return "\n".join(out) + "\n"


def zsh(root):
    actions = {"files": "_files", "folders": "_files -/", "mounts": "_btfs_mountpoints", "torrents": "_btfs_torrents",
               "cached": "_btfs_cached", "nothing": ""}

    def text(words):
        return re.sub(r"([\[\]:])", r"\\\1", first_sentence(words)).replace("'", "'\\''")

    out = ["#compdef btfs\n" + HEADER + r"""
_btfs_mountpoints() {
    local -a places
    places=(${(f)"$(""" + MOUNTPOINTS + r""")"})
    places=("${(@g:o:)places}")
    compadd -f -- $places
}

_btfs_values() {  # the values that the line has of the options whose names match $1
    local i
    for ((i = 2; i < CURRENT; i++)); do
        case $words[i] in
            (${~1}=*) print -r -- ${(Q)words[i]#*=} ;;
            (${~1}) print -r -- ${(Q)words[i+1]} ;;
        esac
    done
}

_btfs_torrents() {  # of the command's mount
    local -a names
    names=(${(f)"$(timeout 2 btfs ls --names ${(f)"$(_btfs_values '(--of|--from)')"} 2>/dev/null)"})
    compadd -- $names
    [[ $PREFIX == */* ]] && _files
}

_btfs_cached() {  # torrents of the command's cache
    local -a names folder
    folder=(${(f)"$(_btfs_values '--cache-dir')"})
    names=(${(f)"$(timeout 2 btfs cache list --names ${folder:+--cache-dir} $folder 2>/dev/null)"})
    compadd -- $names
}
"""]
    for command in root.all():
        name = "_".join(["_btfs", *command.words])
        specs = []
        for option in command.options:
            for option_name in option.names:
                shut = " ".join(option.names)
                repeat = "*" if option.repeats else f"({shut})"
                spec = f"{repeat}{option_name}"
                if option.takes_value:
                    spec += "=" if option_name.startswith("--") else "+"
                spec += f"[{text(option.text)}]"
                if option.takes_value:
                    action = f"({' '.join(option.choices)})" if option.choices else actions[option.kind]
                    spec += f":{option.value.replace(':', ' ')}:{action or ' '}"
                specs.append(f"        '{spec}'")
        if command.commands:
            out.append(f"{name}() {{\n    local -a commands\n    local state line\n    commands=(")
            out += [f"        '{below.words[-1]}:{text(below.text)}'" for below in command.commands]
            out.append("    )\n    _arguments -C \\")
            out += [spec + " \\" for spec in specs]
            out.append("        '1: :->command' '*:: :->words'")
            out.append("    case $state in\n        command) _describe command commands ;;\n        words)\n            case $line[1] in")
            out += [f"                {below.words[-1]}) {'_'.join(['_btfs', *below.words])} ;;" for below in command.commands]
            out.append("            esac ;;\n    esac\n}\n")
        else:
            action = actions[command.operand_kind()]
            out.append(f"{name}() {{\n    _arguments \\")
            out += [spec + " \\" for spec in specs]
            out.append(f"        '*:operand:{action or ' '}'\n}}\n")
    out.append('_btfs "$@"')
    return "\n".join(out) + "\n"


def fish(root):
    out = [HEADER, "function __btfs_mountpoints",
           "    " + MOUNTPOINTS + " | while read -l place", "        printf '%b\\n' $place", "    end", "end\n",
           r"""function __btfs_values  # the values that the line has of these options
    set -l words (commandline -opc)
    for i in (seq (count $words))
        contains -- $words[$i] $argv; and echo $words[(math $i + 1)]
        set -l parts (string split -m 1 = -- $words[$i])
        test (count $parts) = 2; and contains -- $parts[1] $argv; and echo $parts[2]
    end
end

function __btfs_torrents  # of the command's mount
    timeout 2 btfs ls --names (__btfs_values --of --from) 2>/dev/null
    string match -q '*/*' -- (commandline -ct); and __fish_complete_path (commandline -ct)
end

function __btfs_cached  # torrents of the command's cache
    set -l folder (__btfs_values --cache-dir)
    set -q folder[1]; and set folder --cache-dir $folder
    timeout 2 btfs cache list --names $folder 2>/dev/null
end
""",
           "complete -c btfs -f"]
    tops = " ".join(command.words[-1] for command in root.commands)
    for command in root.all():
        if not command.words:
            when = f"not __fish_seen_subcommand_from {tops}"
        else:
            when = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in command.words)
            if command.commands:
                when += "; and not __fish_seen_subcommand_from " + " ".join(below.words[-1] for below in command.commands)
        start = f"complete -c btfs -n {quoted(when)}"
        offers = {"files": " -r -F", "folders": " -x -a '(__fish_complete_directories)'", "mounts": " -x -a '(__btfs_mountpoints)'",
                  "nothing": " -x"}
        for option in command.options:
            names = "".join(f" -l {name[2:]}" if name.startswith("--") else f" -s {name[1:]}" for name in option.names)
            offer = ""
            if option.takes_value:
                offer = f" -x -a {quoted(' '.join(option.choices))}" if option.choices else offers[option.kind]
            out.append(f"{start}{names}{offer} -d {quoted(first_sentence(option.text))}")
        for below in command.commands:
            out.append(f"{start} -a {below.words[-1]} -d {quoted(first_sentence(below.text))}")
        if not command.commands:
            kind = command.operand_kind()
            if kind == "files":
                out.append(f"{start} -F")
            elif kind in ("mounts", "torrents", "cached"):
                function = "__btfs_mountpoints" if kind == "mounts" else f"__btfs_{kind}"
                out.append(f"{start} -a '({function})'")
    return "\n".join(out) + "\n"


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: packaging/documents.py BTFS OUTPUT")
    program, output = sys.argv[1], Path(sys.argv[2])
    root = parse_help(program)
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    write_pages(root, output, version)
    completions = output / "completions"
    completions.mkdir(parents=True, exist_ok=True)
    for name, text in (("btfs.bash", bash(root)), ("_btfs", zsh(root)), ("btfs.fish", fish(root))):
        (completions / name).write_text(text)


if __name__ == "__main__":
    main()
