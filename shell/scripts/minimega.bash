# Completion of minimega's flags, and of commands behind -e by the minimega that runs.
# Put into ~/.bashrc: source <(minimega -completion bash)
_minimega() {
	local cur words=() at text help glued breaks=${COMP_WORDBREAKS//[[:space:]\"\']/}
	read -a words <<<"${COMP_LINE:0:COMP_POINT}"
	case ${COMP_LINE:0:COMP_POINT} in *[[:space:]]) words+=("") ;; esac
	cur=${words[${#words[@]} - 1]}
	# readline replaces only what stands behind one of its word breaks
	glued=${cur%"${cur##*[$breaks]}"}
	COMPREPLY=()
	for ((at = 1; at < ${#words[@]} - 1; at++)); do
		case ${words[at]} in -e | --e) break ;; esac
	done
	if ((at < ${#words[@]} - 1)); then
		while IFS=$'\t' read -r text help; do
			case $text in */ | *:) compopt -o nospace ;; esac
			printf -v text %q "${text#"$glued"}"
			COMPREPLY+=("$text")
		done < <("${words[0]}" "${words[@]:1:at-1}" -completion words -e "${words[@]:at+1}" 2>/dev/null)
		return
	fi
	case ${words[at - 1]} in
@BASH_VALUES@
	*) COMPREPLY=($(compgen -W '@FLAGS@' -- "$cur")) ;;
	esac
}
_minimega_paths() {
	compopt -o filenames # quotes them, and has directories end in a slash
	mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
}
complete -F _minimega minimega
