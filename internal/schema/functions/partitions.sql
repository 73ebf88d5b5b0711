-- What takes the rights of the owner, for the role that imports. Each sees our
-- own tables, whoever calls it.

-- Makes a partition of each table for a day, unless it is there. It is made
-- apart and then attached: that waits for nobody who reads or writes, while
-- CREATE TABLE ... PARTITION OF would wait for every open reader. For the same
-- reason there is no default partition.
--
-- The rows of a day get an index over who talked to whom. Who is about to import
-- all of the day may do without until it is done: to keep up this index row by row
-- takes more than half of the time of COPY, to make it at the end two thirds of
-- that. So vpn_traffic itself has none: its partitions could not do without. The
-- other index finds the rows of a report of which a part comes later, among those
-- that other gateways have of the same time.
CREATE OR REPLACE FUNCTION vpn_traffic_make_partitions(day date, indexed boolean DEFAULT true) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
DECLARE
    t    record;
    made boolean;
BEGIN
    IF day < '2000-01-01' OR day > (now() AT TIME ZONE 'UTC')::date + 3 THEN
        RAISE EXCEPTION '% is before 2000, or more than two days ahead by the clock of the database', day USING ERRCODE = 'datetime_field_overflow';
    END IF;
    FOR t IN SELECT * FROM vpn_traffic_tables ORDER BY name LOOP
        made := vpn_traffic_make_partition(t.name, day);
        IF made AND t.name = 'vpn_traffic' AND indexed THEN
            PERFORM vpn_traffic_index_partition(t.name || to_char(day, '_YYYYMMDD'));
        END IF;
    END LOOP;
END $$;

-- Makes the partition of a table that a day is in, and returns whether it was not there.
-- One that is there takes no lock: who sums up a month would keep it for long.
CREATE OR REPLACE FUNCTION vpn_traffic_make_partition(parent text, day date) RETURNS boolean LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
DECLARE
    t     record;
    first timestamp;
    child text;
BEGIN
    SELECT * INTO t FROM vpn_traffic_tables WHERE name = parent;
    first := date_trunc(t.span, day::timestamp);
    child := t.name || to_char(first, CASE t.span WHEN 'day' THEN '_YYYYMMDD' ELSE '_YYYYMM' END);
    IF vpn_traffic_is_partition(t.name, child) THEN
        RETURN false;
    END IF;
    LOCK TABLE vpn_traffic_tables IN SHARE ROW EXCLUSIVE MODE; -- one of us at a time, whom no reader can hold up
    IF vpn_traffic_is_partition(t.name, child) THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED) WITH (fillfactor = %s)',
        child, t.name, t.filled);
    IF (SELECT relreplident = 'f' FROM pg_class WHERE oid = to_regclass(quote_ident(t.name))) THEN
        EXECUTE format('ALTER TABLE %I REPLICA IDENTITY FULL', child);
    END IF;
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        t.name, child, first || '+00', first + ('1 ' || t.span)::interval || '+00');
    RETURN true;
END $$;

CREATE OR REPLACE FUNCTION vpn_traffic_is_partition(parent text, child text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM pg_inherits WHERE inhparent = to_regclass(quote_ident(parent)) AND inhrelid = to_regclass(quote_ident(child)))
$$;

-- Makes the indexes of a partition, unless they are there.
CREATE OR REPLACE FUNCTION vpn_traffic_index_partition(partition text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM vpn_traffic_partitions WHERE name = partition AND parent = 'vpn_traffic') THEN
        EXECUTE format('LOCK TABLE %I IN SHARE ROW EXCLUSIVE MODE', partition); -- not two of us at once
        EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON %I (src, dst)', partition || '_src_dst_idx', partition);
        EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON %I (host, time)', partition || '_host_time_idx', partition);
    END IF;
END $$;

-- Before when a role may drop what a level holds: owners whenever they like, a
-- sink as far as the owner has said, or else not at all.
CREATE OR REPLACE FUNCTION vpn_traffic_droppable(level text) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN pg_has_role(session_user, (SELECT relowner FROM pg_class WHERE oid = to_regclass('vpn_traffic')), 'MEMBER') THEN 'infinity'
        ELSE coalesce((SELECT now() - r.keep FROM vpn_traffic_retention AS r WHERE r.level = $1), '-infinity') END
$$;

