"""Runs model servers as confined processes of this machine, from proven copies of their files."""
