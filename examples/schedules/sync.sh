#!/bin/bash
# One sync, for cron or a systemd timer: `sync.sh FOLDER`, in which config.json, target.json and the state lie.
#
# Exit code 0: all was loaded, and nothing is said. 75: the sync before this one still runs. Any other: that of the tap
# or, if the tap has none, of the target; the last line says why. TAP and TARGET may name other commands.
set -u
umask 077
tap=${TAP:-/opt/zuora-testenv/bin/tap-zuora-testenv}
target=${TARGET:-/opt/target-postgres/bin/target-postgres}
# target-postgres fills its columns in the time zone of its session.
export PGTZ=UTC

cd "$1" || exit 1
exec 9>sync.lock
if ! flock --nonblock 9; then
    echo 'Skipped: the sync before this one still runs.' >&2
    exit 75
fi

test -s state.json || echo '{}' >state.json
"$tap" --config config.json --state state.json 2>tap.log | "$target" --config target.json >states.jsonl 2>target.log
codes=("${PIPESTATUS[@]}")

# The target says what is stored, also when the tap could not do everything. In one step: half a state is none.
if test -s states.jsonl; then
    tail -n 1 states.jsonl >state.json.new && mv state.json.new state.json
fi

if ((codes[1] != 0)); then
    tail -n 1 target.log >&2
fi
if ((codes[0] != 0)); then
    tail -n 1 tap.log >&2
fi
exit $((codes[0] != 0 ? codes[0] : codes[1]))
