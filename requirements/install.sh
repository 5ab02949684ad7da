#!/bin/sh
# Makes .venv and puts locked packages into it: `sh requirements/install.sh demo`, `analytics`, `dev`, `meltano`,
# `airflow`, `bench` or `mutants`, from the checkout. What cannot live with the tap's packages gets an environment of its own within it.
#
# What was done before, from the same files in the same place, is not done again. A .venv that is half made, that no
# longer runs, or that came along with a moved checkout is made anew; one that this did not make is left alone.
# Everything is installed by hash, as wheels.
set -eu

wanted=$1
python=${PYTHON:-python3}
venv=.venv
stamps=$venv/made-of
child=
apart=

say() {
    for line; do
        printf '%s\n' "$line" >&2
    done
}

fail() {
    say '' "$@"
    end 1
}

# A shell that is told to end does not tell its child; and a child in the background hears no Ctrl-C.
end() {
    for each in $child $apart; do
        kill -TERM "$each" 2>/dev/null || :
    done
    wait
    exit "$1"
}
trap 'end 129' HUP
trap 'end 130' INT
trap 'end 143' TERM

run() {
    "$@" &
    child=$!
    code=0
    wait "$child" || code=$?
    child=
    return "$code"
}

# The lists of packages that a word names, one per line.
lists() {
    case $1 in
    project) set -- pyproject.toml ;;
    dev)
        set -- requirements/dev.txt requirements/dbt.txt requirements/meltano.txt requirements/singer-tools.txt \
            requirements/target-jsonl.txt requirements/warehouses.txt
        ;;
    report) set -- requirements/report.txt requirements/dbt.txt ;;
    airflow) set -- requirements/airflow.txt requirements/meltano.txt ;;
    meltano) set -- requirements/demo.txt requirements/meltano.txt ;;
    *) set -- "requirements/$1.txt" ;;
    esac
    printf '%s\n' "$@"
}

# The place is part of it: the commands in .venv/bin hold its path.
fingerprint() {
    { pwd -P && lists "$1" | xargs cat; } | cksum
}

done_before() {
    [ "$(cat "$stamps/$1" 2>/dev/null)" = "$(fingerprint "$1")" ]
}

# Its Python runs, and finds its packages: neither is so after the Python that it was made with was replaced.
runs() {
    "$venv/bin/python" -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("singer_sdk") is None)' \
        >/dev/null 2>&1
}

# A Python that was named on purpose is the one to use; otherwise the one of .venv will do.
right_python() {
    [ -z "${PYTHON_GIVEN:-}" ] || [ "$(version_of "$python")" = "$(version_of "$venv/bin/python")" ]
}

version_of() {
    "$1" -c 'import sys; print(sys.base_prefix, sys.version)' 2>&1
}

check_python() {
    name_another='or name one that is there: make demo PYTHON=/path/to/python3.12'
    command -v "$python" >/dev/null 2>&1 || fail \
        "There is no $python on the PATH. This needs Python 3.11 or newer: install it (Debian, Ubuntu:" \
        "apt install python3 python3-venv; Fedora: dnf install python3; macOS: brew install python)," \
        "$name_another"
    "$python" -c 'pass' || fail "$python is there but does not run (its own words stand above). Mend it," "$name_another"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail \
        "$python is $("$python" -V 2>&1), and this needs Python 3.11 or newer. Install a newer one," "$name_another"
    "$python" -c 'import ensurepip, venv' 2>/dev/null || fail \
        "$("$python" -V 2>&1) is there, but without its modules venv and ensurepip, which make the folder .venv." \
        "Install them (Debian, Ubuntu: apt install python3-venv)," "$name_another"
}

# The folder of stamps is made before all else and stays: so a .venv that holds something, but not that, is not ours.
check_venv() {
    [ -d "$stamps" ] || [ -z "$(ls -A "$venv" 2>/dev/null)" ] || fail \
        "The .venv that is here was made by something else, and would be wiped: move it away, or remove it," \
        "and give the same command again."
}

# As `venv --clear` does it, but for the stamps' folder.
clear_venv() {
    mkdir -p "$stamps" && rm -f "$stamps"/* || return
    for each in "$venv"/* "$venv"/.[!.]*; do
        [ "$each" = "$stamps" ] || rm -rf "$each" || return
    done
}

make_venv() {
    say "Making .venv with $("$python" -V 2>&1)."
    { clear_venv && run "$python" -m venv "$venv"; } || fail \
        "The folder .venv could not be made (the reason stands above): is there room, and may you write here?"
    "$venv/bin/python" -m pip --version >/dev/null || fail \
        ".venv was made without pip. Install pip for $python (Debian, Ubuntu: apt install python3-pip python3-venv)."
}

# PIP_USER would send the packages past .venv.
pip() {
    PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 run "$venv/bin/python" -m pip "$@"
}

download() {
    pip "$@" || fail \
        "pip could not install what is needed (its own words stand above). It needs the network once, or a mirror" \
        "that it is configured for. When that is mended, give the same command again: it starts afresh."
}

install_packages() {
    file=requirements/$wanted.txt
    [ "$wanted" != meltano ] || file=requirements/demo.txt
    count=$(lists "$wanted" | xargs cat | grep -c '^[a-z0-9].*==')
    say "Installing $count packages into .venv, once: about $((count / 150 + 1)) min, depending on the network."
    started=$(date +%s)
    # At the same time: pip uses one processor core.
    install_apart &
    apart=$!
    download install --quiet --require-hashes --only-binary :all: --requirement "$file"
    wait "$apart" || end 1
    apart=
    say "Installed in $(($(date +%s) - started)) s."
}

# What cannot live with the tap's packages.
install_apart() {
    trap 'end 143' TERM
    apart=
    case $wanted in
    dev)
        install_within dbt
        install_within meltano
        # Its many packages are used three times: to compile all of them takes longer than that saves.
        install_within warehouses --no-compile
        install_from_source singer-tools
        install_from_source target-jsonl
        ;;
    report) install_within dbt ;;
    airflow | meltano) install_within meltano ;;
    esac
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

# Parts of it are published as source only: setuptools comes first, by its hash too, and builds them.
install_from_source() {
    file=requirements/$1.txt
    make_venv_within "$1"
    awk '/^[^ ]/ { wanted = /^setuptools==/ } wanted' "$file" >"$tools/setuptools.txt"
    set -- --python "$tools/bin/python" install --quiet --require-hashes
    download "$@" --only-binary :all: --requirement "$tools/setuptools.txt"
    # The old way to install from source, which older pips prefer, cannot cope with a space in the path.
    PIP_USE_PEP517=1 download "$@" --no-build-isolation --requirement "$file"
}

install_project() {
    rm -f "$stamps/project"
    pip install --quiet --no-deps --no-build-isolation --editable . || fail \
        "The tap itself could not be installed from this checkout; pip's own words stand above."
    fingerprint project >"$stamps/project"
}

if ! { done_before "$wanted" && runs && right_python; }; then
    if ! { done_before demo && runs && right_python; }; then
        check_venv
        check_python
        make_venv
    fi
    # Without their stamps, what an interruption leaves behind is thrown away next time.
    rm -f "$stamps"/*
    install_packages
    # The packages of demo are among those of the others, in the same versions.
    fingerprint demo >"$stamps/demo"
    [ "$wanted" != dev ] || for each in airflow report meltano; do fingerprint "$each" >"$stamps/$each"; done
    [ "$wanted" = demo ] || fingerprint "$wanted" >"$stamps/$wanted"
fi
done_before project || install_project
