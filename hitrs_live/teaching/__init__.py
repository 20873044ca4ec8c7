"""Teach a user's own actions from a few repetitions: examples, alignment, fit, report and the live stage."""
