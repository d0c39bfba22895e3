#!/bin/sh
# check_includes.sh ROOT
# Goal: no file in engine/, sim/, analysis/ or results/ includes what layers.txt does not let it see.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$1"
for folder in engine sim analysis results; do
    if [ ! -d $folder ]; then
        echo "$1/$folder is missing"
        exit 1
    fi
done
# One awk for all. The house has no blanks in file names.
# shellcheck disable=SC2046
exec awk -f "$here/check_includes.awk" "$here/layers.txt" \
    $(find engine sim analysis results -type f -name '*.[ch]' | LC_ALL=C sort)
