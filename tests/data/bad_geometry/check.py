#!/usr/bin/env python3
"""Runs the program on every file that make.py writes, and compares with what the catalogue says.

    check.py PROGRAM [--cad] [--table]     --cad: the program reads STEP and IGES
                                           --table: a Markdown table of file, exit code and message

Refused means: exit code 3, one error line that names the file, nothing written. Files that are taken are only planned
(--dry-run); their message is among the warnings. Exit code 1 when one file is treated otherwise.
"""
import json
import os
import re
import subprocess
import sys
import tempfile


def main():
    program, table = os.path.abspath(sys.argv[1]), "--table" in sys.argv
    here = os.path.dirname(os.path.abspath(__file__))
    make = os.path.join(here, "make.py")
    # The catalogue is about files, not about the model: a small one whose range of bodies stays.
    os.environ.setdefault("STREAMTUBE_MODEL", os.path.join(here, "../../../data_samples/models/ahmed.h5"))
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, make, folder, *(["--cad"] if "--cad" in sys.argv else [])], check=True)
        with open(os.path.join(folder, "catalogue.json")) as f:
            entries = json.load(f)
        before = set(os.listdir(folder))
        if table:
            print("| file | exit code | message |\n|---|---|---|")
        for entry in entries:
            command = [program, "predict", entry["file"], "--volume", "none", *entry["options"]]
            if entry["exit"] == 0:
                command.append("--dry-run")
            try:
                run = subprocess.run(command, cwd=folder, capture_output=True, timeout=60)
                code, text = run.returncode, run.stderr.decode(errors="replace")
            except subprocess.TimeoutExpired:
                code, text = "still running after 60 s", ""
            wrong = []
            if code != entry["exit"]:
                wrong.append(f"exit code {code}, expected {entry['exit']}")
            if not re.search(entry["says"], text, re.IGNORECASE):
                wrong.append(f"the message does not match '{entry['says']}'")
            errors = [line for line in text.splitlines() if line.startswith("error: ")]
            if entry["exit"] == 3 and len(errors) != 1:
                wrong.append(f"{len(errors)} error lines")
            if entry["exit"] == 3 and errors and os.path.splitext(entry["file"])[0] not in errors[0]:
                wrong.append("the error does not name the file")
            left = sorted(set(os.listdir(folder)) - before)
            before.update(left)
            if left:
                wrong.append(f"left behind: {left}")
            failures += bool(wrong)
            if table:
                lines = errors or [l for l in text.splitlines() if l.startswith("warning: ")]
                print(f"| {entry['file']} | {code} | {'<br>'.join(lines).replace('|', ' ')} |")
            if wrong:
                print(f"{entry['file']}: {'; '.join(wrong)}\n{text}", file=sys.stderr)
    print(f"{len(entries)} files, {failures} not treated as they should be", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
