"""The model server: loads one model, and answers Seldon's and the V2 protocol.

It runs in an environment of its own, beside the model's author's code. So it imports no other
package of the platform, opens no database, and knows nothing of endpoints and rollouts.
"""
