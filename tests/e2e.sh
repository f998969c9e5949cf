#!/bin/sh
# What `make e2e` runs inside the private world: the promises that only real parts can keep, one after another, and then
# the Kubernetes referee against the world's own API server. Ends with what every promised id came to, and one count of both.
set -u
code=0
folder=${CARGO_TARGET_DIR:-target}
rm -f "$folder/e2e-count" "$folder/world-count" "$folder/referee-count"
sh tests/run.sh world -p mops-tests --test e2e -- --test-threads=1 --show-output || code=1
MOPS_REFEREE_KUBECONFIG=$KUBECONFIG MOPS_REFEREE_ETCD=127.0.0.1:2379 sh tests/run.sh referee -p mops-tests --test fast -- kubernetes::referee || code=1
sh tests/promises.sh "$folder/test.log" "$folder/world.log"
# A part that did not come to its count has failed.
for part in world referee; do
  cat "$folder/$part-count" 2>/dev/null || echo '0 passed, 1 failed, 0 skipped'
done | awk '{ passed += $1; failed += $3; skipped += $5 }
     END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }' | tee "$folder/e2e-count"
exit $code
