-- A head asks shards, which are servers of dblink_fdw, all at once. It has one connection
-- to each as long as its session lasts. Only its owner may ask what it likes: all others
-- call functions that ask what they say, with the owner's rights and user mappings.

-- What is known of shards that have not answered: why, when that was found out, and until
-- when they are left alone. What waits for them does so once, not for each question.
CREATE OR REPLACE FUNCTION vpn_traffic_shards() RETURNS TABLE (shard text, reason text, left_alone boolean, warned boolean) LANGUAGE sql VOLATILE AS $$
    SELECT s.srvname, k.reason, coalesce(k.found = statement_timestamp() OR k.until > clock_timestamp(), false), coalesce(k.found = statement_timestamp(), false)
    FROM pg_foreign_server AS s JOIN pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw
        LEFT JOIN jsonb_to_recordset(coalesce(nullif(current_setting('vpn_traffic.silent', true), ''), '[]')::jsonb)
            AS k (shard text, reason text, found timestamptz, until timestamptz) ON k.shard = s.srvname
    WHERE w.fdwname = 'dblink_fdw' ORDER BY 1
$$;

-- Notes that a shard has not answered, and whether it was slow to say so.
CREATE OR REPLACE FUNCTION vpn_traffic_missed(missed text, why text, slow boolean) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    known jsonb := coalesce(nullif(current_setting('vpn_traffic.silent', true), ''), '[]');
BEGIN
    RAISE WARNING 'no answer of shard %: %', missed, why;
    PERFORM set_config('vpn_traffic.silent', (jsonb_build_array(jsonb_build_object('shard', missed, 'reason', why, 'found', statement_timestamp(),
        'until', clock_timestamp() + CASE WHEN slow THEN interval '30 seconds' ELSE interval '0' END))
        || coalesce((SELECT jsonb_agg(k) FROM jsonb_array_elements(known) AS k WHERE k ->> 'shard' <> missed), '[]'))::text, false);
    IF missed = ANY (dblink_get_connections()) THEN
        PERFORM dblink_disconnect(missed);
    END IF;
END $$;

-- Sends a query to a shard. Over a connection that was there before, it may not arrive.
CREATE OR REPLACE FUNCTION vpn_traffic_send(shard text, query text, anew boolean) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    there boolean := coalesce(shard = ANY (dblink_get_connections()), false);
BEGIN
    IF there AND (anew OR dblink_is_busy(shard) = 1) THEN -- with what a cancelled question has left
        PERFORM dblink_disconnect(shard);
        there := false;
    END IF;
    IF NOT there THEN
        PERFORM dblink_connect(shard, shard);
        PERFORM dblink_exec(shard, format('SET jit = off; SET datestyle = ISO; SET timezone = UTC; SET work_mem = ''32MB'';
            SET default_transaction_read_only = on; SET client_connection_check_interval = ''5s''; SET statement_timeout = %s', (1000 * extract(epoch FROM vpn_traffic_patience()))::bigint));
    END IF;
    IF dblink_send_query(shard, query) <> 1 THEN
        RAISE EXCEPTION '%', dblink_error_message(shard);
    END IF;
END $$;

-- How long an answer may take.
CREATE OR REPLACE FUNCTION vpn_traffic_patience() RETURNS interval LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(current_setting('vpn_traffic.patience', true), ''), '30 s')::interval
$$;

-- Waits for the answer of a shard.
CREATE OR REPLACE FUNCTION vpn_traffic_await(shard text, since timestamptz) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    pause double precision := 0.0002;
BEGIN
    WHILE dblink_is_busy(shard) = 1 LOOP
        IF clock_timestamp() > since + vpn_traffic_patience() THEN
            RAISE EXCEPTION 'it took longer than %', vpn_traffic_patience();
        END IF;
        PERFORM pg_sleep(pause);
        pause := least(pause * 1.2, 0.02);
    END LOOP;
END $$;

-- The answer of a shard. It is no error of ours that the shard ends in an error: one of
-- a query that is cancelled there would cancel ours.
CREATE OR REPLACE FUNCTION vpn_traffic_receive(shard text, columns text) RETURNS SETOF record LANGUAGE plpgsql VOLATILE
SET client_min_messages = warning AS $$
DECLARE
    error text;
BEGIN
    RETURN QUERY EXECUTE format('SELECT * FROM dblink_get_result(%L, false) AS r (%s)', shard, columns);
    error := dblink_error_message(shard);
    IF error <> 'OK' THEN
        RAISE EXCEPTION '%', regexp_replace(split_part(error, E'\n', 1), '^ERROR: *', '');
    END IF;
    PERFORM FROM dblink_get_result(shard) AS r (nothing text); -- which ends the answer
END $$;

-- The rows of a query in all shards. A shard that does not answer is left out, with a
-- warning that names it, and not asked again by the same statement. That none answers is
-- an error, unless it is all that is asked: nothing would look like no traffic.
CREATE OR REPLACE FUNCTION vpn_traffic_ask(query text, columns text, strict boolean DEFAULT true) RETURNS SETOF record LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    began    timestamptz := clock_timestamp();
    waited   timestamptz;
    kept     text[] := coalesce(dblink_get_connections(), '{}');
    asked    text[] := '{}';
    answered boolean := false;
    s        record;
    shard    text;
BEGIN
    FOR s IN SELECT * FROM vpn_traffic_shards() LOOP
        CONTINUE WHEN s.warned;
        waited := clock_timestamp();
        BEGIN
            IF s.left_alone THEN
                RAISE EXCEPTION '%', s.reason;
            END IF;
            PERFORM vpn_traffic_send(s.shard, query, false);
            asked := asked || s.shard;
        EXCEPTION WHEN OTHERS THEN
            PERFORM vpn_traffic_missed(s.shard, SQLERRM, s.left_alone OR clock_timestamp() > waited + interval '1 second');
        END;
    END LOOP;
    FOREACH shard IN ARRAY asked LOOP
        FOR attempt IN 1..2 LOOP -- the second, where a connection may have been lost since it was used
            BEGIN
                IF attempt = 2 THEN
                    PERFORM vpn_traffic_send(shard, query, true);
                END IF;
                PERFORM vpn_traffic_await(shard, began);
                RETURN QUERY EXECUTE format('SELECT * FROM vpn_traffic_receive(%L, %L) AS r (%s)', shard, columns, columns);
                answered := true;
                EXIT;
            EXCEPTION WHEN OTHERS THEN
                IF attempt = 2 OR NOT shard = ANY (kept) OR clock_timestamp() > began + vpn_traffic_patience() THEN
                    PERFORM vpn_traffic_missed(shard, SQLERRM, clock_timestamp() > began + vpn_traffic_patience());
                    EXIT;
                END IF;
            END;
        END LOOP;
    END LOOP;
    IF strict AND NOT answered THEN
        RAISE EXCEPTION 'no shard answers: %', coalesce((SELECT string_agg(k.shard || ': ' || k.reason, '; ') FROM vpn_traffic_shards() AS k), 'there are none')
            USING HINT = 'A shard is a server of dblink_fdw, with a user mapping for the owner of these functions.';
    END IF;
END $$;

CREATE OR REPLACE FUNCTION vpn_traffic_silent() RETURNS TABLE (shard text, reason text) LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM FROM vpn_traffic_ask('SELECT 1', 'one integer', false) AS a (one integer);
    RETURN QUERY SELECT s.shard, s.reason FROM vpn_traffic_shards() AS s WHERE s.left_alone;
END $$;
