-- Which tables answer a question, and the statements that read them.

-- Whether a level (report, minute or hour) has all of the rows that there were
-- between two times: whether retention has dropped none of its days.
CREATE OR REPLACE FUNCTION vpn_traffic_there(level text, since timestamptz, until timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT NOT EXISTS (SELECT FROM vpn_traffic_gone WHERE retention = replace(level, 'report', 'raw')
        AND first::timestamp AT TIME ZONE 'UTC' < until AND next::timestamp AT TIME ZONE 'UTC' > since)
$$;

-- The level that answers for a range: the first one of a list that has all rows,
-- or the first one of the list where none has.
CREATE OR REPLACE FUNCTION vpn_traffic_level(levels text[], since timestamptz, until timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT l FROM unnest(levels) WITH ORDINALITY AS u (l, n) WHERE vpn_traffic_there(l, since, until) ORDER BY n LIMIT 1), levels[1])
$$;

-- The kind of table that knows all the columns that are asked for: port, src or
-- dst are rollups. Who talks to whom is known to raw, the rows themselves, and,
-- without protocols and ports, to pair, which is hourly. Raw rows are read where
-- an index leads to those that are asked for, or where the range is short.
CREATE OR REPLACE FUNCTION vpn_traffic_kind(since timestamptz, until timestamptz, columns text[], filtered text[]) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN NOT 'dst' = ANY (asked) THEN CASE WHEN 'src' = ANY (asked) THEN 'src' ELSE 'port' END
        WHEN NOT 'src' = ANY (asked) THEN 'dst'
        WHEN asked && '{proto, port}' THEN 'raw'
        WHEN NOT vpn_traffic_there('report', since, until) THEN 'pair'
        WHEN filtered @> '{src, dst}' THEN 'raw'
        WHEN until - since <= CASE WHEN 'src' = ANY (filtered) THEN interval '6 hours' WHEN 'dst' = ANY (filtered) THEN interval '1 hour'
            ELSE interval '15 minutes' END THEN 'raw'
        ELSE 'pair' END
    FROM (SELECT columns || filtered AS asked) AS a
$$;

