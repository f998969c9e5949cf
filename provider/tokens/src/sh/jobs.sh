program squeue
form='%i|%T|%M|%l|%D|%N|%r|%j'
set -- -h -t all -o "$form"
if [ -n "$ids" ]; then set -- "$@" -j "$ids"; else set -- "$@" -u "$(id -un)"; fi
if all=$(squeue "$@" 2>&1 </dev/null); then
  printf '%s\n' "$all" | sed -n 's/^\(..*|.*\)/job \1/p'
else
  case $all in *'nvalid job id'*) ;; *) refuse slurm "$(first "$all")" ;; esac
fi
form=JobID,State,Elapsed,Timelimit,NNodes,NodeList,Reason,JobName
set -- -n -P -X -o "$form"
if [ -n "$ids" ]; then set -- "$@" -j "$ids"; else set -- "$@" -u "$(id -un)"; fi
if command -v sacct >/dev/null 2>&1 && all=$(sacct "$@" 2>/dev/null </dev/null); then
  tell accounting yes
  printf '%s\n' "$all" | sed -n 's/^\(..*|.*\)/past \1/p'
fi
