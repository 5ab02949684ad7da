#!/bin/sh
# Makes .venv and installs locked packages into it: `sh requirements/install.sh demo`, `report`, `dev`, `meltano`,
# `airflow`, `bench` or `mutants`, from the checkout. Packages that conflict with the tap's get a separate environment
# inside it.
#
# A step that was done before, from the same files in the same place, is not repeated. A .venv that is half made, that no
# longer runs, or that belongs to a checkout that was moved is made again; one that this script did not make is left
# alone. Everything is installed by hash, as wheels.
set -eu

wanted=$1
python=${PYTHON:-python3}
venv=.venv
stamps=$venv/made-of
child=
beside=
# Counts the packages of the second file that are not in the first.
count_new='!/^[a-z0-9].*==/ { next } FILENAME == ARGV[1] { there[$1]; next } !($1 in there) { new++ } END { print new + 0 }'

say() {
    for line; do
        printf '%s\n' "$line" >&2
    done
}

fail() {
    say '' "$@"
    end 1
}

# A shell does not forward signals to its child, and background children ignore Ctrl-C.
end() {
    # A signal may arrive just when a child was started.
    [ "$child" != starting ] || child=$!
    [ "$beside" != starting ] || beside=$!
    for each in $child $beside; do
        kill -TERM "$each" 2>/dev/null || :
    done
    wait
    exit "$1"
}
trap 'end 129' HUP
trap 'end 130' INT
trap 'end 143' TERM

run() {
    child=starting
    "$@" &
    child=$!
    code=0
    wait "$child" || code=$?
    child=
    return "$code"
}

# The place is part of it: the commands in .venv/bin contain its path.
fingerprint() {
    case $1 in
    project) set -- pyproject.toml ;;
    *) set -- "requirements/$1.txt" ;;
    esac
    { pwd -P && cat "$@"; } | cksum
}

done_before() {
    [ "$(cat "$stamps/$1" 2>/dev/null)" = "$(fingerprint "$1")" ]
}

# Its Python runs and finds its packages: neither is true after the Python that it was made with was replaced.
runs() {
    "$venv/bin/python" -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("singer_sdk") is None)' \
        >/dev/null 2>&1
}

# If PYTHON was given, .venv must have that Python; otherwise any will do.
right_python() {
    [ -z "${PYTHON_GIVEN:-}" ] || [ "$(version_of "$python")" = "$(version_of "$venv/bin/python")" ]
}

version_of() {
    "$1" -c 'import sys; print(sys.base_prefix, sys.version)' 2>&1
}

check_python() {
    name_another='or name another one: make demo PYTHON=/path/to/python3.12'
    command -v "$python" >/dev/null 2>&1 || fail \
        "There is no $python on the PATH. This needs Python 3.11 or newer: install it (Debian, Ubuntu:" \
        "apt install python3 python3-venv; Fedora: dnf install python3; macOS: brew install python)," \
        "$name_another"
    "$python" -c 'pass' || fail "$python exists but does not run (its output is above). Fix it," "$name_another"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail \
        "$python is $("$python" -V 2>&1), and this needs Python 3.11 or newer. Install a newer one," "$name_another"
    "$python" -c 'import ensurepip, venv' 2>/dev/null || fail \
        "$("$python" -V 2>&1) lacks its modules venv and ensurepip, which make the folder .venv." \
        "Install them (Debian, Ubuntu: apt install python3-venv)," "$name_another"
}

# The folder of stamps is made first and stays: so a .venv that is not empty and lacks it is not ours.
check_venv() {
    [ -d "$stamps" ] || [ -z "$(ls -A "$venv" 2>/dev/null)" ] || fail \
        "The folder .venv was not made by this script, which would wipe it: move it away, or remove it," \
        "and run the same command again."
}

