"""Taking versions out of use: deprecating, yanking, deleting, renaming, and what forbids it."""
