package queue

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/gontk/ntk/internal/tiles"
)

const (
	workConsumer = "workers"
	doneConsumer = "collector"
)

// A Mode says what Open does with a job of the same name that is there.
type Mode int

const (
	// Begin makes the job anew if it is of the same computation.
	Begin Mode = iota
	// GoOn goes on with it, or makes it.
	GoOn
	// Replace makes it anew whatever it is.
	Replace
)

// A Collector puts a job's tiles on the queue and collects them.
type Collector struct {
	conn     *Conn
	n        names
	job      *Job
	attached bool // to a job that was there
	bucket   jetstream.ObjectStore
}

// Open makes a job, or finds the one of that name. Zero fields of job, but for
// Spec and Manifest, mean defaults. It returns [ErrOther], naming what differs,
// for a job of another computation, and [ErrBusy] while another process collects
// it.
func (c *Conn) Open(ctx context.Context, name string, job Job, mode Mode) (*Collector, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if err := job.Spec.Validate(); err != nil {
		return nil, err
	}
	job.fill()
	k := &Collector{conn: c, n: names(name), job: &job}
	old, err := c.Job(ctx, name, 0)
	switch {
	case errors.Is(err, ErrNoJob):
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil && mode != Replace:
		return nil, err
	default:
		if err := k.idle(ctx); err != nil {
			return nil, err
		}
		same := err == nil && len(old.Differences(job.Spec, job.Manifest)) == 0
		if !same && mode != Replace {
			return nil, fmt.Errorf("%w: %q: %s; give this one another name", ErrOther, name, strings.ReplaceAll(strings.Join(old.Differences(job.Spec, job.Manifest), ", "), "this worker", "this run"))
		}
		if same && mode == GoOn && sameCut(old.Spec, job.Spec) {
			k.job, k.attached = old, true
		}
	}
	if !k.attached {
		// What is left of a job whose description is gone, too.
		if err := k.Remove(ctx); err != nil {
			return nil, err
		}
		job.ID = rand.Text()
	}
	return k, k.make(ctx)
}

func sameCut(a, b tiles.Spec) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

// Job returns the job's description: that of the job that was there, if Open
// goes on with it.
func (k *Collector) Job() *Job { return k.job }

// idle returns [ErrBusy] if another process asks for this job's records. One that
// was killed may seem to, until its last request is out of time.
func (k *Collector) idle(ctx context.Context) error {
	for deadline := time.Now().Add(time.Second + 4*askWait); ; pause(ctx, 200*time.Millisecond) {
		info, err := k.info(ctx, k.n.done(), doneConsumer)
		if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if info.NumWaiting == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%w, %q: wait for it, stop it, or give this one another name", ErrBusy, string(k.n))
		}
	}
}

func (k *Collector) info(ctx context.Context, stream, consumer string) (*jetstream.ConsumerInfo, error) {
	var info *jetstream.ConsumerInfo
	err := persist(ctx, answerWait, func(ctx context.Context) error {
		c, err := k.conn.js.Consumer(ctx, stream, consumer)
		if err == nil {
			info = c.CachedInfo() // of a moment ago
		}
		return err
	})
	return info, err
}

// make makes what the job needs and is not there; its description last.
func (k *Collector) make(ctx context.Context) error {
	err := persist(ctx, answerWait, func(ctx context.Context) error {
		work, err := k.conn.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
			Name: k.n.work(), Subjects: []string{k.n.all("work")}, Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage,
		})
		if err != nil {
			return err
		}
		_, err = work.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
			Durable: workConsumer, AckPolicy: jetstream.AckExplicitPolicy, AckWait: k.job.AckWait, MaxDeliver: k.job.Deliveries, MaxAckPending: k.job.Pending,
		})
		if err != nil {
			return err
		}
		done, err := k.conn.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
			Name: k.n.done(), Subjects: []string{k.n.jobSubject(), k.n.all("done"), k.n.all("failed")}, Storage: jetstream.FileStorage, AllowDirect: true,
		})
		if err != nil {
			return err
		}
		_, err = done.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
			Durable: doneConsumer, AckPolicy: jetstream.AckExplicitPolicy, AckWait: collectWait, MaxAckPending: collectAtOnce,
			FilterSubjects: []string{k.n.all("done"), k.n.all("failed")},
		})
		if err != nil {
			return err
		}
		k.bucket, err = k.conn.js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: k.n.bucket(), Storage: jetstream.FileStorage})
		return err
	})
	if err == nil {
		_, err = k.conn.add(ctx, k.n.jobSubject(), k.job)
	}
	if err != nil {
		return fmt.Errorf("%w: making the job %q: %w", ErrConnect, string(k.n), err)
	}
	return nil
}

// Remove removes the job from the server; what was collected stays. Workers hear
// that it has ended.
func (k *Collector) Remove(ctx context.Context) error {
	// The description goes first: without it workers take no more.
	for _, stream := range []string{k.n.done(), k.n.work(), "OBJ_" + k.n.bucket()} {
		err := persist(ctx, answerWait, func(ctx context.Context) error {
			err := k.conn.js.DeleteStream(ctx, stream)
			if errors.Is(err, jetstream.ErrStreamNotFound) {
				return nil
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("%w: removing the job %q: %w", ErrConnect, string(k.n), err)
		}
	}
	return nil
}
