#!/bin/sh
# selftest.sh COMPILER ARCHIVER NM
# Goal: the architecture checks can fail. A small clean house passes; then one violation of each sort is
# planted in it, and the check must end with status 1 and name what was planted.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
compiler=$1
archiver=$2
nm=$3
house=$(mktemp -d)
trap 'rm -rf "$house"' EXIT
failures=0
cases=0

wrong() {
    echo "selftest: $1"
    sed 's/^/    /' "$house/said"
    failures=$((failures + 1))
}

# passes WHAT COMMAND...
passes() {
    cases=$((cases + 1))
    what=$1
    shift
    "$@" >"$house/said" 2>&1 || wrong "$what was refused"
}

# refuses WHAT TEXT COMMAND...: a status other than 0, and the text in what it said.
refuses() {
    cases=$((cases + 1))
    what=$1
    text=$2
    shift 2
    if "$@" >"$house/said" 2>&1; then
        wrong "$what was let through"
    elif ! grep -qF -- "$text" "$house/said"; then
        wrong "$what was refused without naming $text"
    fi
}

includes() {
    sh "$here/check_includes.sh" "$house"
}

headers() {
    sh "$here/check_headers.sh" "$compiler" "$house"
}

# header PATH [LINE]: a header with its guard and a line of its own.
header() {
    mkdir -p "$house/$(dirname "$1")"
    guard=$(echo "$1" | tr 'a-z/.' 'A-Z__')
    printf '#ifndef %s\n#define %s\n%s\n#endif\n' "$guard" "$guard" "${2-}" >"$house/$1"
}

# planted PATH LINE [TEXT]: a file with the one line must be refused, with TEXT (else PATH:1) in the message.
planted() {
    mkdir -p "$house/$(dirname "$1")"
    printf '%s\n' "$2" >"$house/$1"
    refuses "$2 in $1" "${3-$1:1:}" includes
    rm "$house/$1"
}

header engine/base/status.h 'typedef enum cg_status { CG_OK } cg_status;'
header engine/fact/fact.h '#include "engine/base/status.h"'
header engine/graph/graph.h '#include "engine/base/status.h"'
header engine/column/column.h '#include "engine/graph/graph.h"'
header engine/column/column_internal.h '#include "engine/column/column.h"'
header engine/tier/tier.h
header engine/node/node.h '#include "engine/tier/tier.h"'
header sim/cluster/cluster.h '#include "engine/node/node.h"'
header sim/record/record.h
header analysis/table/table.h '#include "engine/base/status.h"'
header results/schema.h
mkdir -p "$house/sim/scenario" "$house/engine/graph/partition" "$house/engine/vector" "$house/sim/cli"
echo '#include <lua.h>' >"$house/sim/scenario/sandbox.c"
echo '#include <simgrid/engine.h>' >"$house/sim/cluster/cluster.c"
echo '#include <sqlite3.h>' >"$house/sim/record/record.c"
echo '#include <gsl/gsl_fit.h>' >"$house/engine/graph/partition/bisect.c"
echo '#include <immintrin.h>' >"$house/engine/vector/wide.c"
echo '#include "analysis/table/table.h"' >"$house/sim/cli/table.c"
echo '#include "results/schema.h"' >"$house/analysis/table/table.c"
echo '#include "engine/column/column_internal.h"' >"$house/engine/column/column.c"

passes "the clean house (includes)" includes
planted engine/base/x.c '#include "engine/fact/fact.h"'
planted engine/fact/x.c '#include "engine/graph/graph.h"'
planted engine/graph/x.h '#  include "engine/column/column.h"'
planted engine/tier/x.c '#include "engine/graph/graph.h"'
planted engine/column/x.c '#include "engine/node/node.h"'
planted engine/replica/x.c '#include "engine/tier/tier.h"'
planted engine/node/x.c '#include "sim/cluster/cluster.h"'
planted engine/node/y.c '#include "engine/column/column_internal.h"' 'internal to engine/column'
planted engine/novelty/x.c '#include "engine/base/status.h"' 'engine/novelty has no line'
planted engine/fact/y.c '#include "fact.h"' 'full path'
planted engine/fact/z.c '#include "engine/fact/../base/status.h"' 'full path'
planted engine/fact/u.c '#include "engine/fact/gone.h"' 'does not exist'
planted engine/fact/v.c '#include HEADER' 'spelled out'
planted engine/node/z.c '#include <time.h>' '<time.h>'
planted engine/node/u.c '#include <pthread.h>' '<pthread.h>'
planted engine/graph/y.c '#include <gsl/gsl_fit.h>' '<gsl/gsl_fit.h>'
planted engine/index/x.c '#include <immintrin.h>' '<immintrin.h>'
planted sim/host/x.c '#include <lua.h>' '<lua.h>'
planted sim/scenario/x.c '#include <simgrid/host.h>' '<simgrid/host.h>'
planted sim/cluster/x.c '#include <sqlite3.h>' '<sqlite3.h>'
planted sim/record/x.c '#include "analysis/table/table.h"'
planted analysis/table/x.c '#include "sim/record/record.h"'
planted analysis/table/y.c '#include "engine/node/node.h"'
planted results/x.c '#include "sim/record/record.h"'
passes "the house after all that (includes)" includes

