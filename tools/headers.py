"""What the public headers declare: shared by the checks of this folder."""
import os
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INCLUDE = os.path.join(ROOT, "include")


def public_headers():
    """Paths relative to include/, the umbrella header first."""
    found = []
    for folder, _, files in os.walk(INCLUDE):
        for name in files:
            if name.endswith(".h"):
                found.append(os.path.relpath(os.path.join(folder, name), INCLUDE))
    return sorted(found, key=lambda path: (path.count("/"), path))


def read_header(path):
    with open(os.path.join(INCLUDE, path), encoding="utf-8") as header:
        return header.read()


def blank_comments(text):
    """The text with comments and preprocessor lines blanked out; every character keeps its place."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())
    text = re.sub(r"/\*.*?\*/|//[^\n]*", blank, text, flags=re.S)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, text, flags=re.M)


def prototypes(path):
    """(name, line number, comment directly above or None) of each TRACTOR_API function in a header."""
    text = read_header(path)
    code = blank_comments(text)
    result = []
    for match in re.finditer(r"\bTRACTOR_API\b[^;{]*?\b(tractor_\w+)\s*\(", code):
        above = text[:match.start()].rstrip()
        comment = None
        if above.endswith("*/"):
            comment = above[above.rindex("/*"):]
            if not comment.startswith("/**") or "*/" in comment[:-2]:
                comment = None
        result.append((match.group(1), code.count("\n", 0, match.start()) + 1, comment))
    return result


def exported_functions():
    return {name for path in public_headers() for name, _, _ in prototypes(path)}


def preprocessed(*flags, header="tractor.h", compiler="cc"):
    """What the compiler sees of our own headers, without those of the system."""
    text = subprocess.run([compiler, "-std=c11", "-E", "-I", INCLUDE, *flags, os.path.join(INCLUDE, header)],
                          check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    ours, keep = [], False
    for line in text.splitlines():
        marker = re.match(r'# \d+ "([^"]*)"', line)
        if marker:
            keep = os.path.realpath(marker.group(1)).startswith(INCLUDE + os.sep)
        elif keep:
            ours.append(line)
    return "\n".join(ours)
