#!/bin/sh
# What `make crash` and `make nightly` run: the engine in a build with failpoints, then (but for QUICK) the programs, and
# among them Pulumi's provider; at the end the counting lines of all of them, as a table and as JSON. How large each test
# is comes from its variable.
# FAILPOINTS is the target folder of the build with failpoints; PEER=1 repeats the kill test with terraform.
set -u
code=0
tests='crash:: state:: soak::'
[ -z "${QUICK:-}" ] || tests=crash::
logs="--log $FAILPOINTS/crash.log"
# shellcheck disable=SC2086
CARGO_TARGET_DIR=$FAILPOINTS MOPS_BUILD_FAILPOINTS=1 \
  sh tests/run.sh crash -p mops-tests --test fast -- --nocapture $tests || code=1
if [ -z "${QUICK:-}" ]; then
  # Secrets in that build: it alone panics on command, and takes its masks off.
  CARGO_TARGET_DIR=$FAILPOINTS MOPS_BUILD_FAILPOINTS=1 cargo build --quiet --workspace --bins || code=1
  CARGO_TARGET_DIR=$FAILPOINTS MOPS_BUILD_FAILPOINTS=1 MOPS_BIN_DIR=$FAILPOINTS/debug \
    sh tests/run.sh secrets -p mops-tests --test process -- --nocapture secrets:: || code=1
  MOPS_OPERATION_SECONDS=${MOPS_OPERATION_SECONDS:-30} \
    sh tests/run.sh programs -p mops-tests --test process -- --nocapture killed:: lock:: signals:: || code=1
  logs="$logs --log $FAILPOINTS/secrets.log --log $CARGO_TARGET_DIR/programs.log"
fi
# shellcheck disable=SC2086
"$MOPS_BIN_DIR/mops-crash-report" $logs --out "$CARGO_TARGET_DIR/crash.json" \
  ${PEER:+--peer ${PEER_KILLS:-40}} ${README:+--readme "$README"} || code=1
exit $code
