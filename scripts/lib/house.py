# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the check scripts share: the files of the repository, and how a finding is told."""

import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

_findings = 0


def files(*folders, suffixes=None):
    """Paths of the files of the repository, relative to its root, that are below the folders."""
    try:
        listed = subprocess.run(
            ["git", "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard"],
            cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        listed = []  # an archive without git
        for folder, inner, names in os.walk(ROOT):
            inner[:] = [name for name in inner if name not in (".git", "build", "__pycache__")]
            listed += [os.path.relpath(os.path.join(folder, name), ROOT) for name in names]
    chosen = []
    for path in sorted(set(listed)):
        below = not folders or any(path == f or path.startswith(f + "/") for f in folders)
        if below and (suffixes is None or path.endswith(suffixes)) and os.path.isfile(full(path)):
            chosen.append(path)
    return chosen


def full(path):
    return os.path.join(ROOT, path)


def read(path):
    with open(full(path), encoding="utf-8", errors="replace") as file:
        return file.read()


def without_comments(text):
    """The same text with comments and string contents blanked; every line keeps its number."""
    def blank(match):
        piece = match.group(0)
        if piece[0] == '"':
            return '"' + re.sub(r"[^\n]", " ", piece[1:-1]) + '"'
        if piece[0] == "'":
            return piece
        return re.sub(r"[^\n]", " ", piece)

    pattern = r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|' r"'(?:\\.|[^'\\\n])*'"
    return re.sub(pattern, blank, text, flags=re.DOTALL)


def finding(path, line, what):
    """Tells one finding: file:line: what is wrong (what to do)."""
    global _findings
    _findings += 1
    print(f"{path}:{line}: {what}" if line else f"{path}: {what}")


def finish(what):
    """Ends the script: says what was checked, and fails if something was found."""
    if _findings:
        print(f"FAILED: {_findings} findings in {what}")
        sys.exit(1)
    print(f"ok: {what}")
    sys.exit(0)
