// Package download brings files into the mesh that a URL names: once, however
// many nodes ask.
//
// # What
//
// The path of a URL is the name of the file below the files directory:
// http://host/releases/14.04/x.img is releases/14.04/x.img, whatever the host.
// [Downloader.Fetch] returns when the file is in the mesh. It asks all nodes
// first who has it; one of those that want it downloads (mesh/wire/download.go
// has the rules), and offers what comes as chunks while it comes ([Swarm]). The
// others take part: their Fetch returns when the file is on their own node. One
// that dies, or whose user gives up, is replaced by one of those, which asks the
// server for what it lacks.
//
// A file of unknown length has no chunks before its end, and one of at most
// wire.MaxSmall bytes is not worth them: the others wait for it, and may then
// take it over the mesh.
//
// # What a URL may be
//
// http or https, with the path of a file that wire.ParseFileName accepts and
// that holds no glob character and no escaped slash. A query is refused: two
// URLs that differ in it alone would be one file, and it often holds secrets,
// which a name would show to everybody. A fragment is ignored. Credentials are
// sent to the URL's own scheme, host and port only, and no error, record, log or
// other node ever has them.
//
// # What is believed of a server
//
//	status 200              the whole file, from the beginning
//	status 206              only as asked for: these bytes, this total, this tag
//	any other               an error; its body is not read
//	Content-Length          exactly that many bytes, or it is a broken connection
//	no length, chunked      to the last chunk
//	no length, until close  refused: a part would look like the whole
//	Content-Encoding        refused: identity was asked for; but that of a name that
//	                        ends so (x-gzip of a .tgz) is the file as it is
//	redirects               at most 5, to http or https, never from https to http
//	larger than there is room for: refused, also while it comes
//	less than 1 KiB in 30 s: a broken connection
//
// A connection that breaks after the first byte is made again, up to 5 times
// without progress, and goes on where it was (Range and If-Range with a strong
// ETag, or a Last-Modified that is old enough); without these it starts anew, and
// what was offered is offered anew: chunks that are the same do not move again.
// What can go on is kept when a download is given up for that, for the process
// or by its user; anything else leaves nothing behind.
//
// # Addresses
//
// [Allow] is asked for each address that is about to be connected to, after names
// were looked up and after redirects. Behind a proxy (HTTP_PROXY, HTTPS_PROXY,
// NO_PROXY) that is the proxy's address; a URL whose host is an address itself is
// judged by that as well.
//
// # Limit
//
// What comes on its connections, with headers and the overhead of TLS, counts
// for [Config].Limit. A limit so low that 30 s bring less than 1 KiB would be
// taken for a broken connection.
//
// # Concurrency
//
// All exported methods may be called concurrently. Nothing runs between calls;
// a connection is used for one request. Beside each download that is offered one
// goroutine hashes what has come.
//
// # What it does not do
//
// It downloads no file from two servers or by two nodes at a time, resumes nothing
// by itself after a restart (the next Fetch of the URL does), and reads no cookies
// and no .netrc.
package download
