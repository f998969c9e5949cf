#!/bin/sh
# Installs what the private world takes from Debian 12, as root; does nothing when all of it is there.
set -eu
packages() {
  sed 's/ *#.*//; /^$/d' <<'LIST'
containerd                  # 1.6: the runtime of the GPU node; the other node has 2.1 from its module
runc                        # starts the containers of the nodes
containernetworking-plugins # bridge, host-local and portmap: the network of the pods
iptables                    # Services of the cluster, and pods that are cut off on purpose
iproute2                    # links and addresses of the world
dnsmasq-base                # names of the world and of the cluster's Services
busybox-static              # what the images of the tests hold
ca-certificates             # the roots beside which the test CA is put
skopeo                      # pushes images, and referees the registry
docker-registry             # the registry that nodes pull from, and the referee of the registry fake
apache2-utils               # htpasswd: the password file of a registry with Basic
openssh-server              # the login node that tokens go to
slurm-wlm                   # its scheduler, and the nodes behind it
munge                       # who signs in at the scheduler
python3-venv                # the environment that the Azure CLI is built into
podman                      # a client of both registries
docker.io                   # another, with its daemon
chromium-headless-shell     # reads the page of a report
fonts-dejavu-core           # what it writes with, the same everywhere
LIST
}
missing=$(for package in $(packages); do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
done)
[ -n "$missing" ] || { echo 'debian: everything is there'; exit 0; }
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# No package may start its daemon on this machine: a world starts its own.
policy=/usr/sbin/policy-rc.d
if ! [ -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi
# shellcheck disable=SC2086 # one word a package
apt-get install -y -qq --no-install-recommends $missing
