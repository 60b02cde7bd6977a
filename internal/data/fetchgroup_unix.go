//go:build unix

package data

import (
	"os/exec"
	"syscall"
)

// ownGroup gives a command a process group of its own, all of which ends if
// the command's context does: npm and pip start programs too.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
