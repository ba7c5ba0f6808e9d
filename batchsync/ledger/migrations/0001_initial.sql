-- The ledger, first version. Times are unix seconds, credits are whole, sizes are bytes.

CREATE TABLE jobs (
  id            TEXT PRIMARY KEY,
  position      INTEGER NOT NULL,              -- place in the manifest, from 0
  state         TEXT NOT NULL CHECK (state IN ('pending', 'uploaded', 'submitting', 'submitted',
                                               'rendered', 'done', 'failed', 'canceled',
                                               'unconfirmed')),
  attempt       INTEGER NOT NULL DEFAULT 0,    -- number of the latest attempt, 0 before the first
  in_manifest   INTEGER NOT NULL DEFAULT 1,    -- 0 once the manifest no longer names it
  overrides     TEXT,                          -- JSON: what `retry --set` said
  error_stage   TEXT,
  error_code    TEXT,
  error_message TEXT,
  updated_at    REAL NOT NULL
) STRICT, WITHOUT ROWID;

-- One create call. A call of which it is certain that it made no job leaves no row here.
CREATE TABLE attempts (
  job               TEXT NOT NULL REFERENCES jobs (id),
  number            INTEGER NOT NULL,
  run               TEXT NOT NULL,
  tag               TEXT NOT NULL,             -- also in the name shown in the vendor's library
  base_url          TEXT NOT NULL,
  parameters        TEXT NOT NULL,             -- JSON: what the render was made from
  project_id        TEXT,                      -- NULL until the service has answered
  credits_estimated INTEGER NOT NULL,          -- ours, then the service's own
  credits_charged   INTEGER,                   -- NULL until the service has settled
  credits_refunded  INTEGER NOT NULL DEFAULT 0,
  submitting_at     REAL NOT NULL,
  submitted_at      REAL,
  rendered_at       REAL,
  downloaded_at     REAL,
  fps               REAL,
  width             INTEGER,
  height            INTEGER,
  output            TEXT,                      -- absolute path
  output_bytes      INTEGER,
  output_sha256     TEXT,
  PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;

-- One project belongs to one attempt: a second claim on it is a mistake that must not be recorded.
CREATE UNIQUE INDEX attempts_by_project ON attempts (base_url, project_id)
  WHERE project_id IS NOT NULL;

-- One content uploaded once; an account sees only its own files.
CREATE TABLE assets (
  base_url    TEXT NOT NULL,
  account     TEXT NOT NULL,
  sha256      TEXT NOT NULL,
  role        TEXT NOT NULL,
  extension   TEXT NOT NULL,
  size        INTEGER NOT NULL,
  file_path   TEXT NOT NULL,
  uploaded_at REAL NOT NULL,
  PRIMARY KEY (base_url, account, sha256, role, extension)
) STRICT, WITHOUT ROWID;

-- What is known of a local file, good as long as size and mtime stand.
CREATE TABLE files (
  path     TEXT PRIMARY KEY,
  size     INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  sha256   TEXT,
  media    TEXT                                -- JSON of a probe
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
  id         TEXT PRIMARY KEY,
  started_at REAL NOT NULL,
  ended_at   REAL,
  host       TEXT NOT NULL,
  pid        INTEGER NOT NULL,
  manifest   TEXT NOT NULL,                    -- absolute path
  base_url   TEXT NOT NULL,
  version    TEXT NOT NULL,
  exit_code  INTEGER,
  summary    TEXT                              -- the JSON summary
) STRICT, WITHOUT ROWID;

-- Every transition, in the same transaction as the change it records.
CREATE TABLE history (
  seq     INTEGER PRIMARY KEY,
  at      REAL NOT NULL,
  run     TEXT NOT NULL,
  job     TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  source  TEXT NOT NULL,
  target  TEXT NOT NULL,
  detail  TEXT
) STRICT;
