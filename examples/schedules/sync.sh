#!/bin/bash
# One sync, for cron, a systemd timer or a container: `sync.sh FOLDER`. The folder holds config.json, target.json and
# what the script writes: state.json, the lock and the logs of the last run, readable only by the user who runs it.
#
# Exit code 0: everything was loaded, and nothing is printed. 75: the previous sync is still running. Any other: the tap's or,
# if the tap succeeded, the target's; the last line on standard error gives the reason.
# TAP, TARGET and PYTHON may name other commands. It needs bash 4.4 or newer and flock.
set -u
umask 077
tap=${TAP:-/opt/zuora-testenv/bin/tap-zuora-testenv}
target=${TARGET:-/opt/target-postgres/bin/target-postgres}
python=${PYTHON:-python3}
# target-postgres fills its columns in the time zone of its session.
export PGTZ=UTC

fail() {
    printf 'Misconfigured: %s\n' "$1" >&2
    exit 2
}

[[ $# == 1 && -n $1 ]] || fail 'sync.sh needs one argument, the folder of config.json and target.json.'
cd -- "$1" 2>/dev/null || fail "the folder $1 does not exist, or this user may not enter it."
for each in flock "$python" "$tap" "$target"; do
    command -v "$each" >/dev/null || fail "the command $each is not installed."
done
{ exec 9>sync.lock; } 2>/dev/null || fail "this user may not write into the folder $1."
flock --nonblock --conflict-exit-code 75 9
locked=$?
((locked != 75)) || echo 'Skipped: the previous sync is still running.' >&2
((locked == 0)) || exit $locked

# Prints the last line that is a whole JSON object: a killed target may leave half a line behind.
last_state() {
    "$python" -c '
import json, sys

state = b""
for line in sys.stdin.buffer:
    try:
        state = line if isinstance(json.loads(line), dict) else state
    except ValueError:
        pass
sys.stdout.buffer.write(state)
'
}

# Prints the last line that begins with the name of a Python exception, as more lines explain it; else the last line.
error_of_target() {
    grep -E '^(\w+\.)+\w+: |^\w*(Error|Exception): ' target.log | tail -n 1 | grep . || grep . target.log | tail -n 1
}

test -s state.json || echo '{}' >state.json
exec 3> >(exec "$target" --config target.json >states.jsonl 2>target.log)
target_process=$!
"$tap" --config config.json --state state.json >&3 3>&- 2>tap.log &
tap_process=$!
# The target reads until the last writer is gone.
exec 3>&-

# A signal is for the tap, which then writes the state of what it emitted; the target stores both and ends.
signalled=
for signal in HUP INT TERM; do
    trap "signalled=1; kill -s $signal $tap_process 2>/dev/null" "$signal"
done

# Returns the exit code of a process, also if a signal interrupts the wait.
code_of() {
    local code
    while true; do
        signalled=
        wait "$1"
        code=$?
        [[ $signalled ]] || return $code
    done
}

code_of $tap_process
tap_code=$?
code_of $target_process
target_code=$?

# The states are those of stored rows, also if the tap or the target failed later. Half a file never becomes the state.
if ! last_state <states.jsonl >state.json.new; then
    echo 'Stopped: the state could not be written; the next sync loads the same rows again.' >&2
    exit 1
fi
if test -s state.json.new; then
    mv state.json.new state.json
fi
rm -f state.json.new

# If both failed, the target is usually the cause, as the tap then has nobody to write to; but not of a wrong setting.
((tap_code == 0 || tap_code == 2)) || tail -n 1 tap.log >&2
((target_code == 0)) || error_of_target >&2
((tap_code != 2)) || tail -n 1 tap.log >&2
exit $((tap_code != 0 ? tap_code : target_code))
