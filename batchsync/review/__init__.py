"""The local page to watch a batch and judge its outputs."""
