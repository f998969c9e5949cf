program() {
  command -v "$1" >/dev/null 2>&1 && return 0
  more=$(/bin/sh -lc 'printf "\n%s\n" "$PATH"' </dev/null 2>/dev/null | tail -n 1)
  PATH=$PATH:$more
  command -v "$1" >/dev/null 2>&1 || refuse absent "$1"
}
first() { printf '%s\n' "$1" | sed -n '/./{p;q;}'; }
