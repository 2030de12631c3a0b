package shell

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"minimega/completion"
	"minimega/shell/grammar"
	"minimega/shell/output"
	"minimega/vmconfig"
)

// vmCommands are the commands on the virtual machines' configuration: one for
// each field of vm, and those on all of it.
func vmCommands(vm *vmconfig.Config) []Command {
	all := []Command{
		{
			Patterns: []string{"vm config"},
			Help:     "show the configuration of the next virtual machine",
			Long:     "Relative paths are below the files directory. `help vm config` lists all fields.",
			Example:  "vm config",
			Run: func(_ context.Context, c *Call) error {
				c.Bare(c.vm().String())
				return nil
			},
		},
		{
			Patterns: []string{"vm config <save,> <name>", "vm config <restore,> [name]", "vm config <clone,> <name>"},
			Help:     "keep a configuration under a name, and bring it back",
			Long: "Without a name, restore lists what was saved. clone does as restore does: there are no virtual\n" +
				"machines to take a configuration from yet.",
			Example: "vm config save web\nvm config restore web\nvm config restore\nvm config clone web",
			Offers:  map[string]Offer{"name": offerSaved},
			About: map[string]string{"save": "keep the configuration under a name", "restore": "bring back what was saved",
				"clone": "bring back what was saved"},
			Run: func(_ context.Context, c *Call) error { return vmSaved(c, c.vm()) },
		},
		{
			Patterns: []string{"clear vm config [field]", "clear vm config <field> <key>"},
			Help:     "put the configuration, or a field of it, back to its default",
			Example:  "clear vm config disks\nclear vm config tags mykey",
			Words:    map[string][]completion.Candidate{"field": fieldWords(vm)},
			Offers:   map[string]Offer{"key": offerKeys},
			Run:      func(_ context.Context, c *Call) error { return vmClear(c, c.vm()) },
		},
	}
	for _, f := range vm.Fields() {
		all = append(all, fieldCommand(f))
	}
	return all
}

// fieldWords returns the names of all fields.
func fieldWords(vm *vmconfig.Config) []completion.Candidate {
	var words []completion.Candidate
	for _, f := range vm.Fields() {
		words = append(words, completion.Candidate{Text: f.Name, Help: f.Help})
	}
	return words
}

// fieldCommand returns the command that shows and sets f.
func fieldCommand(f vmconfig.Field) Command {
	command := Command{
		Patterns: fieldPatterns(f),
		Help:     f.Help,
		Example:  "vm config " + f.Name + " " + f.Sample() + "\nvm config " + f.Name,
		Hints:    map[string]completion.Kind{},
		Words:    map[string][]completion.Candidate{},
		Options:  map[string][]completion.Candidate{keyDiskspec: fieldOptions(f), "value": fieldOptions(f)},
		Offers:   map[string]Offer{"key": offerKeys},
		Run:      func(ctx context.Context, c *Call) error { return vmField(ctx, c, c.vm(), f) },
	}
	if f.Usage != "" {
		command.Long = "The value is " + f.Usage + "."
	}
	if word, several := strings.CutSuffix(f.Usage, "..."); several {
		command.Long = "The value is one " + word + " or several."
	}
	if f.IsFile() {
		command.Long += " A relative path is below the files directory; file:NAME is fetched from the mesh.\n" +
			"http://HOST/NAME and https://HOST/NAME are fetched from the mesh as NAME, or downloaded once if no node has it."
		command.Example += fileExample(f)
		command.Words["value"] = append(urlWords(), completion.Candidate{Text: filePrefix, Help: "a file of the mesh"})
		command.Words[keyDiskspec] = command.Words["value"]
		command.Hints["value"] = localFiles
		command.Hints[keyDiskspec] = localFiles
	}
	switch f.Name {
	case "networks":
		command.Parts = map[string]Offer{"value": offerNetwork}
	case "bonds":
		command.Parts = map[string]Offer{"value": offerBond}
	case "coschedule":
		command.Words["value"] = []completion.Candidate{{Text: "-1", Help: "no limit"}}
	case "cpu":
		command.Words["value"] = []completion.Candidate{{Text: "host", Help: "this node's own"}}
		command.Offers["value"] = offerTypes(f.Name)
	case "machine":
		command.Offers["value"] = offerTypes(f.Name)
	case "android-avd":
		command.Offers["value"] = offerAVDs
	case "schedule":
		command.Words["value"] = []completion.Candidate{{Text: localhost, Help: "this node"}}
		command.Offers["value"] = offerNodes
	case "qemu", "init", "preinit":
		command.Hints["value"] = programs
	case "android-sdk", "android-emulator", "android-adb", "android-avd-dir":
		command.Hints["value"] = completion.LocalFile
	case "filesystem":
		command.Long += " tar:NAME is fetched, unpacked beside itself, and stands for the single directory in it; gz, bz2, xz and zst are known by content."
		command.Example += "\nvm config filesystem tar:containerfs.tar.gz"
		command.Words["value"] = append(slices.Clone(command.Words["value"]), completion.Candidate{Text: tarPrefix, Help: "a tar archive of the mesh, unpacked"})
	}
	if len(f.Choices) > 0 {
		command.Words["value"] = candidates(f.Choices)
	}
	return command
}

