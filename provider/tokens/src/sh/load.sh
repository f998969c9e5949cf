mops_load() {
  if ! [ -f "$1" ] || ! [ -r "$1" ]; then
    echo "WARNING: $1 is not there: tokens may be unavailable. Send them with \`mops tokens sync\`." >&2
    return 0
  fi
  echo 'Loading environment from .env file...'
  mops_number=0
  while IFS= read -r mops_line || [ -n "$mops_line" ]; do
    mops_number=$((mops_number + 1))
    case $mops_number in 1) mops_line=${mops_line#"$(printf '\357\273\277')"} ;; esac
    if mops_pair "$mops_line"; then
      case $mops_name in
        mops_*|UID|EUID|PPID|IFS|SHELLOPTS|BASHOPTS|BASH_VERSINFO) ;;
        *) export "$mops_name=$mops_value" ;;
      esac
    else
      case $mops_rest in
        ''|'#'*) ;;
        *) echo "WARNING: line $mops_number of $1 is not NAME=VALUE and is left out." >&2 ;;
      esac
    fi
  done <"$1"
}
