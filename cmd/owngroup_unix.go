//go:build unix

package cmd

import (
	"os/exec"
	"syscall"
)

// ownGroup keeps Ctrl-C on the terminal from a child: it hears of it from its
// parent, who waits for it.
func ownGroup(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
