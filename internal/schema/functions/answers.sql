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
-- nothing. Where reports were missing for a while, a row of each name without
-- numbers, seconds included, follows the last step before: charts end their lines
-- there. open_connections is the average over the reports of the step. name is
-- what to show, with what sources and destinations are called at the end of the
-- range, key what it stands for, and place its rank over the whole range.
CREATE OR REPLACE FUNCTION vpn_traffic_series(since timestamptz, until timestamptz, step interval, by text DEFAULT '',
    src text[] DEFAULT NULL, dst text[] DEFAULT NULL, proto text[] DEFAULT NULL, port text[] DEFAULT NULL, host text[] DEFAULT NULL,
    top integer DEFAULT NULL, measure text DEFAULT 'all')
RETURNS TABLE ("time" timestamptz, name text, seconds integer, src_packets numeric, src_bytes numeric, dst_packets numeric, dst_bytes numeric,
    connection_count numeric, connection_times numeric, open_connections numeric, key text, place bigint) LANGUAGE plpgsql STABLE ROWS 1000
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
    counted boolean := vpn_traffic_counted(measure);
    keys    text[] := CASE WHEN counted THEN array_remove(columns, 'host') || '{host}' ELSE columns END;
    summed  boolean; -- whether rows are summed up by step and name first: not where there is about one of each
    added   text; -- a column, summed up or not
    -- The parts of the statement, in its order.
    reports text; -- which steps have reports, and how many of each host tell the gauge
    sums    text; -- by step, columns and, where the gauge is wanted, host; or the rows
    named   text; -- the same by step and name, or each with its name, with the average of the gauge
    grouped text; -- the sums by step and line
    steps   text; -- those that have reports
    gaps    text; -- steps without reports, each after one that has some
    given   text; -- the columns to give
BEGIN
    IF kind <> 'raw' AND width = ('1 ' || replace(plan.level, 'report', 'microsecond'))::interval THEN
        bucket := 'time'; -- which it is already
    END IF;
    summed := top IS NULL OR kind <> 'raw' AND bucket <> 'time' AND plan.seconds % 86400 <> 0;
    added := CASE WHEN summed THEN 'sum(%1$s)' ELSE '%1$s' END;
    reports := vpn_traffic_reported(plan.level, first, last, bucket, hosts.condition, counted);
    sums := format('SELECT %1$s, %2$s FROM (%3$s) AS rows' || CASE WHEN summed THEN ' GROUP BY %1$s' ELSE '' END, array_to_string('{step}' || keys, ', '),
        vpn_traffic_sums(measure, added || CASE WHEN summed THEN '::numeric' ELSE '' END),
        vpn_traffic_rows(kind, plan.level, first, last, width, columns || wanted.columns,
            array_to_string((bucket || ' AS step') || keys || vpn_traffic_sum_columns(), ', '), wanted.condition));
    named := format('SELECT %s AS name, * FROM sums', vpn_traffic_name(by));
    steps := 'SELECT step, NULL AS tracked FROM reports';
    IF counted THEN
        named := format('SELECT step, %s AS name, %s, %s AS open_connections FROM sums LEFT JOIN reports USING (step, host)%s',
            vpn_traffic_name(by), vpn_traffic_counters(added), format(added, 'open_connections::numeric / nullif(tracked, 0)'),
            CASE WHEN summed THEN ' GROUP BY 1, 2' ELSE '' END);
        steps := 'SELECT step, bool_or(tracked > 0) AS tracked FROM reports GROUP BY step';
    END IF;
    grouped := format(CASE WHEN summed THEN 'SELECT step, name AS line, %1$s FROM named WHERE name IN (SELECT name FROM ranked WHERE name = line)
        UNION ALL SELECT step, ''all others'', %2$s FROM named JOIN ranked USING (name) WHERE name <> line GROUP BY step'
        ELSE 'SELECT step, line, %2$s FROM named JOIN ranked USING (name) GROUP BY step, line' END,
        vpn_traffic_sums(measure, '%1$s'), vpn_traffic_sums(measure, 'sum(%1$s)::numeric'));
    -- Late is who comes after twice the usual time. Gateways differ in that: of one
    -- that is chosen alone, reports may be further apart than steps.
    gaps := 'SELECT step + usual AS step FROM (SELECT step, lead(step) OVER (ORDER BY step) - step AS space FROM steps) AS s,
        (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY space) AS usual
            FROM (SELECT lead(step) OVER (ORDER BY step) - step AS space FROM steps) AS s) AS u WHERE space >= 2 * usual';
    -- A line that is not in a step has sent nothing. Its gauge is 0 only if it was told.
    given := vpn_traffic_given(measure, 'coalesce(%1$s, 0)', 'CASE WHEN tracked THEN coalesce(open_connections, 0) END');
    RETURN QUERY EXECUTE 'WITH ' || vpn_traffic_ranked(reports, sums, named, steps, measure, vpn_traffic_top(top)) || ', grouped AS (' || grouped || '),
        lines AS MATERIALIZED (SELECT line, place, ' || vpn_traffic_labels(by, 'line', until, hosts.condition) || ' AS label
            FROM (SELECT line, min(place) AS place FROM ranked GROUP BY line) AS d)
        SELECT step, label, ' || quote_nullable(plan.seconds) || '::integer, ' || given || ', line, place
        FROM steps CROSS JOIN lines LEFT JOIN grouped USING (step, line)
        UNION ALL SELECT step, label, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, line, place FROM (' || gaps || ') AS gaps CROSS JOIN lines
        ORDER BY step, place';
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
    -- The parts of the statement, in its order.
    sums    text := vpn_traffic_range(since, until, columns, wanted.columns, wanted.condition, hosts.condition, measure);
    named   text; -- the sums with their names and places
    lines   text; -- the top ones, and "all others"
