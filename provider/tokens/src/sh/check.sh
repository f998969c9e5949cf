[ -e "$path" ] || { tell missing "$path"; exit 0; }
look "$path"
changed=$(stat -L -c %Y -- "$path" 2>/dev/null || stat -L -f %m -- "$path" 2>/dev/null || echo 0)
set -f; set -- $(ls -ld -- "$path" 2>/dev/null); set +f
tell file "$mode" "$uid" "$me" "$((($(date +%s) - changed) / 86400))" "${3-}"
[ -f "$path" ] && [ -r "$path" ] || refuse denied "$path cannot be read"
number=0
while IFS= read -r line || [ -n "$line" ]; do
  number=$((number + 1))
  case $number in
    1)
      line=${line#"$(printf '\357\273\277')"}
      case $line in "$stamp"*) tell stamp "${line#"$stamp"}" ;; esac ;;
  esac
  mops_pair "$line" || continue
  case " $names " in *" $mops_name "*) ;; *) continue ;; esac
  case $mops_value in
    *[!" $mops_tab"]*) tell token "$mops_name" set "$(printf '%s%s' "$nonce" "$mops_value" | digest)" ;;
    *) tell token "$mops_name" empty ;;
  esac
done <"$path"
