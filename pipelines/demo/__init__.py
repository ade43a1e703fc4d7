"""The demo: one governed promotion after another, played for real and measured."""
