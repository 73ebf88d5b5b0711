-- +goose Up

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

-- Conditions for the values that columns may have, and the columns concerned. No
-- list, an empty one, and one with a NULL in it allow all.
-- +goose StatementBegin
CREATE FUNCTION vpn_traffic_filter(src text[], dst text[], proto text[], port text[], host text[], OUT columns text[], OUT condition text)
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(array_agg(name ORDER BY name), '{}'),
        coalesce(string_agg(format(' AND %I = ANY (%L::%s[])', name, list, kind), '' ORDER BY name), '')
    FROM (VALUES ('src', src, 'text'), ('dst', dst, 'text'), ('proto', proto, 'text'), ('port', port, 'integer'), ('host', host, 'text'))
        AS wanted (name, list, kind)
    WHERE cardinality(list) > 0 AND array_position(list, NULL) IS NULL
$$;
-- +goose StatementEnd

-- From when on a level has rows: report, minute or hour. Retention drops the
-- finer ones earlier.
-- +goose StatementBegin
CREATE FUNCTION vpn_traffic_begin(level text) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF level = 'hour' THEN
        RETURN '-infinity';
    END IF;
    RETURN coalesce((SELECT min(to_date(substring(c.relname::text FROM '_([0-9]{8})$'), 'YYYYMMDD'))::timestamp AT TIME ZONE 'UTC'
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = CASE level WHEN 'report' THEN 'vpn_traffic_by_port' ELSE 'vpn_traffic_minute_by_port' END::regclass), 'infinity');
END $$;
-- +goose StatementEnd

-- The kind of table that knows all the columns that are asked for: port, src or
-- dst are rollups. Who talks to whom is known to raw, the rows themselves, and,
-- without protocols and ports, to pair, which is hourly. Raw rows are read where
-- an index leads to those that are asked for, or where the range is short.
-- +goose StatementBegin
CREATE FUNCTION vpn_traffic_kind(since timestamptz, until timestamptz, columns text[], filtered text[]) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN NOT 'dst' = ANY (asked) THEN CASE WHEN 'src' = ANY (asked) THEN 'src' ELSE 'port' END
        WHEN NOT 'src' = ANY (asked) THEN 'dst'
        WHEN asked && '{proto, port}' THEN 'raw'
        WHEN since < vpn_traffic_begin('report') AND (SELECT min(time) FROM vpn_traffic_hour_reports) < vpn_traffic_begin('report') THEN 'pair'
        WHEN filtered @> '{src, dst}' THEN 'raw'
        WHEN until - since <= CASE WHEN 'src' = ANY (filtered) THEN interval '6 hours' WHEN 'dst' = ANY (filtered) THEN interval '1 hour'
            ELSE interval '15 minutes' END THEN 'raw'
        ELSE 'pair' END
    FROM (SELECT columns || filtered AS asked) AS a
$$;
-- +goose StatementEnd

