//go:build unix

package cmd

import (
	"os"
	"syscall"
)

// stopSignals end the work in good order. SIGUSR1 is what batch schedulers send
// before a job's time is up.
var stopSignals = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGUSR1}
