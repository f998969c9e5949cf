mops_cr=$(printf '\r') mops_tab=$(printf '\t')
mops_strip() {
  while :; do
    case $mops_rest in
      ' '*|"$mops_tab"*) mops_rest=${mops_rest#?} ;;
      *) return 0 ;;
    esac
  done
}
mops_next() {
  mops_tail=${mops_rest#?}
  mops_char=${mops_rest%"$mops_tail"}
  mops_rest=$mops_tail
}
mops_pair() {
  mops_name='' mops_value='' mops_quote='' mops_char='' mops_rest=${1%"$mops_cr"}
  mops_strip
  case $mops_rest in
    'export '*|"export$mops_tab"*) mops_rest=${mops_rest#export}; mops_strip ;;
  esac
  case $mops_rest in
    '#'*) return 1 ;;
    *=*) ;;
    *) return 1 ;;
  esac
  case ${mops_rest%%=*} in
    ''|[0123456789]*) return 1 ;;
    *[!abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_]*) return 1 ;;
  esac
  mops_name=${mops_rest%%=*}
  mops_rest=${mops_rest#*=}
  case $mops_rest in
    *[!abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+,=-]*) ;;
    *) mops_value=$mops_rest; return 0 ;;
  esac
  while [ -n "$mops_rest" ]; do
    mops_next
    case $mops_quote$mops_char in
      "'"|'"') mops_quote=$mops_char; continue ;;
      "''"|'""') mops_quote=''; continue ;;
      \\) mops_char=''; if [ -n "$mops_rest" ]; then mops_next; fi ;;
      '"\') case $mops_rest in '"'*|\\*|'$'*|'`'*) mops_next ;; esac ;;
      ' '|"$mops_tab")
        mops_strip
        case $mops_rest in
          ''|'#'*) return 0 ;;
          *) return 1 ;;
        esac ;;
    esac
    mops_value=$mops_value$mops_char
  done
  [ -z "$mops_quote" ]
}
