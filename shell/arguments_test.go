package shell

import (
	"testing"

	"minimega/completion"
	"minimega/shell/grammar"
)

// uncompleted are the arguments that Tab offers nothing for, by the words that
// they follow and their keys, and why.
func uncompleted() map[string]string {
	const (
		number = "a number that only the user knows"
		text   = "the user's own text"
	)
	return map[string]string{
		"mesh degree: degree":                        number,
		"mesh timeout: seconds":                      number,
		"quit: delay":                                number,
		"log ring: size":                             number,
		"disk create: size":                          number,
		"disk resize: size":                          number,
		"vm config memory: value":                    number,
		"vm config vcpus: value":                     number,
		"vm config cores: value":                     number,
		"vm config threads: value":                   number,
		"vm config sockets: value":                   number,
		"vm config serial-ports: value":              number,
		"vm config virtio-ports: value":              "a number, or names that the guest will know",
		"vm config fifos: value":                     number,
		"vm config android-console-base-port: value": number,

		"vm config uuid: value":               "a new one each time; left out, one is made up",
		"vm config colocate: value":           "the name of a machine, and there are none yet",
		"vm config hostname: value":           "a name that is new",
		"vm config tags: value":               text,
		"vm config append: value":             "words for a kernel, which are its own",
		"vm config qemu-append: value":        "words for QEMU, which are its own",
		"vm config android-extra-args: value": "words for the emulator, which are its own",
		"vm config qemu-override: value":      text,
		"echo: args":                          text,
		"pipe: message":                       text,
		"log filter: filter":                  text,

		"disk inject: words": "options of mount, which depend on the file system in the image",
		"disk inject: path":  "a path in the image, which would have to be mounted to be known",
	}
}

func TestTabOffersSomethingForEveryArgumentOrThereIsAReason(t *testing.T) {
	n := newNode(t, "foo")
	why := uncompleted()
	used := map[string]bool{}
	for i := range n.commands {
		command := &n.commands[i]
		for _, source := range command.Patterns {
			p := compiled(t, source)
			for _, item := range p.Items {
				if item.Kind != grammar.Free && item.Kind != grammar.List {
					continue
				}
				name := fixedWords(p) + ": " + item.Key
				switch reason, excused := why[name]; {
				case completes(command, item.Key) && excused:
					t.Errorf("%s: is completed, but there is a reason why not: %s", name, reason)
				case !completes(command, item.Key) && !excused:
					t.Errorf("%s (in %q): must be completed, or have a reason why not", name, source)
				}
				used[name] = true
			}
		}
	}
	for name := range why {
		if !used[name] {
			t.Errorf("%s: is no argument of any command", name)
		}
	}
}

// completes reports whether Tab has something to offer for an argument.
func completes(c *Command, key string) bool {
	return c.Hints[key] != completion.None || c.Words[key] != nil || c.Offers[key] != nil || c.Parts[key] != nil
}
