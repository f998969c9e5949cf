if [ -f "$log" ] && [ -r "$log" ]; then
  if grep -qF -- "$said" "$log"; then tell loaded yes
  elif grep -qF -- "$missed" "$log"; then tell loaded missed
  else tell loaded no; fi
else
  tell empty yes
fi
