# shellcheck shell=bash
# What the scripts beside this file share: source it.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# say prints a line about what the script does.
say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# have reports whether a program can be found, in the directories of root too.
have() { PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null 2>&1; }

# compile builds a package of the project into .bin and prints the program's path.
compile() {
	local program=$root/.bin/${1##*/}
	[ "$1" != . ] || program=$root/.bin/minimega
	mkdir -p "$root/.bin"
	(cd "$root" && go build -o "$program" "$1") >&2
	printf '%s\n' "$program"
}
