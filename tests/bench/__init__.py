"""Benchmarks: `python -m tests.bench [NAME…]`, or `make bench`.

They print figures and their targets, and fail only when something is wrong, never by the clock.
"""
