#!/bin/sh
# The whole story on loopback: a sandbox of Azure, its registry, its storage and a cluster is started on this
# machine, and `mops` brings a stack up on it, proves it, finds a broken password, and takes everything away.
# Nothing outside this machine is called, and nothing outside a temporary folder is written.
# Usage: MOPS_BIN_DIR=<folder of the programs> sh examples/demo/demo.sh [STACK_FILE]
set -eu

bin=$(cd "${MOPS_BIN_DIR:?run make demo}" && pwd)
file=${1:-examples/unified-infra/unified-infra.yaml}
PATH=$bin:$PATH
export PATH

work=$(mktemp -d)
sandbox=
finish() {
  code=$?
  trap - EXIT INT TERM
  if [ -n "$sandbox" ]; then
    kill "$sandbox" 2>/dev/null || true
    wait "$sandbox" 2>/dev/null || true
  fi
  if [ "$code" -ne 0 ]; then
    printf '\ndemo failed (exit %s); the end of the sandbox log:\n' "$code" >&2
    tail -n 20 "$work/sandbox.log" >&2 || true
  fi
  rm -rf "$work"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$(printf '\033[1;36m') dim=$(printf '\033[2m') off=$(printf '\033[0m'); else bold= dim= off=; fi
step=0
heading() {
  step=$((step + 1))
  printf '\n%s%s. %s%s\n' "$bold" "$step" "$1" "$off"
}
run() {
  printf '%s$ %s%s\n' "$dim" "$*" "$off"
  "$@"
}
# run_to CODE COMMAND...: the command must end with that exit code.
run_to() {
  want=$1
  shift
  printf '%s$ %s%s\n' "$dim" "$*" "$off"
  set +e
  "$@"
  got=$?
  set -e
  [ "$got" -eq "$want" ] || { printf 'expected exit %s, got %s\n' "$want" "$got" >&2; exit 1; }
}

# A home of its own: neither the user's state nor the user's kubeconfig is touched.
HOME=$work/home MODELOPS_HOME=$work/home/.modelops
mkdir -p "$HOME"
export HOME MODELOPS_HOME
unset KUBECONFIG HTTPS_PROXY HTTP_PROXY https_proxy http_proxy ALL_PROXY all_proxy 2>/dev/null || true

heading 'Start the sandbox: Azure, registry, storage and a cluster on 127.0.0.1'
mops-sandbox serve --dir "$work/sandbox" --probe "$bin/mops-probe" >"$work/sandbox.log" 2>&1 &
sandbox=$!
tries=0
until grep -q '^ready' "$work/sandbox.log" 2>/dev/null; do
  tries=$((tries + 1))
  kill -0 "$sandbox" 2>/dev/null || exit 1
  [ "$tries" -le 300 ] || exit 1
  sleep 0.1
done
eval "$(mops-sandbox env --dir "$work/sandbox")"
echo "ready; MOPS_CLOUD points mops at it"

heading 'Bring the registry up, and push the images of the example into it'
run mops infra up "$file" -c registry --yes
run mops-sandbox push-images --dir "$work/sandbox"

heading 'Bring everything up: storage with its SAS, cluster, GPU pool, secrets, workers'
run mops infra up "$file" --yes

heading 'The same command again changes nothing'
run_to 0 mops infra preview "$file" --exit-code
run mops infra up "$file" --yes

heading 'Do the workers reach their images and their data?'
run mops diagnose-auth
run mops smoke-test

heading 'What came out'
run mops infra outputs
run mops infra status

heading 'Break the registry password behind its back, and find it'
run mops-sandbox break registry-password --dir "$work/sandbox"
run_to 1 mops diagnose-auth

heading 'Repair it with the command that the report names'
run mops infra up "$file" -c workspace --yes
run mops diagnose-auth

heading 'Take everything away'
run mops infra down --destroy-all --delete-rg --yes
run mops-sandbox ledger --dir "$work/sandbox" --empty

printf '\n%sdone: everything was created, checked and removed again, and the ledger is empty%s\n' "$bold" "$off"
