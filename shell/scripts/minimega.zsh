#compdef minimega
# Completion of minimega's flags, and of commands behind -e by the minimega that runs.
# Put into ~/.zshrc, behind compinit: source <(minimega -completion zsh)
_minimega() {
	local at=${words[(i)(-e|--e)]} text help word
	local -a run behind done more done_shown more_shown
	if ((at < CURRENT)); then
		for word in "${words[@]:0:$((at - 1))}"; do # ~ and variables, but no commands
			if [[ $word == *[\`\(]* ]]; then word=${(Q)word}; else eval "word=$word"; fi
			run+=("$word")
		done
		if [[ -n $compstate[quote] ]] && ((CURRENT == at + 1)); then # -e "a whole li
			compset -q
			at=0
		fi
		behind=("${(@Q)words[at+1,CURRENT-1]}" "${(Q)PREFIX}")
		while IFS=$'\t' read -r text help; do
			case $text in
			*/ | *: | *= | *,) more+=("$text") more_shown+=("$text${help:+  -- $help}") ;;
			*) done+=("$text") done_shown+=("$text${help:+  -- $help}") ;;
			esac
		done < <("${run[@]}" -completion words -e "${behind[@]}" 2>/dev/null)
		compadd -l -d done_shown -a done
		compadd -l -d more_shown -S '' -a more
		return
	fi
	local -a flags=(
@ZSH_FLAGS@
	)
	_arguments $flags
}
compdef _minimega minimega
