//go:build !unix

package data

import "os/exec"

// ownGroup does nothing: if its context ends, the command alone is killed.
func ownGroup(*exec.Cmd) {}
