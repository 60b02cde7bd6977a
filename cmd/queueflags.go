package cmd

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/gontk/ntk/internal/queue"
)

// queueFlags say which queue of tiles to use.
type queueFlags struct {
	url, job string
}

func (q *queueFlags) register(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&q.url, "queue", "", "NATS server with JetStream, such as nats://host:4222; to log in: NATS_USER and NATS_PASSWORD, NATS_TOKEN, NATS_CREDS, NATS_NKEY, NATS_CA, NATS_CERT, NATS_KEY")
	f.StringVar(&q.job, "job", "gram", "name of the job on the queue")
}

func (q *queueFlags) check() error {
	if err := queue.CheckName(q.job); err != nil {
		return usagef("--job: %w", err)
	}
	if q.url == "" {
		return nil
	}
	if err := queue.CheckURLs(q.url); err != nil {
		return usagef("--queue: %w", err)
	}
	return nil
}

// connect connects, and tries for a while.
func (a *app) connect(ctx context.Context, q *queueFlags, name string, wait time.Duration) (*queue.Conn, error) {
	o := queue.Options{URLs: q.url, Name: name, Wait: wait, Notice: func(line string) { a.say("%s", line) }}
	o.FromEnvironment(a.env)
	return queue.Connect(ctx, o)
}
