package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gontk/ntk/internal/queue"
	"github.com/gontk/ntk/internal/tiles"
)

// A Job is a Gram matrix that ntk computes through the queue.
type Job struct {
	Network  []string // flags that choose it
	Examples int
	Block    int
}

// flags are those that gram and its workers share.
func (j Job) flags() []string {
	return append([]string{"--examples", strconv.Itoa(j.Examples), "--outputs", "trace", "--backend", "xla"}, j.Network...)
}

// A Record is a tile that a worker sent.
type Record struct {
	Tile    tiles.Tile `json:"tile"`
	Worker  string     `json:"worker"`
	Seconds float64    `json:"seconds"`
	At      float64    `json:"at"` // seconds after the workers' start
}

// A Measurement is a run of gram and its workers, timed from the workers' start
// to gram's end.
type Measurement struct {
	Workers int
	Seconds float64
	Records []Record
	Spec    tiles.Spec
	Stretch int
	Pending int
}

// measure runs ntk with workers, each on one core.
func measure(ctx context.Context, ntk string, job Job, workers, cores int) (m *Measurement, err error) {
	folder, err := os.MkdirTemp("", "ntk-scale-")
	if err != nil {
		return nil, err
	}
	defer func() {
		if rerr := os.RemoveAll(folder); err == nil {
			err = rerr
		}
	}()
	server, err := queue.Serve(filepath.Join(folder, "nats"))
	if err != nil {
		return nil, err
	}
	defer server.Close()
	const name = "scale"
	records, stop, err := listen(server, name)
	if err != nil {
		return nil, err
	}
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	start := func(words ...string) (*exec.Cmd, *bytes.Buffer, error) {
		p := exec.CommandContext(ctx, words[0], append(words[1:], append(job.flags(), "--queue", server.URL(), "--job", name, "--quiet")...)...)
		var text bytes.Buffer
		p.Stderr = &text
		p.Env = append(os.Environ(), "NATS_TOKEN="+server.Token())
		return p, &text, p.Start()
	}
	gram, said, err := start(ntk, "gram", "--block", strconv.Itoa(job.Block), "--out", filepath.Join(folder, "theta"))
	if err != nil {
		return nil, err
	}
	conn, err := queue.Connect(ctx, queue.Options{URLs: server.URL(), Token: server.Token(), Name: "scale"})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	about, err := conn.Job(ctx, name, time.Minute)
	if err != nil {
		return nil, fmt.Errorf("%w; gram says: %s", err, said)
	}
	began := time.Now()
	var group []*exec.Cmd
	for i := range workers {
		// The affinity gives a worker one thread, and keeps it from wandering.
		p, _, err := start("taskset", "-c", strconv.Itoa(i%cores), ntk, "worker")
		if err != nil {
			return nil, fmt.Errorf("starting a worker: %w", err)
		}
		group = append(group, p)
	}
	if err := gram.Wait(); err != nil {
		return nil, fmt.Errorf("gram: %w: %s", err, said)
	}
	m = &Measurement{Workers: workers, Seconds: time.Since(began).Seconds(), Spec: about.Spec, Stretch: about.Stretch, Pending: about.Pending}
	for _, p := range group {
		if err := p.Wait(); err != nil {
			return nil, fmt.Errorf("a worker: %w: %s", err, p.Stderr)
		}
	}
	m.Records = records(began)
	if n := len(m.Spec.Tiles()); len(m.Records) != n {
		return nil, fmt.Errorf("the workers sent %d tiles, want %d", len(m.Records), n)
	}
	return m, nil
}

// listen hears of every tile that is finished; records returns what it heard.
func listen(server *queue.Server, job string) (records func(began time.Time) []Record, stop func(), err error) {
	nc, err := nats.Connect(server.URL(), nats.Token(server.Token()))
	if err != nil {
		return nil, nil, err
	}
	var mu sync.Mutex
	var heard []Record
	var times []time.Time
	_, err = nc.Subscribe("ntk."+job+".done.*", func(m *nats.Msg) {
		var r Record
		if json.Unmarshal(m.Data, &r) != nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		heard, times = append(heard, r), append(times, time.Now())
	})
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		nc.Close()
		return nil, nil, err
	}
	return func(began time.Time) []Record {
		mu.Lock()
		defer mu.Unlock()
		for i := range heard {
			heard[i].At = times[i].Sub(began).Seconds()
		}
		return heard
	}, nc.Close, nil
}
