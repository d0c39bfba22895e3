#!/bin/sh
# check_symbols.sh NM KIND LIBRARY...      (KIND: plain or instrumented)
# Goal: engine's libraries call nothing outside engine but what symbols.txt lists, so no clock, file, thread,
# environment, output or random number; and in a plain build they define only names that begin with cg_.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
nm=$1
kind=$2
shift 2
if [ $# = 0 ]; then
    echo "no libraries to check"
    exit 1
fi
# Lines "library[object]: name type value size".
"$nm" -P -A -g "$@" | awk -v kind="$kind" '
    function allowed(name, place,    i) {
        for (i = 1; i <= count; i++)
            if (library[i] != "" && index(place, library[i] "[") != 1)
                continue
            else if (prefix[i] ? index(name, pattern[i]) == 1 : name == pattern[i])
                return 1
        return 0
    }
    NR == FNR {
        if ($1 == "always" || ($1 == "instrumented" && kind == "instrumented")) {
            pattern[++count] = $2
            prefix[count] = sub(/\*$/, "", pattern[count])
        } else if ($1 == "in") {
            library[++count] = $2
            pattern[count] = $3
        }
        next
    }
    {
        place = $0
        sub(/\]: .*$/, "]", place)
        sub(/^.*\//, "", place)
        sub(/^.*\]: /, "")
        symbols++
    }
    $2 == "U" || $2 == "w" || $2 == "v" {
        if (!(($1, place) in seen))
            uses[++used] = $1 SUBSEP place
        seen[$1, place] = 1
        next
    }
    {
        defined[$1] = 1
        if (kind == "plain" && $1 !~ /^cg_/) {
            printf "%s: defines %s, which does not begin with cg_\n", place, $1
            violations++
        }
    }
    END {
        for (i = 1; i <= used; i++) {
            split(uses[i], use, SUBSEP)
            name = use[1]
            if (name in defined)
                continue
            if (name ~ /^__.*_chk$/) {
                checked = name
                sub(/^__/, "", checked)
                sub(/_chk$/, "", checked)
                if (allowed(checked, use[2]))
                    continue
            }
            if (!allowed(name, use[2])) {
                printf "%s: calls %s, which symbols.txt does not list\n", use[2], name
                violations++
            }
        }
        if (symbols == 0) {
            print "the libraries have no symbols"
            violations++
        }
        printf "%d symbols, %d violations\n", symbols, violations
        exit violations > 0
    }' "$here/symbols.txt" -
