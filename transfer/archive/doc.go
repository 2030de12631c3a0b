// Package archive unpacks tar archives beside themselves: what `tar:` stands
// for. It knows nothing of the mesh; the archive is a local file.
//
// # What is unpacked
//
// [Extract] reads a tar archive (v7, ustar, GNU, pax; sparse files too) that is
// plain or compressed with gzip, bzip2, xz or zstd, as its first bytes say, its
// name never. All of it lies in one top-level directory. An archive is taken
// whole or not at all:
//
//	entry                           what becomes of it
//	regular file                    a file; blocks of zeros become holes
//	directory                       a directory; one that is only implied has mode 0755
//	symbolic link                   a link with a cleaned, relative target; made last
//	hard link                       a hard link to what the archive held before
//	pax global header               nothing
//	device, pipe, anything else     refused
//
//	mode                            the nine permission bits; no set-user-ID, set-group-ID, sticky
//	modification time               kept, a symbolic link's excepted
//	owner, extended attributes      not kept: all is the process's own
//
//	name                            a relative path in UTF-8, put into normal form C and cleaned of "."
//	absolute, with "..", with a control character, over wire.MaxFileName,
//	MaxComponent or MaxDepth        refused
//	the same name again             a file or link takes the place of the one before; a directory
//	                                gets the later mode; another kind is refused
//	the same name after normal form refused
//	differing in case only          different names, as everywhere on Linux; refused by a file system
//	                                that takes them for one
//	below a link or a file          refused
//
// A symbolic link's target must stay inside the top-level directory. An absolute
// one is taken from there, as the container will take it whose root that is:
// /usr/bin/mawk in containerfs/etc/alternatives/awk becomes ../../usr/bin/mawk.
// Targets are cleaned as text, so that ".." stands only at their beginning, where
// it climbs real directories: no chain of links leads out.
//
// # Limits
//
//	entries                    100,000
//	names and link targets     32 MiB in all
//	files, holes included      1 TiB in all, and what the disk has free less a margin
//	decompressed bytes         10 times the archive, or 256 MiB where that is more
//	decoder's window           128 MiB (xz -9 has 64, zstd --ultra and --long 128)
//	tar's own extra headers    1 MiB each (archive/tar's limit)
//
// What a header claims is checked before any of it is written. Where an archive
// ends without tar's end mark or the decompressor's, it is cut short.
//
// # Where the result lies
//
// [Unpacker] puts the top-level directory beside the archive. It is unpacked into
// a temporary directory first, written back to the disk, and renamed: its name has
// all of it or what was there before. That it was unpacked is remembered in
//
//	.minimega/archives/<key>/       in the files directory, which hides it; locked while
//	                                somebody unpacks; key: 32 hex digits of the path's BLAKE3
//	.minimega/archives/<key>/record what was unpacked (record.go has its bytes)
//	.minimega/archives/<key>/new/   what is being unpacked
//	<dir>/.minimega-<key>/          the same for an archive outside the files directory, which
//	                                may be another file system; gone when it is done
//
// What becomes of a directory of that name which is there already:
//
//	directory                                   archive as unpacked   archive changed
//	unpacked from it, not touched since         returned at once      replaced in one step
//	unpacked from it, and changed since         returned at once      ErrTouched; nothing is done
//	anything that was not unpacked from it      returned, with a warning
//
// Whether an archive changed is told by its content: its BLAKE3, which is only
// computed when size, times or inode differ. Whether a directory was touched is
// told by a digest of all that is below it: names, types, modes, owners, sizes,
// inodes, modification times and, except for directories, change times. So what
// a person did to a directory is never removed, and what he made never replaced.
// Deleting or moving the directory has it unpacked again.
//
// # Life cycle and concurrency
//
// [Unpacker.Unpack] may be called concurrently; callers who want the same archive
// share one unpacking, processes that share the files directory wait for each
// other. [Unpacker.Run] owns the goroutines; it removes first what an earlier
// process left half done. An unpacking that nobody waits for any more is ended and
// leaves nothing.
package archive
