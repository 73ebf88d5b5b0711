-- +goose Up

-- The partitioned tables: what a partition of each spans, how full its pages
-- are made (the rest is for updates), and whose retention it follows.
CREATE TABLE vpn_traffic_tables (
    name       text PRIMARY KEY,
    span       text NOT NULL CHECK (span IN ('day', 'month')),
    filled     integer NOT NULL,
    retention  text NOT NULL CHECK (retention IN ('raw', 'minute', 'hour'))
);
INSERT INTO vpn_traffic_tables VALUES
    ('vpn_traffic',                'day',   100, 'raw'),
    ('vpn_traffic_by_src',         'day',   100, 'raw'),
    ('vpn_traffic_by_dst',         'day',   100, 'raw'),
    ('vpn_traffic_by_port',        'day',   100, 'raw'),
    ('vpn_traffic_minute_by_src',  'day',   100, 'minute'),
    ('vpn_traffic_minute_by_dst',  'day',   100, 'minute'),
    ('vpn_traffic_minute_by_port', 'day',   100, 'minute'),
    ('vpn_traffic_hour_by_src',    'month',  50, 'hour'),
    ('vpn_traffic_hour_by_dst',    'month',  50, 'hour'),
    ('vpn_traffic_hour_by_port',   'month',  50, 'hour'),
    ('vpn_traffic_hour_by_pair',   'month',  50, 'hour');

-- Makes a partition of each table for a day, unless it is there. It is made
-- apart and then attached: that waits for nobody who reads or writes, while
-- CREATE TABLE ... PARTITION OF would wait for every open reader.
--
-- The rows of a day get an index over who talked to whom. Who is about to import
-- all of the day may do without until it is done: to keep up this index row by row
-- takes more than half of the time of COPY, to make it at the end two thirds of
-- that. So vpn_traffic itself has none: its partitions could not do without.
-- +goose StatementBegin
CREATE FUNCTION vpn_traffic_make_partitions(day date, indexed boolean DEFAULT true) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    t     record;
    first timestamp;
    child text;
BEGIN
    IF day < '2000-01-01' OR day > (now() AT TIME ZONE 'UTC')::date + 3 THEN
        RAISE EXCEPTION '% is before 2000, or more than two days ahead by the clock of the database', day USING ERRCODE = 'datetime_field_overflow';
    END IF;
    PERFORM pg_advisory_xact_lock(8534442650121691494); -- "vpn_traf"
    FOR t IN SELECT * FROM vpn_traffic_tables ORDER BY name LOOP
        first := date_trunc(t.span, day::timestamp);
        child := t.name || to_char(first, CASE t.span WHEN 'day' THEN '_YYYYMMDD' ELSE '_YYYYMM' END);
        CONTINUE WHEN EXISTS (SELECT FROM pg_inherits
            WHERE inhparent = to_regclass(quote_ident(t.name)) AND inhrelid = to_regclass(quote_ident(child)));
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS) WITH (fillfactor = %s)',
            child, t.name, t.filled);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            t.name, child, first || '+00', first + ('1 ' || t.span)::interval || '+00');
        IF t.name = 'vpn_traffic' AND indexed THEN
            PERFORM vpn_traffic_index_partition(child);
        END IF;
    END LOOP;
END $$;
-- +goose StatementEnd

CREATE VIEW vpn_traffic_partitions AS
SELECT parent, retention, name, first, (first + ('1 ' || span)::interval)::date AS next FROM (
    SELECT t.name AS parent, t.retention, t.span, c.relname::text AS name,
        to_date(substring(c.relname::text FROM '_([0-9]{6,8})$'), CASE t.span WHEN 'day' THEN 'YYYYMMDD' ELSE 'YYYYMM' END) AS first
    FROM vpn_traffic_tables t
    JOIN pg_inherits i ON i.inhparent = to_regclass(quote_ident(t.name))
    JOIN pg_class c ON c.oid = i.inhrelid) AS p
WHERE first IS NOT NULL;
COMMENT ON VIEW vpn_traffic_partitions IS 'the partitions of all tables: they hold first <= time < next, in UTC';

-- Makes the index of a partition, unless it is there.
-- +goose StatementBegin
CREATE FUNCTION vpn_traffic_index_partition(partition text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1986948452, hashtext(partition)); -- not two of us at once
    IF EXISTS (SELECT FROM vpn_traffic_partitions WHERE name = partition AND parent = 'vpn_traffic') THEN
        EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON %I (src, dst)', partition || '_src_dst_idx', partition);
    END IF;
END $$;
-- +goose StatementEnd

-- Drops a partition. The reports of a raw one are marked in the same
-- transaction: their rows could not be told apart when they came again.
-- +goose StatementBegin
CREATE FUNCTION vpn_traffic_drop_partition(partition text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    p record;
BEGIN
    SELECT * INTO p FROM vpn_traffic_partitions WHERE name = partition;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF p.parent = 'vpn_traffic' THEN
        UPDATE vpn_traffic_reports SET expired = true
        WHERE time >= p.first::timestamp AT TIME ZONE 'UTC' AND time < p.next::timestamp AT TIME ZONE 'UTC' AND NOT expired;
    END IF;
    EXECUTE format('DROP TABLE IF EXISTS %I', partition);
END $$;
-- +goose StatementEnd

-- Summarizes the BRIN indexes of the partitions of now, which nobody vacuums
-- often enough for dashboards that ask for the last minutes.
-- +goose StatementBegin
CREATE FUNCTION vpn_traffic_summarize() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    today date := (now() AT TIME ZONE 'UTC')::date;
    i     record;
BEGIN
    FOR i IN
        SELECT x.indexrelid FROM vpn_traffic_partitions p
        JOIN pg_index x ON x.indrelid = to_regclass(quote_ident(p.name))
        JOIN pg_class c ON c.oid = x.indexrelid
        JOIN pg_am a ON a.oid = c.relam
        WHERE a.amname = 'brin' AND p.first <= today AND p.next >= today
    LOOP
        PERFORM brin_summarize_new_values(i.indexrelid);
    END LOOP;
END $$;
-- +goose StatementEnd

-- There is no default partition: attaching a day would have to wait for its
-- readers. And the functions see our own tables, whoever calls them.
-- +goose StatementBegin
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION vpn_traffic_make_partitions(date, boolean) SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION vpn_traffic_index_partition(text) SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION vpn_traffic_drop_partition(text) SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION vpn_traffic_summarize() SET search_path = %I, pg_temp', current_schema());
    REVOKE EXECUTE ON FUNCTION vpn_traffic_make_partitions(date, boolean), vpn_traffic_index_partition(text),
        vpn_traffic_drop_partition(text), vpn_traffic_summarize() FROM PUBLIC;
END $$;
-- +goose StatementEnd
