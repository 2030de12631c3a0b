package vmconfig

// Kind is the shape of a field's value.
type Kind int

// Kinds of value.
const (
	String  Kind = iota
	Path         // a file: a relative one is below the files directory
	Command      // a program: a path only when it holds a slash
	Uint
	Int
	Bool
	List  // words
	Specs // words of comma-separated parts
	Disks // Specs whose first part is a Path
	Map   // keys and values
	Paths // a Map whose values are Paths
	Pairs // matches and their replacements, in order
)

// Section is a heading of the whole configuration.
type Section int

// Sections, in the order in which they are printed.
const (
	VM Section = iota
	KVM
	Container
	Android
	sections
)

// String returns the heading without its colon.
func (s Section) String() string {
	return [...]string{"VM configuration", "KVM configuration", "Container configuration", "Android configuration"}[s]
}

// Field is a row of the table.
type Field struct {
	Name    string
	Kind    Kind
	Default string   // of a List, its only word
	Label   string   // in the section's listing; "" is not listed
	Section Section  // where it is listed
	Help    string   // one line
	Usage   string   // what a value looks like: "PATH", "true|false"
	Choices []string // the values there are, where they are few
	Options []string // what may follow a comma
	Show    Show     // how the value prints by itself

	check func(value string) error // of one value or word; nil accepts all
}

// Show tells how a field's value prints by itself.
type Show int

// Ways to print a value.
const (
	Bare       Show = iota // as it is; nothing for an empty list
	Bracketed              // in brackets; nothing when empty
	AlwaysList             // in brackets, [] when empty
)

// IsFile reports whether a value is or begins with a file's path.
func (f Field) IsFile() bool {
	switch f.Kind {
	case Path, Disks, Paths:
		return true
	}
	return false
}

// Many reports whether the field takes several values at once.
func (f Field) Many() bool {
	switch f.Kind {
	case List, Specs, Disks, Map, Paths, Pairs:
		return true
	}
	return false
}

// keyed reports whether a value is keys and values in turn.
func (f Field) keyed() bool {
	switch f.Kind {
	case Map, Paths, Pairs:
		return true
	}
	return false
}

