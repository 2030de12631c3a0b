package wire

// MethodDownload asks a node about a file that is to come from outside the
// mesh, so that one node downloads it and the others take it from there. A node
// that wants to download a name asks all others first:
//
//	the node asked                          answers
//	has the file                            DownloadHeld
//	downloads it                            DownloadBusy
//	is asking too, with the lower NodeID    DownloadBusy
//	is asking too, with the higher NodeID   DownloadFree, and gives way
//	does neither                            DownloadFree
//
// Of two nodes that ask at once each is asked by the other before it begins, so
// that one of them learns of the other. Who is silent for 5 s, or cannot be
// reached, counts as DownloadFree: a downloader that dies is replaced.
//
// With Wait the caller wants to know how it goes: the answer comes when the
// download ends or after a second. DownloadFree then says that it is given up,
// and anybody may begin; DownloadFailed that another try would fail as well.
const MethodDownload = "download"

// DownloadAsk is the body of a [MethodDownload] call.
type DownloadAsk struct {
	Name   FileName `cbor:"1,keyasint"`
	Source string   `cbor:"2,keyasint,omitempty"` // the URL; empty where it holds credentials
	Wait   bool     `cbor:"3,keyasint,omitempty"`
}

// DownloadState says what a node does about a file.
type DownloadState uint8

// States of a download. Others count as DownloadFree.
const (
	DownloadFree   DownloadState = 0
	DownloadBusy   DownloadState = 1
	DownloadHeld   DownloadState = 2
	DownloadFailed DownloadState = 3
)

// DownloadAnswer answers a [DownloadAsk].
type DownloadAnswer struct {
	State DownloadState `cbor:"1,keyasint"`
	Done  int64         `cbor:"2,keyasint,omitempty"` // bytes, of DownloadBusy
	Total int64         `cbor:"3,keyasint,omitempty"` // bytes; 0: not known
	Error string        `cbor:"4,keyasint,omitempty"` // of DownloadFailed
}
