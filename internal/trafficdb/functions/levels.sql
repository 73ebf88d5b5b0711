-- Which tables answer a question, and the statements that read them.

-- From when on a level has rows: report, minute or hour. Retention drops the
-- finer ones earlier.
CREATE OR REPLACE FUNCTION vpn_traffic_begin(level text) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF level = 'hour' THEN
        RETURN '-infinity';
    END IF;
    RETURN coalesce((SELECT min(to_date(substring(c.relname::text FROM '_([0-9]{8})$'), 'YYYYMMDD'))::timestamp AT TIME ZONE 'UTC'
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = CASE level WHEN 'report' THEN 'vpn_traffic_by_port' ELSE 'vpn_traffic_minute_by_port' END::regclass), 'infinity');
END $$;

-- The kind of table that knows all the columns that are asked for: port, src or
-- dst are rollups. Who talks to whom is known to raw, the rows themselves, and,
-- without protocols and ports, to pair, which is hourly. Raw rows are read where
-- an index leads to those that are asked for, or where the range is short.
CREATE OR REPLACE FUNCTION vpn_traffic_kind(since timestamptz, until timestamptz, columns text[], filtered text[]) RETURNS text LANGUAGE sql STABLE AS $$
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

-- The name of the table of a kind and a level.
CREATE OR REPLACE FUNCTION vpn_traffic_table(kind text, level text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE kind WHEN 'raw' THEN 'vpn_traffic' WHEN 'pair' THEN 'vpn_traffic_hour_by_pair'
        ELSE 'vpn_traffic_' || CASE level WHEN 'report' THEN '' ELSE level || '_' END || 'by_' || kind END
$$;

-- A query for the reports of a range, by step: with the number of each host that
-- tell open_connections if they are counted, or else which steps have any.
CREATE OR REPLACE FUNCTION vpn_traffic_reported(level text, first timestamptz, last timestamptz, step text, condition text, counted boolean)
RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format(CASE
        WHEN NOT counted THEN 'SELECT DISTINCT %1$s AS step FROM vpn_traffic_%2$s WHERE time >= %3$L AND time < %4$L%5$s'
        WHEN level = 'report' THEN 'SELECT %1$s AS step, host, count(DISTINCT time) FILTER (WHERE open_connections IS NOT NULL) AS tracked
            FROM vpn_traffic_by_port WHERE time >= %3$L AND time < %4$L%5$s GROUP BY 1, 2'
        ELSE 'SELECT %1$s AS step, host, sum(tracked) AS tracked FROM vpn_traffic_%2$s WHERE time >= %3$L AND time < %4$L%5$s GROUP BY 1, 2' END,
        step, CASE level WHEN 'report' THEN '' ELSE level || '_' END || 'reports', first, last, condition)
$$;

-- A time, or the next whole minute or hour in UTC.
CREATE OR REPLACE FUNCTION vpn_traffic_ceil(unit text, at timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT date_trunc(unit, at + ('1 ' || unit)::interval - interval '1 microsecond', 'UTC')
$$;

-- Seconds between two reports of a gateway, as seen in the hour before a time;
-- NULL when there were not two. A step that is not a multiple of it would make
-- saw teeth of even traffic.
CREATE OR REPLACE FUNCTION vpn_traffic_interval(until timestamptz) RETURNS integer LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT nullif(round(extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY gap)))::integer, 0) FROM (
        SELECT time - lag(time) OVER (PARTITION BY host ORDER BY time) AS gap
        FROM vpn_traffic_reports WHERE time > until - interval '1 hour' AND time <= until) AS gaps);
END $$;

-- Of which level, and in which steps, a series is made: steps hold whole
-- reports, whole minutes or whole hours, so that each row belongs to one step.
-- There are never more than 5000 of them.
CREATE OR REPLACE FUNCTION vpn_traffic_steps(since timestamptz, until timestamptz, step interval, kind text, OUT level text, OUT seconds integer)
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

-- The parts of a range, each of the coarsest level that fits. Where a finer level
-- is gone, the ends move outwards to whole minutes or hours.
CREATE OR REPLACE FUNCTION vpn_traffic_parts(since timestamptz, until timestamptz)
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

-- A query for the sums over a range, by columns; open_connections is the average
-- over the reports.
CREATE OR REPLACE FUNCTION vpn_traffic_range(since timestamptz, until timestamptz, columns text[], filtered text[], condition text, hosts text, measure text)
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
