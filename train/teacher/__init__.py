"""A large recurrent teacher, trained under DeepSpeed in an environment of its own; its answers are distilled.

`launch` runs in the project's environment; `worker`, `network` and `sequences` in .venv/teacher (make teacher).
"""
