package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gontk/ntk/internal/queue"
	"github.com/gontk/ntk/internal/tiles"
)

// A Capacity is what one server and one collector bear.
type Capacity struct {
	Block int `json:"block"`
	Bytes int `json:"bytes"` // of a tile
	// Seconds a tile, where workers compute nothing and send all the time.
	Server float64 `json:"server"` // entries go through the server
	Folder float64 `json:"folder"` // entries go through a folder
	// RecordBytes is what the server keeps of a finished tile until the job ends.
	RecordBytes float64 `json:"record_bytes"`
}

// senders are workers that only send.
const senders = 4

// capacity sends tiles of float32 as fast as it goes.
func capacity(ctx context.Context, block, grid int) (Capacity, error) {
	c := Capacity{Block: block, Bytes: 4 * block * block}
	for _, shared := range []bool{false, true} {
		seconds, record, err := send(ctx, block, grid, shared)
		if err != nil {
			return c, err
		}
		if c.RecordBytes = record; shared {
			c.Folder = seconds
		} else {
			c.Server = seconds
		}
	}
	return c, nil
}

func send(ctx context.Context, block, grid int, shared bool) (seconds, record float64, err error) {
	folder, err := os.MkdirTemp("", "ntk-scale-")
	if err != nil {
		return 0, 0, err
	}
	defer func() {
		if rerr := os.RemoveAll(folder); err == nil {
			err = rerr
		}
	}()
	server, err := queue.Serve(filepath.Join(folder, "nats"))
	if err != nil {
		return 0, 0, err
	}
	defer server.Close()
	spec := tiles.Spec{N1: block * grid, N2: block * grid, DType: tiles.Float32, Symmetric: true, Block1: block, Block2: block}
	what := tiles.Manifest{"of": "nothing"}
	file, err := tiles.CreateNPY(filepath.Join(folder, "theta.npy"), spec, what)
	if err != nil {
		return 0, 0, err
	}
	defer func() {
		if cerr := file.Close(); err == nil {
			err = cerr
		}
	}()
	dial := func() (*queue.Conn, error) {
		return queue.Connect(ctx, queue.Options{URLs: server.URL(), Token: server.Token(), Name: "scale"})
	}
	conn, err := dial()
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close()
	k, err := conn.Open(ctx, "capacity", queue.Job{Spec: spec, Manifest: what, Stretch: 8}, queue.Begin)
	if err != nil {
		return 0, 0, err
	}
	parts := ""
	if shared {
		parts = folder
	}
	var group sync.WaitGroup
	failed := make(chan error, senders)
	for range senders {
		group.Go(func() {
			if err := sender(ctx, dial, k.Job(), parts); err != nil {
				failed <- err
			}
		})
	}
	start := time.Now()
	err = k.Run(ctx, file, folder, nil)
	seconds = time.Since(start).Seconds() / float64(len(spec.Tiles()))
	if err == nil {
		record, err = recordBytes(ctx, server)
	}
	if rerr := k.Remove(ctx); err == nil {
		err = rerr
	}
	group.Wait()
	close(failed)
	for ferr := range failed {
		err = errors.Join(err, ferr)
	}
	return seconds, record, err
}

// sender takes stretches and sends zeros.
func sender(ctx context.Context, dial func() (*queue.Conn, error), job *queue.Job, parts string) error {
	conn, err := dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	w, err := conn.Worker(ctx, "capacity", job, parts)
	if err != nil {
		return err
	}
	for {
		u, err := w.Next(ctx)
		if errors.Is(err, queue.ErrEnded) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, t := range u.Tiles() {
			if err = u.Put(ctx, t, make([]float64, t.Rows*t.Cols)); err != nil {
				break
			}
		}
		if err == nil {
			err = u.End(ctx)
		}
		if errors.Is(err, queue.ErrEnded) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// recordBytes is what the stream of records takes for each.
func recordBytes(ctx context.Context, server *queue.Server) (float64, error) {
	js, done, err := stream(server)
	if err != nil {
		return 0, err
	}
	defer done()
	s, err := js.Stream(ctx, "ntk-capacity-done")
	if err != nil {
		return 0, err
	}
	state := s.CachedInfo().State
	return float64(state.Bytes) / float64(max(1, state.Msgs)), nil
}

func stream(server *queue.Server) (jetstream.JetStream, func(), error) {
	nc, err := nats.Connect(server.URL(), nats.Token(server.Token()))
	if err != nil {
		return nil, nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
	}
	return js, nc.Close, err
}

// subjectBytes is what a server holds in memory for each record: an index of
// subjects, of which each record has one.
func subjectBytes(ctx context.Context, records int) (bytes float64, err error) {
	folder, err := os.MkdirTemp("", "ntk-scale-")
	if err != nil {
		return 0, err
	}
	defer func() {
		if rerr := os.RemoveAll(folder); err == nil {
			err = rerr
		}
	}()
	server, err := queue.Serve(folder)
	if err != nil {
		return 0, err
	}
	defer server.Close()
	js, done, err := stream(server)
	if err != nil {
		return 0, err
	}
	defer done()
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "records", Subjects: []string{"ntk.records.done.*"}, Storage: jetstream.FileStorage}); err != nil {
		return 0, err
	}
	before := heapBytes()
	text := make([]byte, 160) // as long as a record
	for i := range records {
		if _, err := js.PublishAsync(fmt.Sprintf("ntk.records.done.%d", i), text); err != nil {
			return 0, err
		}
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-time.After(time.Minute):
		return 0, errors.New("the server does not keep up with records")
	}
	time.Sleep(11 * time.Second) // until its caches of messages are old
	return float64(heapBytes()-before) / float64(records), nil
}

func heapBytes() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
