-- What was spent, from one ledger. Credits are whole; days are those of UTC.
-- Each query gives: what it groups by, then the columns of `figures`.

-- name: attempts
-- Every attempt with its mode, run and day: what the other queries count.
CREATE TEMP VIEW spent AS
SELECT job, run, credits_estimated AS estimated, credits_refunded AS refunded,
       coalesce(json_extract(parameters, '$.generation_mode'), 'unknown') AS mode,
       date(coalesce(submitted_at, submitting_at), 'unixepoch') AS day,
       coalesce(credits_charged, 0) AS charged,
       credits_charged IS NOT NULL AS settled
FROM attempts;

-- name: figures
count(*) AS attempts,
sum(estimated) AS estimated,
sum(charged) AS charged,
sum(refunded) AS refunded,
sum(CASE WHEN settled THEN 0 ELSE estimated END) AS open,
sum(CASE WHEN settled THEN estimated ELSE 0 END) AS settled_estimate

-- name: runs
-- When each run began; attempts may also have been made by commands that are no run.
SELECT id, started_at FROM runs ORDER BY started_at;