# Like `venv --clear`, except for the folder of stamps.
clear_venv() {
    mkdir -p "$stamps" && rm -f "$stamps"/* || return
    for each in "$venv"/* "$venv"/.[!.]*; do
        [ "$each" = "$stamps" ] || rm -rf "$each" || return
    done
}

make_venv() {
    say "Making .venv with $("$python" -V 2>&1)."
    { clear_venv && run "$python" -m venv "$venv"; } || fail \
        "The folder .venv could not be made (the reason is above): is there room, and may you write here?"
    "$venv/bin/python" -m pip --version >/dev/null || fail \
        ".venv was made without pip. Install pip for $python (Debian, Ubuntu: apt install python3-pip python3-venv)."
}

# PIP_USER would install the packages outside .venv.
pip() {
    PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 run "$venv/bin/python" -m pip "$@"
}

download() {
    pip "$@" || fail \
        "pip could not install the packages (its output is above). It needs the network once, or a mirror" \
        "that it is configured for. When that is fixed, run the same command again: it starts from the beginning."
}

# Installs what was not installed before: `new` into .venv, which is empty if nothing is, and `new_apart` within it.
install_packages() {
    there=/dev/null
    ! done_before demo || there=requirements/demo.txt
    count=0
    [ -z "$new" ] || count=$(awk "$count_new" "$there" "requirements/$new.txt")
    for each in $new_apart; do
        count=$((count + $(awk "$count_new" /dev/null "requirements/$each.txt")))
    done
    say "Installing $count packages into .venv, once: about $((count / 150 + 1)) min, depending on the network."
    started=$(date +%s)
    # At the same time: pip uses one processor core.
    beside=starting
    install_apart &
    beside=$!
    if [ -n "$new" ]; then
        # Without their stamps, what an interruption leaves behind is thrown away next time.
        for each in $shared; do rm -f "$stamps/$each"; done
        download install --quiet --require-hashes --only-binary :all: --requirement "requirements/$new.txt"
    fi
    wait "$beside" || end 1
    beside=
    if [ -n "$new" ]; then
        # The packages of demo are among those of the others, in the same versions; those of airflow and report in dev.
        fingerprint demo >"$stamps/demo"
        [ "$new" != dev ] || for each in airflow report; do fingerprint "$each" >"$stamps/$each"; done
        fingerprint "$new" >"$stamps/$new"
    fi
    say "Installed in $(($(date +%s) - started)) s."
}

install_apart() {
    trap 'end 143' TERM
    beside=
    for name in $new_apart; do
        rm -f "$stamps/$name"
        case $name in
        singer-tools | target-jsonl) install_from_source "$name" ;;
        # Its many packages are used three times: compiling all of them takes longer than it saves.
        warehouses) install_within "$name" --no-compile ;;
        # Its DuckDB has no wheel for Python 3.14.
        target-duckdb) ! "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info >= (3, 14))' || install_within "$name" ;;
        *) install_within "$name" ;;
        esac
        fingerprint "$name" >"$stamps/$name"
    done
}

make_venv_within() {
    tools=$venv/$1
    run "$venv/bin/python" -m venv --clear --without-pip "$tools" || fail "The folder $tools could not be made."
}

# More options of pip may follow the name.
install_within() {
    file=requirements/$1.txt
    make_venv_within "$1"
    shift
    download --python "$tools/bin/python" install --quiet --require-hashes --only-binary :all: "$@" \
        --requirement "$file"
}

# Some of its packages are published only as source: setuptools is installed first, also by hash, and builds them.
install_from_source() {
    file=requirements/$1.txt
    make_venv_within "$1"
    awk '/^[^ ]/ { wanted = /^setuptools==/ } wanted' "$file" >"$tools/setuptools.txt"
    set -- --python "$tools/bin/python" install --quiet --require-hashes
    download "$@" --only-binary :all: --requirement "$tools/setuptools.txt"
    # The old way to install from source, which older versions of pip prefer, fails if the path has a space.
    PIP_USE_PEP517=1 download "$@" --no-build-isolation --requirement "$file"
}

install_project() {
    rm -f "$stamps/project"
    pip install --quiet --no-deps --no-build-isolation --editable . || fail \
        "The tap itself could not be installed from this checkout; the output of pip is above."
    fingerprint project >"$stamps/project"
}

# The sets of packages that are installed into .venv itself.
shared='airflow bench demo dev mutants report'
# Which of them is wanted, and which sets have a separate environment beside it.
packages=$wanted
apart=
case $wanted in
airflow) apart=meltano ;;
dev) apart='dbt meltano warehouses singer-tools target-duckdb target-jsonl' ;;
meltano) packages=demo apart=meltano ;;
report) apart=dbt ;;
esac

new=
if ! { done_before "$packages" && runs && right_python; }; then
    if ! { done_before demo && runs && right_python; }; then
        check_venv
        check_python
        make_venv
    fi
    new=$packages
fi
new_apart=
for each in $apart; do
    done_before "$each" || new_apart="$new_apart $each"
done
[ -z "$new$new_apart" ] || install_packages
done_before project || install_project
