-- What people said of outputs. Every word is kept; the latest of an attempt is the one that counts.
-- Written by `batchsync review`, also while a run writes the rest.

CREATE TABLE reviews (
  seq     INTEGER PRIMARY KEY,
  at      REAL NOT NULL,
  job     TEXT NOT NULL,
  attempt INTEGER NOT NULL,                    -- a new attempt needs a fresh verdict
  verdict TEXT CHECK (verdict IN ('approved', 'rejected')),  -- NULL: none, or taken back
  note    TEXT NOT NULL DEFAULT '',
  FOREIGN KEY (job, attempt) REFERENCES attempts (job, number)
) STRICT;

CREATE INDEX reviews_by_attempt ON reviews (job, attempt, seq);
