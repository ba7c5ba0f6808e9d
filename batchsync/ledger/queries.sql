-- Every statement that the ledger runs, but for the column list of an attempt's change,
-- which is put together from the names in protocol.ATTEMPT_COLUMNS.

-- name: enroll
-- A job of the manifest: new as pending, known with its present place.
INSERT INTO jobs (id, position, state, updated_at) VALUES (:id, :position, 'pending', :at)
ON CONFLICT (id) DO UPDATE SET position = excluded.position, in_manifest = 1
WHERE position <> excluded.position OR in_manifest = 0;

-- name: strike
-- Before enrolment: what the manifest names is put back by `enroll`.
UPDATE jobs SET in_manifest = 0 WHERE in_manifest = 1;

-- name: enrolled
SELECT id FROM jobs WHERE in_manifest = 1 ORDER BY position;

-- name: records
-- Every job with its latest attempt.
SELECT j.id, j.position, j.state, j.attempt, j.in_manifest, j.overrides,
       j.error_stage, j.error_code, j.error_message, j.updated_at,
       a.number, a.run, a.tag, a.base_url, a.parameters, a.project_id,
       a.credits_estimated, a.credits_charged, a.credits_refunded,
       a.submitting_at, a.submitted_at, a.rendered_at, a.downloaded_at,
       a.fps, a.width, a.height, a.output, a.output_bytes, a.output_sha256
FROM jobs AS j LEFT JOIN attempts AS a ON a.job = j.id AND a.number = j.attempt
ORDER BY j.position;

-- name: costs
-- What each job has cost over all its attempts. What an attempt is known or feared to have
-- cost ("held") is its settled charge, or the estimate where the service has not settled.
SELECT job,
       sum(coalesce(credits_charged, 0)) AS charged,
       sum(credits_refunded) AS refunded,
       sum(credits_estimated) AS estimated,
       sum(coalesce(credits_charged, credits_estimated)) AS held
FROM attempts GROUP BY job;

-- name: move
-- Compare and set: no row changes unless the job is where the transition starts.
UPDATE jobs
SET state = :target, attempt = :attempt, error_stage = :error_stage, error_code = :error_code,
    error_message = :error_message, updated_at = :at
WHERE id = :job AND state = :source;

-- name: state_of
SELECT state FROM jobs WHERE id = ?;

-- name: remember_error
-- A job that stays where it is, with the reason why it came no further.
UPDATE jobs
SET error_stage = :error_stage, error_code = :error_code, error_message = :error_message,
    updated_at = :at
WHERE id = :job;

-- name: override
UPDATE jobs SET overrides = ? WHERE id = ?;

-- name: record_history
INSERT INTO history (at, run, job, attempt, source, target, detail)
VALUES (:at, :run, :job, :attempt, :source, :target, :detail);

-- name: open_attempt
INSERT INTO attempts (job, number, run, tag, base_url, parameters, credits_estimated,
                      submitting_at)
VALUES (:job, :number, :run, :tag, :base_url, :parameters, :credits_estimated, :submitting_at);

-- name: drop_attempt
-- It is certain that the call made no job.
DELETE FROM attempts WHERE job = ? AND number = ? AND project_id IS NULL;

-- name: keep_asset
INSERT OR REPLACE INTO assets (base_url, account, sha256, role, extension, size, file_path,
                               uploaded_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: owner_of
SELECT job, number FROM attempts WHERE base_url = ? AND project_id = ?;

-- name: fresh_assets
SELECT sha256, role, extension, size, file_path, uploaded_at FROM assets
WHERE base_url = ? AND account = ? AND uploaded_at BETWEEN ? AND ?;

-- name: keep_file
INSERT OR REPLACE INTO files (path, size, mtime_ns, sha256, media) VALUES (?, ?, ?, ?, ?);

-- name: known_files
SELECT path, size, mtime_ns, sha256, media FROM files;

-- name: begin_run
INSERT INTO runs (id, started_at, host, pid, manifest, base_url, version)
VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: end_run
UPDATE runs SET ended_at = ?, exit_code = ?, summary = ? WHERE id = ?;

-- name: latest_run
SELECT id, started_at, ended_at, host, pid, manifest, base_url, version, exit_code
FROM runs ORDER BY started_at DESC LIMIT 1;

-- name: render_seconds
-- How long renders have taken, newest first. Where another run began in between, the end was seen
-- by that one, who knows how long after it had come.
SELECT rendered_at - submitted_at FROM attempts
WHERE rendered_at > submitted_at AND NOT EXISTS (
  SELECT 1 FROM runs WHERE started_at > submitted_at AND started_at <= rendered_at)
ORDER BY rendered_at DESC LIMIT ?;

-- name: render_times
-- The same with both times, and what was rendered.
SELECT parameters, submitted_at, rendered_at FROM attempts
WHERE rendered_at > submitted_at AND NOT EXISTS (
  SELECT 1 FROM runs WHERE started_at > submitted_at AND started_at <= rendered_at)
ORDER BY rendered_at DESC LIMIT ?;
