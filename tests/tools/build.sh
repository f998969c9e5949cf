#!/bin/sh
# Builds programs that the tests need and that no package of the system holds, from what is pinned beside this file:
# `sh tests/tools/build.sh cluster azurite`. A folder holds a Go module, a package of npm, or the requirements of
# a Python program. Its programs go to a folder of the user's cache that is named after what they are made of, whole or not at
# all, so a second call does nothing. tests/support/tools.rs looks for them under the same name.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/mops/tools"
mkdir -p "$cache"

# What decides what the programs of the current folder are, in this order.
sources() {
  for file in go.mod go.sum goflags main.go package.json package-lock.json requirements.txt; do
    [ ! -f "$file" ] || cat "$file"
  done
}

needs() {
  command -v "$1" >/dev/null || { echo "tools: $2 builds $module; it is not on the path" >&2; exit 1; }
}

# The package that a tool directive names may end in a major version, which is no name for a program.
program() {
  case $1 in
    */etcd/server/v3) echo etcd ;;
    *) basename "$1" ;;
  esac
}

build_go() {
  needs go 'the Go toolchain (1.26 or newer)'
  for package in $(GOWORK=off go list tool); do
    began=$(date +%s)
    CGO_ENABLED=0 GOWORK=off GOFLAGS=$(cat goflags) go build -mod=readonly -o "$fresh/bin/$(program "$package")" "$package"
    echo "tools: $module/$(program "$package") built in $(($(date +%s) - began)) s"
  done
}

build_npm() {
  needs npm 'npm, with Node 20 or newer,'
  cp package.json package-lock.json "$fresh"
  npm ci --prefix "$fresh" --silent --omit=dev --ignore-scripts --no-audit --no-fund
  ln -s node_modules/.bin "$fresh/bin"
}

# The environment has programs of its own, that are nobody else's: of the Azure CLI only az is offered, of others their
# Python.
build_python() {
  needs python3 'Python (3.11 or newer, with venv)'
  python3 -m venv "$fresh/environment"
  "$fresh/environment/bin/python" -m pip install --quiet --no-deps --requirement requirements.txt
  mkdir "$fresh/bin"
  case $module in
    azure-cli) offer az ' -m azure.cli' ;;
    *) offer python '' ;;
  esac
}

# Where it is called from decides, since it moves once it is whole.
offer() {
  # shellcheck disable=SC2016
  printf '#!/bin/sh\nexec "$(dirname "$0")/../environment/bin/python"%s "$@"\n' "$2" >"$fresh/bin/$1"
  chmod 755 "$fresh/bin/$1"
}

for module in "$@"; do
  cd "$here/$module"
  target="$cache/$module-$(sources | sha256sum | cut -c1-16)"
  if [ ! -d "$target" ]; then
    fresh=$(mktemp -d "$cache/.$module-XXXXXX")
    trap 'rm -rf "$fresh"' EXIT
    trap 'exit 130' INT TERM
    began=$(date +%s)
    if [ -f go.mod ]; then build_go; elif [ -f package.json ]; then build_npm; else build_python; fi
    mv "$fresh" "$target"
    trap - EXIT
    echo "tools: $module built in $(($(date +%s) - began)) s"
  fi
  echo "tools: $module is ready in $target/bin"
done
