"""The demo: plays one governed promotion after another, for real, and measures them."""