-- The name of the table of a kind and a level.
CREATE OR REPLACE FUNCTION vpn_traffic_table(kind text, level text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN kind = 'raw' THEN 'vpn_traffic' WHEN kind = 'pair' AND level IN ('report', 'minute') THEN 'vpn_traffic_hour_by_pair'
        ELSE 'vpn_traffic_' || CASE level WHEN 'report' THEN '' ELSE level || '_' END || 'by_' || kind END
$$;

-- The times of a unit within a range whose sums are made and hold.
CREATE OR REPLACE FUNCTION vpn_traffic_holding(of_unit text, since timestamptz, until timestamptz) RETURNS tstzmultirange LANGUAGE sql STABLE AS $$
    SELECT range_agg(tstzrange(first, next)) FROM vpn_traffic_summed_up WHERE unit = of_unit AND valid AND first >= since AND next <= until
$$;

-- The tables, each with its times, that make up a range of whole steps of a level: the
-- table of the level, without ports if there is such, or where they hold, longer sums that
-- fit into the steps. Without a step, the range is one.
CREATE OR REPLACE FUNCTION vpn_traffic_pieces(kind text, level text, first timestamptz, last timestamptz, step interval, asked text[])
RETURNS TABLE (name text, times tstzmultirange) LANGUAGE plpgsql STABLE AS $$
DECLARE
    seconds numeric := coalesce(extract(epoch FROM step), 0);
    total   boolean := kind IN ('src', 'dst') AND NOT asked && '{proto, port}';
    rest    tstzmultirange := tstzmultirange(tstzrange(first, last));
    longer  record;
BEGIN
    FOR longer IN SELECT l.level, l.unit FROM (VALUES
        ('quarter', 'quarter', kind = 'pair' AND seconds = 0),
        ('month', 'month', kind = 'pair' AND seconds = 0),
        ('third_month', 'third_month', kind = 'pair' AND seconds = 0),
        ('day_total', 'day', total AND seconds % 86400 = 0),
        ('day', 'day', seconds % 86400 = 0),
        ('quarter_day', 'quarter_day', kind = 'pair' AND seconds % 21600 = 0),
        ('hour_total', 'day', total)) AS l (level, unit, fits)
        WHERE vpn_traffic_pieces.level = 'hour' AND kind <> 'raw' AND last - first >= interval '6 hours' AND fits
    LOOP
        name := vpn_traffic_table(kind, longer.level);
        times := vpn_traffic_holding(longer.unit, first, last) * rest;
        IF NOT isempty(times) THEN
            rest := rest - times;
            RETURN NEXT;
        END IF;
    END LOOP;
    name := vpn_traffic_table(kind, CASE WHEN total AND level = 'minute' THEN 'minute_total' ELSE level END);
    times := rest;
    IF NOT isempty(times) THEN
        RETURN NEXT;
    END IF;
END $$;

-- A query for columns of the rows that these tables have of the range.
CREATE OR REPLACE FUNCTION vpn_traffic_rows(kind text, level text, first timestamptz, last timestamptz, step interval, asked text[], columns text, condition text)
RETURNS text LANGUAGE sql STABLE AS $$
    SELECT string_agg(format('SELECT %s FROM %I WHERE (%s)%s', columns, name,
        (SELECT string_agg(format('time >= %L AND time < %L', lower(r), upper(r)), ' OR ') FROM unnest(times) AS r), condition), ' UNION ALL ')
    FROM vpn_traffic_pieces(kind, level, first, last, step, asked)
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
-- There are never more than 5000 of them. Over more than 100 days they are of whole
-- days, of which there are sums.
CREATE OR REPLACE FUNCTION vpn_traffic_steps(since timestamptz, until timestamptz, step interval, kind text, OUT level text, OUT seconds integer)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    pace     numeric := coalesce(vpn_traffic_interval(least(until, now())), 1);
    pure     numeric;
    whole    numeric;
    width    interval;
    wanted   text[];
BEGIN
    pure := ceil(greatest(extract(epoch FROM step), extract(epoch FROM until - since) / 5000) / pace) * pace;
    IF until - since > interval '100 days' THEN
        pure := ceil(pure / 86400) * 86400;
    END IF;
    level := CASE WHEN kind = 'pair' OR pure >= 3600 THEN 'hour' WHEN pure >= 60 THEN 'minute' ELSE 'report' END;
    -- Where rows are gone, what is coarser answers, or else what is finer: for all
    -- of the steps that the range touches.
    wanted := CASE WHEN kind IN ('raw', 'pair') THEN ARRAY[level] WHEN level = 'report' THEN '{report, minute, hour}'
        WHEN level = 'minute' THEN '{minute, hour, report}' ELSE '{hour, minute, report}' END;
    FOREACH level IN ARRAY wanted || wanted[1] LOOP
        whole := CASE level WHEN 'hour' THEN ceil(pure / 3600) * 3600 WHEN 'minute' THEN ceil(pure / 60) * 60 ELSE pure END;
        width := make_interval(secs => whole);
        EXIT WHEN vpn_traffic_there(level, date_bin(width, since, 'epoch'), date_bin(width, until - interval '1 microsecond', 'epoch') + width);
    END LOOP;
    seconds := whole;
END $$;

-- The parts of a range, each of the coarsest level that fits and has all rows.
-- Where a finer level is gone on the day of an end, that moves outwards to a whole
-- minute or hour.
CREATE OR REPLACE FUNCTION vpn_traffic_parts(since timestamptz, until timestamptz)
RETURNS TABLE (level text, first timestamptz, last timestamptz) LANGUAGE plpgsql STABLE AS $$
DECLARE
    instant constant interval := '1 microsecond';
    lo     timestamptz := since;
    hi     timestamptz := until;
    minute timestamptz[2];
    hour   timestamptz[2];
BEGIN
    IF NOT vpn_traffic_there('report', lo, lo + instant) THEN
        lo := date_trunc(CASE WHEN vpn_traffic_there('minute', lo, lo + instant) THEN 'minute' ELSE 'hour' END, lo, 'UTC');
    END IF;
    IF NOT vpn_traffic_there('report', hi - instant, hi) THEN
        hi := vpn_traffic_ceil(CASE WHEN vpn_traffic_there('minute', hi - instant, hi) THEN 'minute' ELSE 'hour' END, hi);
    END IF;
    minute := ARRAY[vpn_traffic_ceil('minute', lo), date_trunc('minute', hi, 'UTC')];
    IF minute[1] > minute[2] THEN
        minute := ARRAY[hi, hi];
    END IF;
    -- No part but that of whole hours is of more than one day.
    hour := ARRAY[vpn_traffic_ceil('hour', lo), date_trunc('hour', hi, 'UTC')];
    IF hour[1] > hour[2] THEN
        hour := ARRAY[minute[2], minute[2]];
    END IF;
    RETURN QUERY SELECT vpn_traffic_level(p.levels::text[], p.first, p.last), p.first, p.last FROM (VALUES
        ('{report}', lo, minute[1]), ('{minute, report}', minute[1], hour[1]), ('{hour, minute, report}', hour[1], hour[2]),
        ('{minute, report}', hour[2], minute[2]), ('{report}', minute[2], hi)) AS p (levels, first, last) WHERE p.first < p.last;
END $$;

-- A range as sums of a kind can answer for it: those of pairs are of hours.
CREATE OR REPLACE FUNCTION vpn_traffic_widened(kind text, INOUT since timestamptz, INOUT until timestamptz) LANGUAGE sql STABLE AS $$
    SELECT CASE kind WHEN 'pair' THEN date_trunc('hour', since, 'UTC') ELSE since END, CASE kind WHEN 'pair' THEN vpn_traffic_ceil('hour', until) ELSE until END
$$;

-- The seconds that the sums of vpn_traffic_range are of, where an hour that is not over has
-- reports up to the newest.
CREATE OR REPLACE FUNCTION vpn_traffic_seconds(since timestamptz, until timestamptz, newest timestamptz, columns text[], filtered text[])
RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT extract(epoch FROM greatest(least(w.until, newest), until) - w.since) FROM vpn_traffic_widened(vpn_traffic_kind(since, until, columns, filtered), since, until) AS w
$$;

-- A query for columns of the rows that make up a range.
CREATE OR REPLACE FUNCTION vpn_traffic_range_rows(kind text, since timestamptz, until timestamptz, asked text[], columns text, condition text)
RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (SELECT string_agg(vpn_traffic_rows(kind, p.level, p.first, p.last, NULL, asked, columns, condition), ' UNION ALL ')
            FROM vpn_traffic_parts(w.since, w.until) AS p WHERE kind <> 'raw'),
        format('SELECT %s FROM %I WHERE time >= %L AND time < %L%s', columns, vpn_traffic_table(kind, 'report'), w.since, w.until, condition))
    FROM vpn_traffic_widened(kind, since, until) AS w
