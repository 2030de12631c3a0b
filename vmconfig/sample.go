package vmconfig

// Sample returns a value that the field accepts, as it is typed: for help.
func (f Field) Sample() string {
	if text, ok := samples()[f.Name]; ok {
		return text
	}
	switch f.Kind {
	case Bool:
		return "true"
	case Uint, Int:
		return "2"
	case Path:
		return "file:" + f.Name
	case Map:
		return "key value"
	}
	if len(f.Choices) > 0 {
		return f.Choices[len(f.Choices)-1]
	}
	return "value"
}

// samples are the values that do not follow from a field's kind.
func samples() map[string]string {
	return map[string]string{
		"memory":        "512",
		"networks":      "br0,100,00:11:22:33:44:55,e1000 LAN",
		"bonds":         "0,1,active-backup,lacp",
		"uuid":          "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
		"schedule":      "localhost",
		"colocate":      "web",
		"tags":          "role web",
		"disks":         "file:foo.qcow2,virtio,writeback",
		"cdrom":         "file:install.iso",
		"kernel":        "file:boot/vmlinuz",
		"initrd":        "file:boot/initrd",
		"state":         "file:saved/web.state",
		"append":        "console=ttyS0 quiet",
		"qemu":          "qemu-system-x86_64",
		"qemu-append":   "-rtc base=utc",
		"qemu-override": "-smp -smp",
		"virtio-ports":  "agent,console",
		"machine":       "q35",
		"cpu":           "max",
		"tpm-socket":    "/run/tpm/socket",
		"filesystem":    "tar:containerfs.tar.gz",
		"hostname":      "web",
		"init":          "/sbin/init",
		"preinit":       "/root/prepare",
		"volume":        "/mnt/data file:data",

		"android-sdk":               "/opt/android-sdk",
		"android-emulator":          "/opt/android-sdk/emulator/emulator",
		"android-adb":               "/opt/android-sdk/platform-tools/adb",
		"android-avd":               "pixel",
		"android-avd-dir":           "/root/.android/avd",
		"android-console-base-port": "5554",
		"android-extra-args":        "-gpu off",
	}
}
