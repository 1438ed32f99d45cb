#!/usr/bin/python3
"""Writes the migrations (NUMBER_NAME.sql, in order) as a C table: embed.py OUTPUT FILE…"""
import pathlib
import sys


def quoted(line):
    return '\t\t"' + line.replace("\\", "\\\\").replace('"', '\\"') + '\\n"'


def main(output, *paths):
    rows = []
    for number, path in enumerate(sorted(map(pathlib.Path, paths)), 1):
        if int(path.name.split("_")[0]) != number:
            sys.exit(f"{path.name} should have the number {number}")
        text = "\n".join(quoted(line) for line in path.read_text().splitlines())
        rows.append(f'\t{{ "{path.name}",\n{text} }},\n')
    pathlib.Path(output).write_text(
        '#include "store/migration.h"\n\nconst struct migration migrations[] = {\n' + "".join(rows) + "};\n"
        f"const int migration_count = {len(rows)};\n")


main(*sys.argv[1:])
