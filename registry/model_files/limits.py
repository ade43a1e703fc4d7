"""Sets the limits within which any file is read or refused in about a second.

Honest models stay far below them: a forest of 1000 trees takes some 100,000 opcodes, a pipeline in
a grid search is nested some 30 levels deep. Time may grow with the bytes of arrays, not with
anything that a small file can blow up.
"""

from __future__ import annotations

MAX_OPCODES = 3_000_000
FREE_OPCODES = 150_000
OPCODES_PER_BYTE = 0.25
# A tree of a forest makes some 14 calls, and even a stump takes more than 100 bytes for each. A
# call takes some microseconds.
MAX_CALLS = 250_000
FREE_CALLS = 60_000
CALLS_PER_BYTE = 0.01
MAX_DEPTH = 120
# Objects counted once per reference to them, as code that copies or prints the model meets them:
# so many are free, and so many more for each reference that the file really holds.
FREE_EXPANDED_NODES = 1_000_000
EXPANDED_PER_REFERENCE = 4
# An honest file names each text, array and list of objects about once; a reference takes a byte of
# the file at least, and eight in memory.
FREE_WORK_BYTES = 64_000_000
WORK_PER_BYTE = 8
# What judging looks through, in units of a third of a microsecond: a plain value is one, an
# attribute ten. A stump of a forest takes some 200, and a file brings along so many more.
FREE_WORK_UNITS = 2_500_000
UNITS_PER_ATTRIBUTE = 8
BYTES_PER_UNIT = 128
WORK_PER_UNIT = 2
REFERENCES_PER_UNIT = 4
# Longer texts as keys count as work: equal ones are compared to their end.
FREE_KEY_CHARACTERS = 256
MAX_NAME_CHARACTERS = 200
MAX_LONG_BYTES = 32
MAX_ARRAY_DIMENSIONS = 6
MAX_ARRAY_LENGTH = 2**40
MAX_TEXT_CHARACTERS = 10_000_000
MAX_SCHEMA_BYTES = 64_000_000
FREE_SCHEMA_BYTES = 2_000_000
# Schemas of skops deflate to about a fifteenth. Each of their objects and lists takes 60 bytes of
# text or so, and in memory more.
MAX_SCHEMA_RATIO = 25
FREE_SCHEMA_OBJECTS = 10_000
SCHEMA_BYTES_PER_OBJECT = 16
MAX_ZIP_ENTRIES = 100_000
FREE_ZIP_ENTRIES = 100
MAX_UNZIPPED_BYTES = 2_000_000_000
# Deflate reaches 1000:1 on zeros; weights of models stay below 10:1.
FREE_UNZIPPED_BYTES = 64_000_000
MAX_UNZIP_RATIO = 50
MAX_JOBS = 128
SHOWN_PROBLEMS = 20
