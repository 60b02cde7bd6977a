//go:build unix

package cmd

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"
)

// TestUntilSignal sends this process the signals that stop work in good order.
func TestUntilSignal(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGUSR1} {
		ctx, stop := untilSignal(t.Context())
		if err := syscall.Kill(syscall.Getpid(), s); err != nil {
			t.Fatal(err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Second): // the kernel delivers at once; this is to fail rather than hang
			t.Fatalf("%v did not end the context", s)
		}
		if !errors.Is(context.Cause(ctx), errInterrupted) {
			t.Errorf("%v: cause %v", s, context.Cause(ctx))
		}
		stop()
	}
}
