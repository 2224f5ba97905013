"""Tests against a running local stack: see stack.py for what they find in the environment."""
