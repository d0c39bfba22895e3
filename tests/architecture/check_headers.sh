#!/bin/sh
# check_headers.sh COMPILER ROOT [GENERATED]
# Goal: every header compiles alone, and twice in a row (its guard holds). Engine's do so as pure C17; the
# world outside may use POSIX.
set -eu
compiler=$1
root=$2
generated=${3-$root}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
flags="-std=c17 -fsyntax-only -Wall -Wextra -Wpedantic -Wstrict-prototypes -Werror"
libraries=$(pkg-config --cflags lua5.4 sqlite3 gsl simgrid 2>/dev/null || true)

# compile FOLDER DEFINITIONS: one call of the compiler over a unit a header.
compile() {
    folder=$1
    shift
    mkdir -p "$scratch/$folder"
    (cd "$root" && find "$folder" -type f -name '*.h' | LC_ALL=C sort) >"$scratch/list"
    count=0
    while read -r header; do
        count=$((count + 1))
        printf '#include "%s"\n#include "%s"\ntypedef int not_empty;\n' "$header" "$header" \
            >"$scratch/$folder/$(echo "$header" | tr '/' '-').c"
    done <"$scratch/list"
    echo "$folder: $count headers"
    if [ "$count" -gt 0 ]; then
        # shellcheck disable=SC2086
        "$compiler" $flags -I "$root" -I "$generated" "$@" "$scratch/$folder"/*.c
    fi
}

failed=0
compile engine || failed=1
# shellcheck disable=SC2086
compile sim -D_POSIX_C_SOURCE=200809L $libraries || failed=1
compile results || failed=1
# shellcheck disable=SC2086
compile analysis -D_POSIX_C_SOURCE=200809L $libraries || failed=1
exit $failed
