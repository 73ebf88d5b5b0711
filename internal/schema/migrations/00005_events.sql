-- What people know of a time: that an attack began, a contest, a new link. The
-- dashboards draw it on their charts.
CREATE TABLE vpn_traffic_events (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    time  timestamptz NOT NULL DEFAULT now(),
    until timestamptz CHECK (until >= time),
    title text        NOT NULL,
    text  text        NOT NULL DEFAULT '',
    tags  text[]      NOT NULL DEFAULT '{}',
    host  text COLLATE "C"
);
CREATE INDEX ON vpn_traffic_events (time);

COMMENT ON TABLE vpn_traffic_events IS 'what people know of a time, for the charts of dashboards';
COMMENT ON COLUMN vpn_traffic_events.until IS 'null: it happened at one moment';
COMMENT ON COLUMN vpn_traffic_events.host IS 'the gateway that it is about; null: all of them';

-- It gets another column, which no replacement of a function can do. The functions
-- are installed after this.
DROP FUNCTION IF EXISTS vpn_traffic_series(timestamptz, timestamptz, interval, text, text[], text[], text[], text[], text[], integer, text);
