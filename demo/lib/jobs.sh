# shellcheck shell=bash disable=SC2154 # state: state.sh
# Messages, waiting, and programs in the background that end with the demo.

say() { printf 'demo: %s\n' "$*"; }

die() {
    printf 'demo: %s\n' "$*" >&2
    exit 1
}

job_names=()
job_pids=()
job_signals=()

# start NAME SIGNAL COMMAND...: runs it in the background, with its output in a
# log. A session of its own keeps Ctrl-C from it: stop_jobs ends jobs in order.
# Should the demo be killed outright, the kernel signals the job.
start() {
    local name=$1 signal=$2
    shift 2
    setsid setpriv --pdeathsig "$signal" "$@" >"$state/log/$name.log" 2>&1 </dev/null &
    job_names+=("$name")
    job_pids+=($!)
    job_signals+=("$signal")
}

# stop_jobs ends them in reverse: who writes ends before what it writes to.
stop_jobs() {
    local i pid tenths
    for ((i = ${#job_pids[@]} - 1; i >= 0; i--)); do
        pid=${job_pids[i]}
        kill -"${job_signals[i]}" "$pid" 2>/dev/null || continue
        for ((tenths = 0; tenths < 200; tenths++)); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$pid" 2>/dev/null && say "${job_names[i]} had to be killed"
        wait "$pid" 2>/dev/null
    done
    job_pids=()
}

# check_jobs ends the demo, with the reason, if one of them ended by itself.
check_jobs() {
    local i
    for i in "${!job_pids[@]}"; do
        kill -0 "${job_pids[i]}" 2>/dev/null && continue
        tail -n 20 "$state/log/${job_names[i]}.log" >&2
        die "${job_names[i]} ended unexpectedly; above is the end of its log"
    done
}

# wait_for WHAT COMMAND...: until the command succeeds, for 60 seconds at most.
wait_for() {
    local what=$1 end=$((SECONDS + 60))
    shift
    until "$@" >/dev/null 2>&1; do
        check_jobs
        [ "$SECONDS" -lt "$end" ] || die "$what did not get ready within a minute"
        sleep 0.2
    done
}
