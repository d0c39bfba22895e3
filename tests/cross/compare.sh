#!/bin/sh
# compare.sh [FOLDER]
# Goal: what the engine computes is the same to the bit on another processor and with another compiler. Builds
# each program below in FOLDER (build/cross) for AArch64, which runs under qemu-user, and for this machine with
# two compilers at two levels; runs all; status 1 if any output differs from the first one.
#
# Needs gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user, and gcc and clang for an x86-64 machine.
set -eu
cd "$(dirname "$0")/../.."
folder=${1-build/cross}
jobs=$(getconf _NPROCESSORS_ONLN)

# A program tests/cross/NAME.c a line, and the folders of engine/ that it is made of.
programs="
kernel_digest base vector
graph_digest base vector index
"

# How to build and run, a line each: name, processor, what it runs under (- for nothing), compiler and options.
builds="
aarch64-gcc-O2 aarch64 qemu-aarch64 aarch64-linux-gnu-gcc -O2
x86_64-gcc-O1 x86_64 - gcc -O1
x86_64-gcc-O3 x86_64 - gcc -O3
x86_64-clang-O1 x86_64 - clang -O1
x86_64-clang-O3 x86_64 - clang -O3
"
flags="-std=c17 -ffp-contract=off -D_POSIX_C_SOURCE=200809L -I. -Wall -Wextra -Werror"

# flags_of PROCESSOR FILE: the options that engine/vector/CMakeLists.txt gives this file; fails where it has none
# of it on this processor.
flags_of() {
    case $1:$2 in
    x86_64:*/kernel_avx2.c) echo "-mavx2 -mfma -mf16c" ;;
    x86_64:*/kernel_avx512.c) echo "-mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni" ;;
    x86_64:*/kernel.c) echo "-DCG_KERNEL_AVX2=1 -DCG_KERNEL_AVX512=1" ;;
    aarch64:*/kernel.c) echo "-DCG_KERNEL_NEON=1" ;;
    *:*/kernel_avx*.c | x86_64:*/kernel_neon.c) return 1 ;;
    esac
}

# compile PROCESSOR OUT COMPILER...: engine's folders and the programs, an object a file, $jobs at a time.
compile() {
    processor=$1
    out=$2
    shift 2
    mkdir -p "$out"
    rm -f "$out"/*.o
    for part in $(echo "$programs" | awk '{ for (i = 2; i <= NF; i++) print $i }' | sort -u); do
        for file in "engine/$part"/*.c; do
            if options=$(flags_of "$processor" "$file"); then
                echo "$* $flags $options -c $file -o $out/engine_${part}_$(basename "$file" .c).o"
            fi
        done
    done >"$out/commands"
    for program in $(echo "$programs" | awk 'NF { print $1 }'); do
        echo "$* $flags -c tests/cross/$program.c -o $out/$program.o"
    done >>"$out/commands"
    xargs -P "$jobs" -I '{}' sh -c '{}' <"$out/commands"
}

# link_and_run PROGRAM OUT UNDER COMPILER...: what it prints stands in OUT/PROGRAM.txt.
link_and_run() {
    program=$1
    out=$2
    under=$3
    shift 3
    objects=$out/$program.o
    for part in $(echo "$programs" | awk -v name="$program" '$1 == name { $1 = ""; print }'); do
        objects="$objects $out/engine_${part}_*.o"
    done
    if [ "$under" = - ]; then
        under=
    fi
    rm -f "$out/$program"
    : >"$out/$program.txt"
    # shellcheck disable=SC2086
    "$@" -static $objects -lm -pthread -o "$out/$program" && $under "$out/$program" >"$out/$program.txt"
}

failed=0
first=
while read -r name processor under compiler; do
    if [ -z "$name" ]; then
        continue
    fi
    # shellcheck disable=SC2086
    compile "$processor" "$folder/$name" $compiler
    for program in $(echo "$programs" | awk 'NF { print $1 }'); do
        echo "== $program, $name"
        # shellcheck disable=SC2086
        if ! link_and_run "$program" "$folder/$name" "$under" $compiler </dev/null; then
            echo "$program failed in $folder/$name"
            failed=1
        fi
        cat "$folder/$name/$program.txt"
        if [ -n "$first" ] && ! cmp "$folder/$first/$program.txt" "$folder/$name/$program.txt"; then
            failed=1
        fi
    done
    first=${first:-$name}
done <<BUILDS
$builds
BUILDS
if [ $failed = 0 ]; then
    echo "all the same"
fi
exit $failed
