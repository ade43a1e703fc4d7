"""Reads a version's files, proves that they are those registered, and keeps them in custody.

What a model file may hold is judged in `registry/model_files`.
"""
