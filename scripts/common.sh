# What the scripts share. Sourced, never run.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "$*"
    exit 1
}

# The Pythons of this machine, one a line, those of pyenv last: a shim of pyenv may be there and not work.
pythons() {
    local name
    for name in python3 python3.13 python3.12 python3.11; do
        command -v "$name" || true
    done
    if command -v pyenv >/dev/null; then
        ls -d "$(pyenv root)"/versions/3.1[123].*/bin/python3 2>/dev/null || true
    fi
}

# find_python LEAST MOST: print the first 64-bit Python 3.LEAST to 3.MOST that can make environments.
find_python() {
    local python answer incomplete=''
    while read -r python; do
        answer=$("$python" - "$@" 2>/dev/null <<'PROBE'
import importlib.util, sys
least, most = map(int, sys.argv[1:])
fits = (3, least) <= sys.version_info[:2] <= (3, most) and sys.maxsize > 2**32
whole = all(importlib.util.find_spec(name) for name in ("venv", "ensurepip"))
print("yes" if fits and whole else "incomplete" if fits else "no")
PROBE
        ) || continue
        case $answer in
        yes)
            echo "$python"
            return
            ;;
        incomplete) incomplete=$python ;;
        esac
    done < <(pythons)
    [[ -z $incomplete ]] || fail "$incomplete cannot make environments: sudo apt install python3-venv"
    local found
    found=$(pythons | while read -r python; do "$python" -V 2>/dev/null || true; done | sort -u | paste -sd,)
    fail "A 64-bit Python 3.$1 to 3.$2 is needed; found: ${found:-none}. On Debian 12 or later:" \
        "sudo apt install python3 python3-venv; elsewhere pyenv or uv bring one."
}

# as_root COMMAND...: run it as root, by sudo where we are not; fails where that cannot be.
as_root() {
    if [[ $(id -u) == 0 ]]; then
        "$@"
    else
        command -v sudo >/dev/null && sudo "$@"
    fi
}

# make_environment FOLDER LOCK LEAST MOST: have FOLDER hold requirements/LOCK.txt and the project, editable.
# Nothing is done where its stamp says that it does; the lock `test` holds all of `run`.
make_environment() {
    local folder=$root/$1 lock=$2 python stamp
    stamp=$(stamp_of "$folder" "$lock") || stamp=''
    if [[ -n $stamp ]] && grep -qsxF "$stamp" "$folder/stamp"; then
        return
    fi
    if [[ -z $stamp ]] || ! grep -qsF "${stamp#* * }" "$folder/stamp"; then # another Python, or the folder has moved
        python=$(find_python "$3" "$4")
        say "Making the environment $1 with $("$python" -V) ..."
        "$python" -m venv --clear "$folder"
    fi
    say "Installing requirements/$lock.txt into $1 ..."
    local pip=("$folder/bin/python" -m pip --quiet --disable-pip-version-check install)
    rm -f "$folder/stamp"
    "${pip[@]}" --require-hashes -r "$root/requirements/$lock.txt"
    "${pip[@]}" --no-deps --no-build-isolation -e "$root"
    [[ $lock != test ]] || stamp_of "$folder" run >"$folder/stamp"
    stamp_of "$folder" "$lock" >>"$folder/stamp"
}

# stamp_of FOLDER LOCK: print what an environment that is up to date was made of: the lock, the hash of what it was read
# from, its place and its Python. Fails where that does not run.
stamp_of() {
    local version
    version=$("$1/bin/python" -V 2>/dev/null) || return
    printf '%s %s %s %s\n' "$2" "$(cat "$root/requirements/$2.txt" "$root/pyproject.toml" | sha256sum | cut -c1-16)" \
        "$root" "$version"
}

# need_programs NAME[=PACKAGE]...: have these programs, by apt-get where they are missing; a package without a name of its
# own is called as its program.
need_programs() {
    PATH=$PATH:/usr/sbin # where Debian keeps daemons, and not on everybody's path
    local name missing=()
    for name in "$@"; do
        command -v "${name%%=*}" >/dev/null || missing+=("${name#*=}")
    done
    ((${#missing[@]})) || return 0
    say "Installing ${missing[*]} with apt-get ..."
    local get=(env DEBIAN_FRONTEND=noninteractive apt-get -qq)
    if ! { as_root "${get[@]}" update && as_root "${get[@]}" install -y --no-install-recommends "${missing[@]}"; } >&2; then
        fail "The tests need ${missing[*]}, which apt-get cannot install here. On Debian, as root:" \
            "apt-get install ${missing[*]}"
    fi
}

# use_data: let TAPETUM_DATA name the folder of real data beside the checkout, where there is one and none is named.
use_data() {
    if [[ -z ${TAPETUM_DATA:-} && -d $root/../shared/data ]]; then
        TAPETUM_DATA=$(cd "$root/../shared/data" && pwd)
        export TAPETUM_DATA
    fi
}
