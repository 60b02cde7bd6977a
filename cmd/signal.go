package cmd

import (
	"context"
	"fmt"
	"os"
	"os/signal"
)

// untilSignal returns a context that ends at the first of stopSignals. From
// then on signals do again what they do by default: a second one kills.
func untilSignal(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, stopSignals...)
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			cause := errInterrupted
			if s != os.Interrupt {
				cause = fmt.Errorf("%w by a signal (%v)", errInterrupted, s)
			}
			cancel(cause)
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}