$$;

-- A query for the sums over a range, by columns; open_connections is the average
-- over the reports.
CREATE OR REPLACE FUNCTION vpn_traffic_range(since timestamptz, until timestamptz, columns text[], filtered text[], condition text, hosts text, measure text)
RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    kind    text := vpn_traffic_kind(since, until, columns, filtered);
    counted boolean := vpn_traffic_counted(measure);
    keys    text[] := CASE WHEN counted THEN array_remove(columns, 'host') || '{host}' ELSE columns END;
    names   text := coalesce(nullif(array_to_string(columns, ', '), ''), 'NULL');
    reports text;
    rows    text;
BEGIN
    rows := format('SELECT %s, %s FROM (%s) AS rows GROUP BY %s HAVING count(*) > 0', coalesce(nullif(array_to_string(keys, ', '), ''), 'NULL'),
        vpn_traffic_sums(measure, 'sum(%1$s)::numeric'),
        vpn_traffic_range_rows(kind, since, until, columns || filtered, array_to_string(keys || vpn_traffic_sum_columns(), ', '), condition),
        coalesce(nullif(array_to_string(keys, ', '), ''), '()'));
    IF counted THEN
        reports := (SELECT string_agg(vpn_traffic_reported(p.level, p.first, p.last, quote_literal('range'), hosts, true), ' UNION ALL ')
            FROM vpn_traffic_widened(kind, since, until) AS w, vpn_traffic_parts(w.since, w.until) AS p);
    END IF;
    IF reports IS NULL THEN
        RETURN vpn_traffic_added(rows, keys);
    END IF;
    RETURN vpn_traffic_added(format($q$SELECT %1$s, %2$s, sum(open_connections / nullif(tracked, 0)) AS open_connections
        FROM (%3$s) AS sums LEFT JOIN (SELECT host, sum(tracked) AS tracked FROM (%4$s) AS reports GROUP BY host) AS tracked USING (host)
        GROUP BY %5$s HAVING count(*) > 0$q$,
        names, vpn_traffic_counters('sum(%1$s)'), rows, reports, coalesce(nullif(array_to_string(columns, ', '), ''), '()')), columns);
END $$;
