"""Confines a process that is about to run what a model's author wrote.

Four layers that do not depend on each other: namespaces (a private file system, network, process
table), Landlock, seccomp and resource limits. Imports nothing but the standard library, so that a
launcher starts in milliseconds.
"""
