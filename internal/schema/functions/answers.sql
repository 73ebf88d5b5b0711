-- What dashboards and people ask: functions that read the coarsest table which
-- still gives the right answer, so that a query of a line answers at once.
--
--   vpn_traffic_series(since, until, step, by, src, dst, proto, port, host, top, measure)
--   vpn_traffic_totals(since, until,       by, src, dst, proto, port, host, top, measure)
--   vpn_traffic_pairs (since, until,           src, dst, proto, port, host, top, measure)
--   vpn_traffic_values(kind, since, until)
--
-- All others are parts of these. All run with the rights of the caller. What the
-- caller says gets into a statement only as a literal or by way of a fixed list.
--
-- They see our own tables, whoever calls them, and write times as they read
-- them. Compiling a query would take longer than the query.

-- Traffic over time. Each row is a step, of so many seconds, and a name: a
-- source, a destination and so on, as by says; all but the top ones are summed
-- up as "all others". Only steps that are over are given. A step in which nothing
-- was reported has no rows; one that was reported has zeros for names that sent
-- nothing. open_connections is the average over the reports of the step. name is
-- what to show, with what sources and destinations are called at the end of the
-- range, and key what it stands for.
CREATE OR REPLACE FUNCTION vpn_traffic_series(since timestamptz, until timestamptz, step interval, by text DEFAULT '',
    src text[] DEFAULT NULL, dst text[] DEFAULT NULL, proto text[] DEFAULT NULL, port text[] DEFAULT NULL, host text[] DEFAULT NULL,
    top integer DEFAULT NULL, measure text DEFAULT 'all')
RETURNS TABLE ("time" timestamptz, name text, seconds integer, src_packets numeric, src_bytes numeric, dst_packets numeric, dst_bytes numeric,
    connection_count numeric, connection_times numeric, open_connections numeric, key text) LANGUAGE plpgsql STABLE ROWS 1000
SET search_path FROM CURRENT SET jit = off SET datestyle = ISO SET timezone = UTC SET work_mem = '32MB' AS $$
DECLARE
    columns text[] := vpn_traffic_columns(by);
    wanted  record := vpn_traffic_filter(src, dst, proto, port, host);
    hosts   record := vpn_traffic_filter(NULL, NULL, NULL, NULL, host);
    kind    text := vpn_traffic_kind(since, until, columns, wanted.columns);
    plan    record := vpn_traffic_steps(since, until, step, kind);
    width   interval := make_interval(secs => plan.seconds);
    first   timestamptz := date_bin(width, since, 'epoch');
    last    timestamptz := greatest(date_bin(width, least(until, now()), 'epoch'), first + width);
    bucket  text := format('date_bin(%L, time, %L)', width, 'epoch'::timestamptz);
    counted boolean := measure IN ('all', 'open');
    keys    text := array_to_string('{step}' || CASE WHEN counted THEN array_remove(columns, 'host') || '{host}' ELSE columns END, ', ');
