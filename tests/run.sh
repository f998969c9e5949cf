#!/bin/sh
# Runs every test and ends with one line that counts those that really ran; the exit code is cargo's.
set -u
folder=${CARGO_TARGET_DIR:-target}
log=$folder/test.log
count=$folder/test-count
mkdir -p "$folder"
rm -f "$count"
{ cargo test --workspace --no-fail-fast "$@" 2>&1; echo $? >"$log.code"; } | tee "$log"
code=$(cat "$log.code")
awk '/^test result:/ { for (i = 1; i < NF; i++) { n[$(i + 1)] += $i } }
     END { printf "%d passed, %d failed, %d skipped\n", n["passed;"], n["failed;"], n["ignored;"] }' "$log" | tee "$count"
exit "$code"
