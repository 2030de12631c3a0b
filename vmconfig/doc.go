// Package vmconfig holds the configuration that the next virtual machine is to
// be made of.
//
// One table of fields ([Config.Fields]) says everything about them: name, help,
// kind, default, where it is printed and what may be typed. Setting, showing,
// clearing, help and completion follow from it; a new field is a new row.
//
//	c := vmconfig.New("/tmp/minimega/files")
//	name, _ := c.Resolve("disk")                   // disks
//	warning, err := c.Set(name, []string{"foo.qcow2,virtio"})
//	text, _ := c.Get(name)                         // [/tmp/minimega/files/foo.qcow2,virtio]
//	fmt.Print(c)                                   // the four sections of `vm config`
//
// Values are what they mean after prefixes such as `file:` have been expanded,
// which is the caller's part. A relative path is below the files directory. A
// path where nothing is yet gives a warning and is kept: the file may come
// later. A value that is refused leaves the field as it was.
//
// A Config is safe for concurrent use. It looks at the file system only to see
// whether a path exists. It launches nothing.
package vmconfig
