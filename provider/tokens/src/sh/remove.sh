if [ -L "$path" ]; then refuse link "$path"; fi
[ -e "$path" ] || { tell removed file; exit 0; }
[ -f "$path" ] || refuse file "$path"
look "$path"
[ "$uid" = "$me" ] || refuse owner "$path belongs to user $uid"
[ -r "$path" ] || refuse denied "$path cannot be read"
keeper
[ "$held" = "$stack" ] || refuse unmarked "$path"
temporary=$folder/.$name.$run.tmp
trap 'rm -f -- "$temporary"' EXIT
trap 'exit 1' HUP INT TERM PIPE
rest() {
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in "$stamp"*) continue ;; esac
    mops_pair "$line" || :
    case " $names " in *" ${mops_name:--} "*) continue ;; esac
    printf '%s\n' "$line"
  done <"$path"
}
make "$temporary"
error=$( { rest >"$temporary"; } 2>&1 ) || why "$error"
if rest | grep -q '[^[:space:]]'; then
  error=$(mv -f -- "$temporary" "$path" 2>&1) || why "$error"
  tell removed lines
else
  error=$(rm -f -- "$path" 2>&1) || why "$error"
  tell removed file
fi
