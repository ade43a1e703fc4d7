"""What a model is judged on: the evidence catalogue, and holdouts read as they were written.

Nothing here looks at a model's answers.
"""
