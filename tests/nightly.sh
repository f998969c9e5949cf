#!/bin/sh
# What `make nightly` runs beside the long form of `make crash`: the other random tests of R5, R9, R10, R11 and R24, the
# resumed operations and the rotations of the passphrase, each as long as it should be once a night.
set -u
code=0
sizes='MOPS_FAULT_SEEDS=500 MOPS_CASES=2000 MOPS_ROTATIONS=200 MOPS_RESUME=all MOPS_FUZZ_SECONDS=600'
# shellcheck disable=SC2086
env $sizes sh tests/run.sh nightly -p mops-tests --no-fail-fast -- \
  --nocapture faults:: saved_plan:: drift:: shared_state:: resume:: malformed:: || code=1
MOPS_CASES=100000 sh tests/run.sh properties -p mops-tests --test fast -- --nocapture engine_props:: || code=1
"$MOPS_BIN_DIR/mops-crash-report" --out "$CARGO_TARGET_DIR/nightly.json" \
  --log "$CARGO_TARGET_DIR/nightly.log" --log "$CARGO_TARGET_DIR/properties.log" || code=1
exit $code
