#!/bin/sh
# sh tests/promises.sh LOG…: a line for each id of `tests/promises.txt`: how many of the tests that hold it passed, or
# whether one failed or none ran, by the logs of `make test` and `make e2e`.
set -u
page=$(dirname "$0")/promises.txt
for log in "$@"; do
  [ -f "$log" ] || echo "not there: $log (of \`make test\`, \`make e2e\`)" >&2
done
cat "$@" 2>/dev/null | awk '
  # First the promises. The worlds of all causes are held by one test.
  FNR == NR {
    if ($1 ~ /^#/ || $1 == "") next
    ids[++count] = $1
    for (i = 2; i <= NF; i++) holds[count, ($i ~ /^[A-Z]/) ? "each_world_gives_exactly_the_findings_that_it_declares" : $i] = 1
    next
  }
  /^test .* \.\.\. (ok|FAILED)$/ {
    name = $2; sub(/.*::/, "", name)
    for (i = 1; i <= count; i++) {
      part = "_" tolower(ids[i]) "_"; gsub("-", "_", part)
      if (((i, name) in holds) || index("_" name, part)) { if ($NF == "ok") good[i]++; else bad[i]++ }
    }
  }
  END {
    printf "%-6s %-8s %s\n", "ID", "RESULT", "TESTS"
    for (i = 1; i <= count; i++) {
      result = bad[i] ? "FAILED" : good[i] ? "ok" : "not run"
      printf "%-6s %-8s %d\n", ids[i], result, good[i] + bad[i]
      if (result == "ok") held++
    }
    printf "promises=%d ok=%d\n", count, held
  }' "$page" -
