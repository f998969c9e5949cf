told='-'
told() {
  [ "$told" != "$state $reason" ] || return 0
  told="$state $reason"
  tell state "$told"
}
going() {
  case $state in
    PENDING|RUNNING|SUSPENDED|COMPLETING|CONFIGURING|STAGE_OUT|STOPPED|RESIZING|SIGNALING|REQUEUED|REQUEUE_HOLD) ;;
    *) return 1 ;;
  esac
}
offset=0
piece() {
  size=$(($(wc -c <"$log")))
  if [ "$size" -lt "$offset" ]; then offset=0; fi
  [ "$size" -gt "$offset" ] || return 0
  printf '%s\n' "mops-$run-data"
  tail -c "+$((offset + 1))" -- "$log" | head -c "$((size - offset))"
  printf '\n%s\n' "mops-$run-rest"
  offset=$size
}
if [ -e "$log" ] && ! [ -r "$log" ]; then refuse unreadable "$log"; fi
if [ -n "$lines" ] && [ -f "$log" ]; then
  size=$(($(wc -c <"$log")))
  offset=$((size - $(head -c "$size" -- "$log" | tail -n "$lines" | wc -c)))
fi
if [ -z "$follow" ]; then
  told
  if [ -f "$log" ]; then piece; else tell empty yes; fi
  exit 0
fi
turn=0
while :; do
  printf '%s\n' "mops-$run-beat" || exit 0
  if [ "$((turn % 3))" -eq 2 ]; then look_up; fi
  told || exit 0
  going || break
  if [ -f "$log" ]; then piece || exit 0; fi
  turn=$((turn + 1))
  sleep 1 </dev/null
done
sleep 1 </dev/null
if [ -f "$log" ]; then piece; else tell empty yes; fi
