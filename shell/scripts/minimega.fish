# Completion of minimega's flags, and of commands behind -e by the minimega that runs.
# Save it: minimega -completion fish > ~/.config/fish/completions/minimega.fish
function __minimega_words
	set -l run
	set -l command
	set -l behind 0
	for word in (commandline -opc)
		if test $behind = 1
			set -a command $word
		else if contains -- $word -e --e
			set behind 1
		else
			set -a run (__minimega_expand $word)
		end
	end
	set -l last (commandline -ct)
	set -l what words
	set -l quote (string match -r '^["\']' -- $last)
	if test -n "$quote"
		set last (string unescape -- $last$quote; or string sub -s 2 -- $last)
		if test (count $command) = 0 # -e "a whole li
			set what line
		end
	else
		set last (string unescape -- $last; or echo $last)
	end
	set -l found ($run -completion $what -e $command "$last" 2>/dev/null)
	printf '%s\n' $found
	if test $what = line -a (count $found) = 1 # a single one would close the quote
		printf '%s...\n' (string split -f 1 \t -- $found)
	end
end
# The home directory, and a variable, stand for themselves in the program and its flags.
function __minimega_expand
	set -l word (string replace -r '^~(?=/|$)' -- $HOME $argv[1])
	set -l name (string match -r '\$(\w+)' -- $word)[2]
	if test -n "$name"
		set word (string replace -- \$$name "$$name" $word)
	end
	echo $word
end
function __minimega_behind_e
	set -l words (commandline -opc)
	contains -- -e $words; or contains -- --e $words
end
complete -c minimega -f
complete -c minimega -n __minimega_behind_e -a '(__minimega_words)'
@FISH_FLAGS@
