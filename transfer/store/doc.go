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
// wire.ParseFileName would change are not there either. A name without links is
// opened by openat2 (RESOLVE_BENEATH), which says the same in one call.
//
// The store's own things are hidden from every method that takes a name:
//
//	.minimega/              hashes, the hash cache (cachefile.go has its bytes);
//	                        archives/, which is package archive's
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
//	p.Reuse(ctx, took)                  what other files have is taken from them
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
// # Reuse
//
// Partial.Reuse looks for chunks that are lacking among those of all files that
// the hash cache knows, wherever they lie there, and takes them. The cache only
// says what to try: a file that is gone, changed or not regular yields nothing,
// and every chunk is verified before it is held, in memory or in a clone of its
// blocks that has no name, so that nobody who writes to the file meanwhile can
// slip anything in. Where the file system shares blocks (xfs, btrfs) whole
// chunks take no room; elsewhere they are copied. The space for them is asked
// for up front all the same, for nobody knows yet what will be shared.
//
// The granularity is the chunk: what is not found is the chunks that a change
// touches.
//
//	file           chunk     if 1 % of its 64 KiB blocks change at random, that is
//	to 128 MiB     64 KiB     1 % of it
//	to 256 MiB     128 KiB    2 %
//	to 512 MiB     256 KiB    4 %
//	to 1 GiB       512 KiB    8 %
//	above          1 MiB     15 %
//
// So Reuse also tells which file is most like the new one: package transfer asks
// others for what such chunks differ in from there, in blocks of 16 KiB whatever
// the file's size.
//
// Chunks lie at multiples of their size: content that was moved by anything else
// is not found, nor are files whose chunks have another size (an image that grew
// over one of the limits above), or that were never hashed.
//
// # Small files
//
// A [Batch] makes many small files with a few flushes in all, without a journal
// and without reuse.
//
// A [Download] is a file whose bytes come in their order and whose hashes nobody
// knows: what a URL names. Its record says how many of them are on the disk.
// Store.TakeOver makes one of what a draft has brought, which may have gaps, and
// Partial.Redraft goes on with that under another draft: what it holds then is
// what the new one names too.
//
// # Concurrency and limits
//
// All methods may be called concurrently, except where a comment says
// otherwise. The package starts goroutines for hashing alone, and joins them
// before the last caller who waits for that file returns. A content has at most
// wire.MaxChunks chunks. A Source has one descriptor, a Batch two, a [Partial]
// three: how many there are is the caller's to bound.
//
// # What it does not do
//
// It does not verify chunks that are written (Manifest.Verify does), keep
// owners, extended attributes or set-user-ID bits, read ahead, or watch for
// changes.
package store