BEGIN
    named := format('SELECT %1$s AS name, row_number() OVER (ORDER BY %2$s DESC NULLS LAST, %1$s) AS place, * FROM sums',
        vpn_traffic_name(by), vpn_traffic_rank(measure, '%s'));
    lines := format('SELECT CASE WHEN place > %L THEN ''all others'' ELSE name END AS line, min(place) AS first, %s FROM named GROUP BY 1',
        vpn_traffic_top(top), vpn_traffic_sums(measure, 'sum(%1$s)'));
    RETURN QUERY EXECUTE 'WITH sums AS (' || sums || '), named AS (' || named || '), lines AS (' || lines || ')
        SELECT ' || vpn_traffic_labels(by, 'line', until, hosts.condition) || ', ' || vpn_traffic_given(measure, '%1$s', 'open_connections') || ', line FROM lines ORDER BY first';
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
    wanted  record := vpn_traffic_filter(src, dst, proto, port, host);
    hosts   record := vpn_traffic_filter(NULL, NULL, NULL, NULL, host);
    sums    text := vpn_traffic_range(since, until, '{src, dst}', wanted.columns, wanted.condition, hosts.condition, measure);
    ranking text := vpn_traffic_rank(measure, '%s') || ' DESC NULLS LAST, src, dst';
    most    text; -- the greatest
BEGIN
    most := format('SELECT src, dst, %s FROM (%s) AS sums ORDER BY %s LIMIT %L', vpn_traffic_given(measure, '%1$s', 'open_connections'), sums, ranking, vpn_traffic_top(top));
    RETURN QUERY EXECUTE 'WITH most AS MATERIALIZED (' || most || ')
        SELECT most.*, coalesce(s.label, src), coalesce(d.label, dst) FROM most
        LEFT JOIN ' || vpn_traffic_names_at('src', 'IN (SELECT src FROM most)', until, hosts.condition) || ' AS s ON s.address = src
        LEFT JOIN ' || vpn_traffic_names_at('dst', 'IN (SELECT dst FROM most)', until, hosts.condition) || ' AS d ON d.address = dst
        ORDER BY ' || ranking;
END $$;

-- The values that src, dst, proto, port or host had on the days of a range, and
-- what sources and destinations are called at its end; numbers and IPv4 addresses
-- in their own order.
CREATE OR REPLACE FUNCTION vpn_traffic_values(kind text, since timestamptz, until timestamptz)
RETURNS TABLE (value text, name text) LANGUAGE plpgsql STABLE ROWS 100
SET search_path FROM CURRENT SET jit = off SET datestyle = ISO SET timezone = UTC SET work_mem = '32MB' AS $$
BEGIN
    RETURN QUERY EXECUTE format($q$
        SELECT v.value, coalesce(n.label, v.value)
        FROM (SELECT DISTINCT value FROM (%s) AS a) AS v LEFT JOIN %s AS n ON n.address = v.value
        ORDER BY CASE WHEN v.value ~ '^-?[0-9]{1,9}([.][0-9]{1,9})*$' THEN string_to_array(v.value, '.')::integer[] END NULLS LAST, v.value$q$,
        vpn_traffic_all(format('SELECT value FROM vpn_traffic_values WHERE kind = %L AND last_day >= %L AND first_day <= %L',
            kind, (since AT TIME ZONE 'UTC')::date, (until AT TIME ZONE 'UTC')::date), 'value text COLLATE "C"'),
        vpn_traffic_names_at(kind, 'IS NOT NULL', until, ''));
END $$;
