// Package store is the files directory.
package store
