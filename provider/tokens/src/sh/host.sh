mops_mask=$(umask)
LC_ALL=C; export LC_ALL
PATH=$PATH:/usr/bin:/bin
umask 077
tell() { printf '%s\n' "$*"; }
refuse() { tell refused "$@"; exit 0; }
case $(command -v printf) in /*) refuse shell "printf is no part of /bin/sh, and would show values to others" ;; esac
digest() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum
  elif command -v shasum >/dev/null 2>&1; then shasum -a 256
  else openssl dgst -sha256 -r; fi | cut -c1-64
}
keyed() { { printf '%s' "$nonce"; cat; } | digest; }
me=$(id -u)
look() {
  set -f; set -- $(ls -ldn -- "$1" 2>/dev/null); set +f
  mode=${1-} uid=${3-}
}
why() {
  case $1 in
    *[Qq]uota*|*'o space left'*) refuse quota "$1" ;;
    *'ermission denied'*|*'ead-only'*|*'not permitted'*) refuse denied "$1" ;;
    *) refuse failed "$1" ;;
  esac
}
case $given in
  '~/'*) path=$HOME/${given#??} ;;
  /*) path=$given ;;
  *) path=$HOME/$given ;;
esac
folder=${path%/*}
[ -n "$folder" ] || folder=/
name=${path##*/}
tell path "$path"
stamp='# modelops-stack='
keeper() {
  held=''
  IFS= read -r held <"$path" 2>/dev/null || :
  case $held in
    "$stamp"*) held=${held#"$stamp"} held=${held%% *} ;;
    *) held='' ;;
  esac
}
make() {
  error=$( (set -C; : >"$1") 2>&1 ) || why "$error"
  error=$(chmod 600 -- "$1" 2>&1) || why "$error"
  look "$1"
  [ "$uid" = "$me" ] || refuse owner "$1 belongs to user $uid"
  case $mode in -rw-------*) ;; *) refuse failed "a new file has mode $mode" ;; esac
}
