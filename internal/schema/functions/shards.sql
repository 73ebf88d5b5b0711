-- Where the rows are. Here, they are all in this database. A head, which has none but
-- asks databases such as this one, has other functions of these names
-- (internal/schema/head), and all others as they are here.

-- A query for the rows of a query, whose columns are given as for a function that
-- returns records.
CREATE OR REPLACE FUNCTION vpn_traffic_all(query text, columns text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT query $$;

-- A query for the sums of vpn_traffic_range, of which each row has other columns.
CREATE OR REPLACE FUNCTION vpn_traffic_added(sums text, columns text[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT sums $$;

-- The first part of the statement of vpn_traffic_series: what is sent in each step by
-- name (named), which steps have reports (steps), and each name, its place, and the line
-- that it is on: its own or "all others" (ranked).
CREATE OR REPLACE FUNCTION vpn_traffic_ranked(reports text, sums text, named text, steps text, measure text, top integer)
RETURNS text LANGUAGE sql STABLE AS $$
    SELECT format('reports AS (%s), sums AS (%s), named AS (%s), steps AS MATERIALIZED (%s), ranked AS (
            SELECT name, place, CASE WHEN place > %L THEN ''all others'' ELSE name END AS line
            FROM (SELECT name, row_number() OVER (ORDER BY %s DESC NULLS LAST, name) AS place FROM named GROUP BY name) AS n)',
        reports, sums, named, steps, top, vpn_traffic_rank(measure, 'sum(%s)'))
$$;

-- A query for how many others each source or destination of rows has, and their bytes.
CREATE OR REPLACE FUNCTION vpn_traffic_counterparts(by text, rows text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format('SELECT %I AS line, count(DISTINCT %I) AS peers, sum(src_bytes) + sum(dst_bytes) AS bytes FROM (%s) AS rows GROUP BY 1',
        by, CASE by WHEN 'src' THEN 'dst' ELSE 'src' END, rows)
$$;

-- The shards that do not answer.
CREATE OR REPLACE FUNCTION vpn_traffic_silent() RETURNS TABLE (shard text, reason text) LANGUAGE sql STABLE AS $$
    SELECT NULL, NULL WHERE false
$$;
