# Sourced by scripts/run, scripts/test and .ci/run: what they share about installing, configuring and building.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

say() { printf '%s\n' "$*" >&2; }
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# run_quietly LOG WHAT COMMAND...: output goes to LOG; only when the command fails is the end of LOG shown.
run_quietly() {
    local log=$1 what=$2
    shift 2
    mkdir -p "$(dirname "$log")"
    "$@" >"$log" 2>&1 </dev/null && return 0
    say "--- the last lines of $log"
    tail -n 60 "$log" >&2
    die "$what failed; the whole log is $log"
}

# package_present PACKAGE COMMANDS
package_present() {
    local command
    for command in ${2//,/ }; do
        [ "$command" != - ] && command -v "$command" >/dev/null && return 0
    done
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# require_packages GROUP...: installs those packages of the groups that are missing, and says which and why.
require_packages() {
    local group package commands purpose missing=()
    while read -r group package commands purpose; do
        case " $* " in *" $group "*) ;; *) continue ;; esac
        package_present "$package" "$commands" && continue
        missing+=("$package")
        say "missing: $package ($purpose)"
    done <"$root/scripts/lib/packages.txt"
    [ ${#missing[@]} -eq 0 ] && return 0

    if ! command -v apt-get >/dev/null; then
        say "This is not a Debian system, so nothing is installed; the build goes on with what it finds."
        return 0
    fi
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
            as_root=(sudo)
        else
            die "these packages are needed, and installing them takes root. Ask an administrator to run:
    apt-get update && apt-get install --no-install-recommends ${missing[*]}"
        fi
    fi
    say "Installing ${#missing[@]} Debian package(s) with apt-get ..."
    # An outdated or unreachable index may still be enough, so only the installation has to succeed.
    "${as_root[@]}" apt-get update -qq >/dev/null 2>&1 </dev/null || say "apt-get update failed; trying to install all the same"
    run_quietly "$root/build/apt.log" "Installing ${missing[*]}" \
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
}

# build PRESET [TARGET...]: configures build/PRESET where that is needed and brings the targets (default: all) up to date.
# One build at a time: a second one waits for the first.
build() {
    local preset=$1 tree="$root/build/$1" target targets=() generator=()
    shift
    for target in "$@"; do targets+=(--target "$target"); done
    mkdir -p "$tree"
    (
        flock 9
        cd "$root" || exit 1
        if [ ! -e "$tree/build.ninja" ] && [ ! -e "$tree/Makefile" ] || [ CMakePresets.json -nt "$tree/CMakeCache.txt" ]; then
            [ -e "$tree/CMakeCache.txt" ] || say "Configuring build/$preset ..."
            command -v ninja >/dev/null || generator=(-G "Unix Makefiles")
            run_quietly "$tree/configure.log" "Configuring build/$preset" cmake --preset "$preset" "${generator[@]}"
            touch "$tree/CMakeCache.txt"
        fi
        say "Building build/$preset (the first time takes some minutes; log: build/$preset/build.log) ..."
        run_quietly "$tree/build.log" "Building build/$preset" \
            cmake --build "$tree" --parallel "$(nproc)" "${targets[@]}"
    ) 9>"$tree/.lock"
}
