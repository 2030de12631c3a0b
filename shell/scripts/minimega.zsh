#compdef minimega
# Completion of minimega's flags, and of commands behind -e by the minimega that runs.
# Put into ~/.zshrc, behind compinit: source <(minimega -completion zsh)
_minimega() {
	local at=${words[(i)-e]} text help
	local -a done more done_shown more_shown
	if ((at < CURRENT)); then
		while IFS=$'\t' read -r text help; do
			case $text in
			*/ | *:) more+=("$text") more_shown+=("$text${help:+  -- $help}") ;;
			*) done+=("$text") done_shown+=("$text${help:+  -- $help}") ;;
			esac
		done < <("${(Q)words[1]}" "${(@Q)words[2,at-1]}" -completion words -e "${(@Q)words[at+1,CURRENT]}" 2>/dev/null)
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
