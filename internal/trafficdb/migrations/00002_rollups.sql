-- +goose Up

-- Sums of vpn_traffic, so that dashboards need not read its rows. The import
-- keeps them in its own transaction, from the rows that it really inserted.
--
-- Per report: a late part of a report adds rows of its own, so sum over them.
CREATE TABLE vpn_traffic_by_src (
    time             timestamptz      NOT NULL,
    host             text COLLATE "C" NOT NULL,
    src              text COLLATE "C" NOT NULL,
    proto            text COLLATE "C" NOT NULL,
    port             integer          NOT NULL,
    src_packets      bigint           NOT NULL,
    src_bytes        bigint           NOT NULL,
    dst_packets      bigint           NOT NULL,
    dst_bytes        bigint           NOT NULL,
    connection_times bigint           NOT NULL,
    connection_count bigint           NOT NULL,
    open_connections bigint
) PARTITION BY RANGE (time);
CREATE INDEX ON vpn_traffic_by_src USING brin (time) WITH (pages_per_range = 16, autosummarize = on);

CREATE TABLE vpn_traffic_by_dst (LIKE vpn_traffic_by_src) PARTITION BY RANGE (time);
ALTER TABLE vpn_traffic_by_dst RENAME src TO dst;
CREATE INDEX ON vpn_traffic_by_dst USING brin (time) WITH (pages_per_range = 16, autosummarize = on);

CREATE TABLE vpn_traffic_by_port (LIKE vpn_traffic_by_src) PARTITION BY RANGE (time);
ALTER TABLE vpn_traffic_by_port DROP src;
CREATE INDEX ON vpn_traffic_by_port USING brin (time) WITH (pages_per_range = 16, autosummarize = on);

-- Per minute and per hour, one row for each key. time is where the minute or
-- the hour begins, in UTC. open_connections is the sum of the gauge over the
-- reports: divide it by the tracked reports of the same time to get an average.
CREATE TABLE vpn_traffic_minute_by_src  (LIKE vpn_traffic_by_src,  PRIMARY KEY (time, host, src, proto, port)) PARTITION BY RANGE (time);
CREATE TABLE vpn_traffic_minute_by_dst  (LIKE vpn_traffic_by_dst,  PRIMARY KEY (time, host, dst, proto, port)) PARTITION BY RANGE (time);
CREATE TABLE vpn_traffic_minute_by_port (LIKE vpn_traffic_by_port, PRIMARY KEY (time, host, proto, port))      PARTITION BY RANGE (time);
CREATE TABLE vpn_traffic_hour_by_src    (LIKE vpn_traffic_by_src,  PRIMARY KEY (time, host, src, proto, port)) PARTITION BY RANGE (time);
CREATE TABLE vpn_traffic_hour_by_dst    (LIKE vpn_traffic_by_dst,  PRIMARY KEY (time, host, dst, proto, port)) PARTITION BY RANGE (time);
CREATE TABLE vpn_traffic_hour_by_port   (LIKE vpn_traffic_by_port, PRIMARY KEY (time, host, proto, port))      PARTITION BY RANGE (time);

-- Who talks to whom, per hour: all ports together.
CREATE TABLE vpn_traffic_hour_by_pair (
    time             timestamptz      NOT NULL,
    host             text COLLATE "C" NOT NULL,
    src              text COLLATE "C" NOT NULL,
    dst              text COLLATE "C" NOT NULL,
    src_packets      bigint           NOT NULL,
    src_bytes        bigint           NOT NULL,
    dst_packets      bigint           NOT NULL,
    dst_bytes        bigint           NOT NULL,
    connection_times bigint           NOT NULL,
    connection_count bigint           NOT NULL,
    open_connections bigint,
    PRIMARY KEY (time, host, src, dst)
) PARTITION BY RANGE (time);

-- How many reports a minute or an hour has, and how many of them told
-- open_connections.
CREATE TABLE vpn_traffic_minute_reports (
    time    timestamptz      NOT NULL,
    host    text COLLATE "C" NOT NULL,
    reports bigint           NOT NULL,
    tracked bigint           NOT NULL,
    PRIMARY KEY (time, host)
) WITH (fillfactor = 50);
CREATE TABLE vpn_traffic_hour_reports (LIKE vpn_traffic_minute_reports INCLUDING INDEXES) WITH (fillfactor = 50);

-- What each column has held, for the variables of dashboards.
CREATE TABLE vpn_traffic_names (
    kind      text COLLATE "C" NOT NULL,
    name      text COLLATE "C" NOT NULL,
    first_day date             NOT NULL,
    last_day  date             NOT NULL,
    PRIMARY KEY (kind, name)
);
COMMENT ON TABLE vpn_traffic_names IS 'the values of src, dst, proto, port and host (kind), and the days, in UTC, of their first and last rows';
