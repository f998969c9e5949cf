program scontrol
state='' reason='' log=''
look_up() {
  if record=$(scontrol show job "$job" 2>&1 </dev/null); then
    case $(printf '%s\n' "$record" | grep -c '^JobId=') in
      1) ;;
      *) refuse array "$job" ;;
    esac
    fields=$(printf '%s\n' "$record" | sed -n 's/^ *JobState=\([A-Z_]*\) Reason=\([^ ]*\).*/\1 \2/p' | sed -n 1p)
    state=${fields%% *} reason=${fields#* }
    log=$(printf '%s\n' "$record" | sed -n 's/^   StdOut=//p' | tail -n 1)
    return 0
  fi
  case $record in
    *'nvalid job id'*) state=''; reason='' ;;
    *) [ -n "$state" ] || refuse slurm "$(first "$record")" ;;
  esac
}
look_up
if [ -z "$log" ]; then
  log=$folder/slurm-$job.out
  if command -v sacct >/dev/null 2>&1; then
    state=$(sacct -n -P -X -j "$job" -o State 2>/dev/null </dev/null | sed -n 's/^\([A-Z_]*\).*/\1/p' | sed -n 1p)
  fi
  [ -n "$state" ] || [ -f "$log" ] || refuse unknown "$job"
  tell guessed yes
fi
tell log "$log"
