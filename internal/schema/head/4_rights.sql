-- Readers may call what asks the shards what it says, with the owner's rights. Only the
-- owner may ask them what it likes, and only the owner needs a user mapping.
DO $$
DECLARE
    f regprocedure;
BEGIN
    FOR f IN SELECT oid FROM pg_proc WHERE pronamespace = quote_ident(current_schema())::regnamespace AND proname = ANY (
        '{vpn_traffic_series, vpn_traffic_totals, vpn_traffic_pairs, vpn_traffic_values, vpn_traffic_rates, vpn_traffic_peers, vpn_traffic_outages,
        vpn_traffic_heard, vpn_traffic_counts, vpn_traffic_sizes}') LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER', f);
    END LOOP;
    FOR f IN SELECT oid FROM pg_proc WHERE pronamespace = quote_ident(current_schema())::regnamespace AND proname LIKE 'vpn\_traffic\_%' AND prosecdef LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
        IF to_regrole('vpn_traffic_reader') IS NOT NULL THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO vpn_traffic_reader', f);
        END IF;
    END LOOP;
    FOR f IN SELECT oid FROM pg_proc WHERE pronamespace = quote_ident(current_schema())::regnamespace AND proname = ANY (
        '{vpn_traffic_ask, vpn_traffic_send, vpn_traffic_await, vpn_traffic_receive, vpn_traffic_missed, vpn_traffic_ranked}') LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
    END LOOP;
    IF to_regrole('vpn_traffic_reader') IS NOT NULL THEN
        GRANT SELECT ON vpn_traffic_values, vpn_traffic_name_history, vpn_traffic_gone, vpn_traffic_events, sink_status TO vpn_traffic_reader;
    END IF;
END $$;
