package queue

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/gontk/ntk/internal/tiles"
)

// Put stores a tile's entries, row-major, and then its record. Once it returns
// nil the tile is finished, and nobody computes it again. A tile that another
// worker finished first stays that one's. It waits for a server that is gone.
func (u *Unit) Put(ctx context.Context, t tiles.Tile, data []float64) error {
	i, err := u.index(t)
	if err != nil {
		return err
	}
	r := record{Tile: t, Worker: u.w.id, Seconds: time.Since(u.since).Seconds()}
	if u.w.folder != "" {
		err = u.putPart(t, data, &r)
	} else {
		err = u.putObject(ctx, i, t, data, &r)
	}
	if err != nil {
		return u.w.ended(ctx, err)
	}
	exists, err := u.w.conn.add(ctx, u.w.n.doneSubject(i), r)
	if err == nil && exists && r.Object != "" {
		err = u.withdraw(ctx, i, r.Object)
	}
	if err != nil {
		return u.w.ended(ctx, err)
	}
	u.skip[i], u.since = true, time.Now()
	return nil
}

// putPart stores a tile in the unit's file.
func (u *Unit) putPart(t tiles.Tile, data []float64, r *record) error {
	if u.part == nil {
		u.partName = partName(strconv.Itoa(u.first), rand.Text())
		spec := u.w.job.Spec
		spec.Part = tiles.Part{First: u.first, Tiles: len(u.indices)}
		var err error
		if u.part, err = tiles.CreateNPY(filepath.Join(u.w.folder, u.partName), spec, u.w.job.Manifest); err != nil {
			return err
		}
	}
	r.Part = u.partName
	if err := u.part.WriteTile(t, data); err != nil || len(u.Tiles()) > 1 {
		return err
	}
	// Before the record of the last tile: then the collector removes the file.
	if err := u.part.Close(); err != nil && !errors.Is(err, fs.ErrNotExist) { // another was first
		return err
	}
	return nil
}

// putObject stores a tile on the server, under a name of its own: another worker
// may store the same tile at this moment.
func (u *Unit) putObject(ctx context.Context, i int, t tiles.Tile, data []float64, r *record) error {
	raw, crc, err := u.w.job.Spec.EncodeTile(t, data)
	if err != nil {
		return err
	}
	r.CRC, r.Object = crc, objectName(i)
	return persist(ctx, transfer(len(raw)), func(ctx context.Context) error {
		_, err := u.w.bucket.Put(ctx, jetstream.ObjectMeta{Name: r.Object}, bytes.NewReader(raw))
		return err
	})
}

// withdraw removes an object that the tile's record does not name: where the
// server's answer was lost, the record that is there may be ours.
func (u *Unit) withdraw(ctx context.Context, i int, object string) error {
	text, err := u.w.conn.last(ctx, u.w.n.done(), u.w.n.doneSubject(i))
	var there record
	if err != nil || text == nil || json.Unmarshal(text, &there) != nil || there.Object == object {
		return err
	}
	return u.w.conn.removeObject(ctx, u.w.n, u.w.bucket, object)
}

// removeObject removes an object, and the note that it was there, which would
// stay for ever.
func (c *Conn) removeObject(ctx context.Context, n names, bucket jetstream.ObjectStore, object string) error {
	return persist(ctx, answerWait, func(ctx context.Context) error {
		err := bucket.Delete(ctx, object)
		if errors.Is(err, jetstream.ErrObjectNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		s, err := c.js.Stream(ctx, "OBJ_"+n.bucket())
		if err != nil {
			return err
		}
		return s.Purge(ctx, jetstream.WithPurgeSubject(objectSubject(n, object)))
	})
}
