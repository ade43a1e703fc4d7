"""The model server: loads one model, and answers Seldon's and the V2 protocol.

It runs in an environment of its own, in the process of what the model's author wrote. So of the
platform it imports only `registry.model_files`, opens no database, and knows nothing of endpoints
and rollouts.
"""
