#!/bin/sh
# sh tests/run.sh NAME WORDS…: runs `cargo test WORDS` and ends with one line that counts the tests that really ran; the
# exit code is cargo's. A test that lacked something it needs wrote a line to MOPS_SKIPS: it is counted as skipped, not
# as passed. The log and the count stay in the target folder as NAME.log and NAME-count.
set -u
name=$1
shift
folder=${CARGO_TARGET_DIR:-target}
log=$folder/$name.log
count=$folder/$name-count
MOPS_SKIPS=$folder/$name-skips
export MOPS_SKIPS
mkdir -p "$folder"
rm -f "$count" "$MOPS_SKIPS"
{ cargo test "$@" 2>&1; echo $? >"$log.code"; } | tee "$log"
code=$(cat "$log.code")
touch "$MOPS_SKIPS"
cat "$MOPS_SKIPS"
awk -v lacking="$(wc -l <"$MOPS_SKIPS")" '/^test result:/ { for (i = 1; i < NF; i++) { n[$(i + 1)] += $i } }
     END { printf "%d passed, %d failed, %d skipped\n", n["passed;"] - lacking, n["failed;"], n["ignored;"] + lacking }' "$log" |
  tee "$count"
exit "$code"
