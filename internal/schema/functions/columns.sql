-- What the statements that answer questions are made of: columns, names, sums.

-- Conditions for the values that columns may have, and the columns concerned. No
-- list, an empty one, and one with a NULL in it allow all. What dashboards show
-- stands for the value, too: "name (address)", and "other" for port -1.
CREATE OR REPLACE FUNCTION vpn_traffic_filter(src text[], dst text[], proto text[], port text[], host text[], OUT columns text[], OUT condition text)
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(array_agg(name ORDER BY name), '{}'),
        coalesce(string_agg(format(' AND %I = ANY (%L::%s[])', name, CASE name WHEN 'port' THEN array_replace(list, 'other', '-1')
            ELSE list || ARRAY(SELECT substring(v FROM ' [(]([^()]+)[)]$') FROM unnest(list) AS v WHERE v ~ ' [(][^()]+[)]$') END, kind), '' ORDER BY name), '')
    FROM (VALUES ('src', src, 'text'), ('dst', dst, 'text'), ('proto', proto, 'text'), ('port', port, 'integer'), ('host', host, 'text'))
        AS wanted (name, list, kind)
    WHERE cardinality(list) > 0 AND array_position(list, NULL) IS NULL
$$;

-- The columns that a name is made of.
CREATE OR REPLACE FUNCTION vpn_traffic_columns(by text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE AS $$
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

-- How many of the greatest are asked for; NULL for all.
CREATE OR REPLACE FUNCTION vpn_traffic_top(top integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF top < 0 THEN
        RAISE EXCEPTION 'top is %, which is less than 0', top USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN top;
END $$;

-- The name that is made of them.
CREATE OR REPLACE FUNCTION vpn_traffic_name(by text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE by
        WHEN 'port' THEN $q$CASE port WHEN -1 THEN 'other' ELSE port::text END$q$
        WHEN 'service' THEN $q$proto || '/' || CASE port WHEN -1 THEN 'other' ELSE port::text END$q$
        WHEN 'pair' THEN $q$src || ' → ' || dst$q$
        ELSE coalesce((vpn_traffic_columns(by))[1], '''total''') END
$$;

-- A query, to be joined, for what those addresses of which a condition is true are
-- called in the reports before a time: "name (address)", NULL where an address is its
-- own name. Of several hosts, the one that gave a name last is heard.
CREATE OR REPLACE FUNCTION vpn_traffic_names_at(kind text, condition text, until timestamptz, hosts text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format($q$(SELECT DISTINCT ON (l.address) l.address, nullif(l.name, l.address) || ' (' || l.address || ')' AS label
        FROM vpn_traffic_name_history AS l WHERE l.kind = %L AND l.address %s AND l.since < %L%s
        ORDER BY l.address, l.since DESC, l.host)$q$, kind, condition, until, hosts)
$$;

-- The same of one address, as an expression: the address alone where it has no name.
CREATE OR REPLACE FUNCTION vpn_traffic_label(kind text, address text, until timestamptz, hosts text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format('coalesce((SELECT label FROM %s AS n), %s)', vpn_traffic_names_at(kind, '= ' || address, until, hosts), address)
$$;

-- What an address is called, for what vpn_traffic_name makes of addresses.
CREATE OR REPLACE FUNCTION vpn_traffic_labels(by text, line text, until timestamptz, hosts text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE by WHEN 'src' THEN vpn_traffic_label('src', line, until, hosts) WHEN 'dst' THEN vpn_traffic_label('dst', line, until, hosts)
        WHEN 'pair' THEN format($q$CASE strpos(%1$s, ' → ') WHEN 0 THEN %1$s ELSE %2$s || ' → ' || %3$s END$q$, line,
            vpn_traffic_label('src', format($q$split_part(%s, ' → ', 1)$q$, line), until, hosts),
            vpn_traffic_label('dst', format($q$substr(%1$s, strpos(%1$s, ' → ') + 3)$q$, line), until, hosts))
        ELSE line END
$$;

-- The measures of a list with commas.
CREATE OR REPLACE FUNCTION vpn_traffic_measures(measure text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    measures text[] := regexp_split_to_array(measure, ' *, *');
BEGIN
    IF measures IS NULL OR NOT measures <@ '{all, bytes, packets, connections, open}' THEN
        RAISE EXCEPTION 'measure is %, which is none of all, bytes, packets, connections and open, nor a list of them', quote_nullable(measure)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN measures;
END $$;

-- Whether they take the number of reports.
CREATE OR REPLACE FUNCTION vpn_traffic_counted(measure text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT vpn_traffic_measures(measure) && '{all, open}'
$$;

-- The summed columns in their order: with %1$s in the pattern for those that the
-- measures need, NULL for the others, which spares a large part of the time.
CREATE OR REPLACE FUNCTION vpn_traffic_sums(measure text, pattern text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(format(CASE WHEN measures && ARRAY['all', kind] THEN pattern ELSE 'NULL::numeric' END || ' AS %1$s', name), ', ' ORDER BY n)
    FROM vpn_traffic_measures(measure) AS measures, (VALUES (1, 'src_packets', 'packets'), (2, 'src_bytes', 'bytes'), (3, 'dst_packets', 'packets'),
        (4, 'dst_bytes', 'bytes'), (5, 'connection_count', 'connections'), (6, 'connection_times', 'connections'), (7, 'open_connections', 'open')) AS v (n, name, kind)
$$;

-- The same for what is answered, with an expression for the gauge: that is rounded, so that
-- thirds of a connection add up.
CREATE OR REPLACE FUNCTION vpn_traffic_given(measure text, pattern text, gauge text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT replace(vpn_traffic_sums(measure, pattern), format(pattern, 'open_connections') || ' AS', 'trim_scale(round(' || gauge || ', 9)) AS')
$$;

-- Their names.
CREATE OR REPLACE FUNCTION vpn_traffic_sum_columns() RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT '{src_packets, src_bytes, dst_packets, dst_bytes, connection_count, connection_times, open_connections}'::text[]
$$;

-- The same of the columns that are no gauge, for any measure.
CREATE OR REPLACE FUNCTION vpn_traffic_counters(pattern text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(format(pattern || ' AS %1$s', name), ', ')
    FROM unnest(array_remove(vpn_traffic_sum_columns(), 'open_connections')) AS name
$$;

-- By what the greatest are told: the first of the measures, with its columns in a pattern.
-- Two of them may be more than a bigint holds: add up sums, not columns.
CREATE OR REPLACE FUNCTION vpn_traffic_rank(measure text, pattern text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(format(pattern, name), ' + ')
    FROM unnest(CASE (vpn_traffic_measures(measure))[1] WHEN 'packets' THEN '{src_packets, dst_packets}' WHEN 'connections' THEN '{connection_count}'
        WHEN 'open' THEN '{open_connections}' ELSE '{src_bytes, dst_bytes}' END::text[]) AS name
$$;
