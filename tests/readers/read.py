"""Reads every byte of an archive and prints a line for each entry: size, CRC-32, name."""

import sys
import zipfile

with zipfile.ZipFile(sys.argv[1]) as archive:
    broken = archive.testzip()
    if broken is not None:
        sys.exit(f"{broken} is not what it says")
    for entry in archive.infolist():
        line = f"{entry.file_size} {entry.CRC:x} {entry.filename}\n"
        sys.stdout.buffer.write(line.encode())
