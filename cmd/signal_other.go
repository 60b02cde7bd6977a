//go:build !unix

package cmd

import "os"

// stopSignals end the work in good order.
var stopSignals = []os.Signal{os.Interrupt}
