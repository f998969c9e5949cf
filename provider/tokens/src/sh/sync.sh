[ -n "$name" ] || refuse file "$path"
if [ -L "$folder" ]; then refuse link "$folder"; fi
if ! [ -d "$folder" ]; then
  error=$(mkdir -p -- "$folder" 2>&1) || why "$error"
fi
look "$folder"
[ "$uid" = "$me" ] || refuse owner "$folder belongs to user $uid"
case $mode in
  ?????w*|????????w*) refuse writable "$folder" ;;
esac
case $mode in *+) tell acl "$folder" ;; esac
if [ -L "$path" ]; then refuse link "$path"; fi
old=''
if [ -e "$path" ]; then
  [ -f "$path" ] || refuse file "$path"
  look "$path"
  [ "$uid" = "$me" ] || refuse owner "$path belongs to user $uid"
  case $mode in
    ?????w*|????????w*) refuse writable "$path" ;;
  esac
  case $mode in *+) tell acl "$path" ;; esac
  old=$mode
  keeper
  case $held in ''|"$stack") ;; *) refuse stack "$held" ;; esac
fi
temporary=$folder/.$name.$run.tmp
trap 'rm -f -- "$temporary" "$temporary.merged"' EXIT
trap 'exit 1' HUP INT TERM PIPE
make "$temporary"
error=$( { cat >"$temporary"; } 2>&1 ) || why "$error"
got=$(($(wc -c <"$temporary")))
[ "$got" -eq "$size" ] || refuse cut "$got of $size bytes"
[ "$(keyed <"$temporary")" = "$hash" ] || refuse cut "the bytes are not those that were sent"
merged() {
  seen=' '
  [ -z "$mark" ] || printf '%s\n' "$mark"
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in "$stamp"*) [ -z "$mark" ] || continue ;; esac
    mops_pair "$line" || :
    case " $names " in
      *" ${mops_name:--} "*)
        case $seen in *" $mops_name "*) continue ;; esac
        seen="$seen$mops_name "
        ours "$mops_name" ;;
      *) printf '%s\n' "$line" ;;
    esac
  done <"$path"
  for wanted in $names; do
    case $seen in *" $wanted "*) ;; *) ours "$wanted" ;; esac
  done
}
ours() {
  while IFS= read -r sent; do
    case $sent in "$1="*) printf '%s\n' "$sent" ;; esac
  done <"$temporary"
}
final=$temporary
if [ -n "$names" ] && [ -n "$old" ]; then
  final=$temporary.merged
  make "$final"
  error=$( { merged >"$final"; } 2>&1 ) || why "$error"
fi
case $old in -r--------*) chmod 400 -- "$final" ;; esac
case $(sync --version 2>/dev/null) in *coreutils*) sync -- "$final" 2>/dev/null || : ;; esac
wanted=$(keyed <"$final")
error=$(mv -f -- "$final" "$path" 2>&1) || why "$error"
case $(sync --version 2>/dev/null) in *coreutils*) sync -- "$folder" 2>/dev/null || : ;; esac
look "$path"
[ "$(keyed <"$path")" = "$wanted" ] || refuse failed "the file that was read back is not the one that was written"
tell written "$mode" "$uid" "$(($(wc -c <"$path")))" "$(id -un)"
