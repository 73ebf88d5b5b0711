-- Sums of longer times than hours, and of the hours of all ports together, so that
-- questions about months need not read each hour. No import keeps them: vpn_traffic_sum_up
-- makes them of finer sums, when their time is over, and anew when more has come.
CREATE TABLE vpn_traffic_day_by_src  (LIKE vpn_traffic_hour_by_src,  PRIMARY KEY (src, proto, port, host, time)) PARTITION BY RANGE (time);
CREATE TABLE vpn_traffic_day_by_dst  (LIKE vpn_traffic_hour_by_dst,  PRIMARY KEY (dst, proto, port, host, time)) PARTITION BY RANGE (time);
CREATE TABLE vpn_traffic_day_by_port (LIKE vpn_traffic_hour_by_port, PRIMARY KEY (proto, port, host, time))      PARTITION BY RANGE (time);
-- Pairs are many: of a range with any ends, few of these are to be read.
CREATE TABLE vpn_traffic_quarter_day_by_pair (LIKE vpn_traffic_hour_by_pair, PRIMARY KEY (src, dst, host, time)) PARTITION BY RANGE (time);
CREATE TABLE vpn_traffic_day_by_pair         (LIKE vpn_traffic_hour_by_pair, PRIMARY KEY (src, dst, host, time)) PARTITION BY RANGE (time);
CREATE TABLE vpn_traffic_third_month_by_pair (LIKE vpn_traffic_hour_by_pair, PRIMARY KEY (src, dst, host, time)) PARTITION BY RANGE (time);
CREATE TABLE vpn_traffic_month_by_pair       (LIKE vpn_traffic_hour_by_pair, PRIMARY KEY (src, dst, host, time)) PARTITION BY RANGE (time);
CREATE TABLE vpn_traffic_hour_total_by_src (
    time             timestamptz      NOT NULL,
    src_packets      bigint           NOT NULL,
    src_bytes        bigint           NOT NULL,
    dst_packets      bigint           NOT NULL,
    dst_bytes        bigint           NOT NULL,
    connection_times bigint           NOT NULL,
    connection_count bigint           NOT NULL,
    open_connections bigint,
    host             text COLLATE "C" NOT NULL,
    src              text COLLATE "C" NOT NULL,
    PRIMARY KEY (src, host, time)
) PARTITION BY RANGE (time);
CREATE TABLE vpn_traffic_hour_total_by_dst (
    time             timestamptz      NOT NULL,
    src_packets      bigint           NOT NULL,
    src_bytes        bigint           NOT NULL,
    dst_packets      bigint           NOT NULL,
    dst_bytes        bigint           NOT NULL,
    connection_times bigint           NOT NULL,
    connection_count bigint           NOT NULL,
    open_connections bigint,
    host             text COLLATE "C" NOT NULL,
    dst              text COLLATE "C" NOT NULL,
    PRIMARY KEY (dst, host, time)
) PARTITION BY RANGE (time);
CREATE TABLE vpn_traffic_day_total_by_src (LIKE vpn_traffic_hour_total_by_src, PRIMARY KEY (src, host, time)) PARTITION BY RANGE (time);
CREATE TABLE vpn_traffic_day_total_by_dst (LIKE vpn_traffic_hour_total_by_dst, PRIMARY KEY (dst, host, time)) PARTITION BY RANGE (time);
CREATE INDEX ON vpn_traffic_day_total_by_src     USING brin (time) WITH (pages_per_range = 16);
CREATE INDEX ON vpn_traffic_day_total_by_dst     USING brin (time) WITH (pages_per_range = 16);
CREATE INDEX ON vpn_traffic_hour_total_by_src    USING brin (time) WITH (pages_per_range = 16);
CREATE INDEX ON vpn_traffic_hour_total_by_dst    USING brin (time) WITH (pages_per_range = 16);
CREATE INDEX ON vpn_traffic_day_by_src           USING brin (time) WITH (pages_per_range = 16);
CREATE INDEX ON vpn_traffic_day_by_dst           USING brin (time) WITH (pages_per_range = 16);
CREATE INDEX ON vpn_traffic_day_by_port          USING brin (time) WITH (pages_per_range = 16);
CREATE INDEX ON vpn_traffic_quarter_day_by_pair  USING brin (time) WITH (pages_per_range = 16);
CREATE INDEX ON vpn_traffic_day_by_pair          USING brin (time) WITH (pages_per_range = 16);
CREATE INDEX ON vpn_traffic_third_month_by_pair  USING brin (time) WITH (pages_per_range = 16);
CREATE INDEX ON vpn_traffic_month_by_pair        USING brin (time) WITH (pages_per_range = 16);

