#!/bin/bash
# One run by Meltano, for cron: `meltano-sync.sh PROJECT [ARGUMENTS]`. Without arguments of meltano, it runs the schedule
# zuora-testenv-hourly in the environment prod. The whole log of the last run is PROJECT/.meltano/sync.log.
#
# Exit code 0: everything was loaded, and nothing is printed. 75: the previous run is still running. 2: somebody must
# act, the tap's verdict begins with Misconfigured. 1: any other failure. The lines on standard error are the verdict: of
# the tap, the target or dbt, whichever failed. MELTANO may name another command.
set -u
umask 077
meltano=${MELTANO:-/opt/meltano/bin/meltano}
export NO_COLOR=1 MELTANO_CLI_LOG_FORMAT=uncolored

fail() {
    printf 'Misconfigured: %s\n' "$1" >&2
    exit 2
}

[[ $# -gt 0 && -n $1 ]] || fail "meltano-sync.sh needs an argument, the folder of meltano.yml."
cd -- "$1" 2>/dev/null && test -f meltano.yml || fail "there is no meltano.yml in the folder $1."
project=$1
shift
(($# > 0)) || set -- --environment=prod schedule run zuora-testenv-hourly
for each in flock "$meltano"; do
    command -v "$each" >/dev/null || fail "the command $each is not installed."
done
{ mkdir -p .meltano && exec 9>.meltano/sync.lock; } 2>/dev/null || fail "this user may not write into the folder $project."
flock --nonblock --conflict-exit-code 75 9
locked=$?
((locked != 75)) || echo 'Skipped: the previous run is still running.' >&2
((locked == 0)) || exit $locked

# Prints what a plugin logged, of lines such as `2026-01-31T07:00:00Z [info     ] target-postgres ...`.
log_of() {
    sed -nE "s/^[^ ]+ \[[a-z]+ *\] $1 //p" .meltano/sync.log
}

"$meltano" "$@" >.meltano/sync.log 2>&1 && exit 0
tap=$(log_of tap-zuora-testenv | grep -E '^(Incomplete|Stopped|Misconfigured)\b' | tail -n 1)
target=$(log_of 'target-[a-z0-9-]+' | grep -E '^(\w+\.)+\w+: |^\w*(Error|Exception): ' | tail -n 1)
dbt=$(log_of 'dbt-[a-z0-9-]+' | sed -nE '/(Completed with|Encountered an error)/,$p' | grep . | head -n 10)
# If the tap and the target failed, the target is usually the cause, as the tap then has nobody to write to; but not of a
# wrong setting.
verdicts=("$tap" "$target" "$dbt")
[[ $tap != Misconfigured* ]] || verdicts=("$target" "$dbt" "$tap")
for verdict in "${verdicts[@]}"; do
    [[ -z $verdict ]] || printf '%s\n' "$verdict" >&2
done
if [[ -z $tap$target$dbt ]]; then
    # Meltano itself failed, or something that it could not start.
    { log_of ' *meltano +' | tail -n 5; } >&2
fi
[[ $tap != Misconfigured* ]] || exit 2
exit 1
