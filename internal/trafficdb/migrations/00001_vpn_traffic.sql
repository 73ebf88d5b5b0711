-- +goose Up

-- The first twelve columns are a public contract: dashboards query them.
CREATE TABLE vpn_traffic (
    time             timestamptz      NOT NULL,
    src              text COLLATE "C" NOT NULL,
    dst              text COLLATE "C" NOT NULL,
    proto            text COLLATE "C" NOT NULL,
    port             integer          NOT NULL,
    src_packets      bigint           NOT NULL,
    src_bytes        bigint           NOT NULL,
    dst_packets      bigint           NOT NULL,
    dst_bytes        bigint           NOT NULL,
    connection_times bigint           NOT NULL,
    connection_count bigint           NOT NULL,
    open_connections bigint,
    host             text COLLATE "C" NOT NULL DEFAULT ''
) PARTITION BY RANGE (time);

COMMENT ON TABLE vpn_traffic IS 'traffic of source and destination groups, accounted to the opener of the connection';
COMMENT ON COLUMN vpn_traffic.port IS 'destination port of the opener; -1 for all ports that are not told apart';
COMMENT ON COLUMN vpn_traffic.connection_times IS 'milliseconds: lifetimes of the connections counted, summed';
COMMENT ON COLUMN vpn_traffic.connection_count IS 'connections that closed in the interval';
COMMENT ON COLUMN vpn_traffic.open_connections IS 'a gauge: connections open at the end of the interval; null where it is not tracked';
COMMENT ON COLUMN vpn_traffic.host IS 'the gateway that accounted; empty where the report does not tell';

CREATE INDEX vpn_traffic_time ON vpn_traffic USING brin (time) WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX vpn_traffic_src_dst ON vpn_traffic (src, dst);

-- Each day from 2000 to 2099 gets a partition of its own when its first row
-- comes. What clocks that are far off say lands in these two. There is no
-- default partition: attaching a day would have to wait for its readers.
CREATE TABLE vpn_traffic_before_2000 PARTITION OF vpn_traffic
    FOR VALUES FROM (MINVALUE) TO ('2000-01-01 00:00:00+00');
CREATE TABLE vpn_traffic_after_2099 PARTITION OF vpn_traffic
    FOR VALUES FROM ('2100-01-01 00:00:00+00') TO (MAXVALUE);

-- A row for each report, that is for each (host, time) of which rows have
-- come. Importing locks it. That keeps vpn_traffic exact without a unique index
-- over the row key: only rows of a report seen before have to be looked for.
CREATE TABLE vpn_traffic_reports (
    host       text COLLATE "C" NOT NULL,
    time       timestamptz      NOT NULL,
    deliveries integer          NOT NULL DEFAULT 1,
    PRIMARY KEY (host, time)
);

COMMENT ON COLUMN vpn_traffic_reports.deliveries IS 'how often rows of the report have come: more than once when it came in parts, or again';