passes "the clean house (headers)" headers
header engine/tier/needy.h 'extern cg_status cg_tier_status;'
refuses "a header that needs another" engine/tier/needy.h headers
rm "$house/engine/tier/needy.h"
echo 'enum { CG_TWICE };' >"$house/engine/tier/unguarded.h"
refuses "a header without a guard" engine/tier/unguarded.h headers
rm "$house/engine/tier/unguarded.h"

# library NAME C-TEXT: an archive with one object.
library() {
    printf '%s\n' "$2" >"$house/$1.c"
    "$compiler" -std=c17 -D_POSIX_C_SOURCE=200809L -c -o "$house/$1.o" "$house/$1.c"
    rm -f "$house/lib$1.a"
    "$archiver" qc "$house/lib$1.a" "$house/$1.o"
}

# calls NAME HEADER EXPRESSION: a library that calls it must be refused by that name.
calls() {
    library planted "#include <$2>
int cg_planted(void); int cg_planted(void) { return (int)($3); }"
    refuses "a call of $1" "calls $1," sh "$here/check_symbols.sh" "$nm" plain \
        "$house/libgood.a" "$house/libother.a" "$house/libplanted.a"
}

library good '#include <stdlib.h>
#include <string.h>
int cg_other(void); void *cg_good(int size); void *cg_good(int size) {
void *p = malloc((size_t)(size + cg_other())); if (p) memset(p, size, (size_t)size); return p; }'
library other 'int cg_other(void); int cg_other(void) { return 1; }'
passes "two libraries that need each other" sh "$here/check_symbols.sh" "$nm" plain \
    "$house/libgood.a" "$house/libother.a"
refuses "a call into a library that is not engine's" "calls cg_other," \
    sh "$here/check_symbols.sh" "$nm" plain "$house/libgood.a"
calls time time.h 'time(0)'
calls clock_gettime time.h 'clock_gettime(CLOCK_MONOTONIC, &(struct timespec){0})'
calls rand stdlib.h 'rand()'
calls getenv stdlib.h 'getenv("HOME") != 0'
calls open fcntl.h 'open("x", O_RDONLY)'
calls fopen stdio.h 'fopen("x", "r") != 0'
calls printf stdio.h 'printf("%d", 1)'
calls abort stdlib.h '(abort(), 1)'
calls pthread_self pthread.h 'pthread_self()'
library planted '#include <math.h>
double cg_planted(double x); double cg_planted(double x) { return exp(x); }'
refuses "a call of exp" "calls exp," sh "$here/check_symbols.sh" "$nm" plain "$house/libplanted.a"
library cg_partition 'int gsl_eigen_symmv(void); int cg_planted(void);
int cg_planted(void) { return gsl_eigen_symmv(); }'
passes "a call of GSL where it is granted" sh "$here/check_symbols.sh" "$nm" plain "$house/libcg_partition.a"
library planted 'int gsl_eigen_symmv(void); int cg_planted(void); int cg_planted(void) { return gsl_eigen_symmv(); }'
refuses "a call of GSL elsewhere" "calls gsl_eigen_symmv," \
    sh "$here/check_symbols.sh" "$nm" plain "$house/libplanted.a"
library planted 'int helper(void); int helper(void) { return 1; }'
refuses "a name without cg_" "defines helper," sh "$here/check_symbols.sh" "$nm" plain "$house/libplanted.a"
refuses "no library at all" "no libraries" sh "$here/check_symbols.sh" "$nm" plain

echo "$cases cases, $failures failures"
[ "$failures" = 0 ]
