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

-- What the role of a sink has to leave alone, whatever its own configuration says.
CREATE TABLE vpn_traffic_retention (
    level text PRIMARY KEY CHECK (level IN ('raw', 'minute', 'hour')),
    keep  interval NOT NULL
);
COMMENT ON TABLE vpn_traffic_retention IS 'what a sink that does not own the tables may drop: rows that are older; nothing of a level without a row';
INSERT INTO vpn_traffic_retention VALUES ('raw', '30 days'), ('minute', '90 days'), ('hour', '730 days'); -- the defaults of a sink

CREATE VIEW vpn_traffic_partitions AS
SELECT parent, retention, name, first, (first + ('1 ' || span)::interval)::date AS next FROM (
    SELECT t.name AS parent, t.retention, t.span, c.relname::text AS name,
        to_date(substring(c.relname::text FROM '_([0-9]{6,8})$'), CASE t.span WHEN 'day' THEN 'YYYYMMDD' ELSE 'YYYYMM' END) AS first
    FROM vpn_traffic_tables t
    JOIN pg_inherits i ON i.inhparent = to_regclass(quote_ident(t.name))
    JOIN pg_class c ON c.oid = i.inhrelid) AS p
WHERE first IS NOT NULL;
COMMENT ON VIEW vpn_traffic_partitions IS 'the partitions of all tables: they hold first <= time < next, in UTC';

-- Kept by vpn_traffic_drop_partition. Only the owner writes it.
CREATE TABLE vpn_traffic_gone (
    retention text NOT NULL CHECK (retention IN ('raw', 'minute', 'hour')),
    first     date NOT NULL,
    next      date NOT NULL,
    PRIMARY KEY (retention, first)
);
COMMENT ON TABLE vpn_traffic_gone IS 'the days, first <= day < next, of which retention has dropped rows or sums: what a level has of them is not all, whatever comes later';
