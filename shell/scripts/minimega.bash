# Completion of minimega's flags, and of commands behind -e by the minimega that runs.
# Put into ~/.bashrc: source <(minimega -completion bash)
_minimega() {
	local words=() quote= lead= raw= cur at last text help glued what=words breaks=${COMP_WORDBREAKS//[[:space:]\"\']/}
	_minimega_split "${COMP_LINE:0:COMP_POINT}"
	last=$((${#words[@]} - 1))
	cur=${words[last]}
	COMPREPLY=()
	for ((at = 1; at < last; at++)); do
		case ${words[at]} in -e | --e) break ;; esac
	done
	if ((at == last)); then
		_minimega_flag
		return
	fi
	_minimega_expand
	# readline replaces what stands behind the open quote, else behind the last of its word breaks
	glued=$lead
	[[ $quote ]] || glued=${cur%"${cur##*[$breaks]}"}
	[[ $quote ]] && ((at + 1 == last)) && what=line # -e "a whole li
	while IFS=$'\t' read -r text help; do
		_minimega_offer "$text"
	done < <("${words[0]}" "${words[@]:1:at-1}" -completion $what -e "${words[@]:at+1}" 2>/dev/null)
	# a single one would close the quote
	if [[ $quote && ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[/:=,\ ] ]]; then
		COMPREPLY+=("${COMPREPLY[0]}...")
	fi
}
# Sets words to those of a line, without quotes, quote to the one that is open, and
# lead to what stands before it in its word.
_minimega_split() {
	local line=$1 i c next word= in=
	for ((i = 0; i < ${#line}; i++)); do
		c=${line:i:1} next=${line:i+1:1}
		case $quote$c in
		[[:space:]])
			[[ $in ]] && words+=("$word")
			word= in=
			continue
			;;
		"''" | '""') quote= ;;
		"'" | '"') quote=$c lead=$word ;;
		'"\')
			case $next in [\\\"\$\`]) c=$next i=$((i + 1)) ;; esac
			word+=$c
			;;
		'\') word+=$next i=$((i + 1)) ;;
		*) word+=$c ;;
		esac
		in=1
	done
	words+=("$word")
}
# Has the home directory, and variables, stand for themselves in the program and its flags.
_minimega_expand() {
	local i
	for ((i = 0; i < at; i++)); do
		case ${words[i]} in "~" | "~/"*) words[i]=$HOME${words[i]:1} ;; esac
		if [[ ${words[i]} =~ ^([^$]*)\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?([^$]*)$ ]]; then
			words[i]=${BASH_REMATCH[1]}${!BASH_REMATCH[2]}${BASH_REMATCH[3]}
		fi
	done
}
# Offers a word, or a line, as it is written where the cursor is.
_minimega_offer() {
	local text=${1#"$glued"}
	case $quote in
	"'") text=${text//\'/\'\\\'\'} ;;
	'"')
		text=${text//\\/\\\\}
		text=${text//\"/\\\"}
		text=${text//\$/\\\$}
		text=${text//\`/\\\`}
		;;
	*)
		case $text in */ | *: | *= | *,) compopt -o nospace ;; esac
		printf -v text %q "$text"
		;;
	esac
	COMPREPLY+=("$text")
}
# Offers flags, and their values, which may stand behind a =.
_minimega_flag() {
	local flag=${words[last - 1]} dash=
	case $cur in -*=*) flag=${cur%%=*} dash=${cur%%=*}= cur=${cur#*=} ;; esac
	case $flag in
@BASH_VALUES@
	*)
		case $cur in --*) cur=${cur#-} dash=- ;; esac
		COMPREPLY=($(compgen -W '@FLAGS@' -- "$cur"))
		;;
	esac
	# readline replaces what stands behind the =
	[[ $dash == *= && $COMP_WORDBREAKS == *=* ]] || COMPREPLY=("${COMPREPLY[@]/#/$dash}")
}
_minimega_paths() {
	compopt -o filenames # quotes them, and has directories end in a slash
	mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
}
complete -F _minimega minimega
