command -v curl >/dev/null 2>&1 || { tell asked none "there is no curl"; exit 0; }
value=''
while IFS= read -r line || [ -n "$line" ]; do
  if mops_pair "$line" && [ "$mops_name" = "$wanted" ]; then value=$mops_value; fi
done <"$path"
case $value in ''|*'"'*|*\\*) tell asked none "the value has no form that can be sent"; exit 0 ;; esac
settings() {
  case $kind in
    bearer) printf 'header = "Authorization: Bearer %s"\n' "$value" ;;
    basic) printf 'user = "api:%s"\nheader = "Content-Type: application/json"\n' "$value" ;;
  esac
}
set -- -q -sS -m 20 -K - -w '\n%{http_code}' --url "$url"
[ -z "$body" ] || set -- "$@" --data "$body"
answer=$(settings | curl "$@" 2>/dev/null) || answer=''
status=${answer##*"
"}
case $status in
  [12345][0-9][0-9]) ;;
  *) tell asked none "the service does not answer there"; exit 0 ;;
esac
case $answer in *'"username":'*'"'*|*'"name":'*'"'*) tell asked "$status" named ;; *) tell asked "$status" nameless ;; esac