// fieldOptions returns what may follow a comma in a value of f.
func fieldOptions(f vmconfig.Field) []completion.Candidate {
	all := candidates(f.Options)
	for i := range all {
		if f.Kind == vmconfig.Disks {
			all[i].Help = vmconfig.DiskOption(all[i].Text)
		}
	}
	return all
}

// fileExample is a line that sets a field to the file of a URL, behind a new line;
// "" for a field of which no server has any.
func fileExample(f vmconfig.Field) string {
	file, ok := map[string]string{
		"disks": "server.img", "cdrom": "server.iso", "kernel": "vmlinuz", "initrd": "initrd", "state": "server.state",
		"filesystem": "containerfs.tar.gz", "volume": "data.tar.gz",
	}[f.Name]
	if !ok {
		return ""
	}
	before := ""
	if f.Kind == vmconfig.Paths {
		before = "/data "
	}
	if strings.HasSuffix(file, ".tar.gz") {
		before += tarPrefix
	}
	return "\nvm config " + f.Name + " " + before + "http://cloud.example/releases/14.04/" + file
}

// fieldPatterns returns the forms that a field of f's kind has.
func fieldPatterns(f vmconfig.Field) []string {
	head := "vm config " + f.Name
	switch f.Kind {
	case vmconfig.Bool:
		return []string{head + " [value:true,false]"}
	case vmconfig.List, vmconfig.Specs:
		return []string{head + " [value]..."}
	case vmconfig.Disks:
		return []string{head + " [" + keyDiskspec + "]..."}
	case vmconfig.Map, vmconfig.Paths:
		return []string{head, head + " <key> [value]"}
	case vmconfig.Pairs:
		return []string{head, head + " <key:match> <value:replacement>"}
	}
	if f.Name == "state" {
		return []string{head + " [value]", "vm config migrate [value]"}
	}
	return []string{head + " [value]"}
}

func candidates(words []string) []completion.Candidate {
	all := make([]completion.Candidate, len(words))
	for i, word := range words {
		all[i].Text = word
	}
	return all
}

// vmField shows a field, or sets it to the values given.
func vmField(ctx context.Context, c *Call, vm *vmconfig.Config, f vmconfig.Field) error {
	values := append(c.Lists["value"], c.Lists[keyDiskspec]...)
	key, keyed := c.Values["key"]
	if value, ok := c.Values["value"]; ok {
		values = append(values, value)
	}
	if keyed && len(values) == 0 {
		text, err := vm.GetKey(f.Name, key)
		c.Bare(text)
		return err
	}
	if len(values) == 0 {
		text, err := vm.Get(f.Name)
		c.Bare(text)
		return err
	}
	unchecked, err := c.checkField(ctx, vm, f, values[0])
	if err != nil {
		return err
	}
	if keyed {
		values = append([]string{key}, values...)
	}
	warning, err := vm.Set(f.Name, values)
	if warning = cmp.Or(warning, unchecked); warning != "" && err == nil {
		c.Client.warnings([]string{warning})
	}
	return err
}

// checkField refuses a value of f that only this node can tell is wrong, or
// warns that it cannot tell.
func (c *Call) checkField(ctx context.Context, vm *vmconfig.Config, f vmconfig.Field, value string) (warning string, err error) {
	switch f.Name {
	case "schedule":
		return "", c.scheduled(value)
	case "cpu", "machine":
		return checkQEMU(ctx, vm, f.Name, value)
	}
	return "", nil
}

// scheduled refuses a node that is no host of the namespace.
func (c *Call) scheduled(host string) error {
	if host == "" || host == localhost || slices.Contains(c.namespace().Hosts(), host) {
		return nil
	}
	return fmt.Errorf("host is not in namespace: %s: ns hosts shows them, ns add-hosts %s adds it", host, host)
}

var errNoneSaved = errors.New("no vm configs saved: see help vm config save")

// vmSaved saves and restores.
func vmSaved(c *Call, vm *vmconfig.Config) error {
	name, given := c.Values["name"]
	switch {
	case c.Has("save"):
		return vm.Save(name)
	case c.Has("clone"):
		return vmClone(vm, name)
	case given:
		return vm.Restore(name)
	}
	saved := vm.Saved()
	if len(saved) == 0 {
		return errNoneSaved
	}
	c.emit(output.Response{Response: strings.Join(saved, "\n"), Data: saved})
	return nil
}

// vmClone makes vm what was saved under name.
func vmClone(vm *vmconfig.Config, name string) error {
	if err := vm.Restore(name); err != nil {
		return fmt.Errorf("vm not found: %s: must be a saved configuration: vm config restore lists them", name)
	}
	return nil
}

func vmClear(c *Call, vm *vmconfig.Config) error {
	field, given := c.Values["field"]
	if !given {
		vm.ClearAll()
		return nil
	}
	key, keyed := c.Values["key"]
	var err error
	if keyed {
		err = vm.ClearKey(field, key)
	} else {
		err = vm.Clear(field)
	}
	if errors.Is(err, vmconfig.ErrUnknownField) {
		return unknownField(err, vm, field)
	}
	return err
}

// unknownField is err, with the field that was meant in place of where to look
// for it, where one is near.
func unknownField(err error, vm *vmconfig.Config, typed string) error {
	var names []string
	for _, f := range vm.Fields() {
		names = append(names, f.Name)
	}
	if near := grammar.Nearest(typed, names); near != "" {
		return fmt.Errorf("%w: %q: did you mean `%s`?", vmconfig.ErrUnknownField, typed, near)
	}
	return err
}
