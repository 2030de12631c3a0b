package vmconfig

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Failures that a caller may want to tell apart; every error of this package
// about a field's name or value wraps one.
var (
	ErrUnknownField = errors.New("unknown field")
	ErrAmbiguous    = errors.New("ambiguous field")
	ErrBadValue     = errors.New("bad value")
)

// ValueError says what is wrong with a value. It wraps [ErrBadValue].
type ValueError struct {
	Field string
	Must  string // what it must be
	Value string // what it is
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("vm config %s: must be %s, but is %q", e.Field, e.Must, e.Value)
}

// Unwrap returns [ErrBadValue].
func (e *ValueError) Unwrap() error { return ErrBadValue }

// valueError is what is wrong with a value, in words. It wraps [ErrBadValue].
type valueError string

func badValue(format string, args ...any) error { return valueError(fmt.Sprintf(format, args...)) }

func (e valueError) Error() string { return string(e) }

// Unwrap returns [ErrBadValue].
func (valueError) Unwrap() error { return ErrBadValue }

// diskInterfaces are the buses that a disk may hang on.
func diskInterfaces() []string {
	return []string{"ahci", "floppy", "ide", "mtd", "pflash", "scsi", "sd", "virtio"}
}

// diskCaches are QEMU's cache modes.
func diskCaches() []string {
	return []string{"directsync", "none", "unsafe", "writeback", "writethrough"}
}

// DiskOption tells which kind of option of a disk word is: of each kind a disk
// has at most one.
func DiskOption(word string) string {
	if slices.Contains(diskCaches(), word) {
		return "cache mode"
	}
	return "interface"
}

// checkDisk accepts PATH[,INTERFACE][,CACHE]: each at most once, in either
// order.
func checkDisk(spec string) error {
	parts := strings.Split(spec, ",")
	if parts[0] == "" || len(parts) > 3 {
		return badValue("malformed diskspec: must be PATH[,INTERFACE][,CACHE], but is %q", spec)
	}
	buses, caches := 0, 0
	for _, option := range parts[1:] {
		switch {
		case slices.Contains(diskInterfaces(), option):
			buses++
		case slices.Contains(diskCaches(), option):
			caches++
		default:
			return badValue("malformed diskspec: after a comma must be one of %s or %s, but is %q", strings.Join(diskInterfaces(), " "), strings.Join(diskCaches(), " "), option)
		}
	}
	if buses > 1 || caches > 1 {
		return badValue("malformed diskspec: must name one interface and one cache mode, but is %q", spec)
	}
	return nil
}

// checkConsolePort accepts what the Android emulator does, and 0 for any.
func checkConsolePort(value string) error {
	port, err := strconv.Atoi(value)
	if err != nil || port != 0 && (port < 5554 || port > 5680 || port%2 != 0) {
		return &ValueError{"android-console-base-port", "an even number from 5554 to 5680, or 0", value}
	}
	return nil
}

// checkCoschedule accepts -1, no limit, and more.
func checkCoschedule(value string) error {
	if n, err := strconv.Atoi(value); err == nil && n < -1 {
		return &ValueError{"coschedule", "-1, for no limit, or a whole number, 0 or more", value}
	}
	return nil
}

// scalar returns value as the field prints it.
func (f Field) scalar(value string) (string, error) {
	switch f.Kind {
	case Uint:
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			return "", &ValueError{f.Name, "a whole number, 0 or more", value}
		}
		return strconv.FormatUint(n, 10), nil
	case Int:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return "", &ValueError{f.Name, "a whole number", value}
		}
		return strconv.FormatInt(n, 10), nil
	case Bool:
		for _, word := range []string{"true", "false"} {
			if value != "" && strings.HasPrefix(word, value) {
				return word, nil
			}
		}
		return "", &ValueError{f.Name, "true or false", value}
	}
	return value, nil
}
