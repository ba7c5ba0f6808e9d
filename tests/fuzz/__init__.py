"""Coverage-guided fuzzing with atheris: `python -m tests.fuzz.manifest`, `… .answers`.

atheris is not among the development requirements, as it is large and has no wheels for every
system: `pip install atheris`. What follows a module's name goes to libFuzzer, for example
`-max_total_time=60 -seed=1`.
"""