// fields returns the table, in the order in which `vm config` prints it.
func fields() []Field {
	return []Field{
		{Name: "memory", Kind: Uint, Default: "2048", Section: VM, Label: "Memory", Usage: "MEGABYTES", Help: "memory, in megabytes"},
		{Name: "vcpus", Kind: Uint, Default: "1", Section: VM, Label: "VCPUs", Usage: "COUNT", Help: "number of virtual CPUs"},
		{Name: "networks", Kind: Specs, Show: AlwaysList, Section: VM, Label: "Networks", Usage: "[BRIDGE,]VLAN[,MAC][,DRIVER][,qinq]", Help: "network interfaces", Options: append(networkDrivers(), "qinq"), check: checkNetwork},
		{Name: "bonds", Kind: Specs, Show: AlwaysList, Section: VM, Label: "Bonds", Usage: "INDEX,INDEX,MODE[,lacp][,no-lacp-fallback][,qinq][,NAME]", Help: "bonds between interfaces, by their indices", Options: append(bondModes(), bondOptions()...), check: checkBond},
		{Name: "snapshot", Kind: Bool, Default: "true", Section: VM, Label: "Snapshot", Help: "leave disks unchanged when the machine stops"},
		{Name: "uuid", Kind: String, Section: VM, Label: "UUID", Usage: "UUID", Help: "UUID; a random one when empty"},
		{Name: "schedule", Kind: String, Section: VM, Label: "Schedule host", Usage: "HOST", Help: "host to run on"},
		{Name: "coschedule", Kind: Int, Default: "-1", Section: VM, Label: "Coschedule limit", Usage: "COUNT", Help: "how many others may run on the same host; -1 is no limit", check: checkCoschedule},
		{Name: "colocate", Kind: String, Section: VM, Label: "Colocate", Usage: "VM", Help: "machine whose host is to be used"},
		{Name: "backchannel", Kind: Bool, Default: "true", Section: VM, Label: "Backchannel", Help: "serial port for the command and control agent"},
		{Name: "tags", Kind: Map, Section: VM, Label: "Tags", Usage: "KEY VALUE", Help: "tags of the machine"},

		{Name: "state", Kind: Path, Section: KVM, Label: "State Path", Usage: "PATH", Help: "saved state to start from"},
		{Name: "disks", Kind: Disks, Show: AlwaysList, Section: KVM, Label: "Disks", Usage: "PATH[,INTERFACE][,CACHE]", Help: "disk images", Options: append(diskInterfaces(), diskCaches()...), check: checkDisk},
		{Name: "cdrom", Kind: Path, Section: KVM, Label: "CDROM Path", Usage: "PATH", Help: "image in the CD drive"},
		{Name: "kernel", Kind: Path, Section: KVM, Label: "Kernel Path", Usage: "PATH", Help: "kernel to boot"},
		{Name: "initrd", Kind: Path, Section: KVM, Label: "Initrd Path", Usage: "PATH", Help: "initial RAM disk to boot with"},
		{Name: "append", Kind: List, Show: Bracketed, Section: KVM, Label: "Kernel Append", Usage: "WORD...", Help: "the kernel's command line"},
		{Name: "qemu", Kind: Command, Default: "kvm", Section: KVM, Label: "QEMU Path", Usage: "PROGRAM", Help: "QEMU program"},
		{Name: "qemu-append", Kind: List, Show: Bracketed, Section: KVM, Label: "QEMU Append", Usage: "WORD...", Help: "more arguments for QEMU"},
		{Name: "qemu-override", Kind: Pairs, Section: KVM, Usage: "MATCH REPLACEMENT", Help: "text to replace in QEMU's arguments"},
		{Name: "serial-ports", Kind: Uint, Default: "0", Section: KVM, Label: "Serial Ports", Usage: "COUNT", Help: "number of serial ports"},
		{Name: "virtio-ports", Kind: String, Section: KVM, Label: "Virtio-Serial Ports", Usage: "COUNT|NAMES", Help: "number or names of virtio serial ports"},
		{Name: "machine", Kind: String, Section: KVM, Label: "Machine", Usage: "TYPE", Help: "QEMU machine type"},
		{Name: "cpu", Kind: String, Default: "host", Section: KVM, Label: "CPU", Usage: "TYPE", Help: "QEMU CPU type"},
		{Name: "cores", Kind: Uint, Default: "0", Section: KVM, Label: "Cores", Usage: "COUNT", Help: "CPU cores a socket"},
		{Name: "threads", Kind: Uint, Default: "0", Section: KVM, Label: "Threads", Usage: "COUNT", Help: "CPU threads a core"},
		{Name: "sockets", Kind: Uint, Default: "0", Section: KVM, Label: "Sockets", Usage: "COUNT", Help: "CPU sockets"},
		{Name: "vga", Kind: String, Default: "std", Section: KVM, Label: "VGA", Usage: "TYPE", Help: "graphics card", Choices: []string{"std", "cirrus", "vmware", "qxl", "xenfb", "tcx", "cg3", "virtio", "none"}},
		{Name: "usb-use-xhci", Kind: Bool, Default: "true", Section: KVM, Label: "Usb Use XHCI", Help: "USB 3 controller"},
		{Name: "bidirectional-copy-paste", Kind: Bool, Default: "false", Section: KVM, Label: "Bidirectional Copy Paste", Help: "share the clipboard over VNC"},
		{Name: "tpm-socket", Kind: Path, Section: KVM, Label: "TPM Socket", Usage: "PATH", Help: "socket of a TPM emulator"},

		{Name: "filesystem", Kind: Path, Show: Bracketed, Section: Container, Label: "Filesystem Path", Usage: "DIRECTORY", Help: "root file system of a container"},
		{Name: "hostname", Kind: String, Section: Container, Label: "Hostname", Usage: "NAME", Help: "host name of a container"},
		{Name: "init", Kind: List, Default: "/init", Show: Bracketed, Section: Container, Label: "Init", Usage: "PROGRAM [WORD...]", Help: "first program of a container"},
		{Name: "preinit", Kind: String, Section: Container, Label: "Pre-init", Usage: "PROGRAM", Help: "program to run before init, with the host's rights"},
		{Name: "fifos", Kind: Uint, Default: "0", Section: Container, Label: "FIFOs", Usage: "COUNT", Help: "number of named pipes into a container"},
		{Name: "volume", Kind: Paths, Section: Container, Label: "Volumes", Usage: "TARGET PATH", Help: "directories to mount in a container"},

		{Name: "android-sdk", Kind: String, Section: Android, Label: "SDK Path", Usage: "PATH", Help: "Android SDK on the host"},
		{Name: "android-emulator", Kind: String, Section: Android, Label: "Emulator Path", Usage: "PATH", Help: "Android emulator on the host"},
		{Name: "android-adb", Kind: String, Section: Android, Label: "ADB Path", Usage: "PATH", Help: "adb on the host"},
		{Name: "android-avd", Kind: String, Section: Android, Label: "AVD Name", Usage: "NAME", Help: "Android virtual device"},
		{Name: "android-avd-dir", Kind: String, Section: Android, Label: "AVD Dir", Usage: "PATH", Help: "directory of virtual devices on the host"},
		{Name: "android-no-window", Kind: Bool, Default: "true", Section: Android, Label: "No Window", Help: "run without a window"},
		{Name: "android-console-base-port", Kind: Uint, Default: "0", Section: Android, Label: "Console Base Port", Usage: "PORT", Help: "first console port: even, 5554 to 5680", check: checkConsolePort},
		{Name: "android-extra-args", Kind: List, Show: Bracketed, Section: Android, Label: "Extra Args", Usage: "WORD...", Help: "more arguments for the emulator"},
		{Name: "android-writable-system", Kind: Bool, Default: "false", Section: Android, Label: "Writable System", Help: "let the system image be written"},
	}
}

// aliases are older names of fields.
func aliases() map[string]string {
	return map[string]string{"migrate": "state"}
}
