// Package discovery finds other nodes of the mesh.
package discovery