-- For which times each of these is made (unit), of what (finer), in which steps (level)
-- and with which keys. The tables without a unit are kept by imports.
ALTER TABLE vpn_traffic_tables ADD COLUMN unit text, ADD COLUMN finer text, ADD COLUMN level text, ADD COLUMN keys text;
INSERT INTO vpn_traffic_tables (name, span, filled, retention, unit, finer, level, keys) VALUES
    ('vpn_traffic_hour_total_by_src',   'month', 100, 'hour', 'day',         'vpn_traffic_hour_by_src',         'hour',        'src'),
    ('vpn_traffic_hour_total_by_dst',   'month', 100, 'hour', 'day',         'vpn_traffic_hour_by_dst',         'hour',        'dst'),
    ('vpn_traffic_day_total_by_src',    'month', 100, 'hour', 'day',         'vpn_traffic_hour_by_src',         'day',         'src'),
    ('vpn_traffic_day_total_by_dst',    'month', 100, 'hour', 'day',         'vpn_traffic_hour_by_dst',         'day',         'dst'),
    ('vpn_traffic_day_by_src',          'month', 100, 'hour', 'day',         'vpn_traffic_hour_by_src',         'day',         'src, proto, port'),
    ('vpn_traffic_day_by_dst',          'month', 100, 'hour', 'day',         'vpn_traffic_hour_by_dst',         'day',         'dst, proto, port'),
    ('vpn_traffic_day_by_port',         'month', 100, 'hour', 'day',         'vpn_traffic_hour_by_port',        'day',         'proto, port'),
    ('vpn_traffic_quarter_day_by_pair', 'month', 100, 'hour', 'quarter_day', 'vpn_traffic_hour_by_pair',        'quarter_day', 'src, dst'),
    ('vpn_traffic_day_by_pair',         'month', 100, 'hour', 'day',         'vpn_traffic_quarter_day_by_pair', 'day',         'src, dst'),
    ('vpn_traffic_third_month_by_pair', 'month', 100, 'hour', 'third_month', 'vpn_traffic_day_by_pair',         'third_month', 'src, dst'),
    ('vpn_traffic_month_by_pair',       'month', 100, 'hour', 'month',       'vpn_traffic_third_month_by_pair', 'month',       'src, dst');

-- The units, each of which is made of whole ones of the finer unit, with their number in
-- the order in which they are made.
CREATE TABLE vpn_traffic_units (
    unit  text PRIMARY KEY,
    finer text,
    place integer NOT NULL
);
INSERT INTO vpn_traffic_units VALUES ('quarter_day', NULL, 1), ('day', 'quarter_day', 2), ('third_month', 'day', 3), ('month', 'third_month', 4);

-- Whoever adds rows to one of them deletes its row here, in the same transaction (see
-- vpn_traffic_outdate). So sums are valid as long as the row that was there before they
-- were made is.
CREATE TABLE vpn_traffic_summed_up (
    unit  text        NOT NULL,
    first timestamptz NOT NULL,
    next  timestamptz NOT NULL,
    valid boolean     NOT NULL DEFAULT false,
    id    bigint      GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (unit, first)
);
COMMENT ON TABLE vpn_traffic_summed_up IS 'times, first <= time < next, of which longer sums are made, or are to be made';
COMMENT ON COLUMN vpn_traffic_summed_up.unit IS 'quarter_day, day, third_month (which begins on the 1st, 11th or 21st) or month, in UTC';
COMMENT ON COLUMN vpn_traffic_summed_up.valid IS 'the sums are made, and nothing has been added since';
