#!/bin/sh
# Builds programs that the tests need and that no package of the system holds, from the Go modules pinned beside this
# file: `sh tests/tools/build.sh cluster containerd`. The programs of a module go to a folder of the user's cache that is
# named after what they are made of (go.mod, go.sum, goflags), whole or not at all, so a second call does nothing.
# tests/support/tools.rs looks for them under the same name.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/mops/tools"
command -v go >/dev/null || { echo 'tools: the Go toolchain (1.26 or newer) builds them; it is not on the path' >&2; exit 1; }
mkdir -p "$cache"

# The package that a tool directive names may end in a major version, which is no name for a program.
program() {
  case $1 in
    */etcd/server/v3) echo etcd ;;
    *) basename "$1" ;;
  esac
}

for module in "$@"; do
  cd "$here/$module"
  target="$cache/$module-$(cat go.mod go.sum goflags | sha256sum | cut -c1-16)"
  if [ ! -d "$target" ]; then
    fresh=$(mktemp -d "$cache/.$module-XXXXXX")
    trap 'rm -rf "$fresh"' EXIT
    trap 'exit 130' INT TERM
    for package in $(GOWORK=off go list tool); do
      began=$(date +%s)
      CGO_ENABLED=0 GOWORK=off GOFLAGS=$(cat goflags) go build -mod=readonly -o "$fresh/bin/$(program "$package")" "$package"
      echo "tools: $module/$(program "$package") built in $(($(date +%s) - began)) s"
    done
    mv "$fresh" "$target"
    trap - EXIT
  fi
  echo "tools: $module is ready in $target/bin"
done
