#!/bin/sh
# dist.sh RELEASE_FOLDER TARGET_FOLDER: one archive with the programs, licence and README, and its checksum.
set -eu
from=$1 to=$2
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
name=mops-v$version-linux-$(uname -m)
mkdir -p "$to/$name"
cp "$from/mops" "$from/mops-probe" "$from/pulumi-resource-modelops" LICENSE README.md "$to/$name/"
tar -C "$to" --sort=name --owner=0 --group=0 --numeric-owner --mtime='2020-01-01 00:00Z' -czf "$to/$name.tar.gz" "$name"
rm -r "${to:?}/$name"
(cd "$to" && sha256sum "$name.tar.gz" | tee "$name.tar.gz.sha256")
