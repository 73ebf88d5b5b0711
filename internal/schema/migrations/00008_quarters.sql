-- Sums of quarters of a year over who talked to whom: of a year, a quarter less is to be read.
CREATE TABLE vpn_traffic_quarter_by_pair (LIKE vpn_traffic_hour_by_pair, PRIMARY KEY (src, dst, host, time)) PARTITION BY RANGE (time);
CREATE INDEX ON vpn_traffic_quarter_by_pair USING brin (time) WITH (pages_per_range = 16);
INSERT INTO vpn_traffic_tables (name, span, filled, retention, unit, finer, level, keys) VALUES
    ('vpn_traffic_quarter_by_pair', 'month', 100, 'hour', 'quarter', 'vpn_traffic_month_by_pair', 'quarter', 'src, dst');
INSERT INTO vpn_traffic_units VALUES ('quarter', 'month', 5);
COMMENT ON COLUMN vpn_traffic_summed_up.unit IS 'quarter_day, day, third_month (which begins on the 1st, 11th or 21st), month or quarter (of a year), in UTC';
