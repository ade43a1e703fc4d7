"""Takes versions out of use: deprecates, yanks, deletes and renames; says what forbids it."""