BEGIN
    IF kind <> 'raw' AND width = ('1 ' || replace(plan.level, 'report', 'microsecond'))::interval THEN
        bucket := 'time'; -- which it is already
    END IF;
    RETURN QUERY EXECUTE format($q$
        WITH reports AS (%1$s),
        sums AS (SELECT %2$s, %3$s FROM (SELECT %4$s AS step, * FROM %5$I WHERE time >= %6$L AND time < %7$L%8$s) AS rows GROUP BY %2$s),
        named AS (%9$s),
        ranked AS (SELECT name, CASE WHEN row_number() OVER (ORDER BY sum(%10$s) DESC NULLS LAST, name) > %11$L THEN 'all others' ELSE name END AS line
            FROM named GROUP BY name),
        grouped AS (SELECT step, name AS line, %17$s FROM named WHERE name IN (SELECT name FROM ranked WHERE name = line)
            UNION ALL SELECT step, 'all others', %12$s FROM named JOIN ranked USING (name) WHERE name <> line GROUP BY step),
        steps AS (%13$s),
        lines AS MATERIALIZED (SELECT line, %16$s AS label FROM (SELECT DISTINCT line FROM ranked) AS d)
        SELECT step, label, %14$L::integer, %15$s, line FROM steps CROSS JOIN lines LEFT JOIN grouped USING (step, line) ORDER BY step, line$q$,
        vpn_traffic_reported(plan.level, first, last, bucket, hosts.condition, counted),
        keys, vpn_traffic_sums(measure, 'sum(%1$s)::numeric'), bucket, vpn_traffic_table(kind, plan.level), first, last, wanted.condition,
        CASE WHEN counted THEN format('SELECT step, %s AS name, %s, sum(open_connections / nullif(tracked, 0)) AS open_connections
            FROM sums LEFT JOIN reports USING (step, host) GROUP BY 1, 2', vpn_traffic_name(by), vpn_traffic_counters('sum(%1$s)'))
            ELSE format('SELECT %s AS name, * FROM sums', vpn_traffic_name(by)) END,
        vpn_traffic_rank(measure), top, vpn_traffic_sums(measure, 'sum(%1$s)'),
        CASE WHEN counted THEN 'SELECT step, bool_or(tracked > 0) AS tracked FROM reports GROUP BY step' ELSE 'SELECT * FROM reports' END, plan.seconds,
        replace(vpn_traffic_sums(measure, 'coalesce(%1$s, 0)'), 'coalesce(open_connections, 0)', 'CASE WHEN tracked THEN coalesce(open_connections, 0) END'),
        vpn_traffic_labels(by, 'line', until, hosts.condition), vpn_traffic_sums(measure, '%1$s'));
END $$;

-- Traffic of a whole range, the greatest first; all but the top ones are summed
-- up as "all others", which comes last. The sums are exact to the row, but for
-- pairs over long ranges, which are those of whole hours. name and key are as in
-- a series.
CREATE OR REPLACE FUNCTION vpn_traffic_totals(since timestamptz, until timestamptz, by text DEFAULT '',
    src text[] DEFAULT NULL, dst text[] DEFAULT NULL, proto text[] DEFAULT NULL, port text[] DEFAULT NULL, host text[] DEFAULT NULL,
    top integer DEFAULT NULL, measure text DEFAULT 'all')
RETURNS TABLE (name text, src_packets numeric, src_bytes numeric, dst_packets numeric, dst_bytes numeric,
    connection_count numeric, connection_times numeric, open_connections numeric, key text) LANGUAGE plpgsql STABLE ROWS 100
SET search_path FROM CURRENT SET jit = off SET datestyle = ISO SET timezone = UTC SET work_mem = '32MB' AS $$
DECLARE
    columns text[] := vpn_traffic_columns(by);
    wanted  record := vpn_traffic_filter(src, dst, proto, port, host);
    hosts   record := vpn_traffic_filter(NULL, NULL, NULL, NULL, host);
BEGIN
    RETURN QUERY EXECUTE format($q$
        WITH sums AS (%1$s),
        named AS (SELECT %2$s AS name, row_number() OVER (ORDER BY %3$s DESC NULLS LAST, %2$s) AS place, * FROM sums),
        lines AS (SELECT CASE WHEN place > %4$L THEN 'all others' ELSE name END AS line, min(place) AS first, %5$s FROM named GROUP BY 1)
        SELECT %6$s, %7$s, line FROM lines ORDER BY first$q$,
        vpn_traffic_range(since, until, columns, wanted.columns, wanted.condition, hosts.condition, measure),
        vpn_traffic_name(by), vpn_traffic_rank(measure), top, vpn_traffic_sums(measure, 'sum(%1$s)'),
        vpn_traffic_labels(by, 'line', until, hosts.condition), vpn_traffic_sums(measure, '%1$s'));
END $$;

-- Who talks to whom, the most talkative first; and what they are called at the
-- end of the range.
CREATE OR REPLACE FUNCTION vpn_traffic_pairs(since timestamptz, until timestamptz,
    src text[] DEFAULT NULL, dst text[] DEFAULT NULL, proto text[] DEFAULT NULL, port text[] DEFAULT NULL, host text[] DEFAULT NULL,
    top integer DEFAULT NULL, measure text DEFAULT 'all')
RETURNS TABLE (source text, destination text, src_packets numeric, src_bytes numeric, dst_packets numeric, dst_bytes numeric,
    connection_count numeric, connection_times numeric, open_connections numeric, source_name text, destination_name text)
LANGUAGE plpgsql STABLE ROWS 100
SET search_path FROM CURRENT SET jit = off SET datestyle = ISO SET timezone = UTC SET work_mem = '32MB' AS $$
DECLARE
    wanted record := vpn_traffic_filter(src, dst, proto, port, host);
    hosts  record := vpn_traffic_filter(NULL, NULL, NULL, NULL, host);
BEGIN
    RETURN QUERY EXECUTE format($q$
        WITH most AS MATERIALIZED (SELECT src, dst, %1$s FROM (%2$s) AS sums ORDER BY %3$s DESC NULLS LAST, src, dst LIMIT %4$L)
        SELECT most.*, coalesce(s.label, src), coalesce(d.label, dst)
        FROM most LEFT JOIN %5$s AS s ON s.address = src LEFT JOIN %6$s AS d ON d.address = dst
        ORDER BY %3$s DESC NULLS LAST, src, dst$q$,
        vpn_traffic_sums(measure, '%1$s'),
        vpn_traffic_range(since, until, '{src, dst}', wanted.columns, wanted.condition, hosts.condition, measure), vpn_traffic_rank(measure), top,
        vpn_traffic_called('src', 'SELECT src FROM most', until, hosts.condition),
        vpn_traffic_called('dst', 'SELECT dst FROM most', until, hosts.condition));
END $$;

-- The values that src, dst, proto, port or host had on the days of a range, and
-- what sources and destinations are called at its end; numbers and IPv4 addresses
-- in their own order.
CREATE OR REPLACE FUNCTION vpn_traffic_values(kind text, since timestamptz, until timestamptz)
RETURNS TABLE (value text, name text) LANGUAGE sql STABLE ROWS 100
SET search_path FROM CURRENT SET jit = off SET datestyle = ISO SET timezone = UTC SET work_mem = '32MB' AS $$
    SELECT v.value, coalesce(c.label, v.value)
    FROM vpn_traffic_values v LEFT JOIN (
        SELECT DISTINCT ON (l.address) l.address, nullif(l.name, l.address) || ' (' || l.address || ')' AS label
        FROM vpn_traffic_name_history AS l WHERE l.kind = vpn_traffic_values.kind AND l.since < until
        ORDER BY l.address, l.since DESC, l.host) AS c ON c.address = v.value
    WHERE v.kind = vpn_traffic_values.kind AND v.last_day >= (since AT TIME ZONE 'UTC')::date AND v.first_day <= (until AT TIME ZONE 'UTC')::date
    ORDER BY CASE WHEN v.value ~ '^-?[0-9]{1,9}([.][0-9]{1,9})*$' THEN string_to_array(v.value, '.')::integer[] END NULLS LAST, v.value
$$;
