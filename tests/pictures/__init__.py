"""Pictures for README and docs, made by running the real thing: `make pictures`."""
