root=${folder%/*}
case $data in
  '') data=$root ;;
  '~') data=$HOME ;;
  '~/'*) data=$HOME/${data#??} ;;
  /*) ;;
  *) data=$HOME/$data ;;
esac
program sbatch
for wanted in $tokens; do
  if (eval "[ -n \"\${$wanted-}\" ]"); then tell inherited "$wanted"; fi
done
cd -- "$root" || refuse failed "$root cannot be entered"
KOA_ML_CODE_ROOT=$root KOA_ML_DATA_ROOT=$data
export KOA_ML_CODE_ROOT KOA_ML_DATA_ROOT
tell code "$root"
tell data "$data"
unset LC_ALL
umask "$mops_mask"
{
  { sbatch --parsable "$@" 2>&1 >&3 </dev/null | sed 's/^/said /' >&4; } 3>&1 | sed 's/^/job /'
} 4>&1
[ "$(keyed <"$path" 2>/dev/null)" = "$hash" ] ||
  tell said "$path was written by another run meanwhile: \`scontrol write batch_script\` there shows what the job runs"
