#!/bin/sh
# What `make world` runs inside the private world: says what is there, then opens a shell. The examples are at hand, and
# everything that is made here vanishes with the shell.
set -u
cd "$(dirname "$0")/.."
# State of what is made here must not outlive it.
export MODELOPS_HOME="$MOPS_WORLD/modelops"
# az keeps its files in the world and believes the roots of the machine, which have the test authority in them.
export AZURE_CONFIG_DIR="$MOPS_WORLD/azure" AZURE_CORE_COLLECT_TELEMETRY=no AZURE_CORE_NO_COLOR=yes
export REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt
# Pulumi asks for one before it writes state.
export PULUMI_CONFIG_PASSPHRASE=world PULUMI_SKIP_UPDATE_CHECK=true

row() { printf '  %-34s %s\n' "$1" "$2"; }
has() { command -v "$1" >/dev/null || echo "  not there: $1 ($2)"; }

cat <<'TEXT'

A private world: a machine inside the machine. Nothing leaves it, and it ends with this shell.

TEXT
row 'management.azure.com' 'Azure Resource Manager: our sandbox; AZURE_* say who signs in'
row 'login.microsoftonline.com' 'Entra: our sandbox; 169.254.169.254 answers for the machine'
row '*.azurecr.io' 'docker-registry with the sign-in of ACR, once ARM has made one'
row '*.blob.core.windows.net' 'Azurite, once ARM has made an account'
row 'ghcr.io, docker.io' 'docker-registry; example-bot with $REGISTRY_TOKEN, below example-org/'
row 'registry.lab.example' 'docker-registry with a password, the same one'
row 'koa.its.hawaii.edu' 'sshd with SLURM: ssh -F $MOPS_WORLD/login/ssh_config koa.its.hawaii.edu'
[ -z "${KUBECONFIG:-}" ] || row 'Kubernetes' 'two real nodes, system and gpu; $KUBECONFIG is its administrator'
row "$MOPS_WORLD" 'the files and logs of all that'
cat <<'TEXT'

Try:
  mops infra up examples/minimal/minimal.yaml --yes
  mops infra up examples/unified-infra/unified-infra.yaml -c registry,storage --yes
  kubectl get nodes,pods -A -o wide
  az login --service-principal -u $AZURE_CLIENT_ID -p $AZURE_CLIENT_SECRET --tenant $AZURE_TENANT_ID
  az group list -o table
  printenv REGISTRY_TOKEN | skopeo login -u example-bot --password-stdin ghcr.io
  mops infra down --destroy-all --delete-rg --yes

TEXT
has kubectl 'make tools'
has az 'make tools'
has pulumi 'make tools'
has skopeo 'sh tests/tools/debian.sh'
exec "${SHELL:-sh}"
