#!/bin/sh
# sh tests/tools/cause.sh ID FAMILY: the three places of a new cause, to be filled in: its entry in the catalogue, a world
# that shows it and a world that only looks like it. The tests of the catalogue fail until each of them says something.
# Writes all or nothing below the current folder, and never over what is there.
set -eu
id=${1:-} family=${2:-}
catalogue=provider/diagnose/src/catalogue
refuse() {
  echo "cause: $1" >&2
  exit 2
}
printf '%s' "$id" | grep -qxE '[A-Z][A-Z0-9]*(_[A-Z0-9]+)+' || refuse "\`$id\` is no id; one looks like DNS_NXDOMAIN: make cause ID=… FAMILY=…"
[ -f "$catalogue/$family.rs" ] && grep -q ': Family =' "$catalogue/$family.rs" ||
  refuse "\`$family\` is no family: $(grep -l ': Family =' "$catalogue"/*.rs | sed 's|.*/||; s|\.rs$||' | paste -sd ' ' -)"
part=$(printf '%s' "$id" | tr 'A-Z' 'a-z')
entry=$catalogue/$family/$part.rs
worlds=tests/fixtures/causes/$id
[ ! -e "$entry" ] && [ ! -e "$worlds" ] && ! grep -qr "id: \"$id\"" "$catalogue" || refuse "\`$id\` is there already"

mkdir -p "$catalogue/$family" "$worlds"
cat >"$entry" <<RUST
use crate::catalogue::{CAUSE, Cause};

pub(super) const CAUSES: &[Cause] =
    &[Cause { id: "$id", title: "", meaning: "", signal: "", near_miss: "", ..CAUSE }];
RUST
world() {
  cat <<YAML
about: ""
expect:
  - {cause: $1, confidence: certain}
observations: []
YAML
}
world "$id" >"$worlds/trigger.yaml"
world ANOTHER_CAUSE >"$worlds/near-miss.yaml"
# The part is named at the end of the family's list, and with its other parts.
awk -v part="$part" '
  /^mod / && !named { print "mod " part ";"; named = 1 }
  !listed && match($0, /parts: &\[/) { inside = 1; printf "%s", substr($0, 1, RSTART + RLENGTH - 1); $0 = substr($0, RSTART + RLENGTH) }
  inside && (end = index($0, "]")) {
    printf "%s%s::CAUSES", substr($0, 1, end - 1) (substr($0, 1, end - 1) ~ /(, *|^ *)$/ ? "" : ", "), part
    $0 = substr($0, end); inside = 0; listed = 1
  }
  { print }' "$catalogue/$family.rs" >"$catalogue/$family.rs.new"
mv "$catalogue/$family.rs.new" "$catalogue/$family.rs"
rustfmt --edition 2024 "$catalogue/$family.rs"
echo "fill in:
  $entry  what it is, its rule, what mends it
  $worlds/trigger.yaml  what is seen where it is the cause
  $worlds/near-miss.yaml  what looks like it, and the cause that it is instead
then: cargo test -p mops-diagnose catalogue"