-- The name of the table of a kind and a level.
-- +goose StatementBegin
CREATE FUNCTION vpn_traffic_table(kind text, level text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE kind WHEN 'raw' THEN 'vpn_traffic' WHEN 'pair' THEN 'vpn_traffic_hour_by_pair'
        ELSE 'vpn_traffic_' || CASE level WHEN 'report' THEN '' ELSE level || '_' END || 'by_' || kind END
$$;
-- +goose StatementEnd

-- The columns that a name is made of.
-- +goose StatementBegin
CREATE FUNCTION vpn_traffic_columns(by text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    columns text[] := CASE coalesce(by, '') WHEN '' THEN '{}' WHEN 'src' THEN '{src}' WHEN 'dst' THEN '{dst}' WHEN 'proto' THEN '{proto}'
        WHEN 'port' THEN '{port}' WHEN 'service' THEN '{proto, port}' WHEN 'host' THEN '{host}' WHEN 'pair' THEN '{src, dst}' END;
BEGIN
    IF columns IS NULL THEN
        RAISE EXCEPTION 'by is %, which is none of src, dst, proto, port, service, host, pair and the empty text', quote_literal(by)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN columns;
END $$;
-- +goose StatementEnd

-- The name that is made of them.
-- +goose StatementBegin
CREATE FUNCTION vpn_traffic_name(by text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE by
        WHEN 'port' THEN $q$CASE port WHEN -1 THEN 'other' ELSE port::text END$q$
        WHEN 'service' THEN $q$proto || '/' || CASE port WHEN -1 THEN 'other' ELSE port::text END$q$
        WHEN 'pair' THEN $q$src || ' → ' || dst$q$
        ELSE coalesce((vpn_traffic_columns(by))[1], '''total''') END
$$;
-- +goose StatementEnd

-- What an address is called in the reports before a time: the name and the
-- address, or the address alone where it has no name. Of several hosts, the one
-- that gave a name last is heard.
-- +goose StatementBegin
CREATE FUNCTION vpn_traffic_label(kind text, address text, until timestamptz, hosts text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format($q$coalesce((SELECT nullif(l.name, l.address) || ' (' || l.address || ')' FROM vpn_traffic_network_names AS l
        WHERE l.kind = %1$L AND l.address = %2$s AND l.since < %3$L%4$s ORDER BY l.since DESC, l.host LIMIT 1), %2$s)$q$,
        kind, address, until, hosts)
$$;
-- +goose StatementEnd

-- The same for many addresses at once, as a table to join: that is faster where
-- they are more than a few.
-- +goose StatementBegin
CREATE FUNCTION vpn_traffic_called(kind text, addresses text, until timestamptz, hosts text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format($q$(SELECT DISTINCT ON (l.address) l.address, nullif(l.name, l.address) || ' (' || l.address || ')' AS label
        FROM vpn_traffic_network_names AS l WHERE l.kind = %L AND l.address IN (%s) AND l.since < %L%s
        ORDER BY l.address, l.since DESC, l.host)$q$, kind, addresses, until, hosts)
$$;
-- +goose StatementEnd

-- What an address is called, for what vpn_traffic_name makes of addresses.
-- +goose StatementBegin
CREATE FUNCTION vpn_traffic_labels(by text, line text, until timestamptz, hosts text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE by WHEN 'src' THEN vpn_traffic_label('src', line, until, hosts) WHEN 'dst' THEN vpn_traffic_label('dst', line, until, hosts)
        WHEN 'pair' THEN format($q$CASE strpos(%1$s, ' → ') WHEN 0 THEN %1$s ELSE %2$s || ' → ' || %3$s END$q$, line,
            vpn_traffic_label('src', format($q$split_part(%s, ' → ', 1)$q$, line), until, hosts),
            vpn_traffic_label('dst', format($q$substr(%1$s, strpos(%1$s, ' → ') + 3)$q$, line), until, hosts))
        ELSE line END
$$;
-- +goose StatementEnd

-- The summed columns in their order: with %1$s in the pattern for those that a
-- measure needs, NULL for the others, which spares a large part of the time.
-- +goose StatementBegin
CREATE FUNCTION vpn_traffic_sums(measure text, pattern text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF measure IS NULL OR NOT measure = ANY ('{all, bytes, packets, connections, open}') THEN
        RAISE EXCEPTION 'measure is %, which is none of all, bytes, packets, connections and open', quote_nullable(measure)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN (SELECT string_agg(format(CASE WHEN measure IN ('all', kind) THEN pattern ELSE 'NULL::numeric' END || ' AS %1$s', name), ', ' ORDER BY n)
        FROM (VALUES (1, 'src_packets', 'packets'), (2, 'src_bytes', 'bytes'), (3, 'dst_packets', 'packets'), (4, 'dst_bytes', 'bytes'),
            (5, 'connection_count', 'connections'), (6, 'connection_times', 'connections'), (7, 'open_connections', 'open')) AS v (n, name, kind));
END $$;
-- +goose StatementEnd

-- The same of the columns that are no gauge, for any measure.
-- +goose StatementBegin
CREATE FUNCTION vpn_traffic_counters(pattern text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(format(pattern || ' AS %1$s', name), ', ')
    FROM unnest('{src_packets, src_bytes, dst_packets, dst_bytes, connection_count, connection_times}'::text[]) AS name
$$;
-- +goose StatementEnd

-- By what the greatest are told.
-- +goose StatementBegin
CREATE FUNCTION vpn_traffic_rank(measure text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE measure WHEN 'packets' THEN 'src_packets + dst_packets' WHEN 'connections' THEN 'connection_count'
        WHEN 'open' THEN 'open_connections' ELSE 'src_bytes + dst_bytes' END
$$;
-- +goose StatementEnd

-- A query for the reports of a range, by step: with the number of each host that
-- tell open_connections if they are counted, or else which steps have any.
-- +goose StatementBegin
CREATE FUNCTION vpn_traffic_reported(level text, first timestamptz, last timestamptz, step text, condition text, counted boolean)
RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format(CASE
        WHEN NOT counted THEN 'SELECT DISTINCT %1$s AS step FROM vpn_traffic_%2$s WHERE time >= %3$L AND time < %4$L%5$s'
        WHEN level = 'report' THEN 'SELECT %1$s AS step, host, count(DISTINCT time) FILTER (WHERE open_connections IS NOT NULL) AS tracked
            FROM vpn_traffic_by_port WHERE time >= %3$L AND time < %4$L%5$s GROUP BY 1, 2'
        ELSE 'SELECT %1$s AS step, host, sum(tracked) AS tracked FROM vpn_traffic_%2$s WHERE time >= %3$L AND time < %4$L%5$s GROUP BY 1, 2' END,
        step, CASE level WHEN 'report' THEN '' ELSE level || '_' END || 'reports', first, last, condition)
$$;
-- +goose StatementEnd

-- A time, or the next whole minute or hour in UTC.
-- +goose StatementBegin
CREATE FUNCTION vpn_traffic_ceil(unit text, at timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT date_trunc(unit, at + ('1 ' || unit)::interval - interval '1 microsecond', 'UTC')
$$;
-- +goose StatementEnd

-- Seconds between two reports of a gateway, as seen in the hour before a time;
-- NULL when there were not two. A step that is not a multiple of it would make
-- saw teeth of even traffic.
-- +goose StatementBegin
CREATE FUNCTION vpn_traffic_interval(until timestamptz) RETURNS integer LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT nullif(round(extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY gap)))::integer, 0) FROM (
        SELECT time - lag(time) OVER (PARTITION BY host ORDER BY time) AS gap
        FROM vpn_traffic_reports WHERE time > until - interval '1 hour' AND time <= until) AS gaps);
END $$;
-- +goose StatementEnd

-- Of which level, and in which steps, a series is made: steps hold whole
-- reports, whole minutes or whole hours, so that each row belongs to one step.
-- There are never more than 5000 of them.
-- +goose StatementBegin
CREATE FUNCTION vpn_traffic_steps(since timestamptz, until timestamptz, step interval, kind text, OUT level text, OUT seconds integer)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    earliest timestamptz := greatest(since, (SELECT min(time) FROM vpn_traffic_hour_reports));
    pace     numeric := coalesce(vpn_traffic_interval(least(until, now())), 1);
BEGIN
    seconds := ceil(greatest(extract(epoch FROM step), extract(epoch FROM until - since) / 5000) / pace) * pace;
    level := CASE WHEN kind = 'pair' OR seconds >= 3600 THEN 'hour' WHEN seconds >= 60 THEN 'minute' ELSE 'report' END;
    IF kind <> 'raw' AND level = 'report' AND earliest < vpn_traffic_begin('report') THEN
        level := 'minute';
    END IF;
    IF kind <> 'raw' AND level = 'minute' AND earliest < vpn_traffic_begin('minute') THEN
        level := 'hour';
    END IF;
    seconds := CASE level WHEN 'hour' THEN ceil(seconds / 3600.0) * 3600 WHEN 'minute' THEN ceil(seconds / 60.0) * 60 ELSE seconds END;
END $$;
-- +goose StatementEnd

-- Traffic over time. Each row is a step, of so many seconds, and a name: a
-- source, a destination and so on, as by says; all but the top ones are summed
-- up as "all others". Only steps that are over are given. A step in which nothing
-- was reported has no rows; one that was reported has zeros for names that sent
-- nothing. open_connections is the average over the reports of the step. name is
-- what to show, with what sources and destinations are called at the end of the
-- range, and key what it stands for.
-- +goose StatementBegin
CREATE FUNCTION vpn_traffic_series(since timestamptz, until timestamptz, step interval, by text DEFAULT '',
    src text[] DEFAULT NULL, dst text[] DEFAULT NULL, proto text[] DEFAULT NULL, port text[] DEFAULT NULL, host text[] DEFAULT NULL,
    top integer DEFAULT NULL, measure text DEFAULT 'all')
RETURNS TABLE ("time" timestamptz, name text, seconds integer, src_packets numeric, src_bytes numeric, dst_packets numeric, dst_bytes numeric,
    connection_count numeric, connection_times numeric, open_connections numeric, key text) LANGUAGE plpgsql STABLE ROWS 1000 AS $$
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
-- +goose StatementEnd

-- The parts of a range, each of the coarsest level that fits. Where a finer level
-- is gone, the ends move outwards to whole minutes or hours.
-- +goose StatementBegin
CREATE FUNCTION vpn_traffic_parts(since timestamptz, until timestamptz)
RETURNS TABLE (level text, first timestamptz, last timestamptz) LANGUAGE plpgsql STABLE AS $$
DECLARE
    report_begin timestamptz := vpn_traffic_begin('report');
    minute_begin timestamptz := vpn_traffic_begin('minute');
    lo     timestamptz := since;
    hi     timestamptz := until;
    minute timestamptz[2];
    hour   timestamptz[2];
BEGIN
    IF lo < report_begin THEN
        lo := date_trunc(CASE WHEN lo < minute_begin THEN 'hour' ELSE 'minute' END, lo, 'UTC');
    END IF;
    IF hi < report_begin THEN
        hi := vpn_traffic_ceil(CASE WHEN hi < minute_begin THEN 'hour' ELSE 'minute' END, hi);
    END IF;
    minute := ARRAY[vpn_traffic_ceil('minute', lo), date_trunc('minute', hi, 'UTC')];
    IF minute[1] >= minute[2] THEN
        minute := ARRAY[hi, hi];
    END IF;
    hour := ARRAY[vpn_traffic_ceil('hour', lo), date_trunc('hour', hi, 'UTC')];
    IF hour[1] >= hour[2] THEN
        hour := ARRAY[minute[2], minute[2]];
    END IF;
    RETURN QUERY SELECT * FROM (VALUES ('report', lo, minute[1]), ('minute', minute[1], hour[1]), ('hour', hour[1], hour[2]),
        ('minute', hour[2], minute[2]), ('report', minute[2], hi)) AS p (level, first, last) WHERE p.first < p.last;
END $$;
-- +goose StatementEnd

-- A query for the sums over a range, by columns; open_connections is the average
-- over the reports.
-- +goose StatementBegin
CREATE FUNCTION vpn_traffic_range(since timestamptz, until timestamptz, columns text[], filtered text[], condition text, hosts text, measure text)
RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    kind    text := vpn_traffic_kind(since, until, columns, filtered);
    counted boolean := measure IN ('all', 'open');
    keys    text[] := CASE WHEN counted THEN array_remove(columns, 'host') || '{host}' ELSE columns END;
    names   text := coalesce(nullif(array_to_string(columns, ', '), ''), 'NULL');
    reports text;
    rows    text;
BEGIN
    IF kind = 'pair' THEN
        since := date_trunc('hour', since, 'UTC');
        until := vpn_traffic_ceil('hour', until);
    END IF;
    SELECT string_agg(vpn_traffic_reported(p.level, p.first, p.last, quote_literal('range'), hosts, true), ' UNION ALL '),
        string_agg(format('SELECT %s FROM %I WHERE time >= %L AND time < %L%s',
            array_to_string(keys || '{src_packets, src_bytes, dst_packets, dst_bytes, connection_count, connection_times, open_connections}', ', '),
            vpn_traffic_table(kind, p.level), p.first, p.last, condition), ' UNION ALL ')
    INTO reports, rows FROM vpn_traffic_parts(since, until) p;
    IF rows IS NULL OR kind = 'raw' THEN
        rows := format('SELECT * FROM %I WHERE time >= %L AND time < %L%s', vpn_traffic_table(kind, 'report'), since, until, condition);
    END IF;
    rows := format('SELECT %s, %s FROM (%s) AS rows GROUP BY %s HAVING count(*) > 0', coalesce(nullif(array_to_string(keys, ', '), ''), 'NULL'),
        vpn_traffic_sums(measure, 'sum(%1$s)::numeric'), rows, coalesce(nullif(array_to_string(keys, ', '), ''), '()'));
    IF NOT counted OR reports IS NULL THEN
        RETURN rows;
    END IF;
    RETURN format($q$SELECT %1$s, %2$s, sum(open_connections / nullif(tracked, 0)) AS open_connections
        FROM (%3$s) AS sums LEFT JOIN (SELECT host, sum(tracked) AS tracked FROM (%4$s) AS reports GROUP BY host) AS tracked USING (host)
        GROUP BY %5$s HAVING count(*) > 0$q$,
        names, vpn_traffic_counters('sum(%1$s)'), rows, reports, coalesce(nullif(array_to_string(columns, ', '), ''), '()'));
END $$;
-- +goose StatementEnd

-- Traffic of a whole range, the greatest first; all but the top ones are summed
-- up as "all others", which comes last. The sums are exact to the row, but for
-- pairs over long ranges, which are those of whole hours. name and key are as in
-- a series.
-- +goose StatementBegin
CREATE FUNCTION vpn_traffic_totals(since timestamptz, until timestamptz, by text DEFAULT '',
    src text[] DEFAULT NULL, dst text[] DEFAULT NULL, proto text[] DEFAULT NULL, port text[] DEFAULT NULL, host text[] DEFAULT NULL,
    top integer DEFAULT NULL, measure text DEFAULT 'all')
RETURNS TABLE (name text, src_packets numeric, src_bytes numeric, dst_packets numeric, dst_bytes numeric,
    connection_count numeric, connection_times numeric, open_connections numeric, key text) LANGUAGE plpgsql STABLE ROWS 100 AS $$
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
-- +goose StatementEnd

-- Who talks to whom, the most talkative first; and what they are called at the
-- end of the range.
-- +goose StatementBegin
CREATE FUNCTION vpn_traffic_pairs(since timestamptz, until timestamptz,
    src text[] DEFAULT NULL, dst text[] DEFAULT NULL, proto text[] DEFAULT NULL, port text[] DEFAULT NULL, host text[] DEFAULT NULL,
    top integer DEFAULT NULL, measure text DEFAULT 'all')
RETURNS TABLE (source text, destination text, src_packets numeric, src_bytes numeric, dst_packets numeric, dst_bytes numeric,
    connection_count numeric, connection_times numeric, open_connections numeric, source_name text, destination_name text)
LANGUAGE plpgsql STABLE ROWS 100 AS $$
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
-- +goose StatementEnd

-- The values that src, dst, proto, port or host had on the days of a range, and
-- what sources and destinations are called at its end; numbers and IPv4 addresses
-- in their own order.
-- +goose StatementBegin
CREATE FUNCTION vpn_traffic_values(kind text, since timestamptz, until timestamptz)
RETURNS TABLE (value text, name text) LANGUAGE sql STABLE ROWS 100 AS $$
    SELECT n.name, coalesce(c.label, n.name)
    FROM vpn_traffic_names n LEFT JOIN (
        SELECT DISTINCT ON (l.address) l.address, nullif(l.name, l.address) || ' (' || l.address || ')' AS label
        FROM vpn_traffic_network_names AS l WHERE l.kind = vpn_traffic_values.kind AND l.since < until
        ORDER BY l.address, l.since DESC, l.host) AS c ON c.address = n.name
    WHERE n.kind = vpn_traffic_values.kind AND n.last_day >= (since AT TIME ZONE 'UTC')::date AND n.first_day <= (until AT TIME ZONE 'UTC')::date
    ORDER BY CASE WHEN n.name ~ '^-?[0-9]{1,9}([.][0-9]{1,9})*$' THEN string_to_array(n.name, '.')::integer[] END NULLS LAST, n.name
$$;
-- +goose StatementEnd

-- They see our own tables, whoever calls them, and write times as they read
-- them. Compiling a query would take longer than the query.
-- +goose StatementBegin
DO $$
DECLARE
    f regprocedure;
BEGIN
    FOR f IN SELECT oid FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
        AND proname IN ('vpn_traffic_series', 'vpn_traffic_totals', 'vpn_traffic_pairs', 'vpn_traffic_values') LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', f, current_schema());
        EXECUTE format('ALTER FUNCTION %s SET jit = off', f);
        EXECUTE format('ALTER FUNCTION %s SET datestyle = ISO', f);
        EXECUTE format('ALTER FUNCTION %s SET timezone = UTC', f);
        EXECUTE format('ALTER FUNCTION %s SET work_mem = %L', f, '32MB');
    END LOOP;
END $$;
-- +goose StatementEnd
