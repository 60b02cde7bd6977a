// Package queue spreads the tiles of a Gram matrix over workers by a NATS
// JetStream server: a [Collector] puts stretches of tiles on a work queue and
// writes what comes back to the tile store, a [Worker] takes stretches and sends
// tiles. Each side, and the server, may be stopped and started at any time.
//
// A job has two streams and a bucket, named after it:
//
//	ntk-JOB-work   work queue: stretches of tiles, one message each
//	ntk-JOB-done   one record for each finished tile and each failure
//	OBJ_ntk-JOB    object store: entries of tiles, until they are collected
//
// A tile is finished once its record is in the second stream: it is not computed
// again. Streams are made of one replica.
package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"

	"github.com/gontk/ntk/internal/tiles"
)

var (
	// ErrOther is wrapped by errors about a job of another computation.
	ErrOther = errors.New("the queue's job is another computation")
	// ErrEnded says that the job is finished, or was ended.
	ErrEnded = errors.New("the job has ended")
	// ErrNoJob is wrapped by errors about a job that is not there.
	ErrNoJob = errors.New("the queue has no such job")
	// ErrBusy is wrapped by errors about a job that another process collects.
	ErrBusy = errors.New("another process collects this job")
	// ErrConnect is wrapped by errors about a server that cannot be used.
	ErrConnect = errors.New("queue")
)

// A Job describes a Gram matrix that workers compute.
type Job struct {
	// Schema is the form of this description.
	Schema string `json:"schema"`
	// ID tells apart jobs that have one name after another.
	ID string `json:"id"`
	// Spec is the array, whole, with its block sizes.
	Spec tiles.Spec `json:"spec"`
	// Manifest is what a worker's own must equal.
	Manifest tiles.Manifest `json:"manifest"`
	// Stretch is how many tiles of a row a worker takes at once, at most.
	Stretch int `json:"stretch"`
	// Pending is how many stretches wait, are computed, or wait to be collected,
	// at most: it bounds what the server stores.
	Pending int `json:"pending"`
	// Tries is how often a tile may fail before it is set aside, and Deliveries
	// how often a stretch is given out, to workers that may die with it.
	Tries      int `json:"tries"`
	Deliveries int `json:"deliveries"`
	// AckWait is after how long without a sign of life a worker counts as dead,
	// in nanoseconds.
	AckWait time.Duration `json:"ack_wait_ns"`
}

const jobSchema = "ntk/job/1"

const (
	defaultTries      = 3
	defaultDeliveries = 10
	defaultAckWait    = 30 * time.Second
	// leastPending is enough for as many workers, mostPending for more than a
	// server of ours has met.
	leastPending, mostPending = 64, 1024
	// pendingBytes is what pending stretches may fill, beyond leastPending.
	pendingBytes = 4 << 30
)

// fill puts defaults where there are zeros.
func (j *Job) fill() {
	j.Schema = jobSchema
	j.Spec.Part, j.Spec.Packed = tiles.Part{}, false
	j.Stretch = max(1, j.Stretch)
	if j.Tries == 0 {
		j.Tries = defaultTries
	}
	if j.Deliveries == 0 {
		j.Deliveries = defaultDeliveries
	}
	if j.AckWait == 0 {
		j.AckWait = defaultAckWait
	}
	if j.Pending == 0 {
		j.Pending = mostPending
		if size := float64(j.Stretch) * float64(j.tileBytes()); size > 0 {
			j.Pending = int(min(mostPending, max(leastPending, pendingBytes/size)))
		}
	}
}

// Filled returns the job with defaults where there are zeros, as Open makes it.
func (j Job) Filled() Job {
	j.fill()
	return j
}

// tileBytes is the size of a whole tile.
func (j *Job) tileBytes() int64 {
	all := j.Spec.Tiles()
	if len(all) == 0 {
		return 0
	}
	n := int64(all[0].Rows) * int64(all[0].Cols) * int64(j.Spec.DType.Size())
	for _, k := range j.Spec.Tail {
		n *= int64(k)
	}
	return n
}

// Differences names, in one clause each, how what a worker has differs from the
// job. Block sizes are the job's to choose.
func (j *Job) Differences(spec tiles.Spec, m tiles.Manifest) []string {
	const job, worker = "in the job", "in this worker"
	differ := j.Manifest.Differences(m, job, worker)
	spec.Block1, spec.Block2 = j.Spec.Block1, j.Spec.Block2
	spec.Part, spec.Packed = tiles.Part{}, false
	a, errA := json.Marshal(j.Spec)
	b, errB := json.Marshal(spec)
	if errA != nil || errB != nil || string(a) != string(b) {
		differ = append(differ, fmt.Sprintf("the array is %s %s and %s %s", a, job, b, worker))
	}
	return differ
}

// Check returns [ErrOther] naming all Differences, or nil.
func (j *Job) Check(spec tiles.Spec, m tiles.Manifest) error {
	if differ := j.Differences(spec, m); len(differ) > 0 {
		return fmt.Errorf("%w: %s", ErrOther, strings.Join(differ, ", "))
	}
	return nil
}

// decodeJob reads a description from the queue, which is not trusted.
func decodeJob(text []byte) (*Job, error) {
	j := new(Job)
	if err := json.Unmarshal(text, j); err != nil {
		return nil, fmt.Errorf("the job's description: %w", err)
	}
	switch {
	case j.Schema != jobSchema:
		return nil, fmt.Errorf("the job's description has schema %q, want %q: its collector is of another version", j.Schema, jobSchema)
	case j.ID == "", j.Stretch < 1, j.Pending < 1, j.Tries < 1, j.Deliveries < 1, j.AckWait <= 0:
		return nil, errors.New("the job's description lacks fields, or is damaged")
	}
	if err := j.Spec.Validate(); err != nil {
		return nil, fmt.Errorf("the job's description: %w", err)
	}
	if n := blocks(j.Spec.N1, j.Spec.Block1) * blocks(j.Spec.N2, j.Spec.Block2); n > mostTiles {
		return nil, fmt.Errorf("the job's description has %.3g tiles, want at most %.3g", n, float64(mostTiles))
	}
	return j, nil
}

// mostTiles bounds what a description can make a worker list: 10⁶ examples in
// blocks of 128 are as many.
const mostTiles = 1 << 26

func blocks(n, block int) float64 {
	if block == 0 {
		return 1
	}
	return math.Ceil(float64(n) / float64(block))
}

var jobName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// CheckName refuses names of jobs that streams cannot have.
func CheckName(name string) error {
	if !jobName.MatchString(name) {
		return fmt.Errorf("job %q: want 1 to 64 letters, digits, '-' and '_'", name)
	}
	return nil
}

// names are those of a job's streams and subjects.
type names string

func (n names) work() string   { return "ntk-" + string(n) + "-work" }
func (n names) done() string   { return "ntk-" + string(n) + "-done" }
func (n names) bucket() string { return "ntk-" + string(n) }

func (n names) jobSubject() string { return fmt.Sprintf("ntk.%s.job", string(n)) }

func (n names) workSubject(first int) string { return fmt.Sprintf("ntk.%s.work.%d", string(n), first) }

func (n names) doneSubject(tile int) string { return fmt.Sprintf("ntk.%s.done.%d", string(n), tile) }

func (n names) failedSubject(tile, try int) string {
	return fmt.Sprintf("ntk.%s.failed.%d.%d", string(n), tile, try)
}

func (n names) all(kind string) string { return fmt.Sprintf("ntk.%s.%s.>", string(n), kind) }
