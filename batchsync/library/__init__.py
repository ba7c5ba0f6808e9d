"""batchsync for other programs. The names to use are those of `batchsync` itself."""
