// Package store is the files directory: what is in it, what each file's content
// is, and how a content that is fetched becomes a file.
//
// # Inside and outside
//
// A [Store] holds one directory as an os.Root. Nothing outside it is read or
// written, whatever a name, a pattern or a link says, and whoever moves things
// about meanwhile. Only regular files are served; opening never blocks on a
// pipe and never stays open on a device. A link counts as what it leads to when
// it is named itself and as a link below a directory that is fetched; one that
// leads outside, as every absolute link is taken to, is not there. Names that
// wire.ParseFileName would change are not there either.
//
// The store's own things are hidden from every method that takes a name:
//
//	.minimega/              hashes, the hash cache (cachefile.go has its bytes)
//	transfer_<digits>/      a file being fetched: data, manifest, journal
//	                        (journal.go has their bytes), or a batch's files,
//	                        or a download (downloadrecord.go)
//
// # Contents
//
// A [Manifest] names the chunks of one content by their BLAKE3-256; its
// Version identifies the content. Store.Manifest makes it by reading the file
// once, in parallel and without its holes, and remembers it under the file's
// size, times, inode and device. Nothing about a changed file is believed:
// what was read while it changed, and chunks of a [Source] that is no longer
// what it was, are wire.ErrChanged.
//
// # Life of a fetched file
//
//	p, err := s.Create(name, meta, m)   space is asked for, holes are there
//	p.WriteChunk(i, data)               as chunks come and m.Verify says yes
//	p.Sync()                            every 64 MiB or 2 s
//	p.Publish()                         or Close, to go on later; or Abandon
//
// Sync writes the data back first and then a journal of the chunks that it
// holds, so that the journal never claims what a power loss took. After a crash
// Leftovers opens what is there; chunks that came after the last Sync are held
// if their data is there and right. Publish renames, so that a name has its old
// content or its new one and never a part of either. A lock keeps two processes
// that share a directory out of each other's transfers.
//
// A [Batch] does the same for many small files with a few flushes in all, and
// without a journal.
//
// A [Download] is a file whose bytes come in their order and whose hashes nobody
// knows: what a URL names. Its record says how many of them are on the disk.
//
// # Concurrency and limits
//
// All methods may be called concurrently, except where a comment says
// otherwise. The package starts goroutines for hashing alone, and joins them
// before the last caller who waits for that file returns. A content has at most
// wire.MaxChunks chunks. A Source has one descriptor, a Batch one, a [Partial]
// three: how many there are is the caller's to bound.
//
// # What it does not do
//
// It does not verify chunks that are written (Manifest.Verify does), keep
// owners, extended attributes or set-user-ID bits, read ahead, or watch for
// changes.
package store
