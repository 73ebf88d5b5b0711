-- A head database: vpn_traffic_totals of it asks all shards at once and sums up.
-- Run it in a database of its own, as a superuser; running it again is harmless.
-- A shard is a server of dblink_fdw. docs/scale.md shows how to add one.
CREATE EXTENSION IF NOT EXISTS dblink;

-- The answers of all shards to a query that returns one jsonb object a row. A shard
-- that does not answer in time, or not at all, is left out with a warning that names it.
CREATE OR REPLACE FUNCTION vpn_traffic_ask(query text, patience interval DEFAULT '30 s')
RETURNS TABLE (shard text, answer jsonb) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    name     text;
    asked    text[] := '{}';
    deadline timestamptz;
BEGIN
    FOR name IN SELECT s.srvname FROM pg_foreign_server AS s JOIN pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw
        WHERE w.fdwname = 'dblink_fdw' ORDER BY 1 LOOP
        BEGIN
            IF name = ANY (dblink_get_connections()) THEN
                PERFORM dblink_disconnect(name); -- what a cancelled query has left
            END IF;
            PERFORM dblink_connect(name, name);
            asked := asked || name; -- from here on it is disconnected below
            PERFORM dblink_send_query(name, query);
        EXCEPTION WHEN OTHERS THEN
            RAISE WARNING 'no answer of shard %: %', name, SQLERRM;
        END;
    END LOOP;
    deadline := clock_timestamp() + patience;
    FOREACH name IN ARRAY asked LOOP
        BEGIN
            WHILE dblink_is_busy(name) = 1 LOOP
                IF clock_timestamp() > deadline THEN
                    RAISE EXCEPTION 'it took longer than %', patience;
                END IF;
                PERFORM pg_sleep(0.002);
            END LOOP;
            RETURN QUERY SELECT name, r.answer FROM dblink_get_result(name) AS r (answer jsonb);
        EXCEPTION WHEN OTHERS THEN
            RAISE WARNING 'no answer of shard %: %', name, SQLERRM;
        END;
        PERFORM dblink_disconnect(name);
    END LOOP;
END $$;

-- As vpn_traffic_totals of a shard. Each shard gives all of its names, since the
-- greatest of all need not be among the greatest of any one.
CREATE OR REPLACE FUNCTION vpn_traffic_totals(since timestamptz, until timestamptz, by text DEFAULT '',
    src text[] DEFAULT NULL, dst text[] DEFAULT NULL, proto text[] DEFAULT NULL, port text[] DEFAULT NULL, host text[] DEFAULT NULL,
    top integer DEFAULT NULL, measure text DEFAULT 'all')
RETURNS TABLE (name text, src_packets numeric, src_bytes numeric, dst_packets numeric, dst_bytes numeric,
    connection_count numeric, connection_times numeric, open_connections numeric, key text) LANGUAGE sql VOLATILE ROWS 100 AS $$
    WITH sums AS (
        SELECT max(t.name) AS name, t.key, sum(t.src_packets) AS sp, sum(t.src_bytes) AS sb, sum(t.dst_packets) AS dp, sum(t.dst_bytes) AS db,
            sum(t.connection_count) AS cc, sum(t.connection_times) AS ct, sum(t.open_connections) AS oc
        FROM vpn_traffic_ask(format('SELECT to_jsonb(t) FROM vpn_traffic_totals(%L, %L, %L, %L, %L, %L, %L, %L, NULL, %L) AS t',
            since, until, by, src, dst, proto, port, host, measure)) AS a,
            jsonb_to_record(a.answer) AS t (name text, key text, src_packets numeric, src_bytes numeric, dst_packets numeric, dst_bytes numeric,
            connection_count numeric, connection_times numeric, open_connections numeric)
        GROUP BY t.key
    ), placed AS (
        SELECT *, row_number() OVER (ORDER BY CASE measure WHEN 'packets' THEN sp + dp WHEN 'connections' THEN cc
            WHEN 'open' THEN oc ELSE sb + db END DESC NULLS LAST, sums.key) AS place FROM sums
    )
    SELECT CASE WHEN place > top THEN 'all others' ELSE p.name END, sum(sp), sum(sb), sum(dp), sum(db), sum(cc), sum(ct), sum(oc),
        CASE WHEN place > top THEN 'all others' ELSE p.key END
    FROM placed AS p GROUP BY 1, 9 ORDER BY min(place)
$$;
