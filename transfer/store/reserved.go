package store

// Reserved reports whether the clean path name, below the files directory, is
// the store's own: others must not make it, nor show what is there.
func Reserved(name string) bool { return reserved(name) }
