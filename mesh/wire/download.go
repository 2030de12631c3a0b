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
//
// # While it runs
//
// A download whose length is known is offered as a draft (data.go) as soon as
// the server has told that length, if it is more than [MaxSmall]: its downloader
// is the origin, and hashes each chunk when its last byte is there. Found has it
// with Incoming, and DownloadBusy has its name, at once to who waits and knows of
// another or none. Those who wait open the draft, and pass its chunks on.
//
//	the origin refuses the draft with   those who fetch it
//	ErrChanged                          look for the draft or file that took its place
//	ErrBusy                             keep what they have, and wait for that
//	any other                           give up
//
// ErrChanged comes when the server's file turned out to be another, ErrBusy when
// the downloader gave up what another node may go on with. Who gives up a draft
// itself, because it takes the download over, refuses it with ErrChanged.
//
// When a downloader gives up or is lost, those who wait ask again, and one
// begins, as above. If its URL is the same it goes on from what it holds of the
// draft: with Range for what it lacks, and with If-Range and the Tag that it was
// told of this very draft, so that the server proves that its file is the same.
// It offers what it holds as a draft of its own, under a new name. Who fetches
// the old draft, and has lost its origin, turns to any node that has the whole
// file or an Incoming draft of it; what it holds it keeps where the new draft's
// hash of the chunk is the same. So chunks never pass from one version to another
// unseen, whatever a server changed or a node said.
const MethodDownload = "download"

// DownloadAsk is the body of a [MethodDownload] call.
type DownloadAsk struct {
	Name   FileName `cbor:"1,keyasint"`
	Source string   `cbor:"2,keyasint,omitempty"` // the URL; empty where it holds credentials
	Wait   bool     `cbor:"3,keyasint,omitempty"`
	Draft  Version  `cbor:"4,keyasint,omitzero"` // with Wait: the caller knows of it
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

	Draft    Version `cbor:"5,keyasint,omitzero"`  // of DownloadBusy: as which it is offered
	Tag      string  `cbor:"6,keyasint,omitempty"` // what proves to the server of the asker's Source that its file is this draft
	Modified int64   `cbor:"7,keyasint,omitempty"` // Unix time in ns; 0: not known
}
