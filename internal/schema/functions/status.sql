-- What each sink says of itself, every few seconds while it runs.
CREATE TABLE IF NOT EXISTS sink_status (
    sink              text COLLATE "C" PRIMARY KEY,
    started           timestamptz NOT NULL,
    updated           timestamptz NOT NULL,
    rows              bigint NOT NULL,
    duplicates        bigint NOT NULL,
    expired           bigint NOT NULL,
    rejected          bigint NOT NULL,
    reports           bigint NOT NULL,
    spool_files       bigint NOT NULL,
    spool_bytes       bigint NOT NULL,
    spool_oldest      timestamptz,
    last_commit       timestamptz,
    seconds_per_report double precision
);
COMMENT ON TABLE sink_status IS 'what each psql-sink says of itself; counters count since it started';
COMMENT ON COLUMN sink_status.sink IS 'machine and spool';
COMMENT ON COLUMN sink_status.updated IS 'an old one is of a sink that has ended, or has no connection';
COMMENT ON COLUMN sink_status.duplicates IS 'rows that were stored before';
COMMENT ON COLUMN sink_status.expired IS 'rows of reports that were known but gone by retention, and so not stored';
COMMENT ON COLUMN sink_status.rejected IS 'lines and metrics that are no rows, kept in the spool''s rejected/';
COMMENT ON COLUMN sink_status.spool_oldest IS 'when the oldest report that still waits arrived; null when none does';
COMMENT ON COLUMN sink_status.seconds_per_report IS 'time that the last import took, for each of its reports';
