#!/bin/sh
# Fetches what the generated library for Go is compiled with, since its test has no network: the same module of Pulumi's
# as the tools, without them, and with the packages that such a library imports. Does nothing when all of it is there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)/pulumi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here/go.sum" "$work"
sed 's#^module .*#module example.com/library#; /^tool/,/^)/d' "$here/go.mod" >"$work/go.mod"
cat >"$work/library.go" <<'GO'
package library

import (
	_ "github.com/blang/semver"
	_ "github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	_ "github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
	_ "github.com/pulumi/pulumi/sdk/v3/go/pulumix"
)
GO
cd "$work"
GOWORK=off CGO_ENABLED=0 GOFLAGS='-mod=mod -trimpath' go vet ./...
