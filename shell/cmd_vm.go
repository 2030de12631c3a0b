package shell

import (
	"context"
	"errors"
	"strings"

	"minimega/completion"
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
			Run: func(_ context.Context, c *Call) error {
				c.Bare(vm.String())
				return nil
			},
		},
		{
			Patterns: []string{"vm config <save,> <name>", "vm config <restore,> [name]"},
			Help:     "keep a configuration under a name, and bring it back",
			Run:      func(_ context.Context, c *Call) error { return vmSaved(c, vm) },
		},
		{
			Patterns: []string{"clear vm config [field]", "clear vm config <field> <key>"},
			Help:     "put the configuration, or a field of it, back to its default",
			Example:  "clear vm config disks\nclear vm config tags mykey",
			Words:    map[string][]completion.Candidate{"field": fieldWords(vm)},
			Run:      func(_ context.Context, c *Call) error { return vmClear(c, vm) },
		},
	}
	for _, f := range vm.Fields() {
		all = append(all, fieldCommand(vm, f))
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
func fieldCommand(vm *vmconfig.Config, f vmconfig.Field) Command {
	command := Command{
		Patterns: fieldPatterns(f),
		Help:     f.Help,
		Hints:    map[string]completion.Kind{},
		Words:    map[string][]completion.Candidate{},
		Options:  map[string][]completion.Candidate{keyDiskspec: candidates(f.Options), "value": candidates(f.Options)},
		Run:      func(_ context.Context, c *Call) error { return vmField(c, vm, f) },
	}
	if f.Usage != "" {
		command.Long = "The value is " + f.Usage + "."
	}
	if f.IsFile() {
		command.Long += " A relative path is below the files directory; file:NAME is fetched from the mesh.\n" +
			"http://HOST/NAME and https://HOST/NAME are fetched from the mesh as NAME, or downloaded once if no node has it."
		command.Example = fileExample(f)
		command.Words["value"] = []completion.Candidate{{Text: filePrefix, Help: "a file of the mesh"}}
		command.Words[keyDiskspec] = command.Words["value"]
		command.Hints["value"] = localFiles
		command.Hints[keyDiskspec] = localFiles
	}
	if len(f.Choices) > 0 {
		command.Words["value"] = candidates(f.Choices)
	}
	return command
}

// fileExample is a line that sets a field to a file.
func fileExample(f vmconfig.Field) string {
	key := ""
	if f.Kind == vmconfig.Paths {
		key = "/data "
	}
	return "vm config " + f.Name + " " + key + "http://cloud.example/releases/14.04/server.img"
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
func vmField(c *Call, vm *vmconfig.Config, f vmconfig.Field) error {
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
	if keyed {
		values = append([]string{key}, values...)
	}
	warning, err := vm.Set(f.Name, values)
	if warning != "" {
		c.Client.warnings([]string{warning})
	}
	return err
}

var errNoneSaved = errors.New("no vm configs saved: see help vm config save")

// vmSaved saves and restores.
func vmSaved(c *Call, vm *vmconfig.Config) error {
	name, given := c.Values["name"]
	switch {
	case c.Has("save"):
		vm.Save(name)
		return nil
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

func vmClear(c *Call, vm *vmconfig.Config) error {
	field, given := c.Values["field"]
	if !given {
		vm.ClearAll()
		return nil
	}
	if key, ok := c.Values["key"]; ok {
		return vm.ClearKey(field, key)
	}
	return vm.Clear(field)
}
