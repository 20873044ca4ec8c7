"""Correct the joints of tracked people with what was seen of them before: a small causal network."""
