// Package grammar reads command lines: it splits them into words, matches the
// words against patterns and tells what may come next. It does no I/O, keeps no
// state and is safe for concurrent use.
//
// # Words
//
// White space separates words. Single and double quotes group, and adjacent
// parts are one word, so that "" is an empty one. A backslash escapes, inside
// quotes too, and only these: \r \n \t \\ \" \' \#. An unquoted # begins a
// comment, also in the middle of a word.
//
// # Patterns
//
//	mesh dial            words that are typed as they stand
//	<file>  [file]       a word, required or optional
//	<a,b>   [a,b]        one of some words; <recursive,> is a single such word
//	[file]...            all words that are left
//	(command)            a command of its own, which takes the rest of the line
//	<hosts:a range>      a name for the program, then what people read
//
// What is optional, takes all that is left, or is a command stands last.
//
// # Matching
//
// Fixed words and choices may be shortened to any prefix that leaves one
// pattern. Where several patterns fit, the one wins that is closer at the first
// word where they differ: a word spelled in full is closer than a free word,
// and a free word closer than a shortened one, so that no file is taken for a
// keyword because its name begins like one. Where they are equally close, those
// commands that [Grammar.Yield] is told of are not meant.
package grammar
