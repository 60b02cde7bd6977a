package queue

import (
	"encoding/json"
	"path/filepath"
	"testing"
)

// FuzzMessages reads messages that are not ours: what passes is a job that workers
// can list the tiles of, or a record of a tile that the array has, in a file of the
// collector's own folder.
func FuzzMessages(f *testing.F) {
	j := quick()
	j.fill()
	j.ID = "id"
	for _, v := range []any{j, record{Tile: theta.Tiles()[3], Part: partName("2", "x")}, record{Tile: theta.Tiles()[3], Object: "tile-3-x", CRC: "00000000"}} {
		text, err := json.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, 3)
	}
	f.Add([]byte(`{"schema":"ntk/job/1","id":"x","spec":{"n1":1000000000,"n2":1000000000,"dtype":"float32","block1":1,"block2":1},"stretch":1,"pending":1,"tries":1,"deliveries":1,"ack_wait_ns":1}`), 0)
	f.Add([]byte(`{"tile":{"row":0,"col":0,"rows":2,"cols":2},"part":"theta-stretch-0-/../../x.npy"}`), 0)
	f.Fuzz(func(t *testing.T, text []byte, index int) {
		if j, err := decodeJob(text); err == nil {
			if n := blocks(j.Spec.N1, j.Spec.Block1) * blocks(j.Spec.N2, j.Spec.Block2); n > mostTiles {
				t.Errorf("a job of %g tiles passes", n)
			}
		}
		r, err := decodeRecord(text, theta, index)
		if err != nil {
			return
		}
		if r.Tile != theta.Tiles()[index] {
			t.Errorf("the record of tile %d is of %v", index, r.Tile)
		}
		if r.Part != "" && (filepath.Base(r.Part) != r.Part || !filepath.IsLocal(r.Part)) {
			t.Errorf("a record names the file %q", r.Part)
		}
	})
}
