# Completion of minimega's flags, and of commands behind -e by the minimega that runs.
# Save it: minimega -completion fish > ~/.config/fish/completions/minimega.fish
function __minimega_words
	set -l flags
	set -l command
	set -l behind 0
	for word in (commandline -opc)
		if test $behind = 1
			set -a command $word
		else if contains -- $word -e --e
			set behind 1
		else
			set -a flags $word
		end
	end
	$flags -completion words -e $command (commandline -ct) 2>/dev/null
end
function __minimega_behind_e
	contains -- -e (commandline -opc)
end
complete -c minimega -f
complete -c minimega -n __minimega_behind_e -a '(__minimega_words)'
@FISH_FLAGS@