-- Drops a partition, if it is old enough, and notes that its level has not all rows
-- of its days any more, if there were any. The reports of a raw one are marked in
-- the same transaction: their rows could not be told apart when they came again.
CREATE OR REPLACE FUNCTION vpn_traffic_drop_partition(partition text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
DECLARE
    p record;
BEGIN
    SELECT * INTO p FROM vpn_traffic_partitions WHERE name = partition;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF p.next::timestamp AT TIME ZONE 'UTC' > vpn_traffic_droppable(p.retention) THEN
        RAISE EXCEPTION '% is not as old as vpn_traffic_retention says, which the owner of the tables fills', partition
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF p.parent = 'vpn_traffic' THEN
        UPDATE vpn_traffic_reports SET expired = true
        WHERE time >= p.first::timestamp AT TIME ZONE 'UTC' AND time < p.next::timestamp AT TIME ZONE 'UTC' AND NOT expired;
    END IF;
    INSERT INTO vpn_traffic_gone SELECT p.retention, p.first, p.next
        WHERE EXISTS (SELECT FROM vpn_traffic_hour_reports
            WHERE time >= p.first::timestamp AT TIME ZONE 'UTC' AND time < p.next::timestamp AT TIME ZONE 'UTC')
        ON CONFLICT DO NOTHING;
    IF p.retention = 'hour' THEN
        DELETE FROM vpn_traffic_summed_up WHERE first < p.next::timestamp AT TIME ZONE 'UTC' AND next > p.first::timestamp AT TIME ZONE 'UTC';
    END IF;
    EXECUTE format('DROP TABLE IF EXISTS %I', partition);
    DELETE FROM vpn_traffic_gone WHERE next <= (SELECT min(first) FROM vpn_traffic_partitions);
END $$;

-- Deletes from the tables that are not partitioned what no partition can have rows
-- of any more. As long as one has, its reports are known: their rows could be
-- added to it a second time. Names go that were replaced before, and those of
-- addresses of which no row is left. What an address is called stays, however
-- long it has been called so.
CREATE OR REPLACE FUNCTION vpn_traffic_tidy() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET timezone = UTC AS $$
DECLARE
    begins timestamptz := (SELECT min(first) FROM vpn_traffic_partitions);
BEGIN
    PERFORM vpn_traffic_refill_values();
    DELETE FROM vpn_traffic_minute_reports WHERE time < (SELECT min(first)::timestamptz FROM vpn_traffic_partitions WHERE retention = 'minute');
    DELETE FROM vpn_traffic_hour_reports WHERE time < (SELECT min(first)::timestamptz FROM vpn_traffic_partitions WHERE retention = 'hour');
    DELETE FROM vpn_traffic_reports WHERE time < begins;
    DELETE FROM vpn_traffic_events WHERE coalesce(until, time) < begins;
    DELETE FROM vpn_traffic_values WHERE last_day < begins::date;
    DELETE FROM vpn_traffic_name_history AS l WHERE since < begins AND (
        EXISTS (SELECT FROM vpn_traffic_name_history AS later
            WHERE later.kind = l.kind AND later.address = l.address AND later.host = l.host AND later.since > l.since AND later.since <= begins)
        OR NOT EXISTS (SELECT FROM vpn_traffic_values AS v WHERE v.kind = l.kind AND v.value = l.address));
END $$;

-- Makes vpn_traffic_values anew where somebody has emptied it: from the sums of an
-- hour, which have all values.
CREATE OR REPLACE FUNCTION vpn_traffic_refill_values() RETURNS void LANGUAGE sql
SET search_path FROM CURRENT SET timezone = UTC AS $$
    INSERT INTO vpn_traffic_values AS v
    SELECT kind, value, min(time)::date, max(time)::date FROM (
        SELECT 'src' AS kind, src AS value, time FROM vpn_traffic_hour_by_src
        UNION ALL SELECT 'dst', dst, time FROM vpn_traffic_hour_by_dst
        UNION ALL SELECT k.kind, k.value, time FROM vpn_traffic_hour_by_port,
            LATERAL (VALUES ('proto', proto), ('port', port::text), ('host', host)) AS k (kind, value)) AS n
    WHERE (SELECT min(time)::date FROM vpn_traffic_hour_reports) < (SELECT coalesce(min(first_day), 'infinity') FROM vpn_traffic_values)
    GROUP BY kind, value ORDER BY kind COLLATE "C", value COLLATE "C"
    ON CONFLICT (kind, value) DO UPDATE SET
        first_day = least(v.first_day, EXCLUDED.first_day), last_day = greatest(v.last_day, EXCLUDED.last_day)
$$;

-- Summarizes the BRIN indexes of the partitions of now, which nobody vacuums
-- often enough for dashboards that ask for the last minutes.
CREATE OR REPLACE FUNCTION vpn_traffic_summarize() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
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
