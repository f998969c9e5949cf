program sinfo
form='Partition:|,Available:|,StateCompact:|,Gres:|,GresUsed:|,NodeList:|'
all=$(sinfo -h -N -O "$form" 2>/dev/null </dev/null)
case $all in
  *'|'*) ;;
  *) all=$(sinfo -h -N -o '%P|%a|%t|%G||%N|' 2>&1 </dev/null) || refuse slurm "$(first "$all")" ;;
esac
printf '%s\n' "$all" | sed -n 's/^\(..*|.*\)/node \1/p'
