package main

import (
	"container/heap"
	"math"

	"github.com/gontk/ntk/internal/tiles"
)

// Costs are what the parts of a run take, in seconds.
type Costs struct {
	// Start is a worker's time from its start to the first request: it loads
	// data and compiles.
	Start float64 `json:"start"`
	// Block evaluates a block of examples, Tile contracts two blocks, or one with
	// itself, and sends the tile.
	Block float64 `json:"block"`
	Tile  float64 `json:"tile"`
	// Take is the time from the end of a stretch to the next in hand.
	Take float64 `json:"take"`
	// Collect is the collector's time for a tile, one after another, and End that
	// from the last tile to its exit.
	Collect float64 `json:"collect"`
	End     float64 `json:"end"`
	// Busy is how many times longer work takes while all cores of a machine work;
	// of two measurements, so it may be below 1 where cores do not disturb each other.
	Busy float64 `json:"busy"`
}

// A Run is what a job is given.
type Run struct {
	Spec    tiles.Spec
	Stretch int // tiles of a stretch, at most
	Pending int // stretches that are published and not collected, at most
	Workers int
	Cores   int // that workers share, worker i on core i mod Cores
	Costs   Costs
}

// A Result is what came of it.
type Result struct {
	Seconds float64
	// Blocks counts the evaluations of blocks of examples.
	Blocks int
	// Collector is the part of the time that the collector works.
	Collector float64
	// Backlog is how many tiles wait for the collector at most, and Idle the part
	// of the workers' time in which they wait for work, between their start and
	// the end.
	Backlog int
	Idle    float64
}

// Simulate goes through a run from event to event. Workers take stretches in the
// order of [tiles.Spec.Stretches] and keep blocks of examples as package
// empirical does: the row's, and the columns' until a row above the last one
// begins another pass. Cores divide their time evenly among the workers on them;
// the collector takes tiles in the order in which they come.
func Simulate(r Run) (Result, error) {
	stretches, err := r.Spec.Stretches(r.Stretch)
	if err != nil {
		return Result{}, err
	}
	s := &sim{Run: r, all: r.Spec.Tiles(), stretches: stretches, left: make([]int, len(stretches)), cores: make([]core, r.Cores)}
	for i, t := range stretches {
		s.left[i] = t.Tiles
	}
	for i := range r.Workers {
		w := &worker{core: i % r.Cores, pass: newPass()}
		s.workers = append(s.workers, w)
		s.work(w, r.Costs.Start)
	}
	s.publish()
	for s.tiles < len(s.all) && len(s.events) > 0 {
		e := heap.Pop(&s.events).(event)
		if e.core >= 0 && s.cores[e.core].version != e.version {
			continue // its time has changed
		}
		s.now = e.at
		e.do()
	}
	seconds := s.now + r.Costs.End
	for _, w := range s.waiting {
		s.idle += s.now - w.since
	}
	return Result{
		Seconds: seconds, Blocks: s.blocks, Collector: s.collected / seconds, Backlog: s.most,
		Idle: s.idle / (float64(r.Workers) * math.Max(1e-9, s.now-r.Costs.Start)),
	}, nil
}

type sim struct {
	Run
	all       []tiles.Tile
	stretches []tiles.Stretch
	left      []int // tiles of a stretch that are not collected
	now       float64
	events    events
	order     int
	cores     []core
	active    int // cores that work
	workers   []*worker
	waiting   []*worker // for work
	next, out int       // the first stretch that is not published; those that are and not collected
	queued    []int     // stretches on the queue
	free      float64   // when the collector is
	backlog   int
	most      int
	tiles     int // collected
	blocks    int
	collected float64
	idle      float64
}

type worker struct {
	core    int
	left    float64 // of the work in hand, in seconds of a core of its own
	stretch int
	todo    []tiles.Tile
	began   bool
	pass    *pass
	since   float64
}

// A core has the workers that compute on it.
type core struct {
	busy    []*worker
	last    float64
	version int
}

type event struct {
	at            float64
	order         int
	core, version int // -1: of no core
	do            func()
}

func (s *sim) at(t float64, do func()) { s.push(event{at: t, core: -1, do: do}) }

func (s *sim) push(e event) {
	s.order++
	e.order = s.order
	heap.Push(&s.events, e)
}

// work has a worker compute, for so many seconds of a core of its own.
func (s *sim) work(w *worker, seconds float64) {
	w.left = seconds
	s.change(func() {
		c := &s.cores[w.core]
		if len(c.busy) == 0 {
			s.active++
		}
		c.busy = append(c.busy, w)
	}, w.core)
}

// change alters who computes on a core. Where cores slow each other down, all of
// them are counted up to now first.
func (s *sim) change(alter func(), own int) {
	from, to := own, own+1
	if s.Costs.Busy != 1 {
		from, to = 0, len(s.cores)
	}
	for i := from; i < to; i++ {
		c := &s.cores[i]
		for _, w := range c.busy {
			w.left -= (s.now - c.last) * s.speed(c)
		}
		c.last = s.now
	}
	alter()
	for i := from; i < to; i++ {
		s.schedule(i)
	}
}

// speed is what a worker on a core gets done in a second.
func (s *sim) speed(c *core) float64 {
	slow := 1.0
	if n := len(s.cores); n > 1 {
		slow += (s.Costs.Busy - 1) * float64(s.active-1) / float64(n-1)
	}
	return 1 / (slow * float64(len(c.busy)))
}

// schedule has the first worker of a core end when it does.
func (s *sim) schedule(i int) {
	c := &s.cores[i]
	c.version++
	if len(c.busy) == 0 {
		return
	}
	first := c.busy[0]
	for _, w := range c.busy {
		if w.left < first.left {
			first = w
		}
	}
	s.push(event{at: s.now + math.Max(0, first.left)/s.speed(c), core: i, version: c.version, do: func() { s.worked(first) }})
}

// worked ends what a worker had in hand: its start, or a tile.
func (s *sim) worked(w *worker) {
	s.change(func() {
		c := &s.cores[w.core]
		for i, other := range c.busy {
			if other == w {
				c.busy = append(c.busy[:i], c.busy[i+1:]...)
				break
			}
		}
		if len(c.busy) == 0 {
			s.active--
		}
	}, w.core)
	if w.began {
		s.send(w.stretch)
		w.todo = w.todo[1:]
	}
	w.began = true
	if len(w.todo) > 0 {
		s.compute(w)
		return
	}
	s.at(s.now+s.Costs.Take, func() { s.ask(w) })
}

// ask gives a worker a stretch, or has it wait for one.
func (s *sim) ask(w *worker) {
	if len(s.queued) == 0 {
		w.since = s.now
		s.waiting = append(s.waiting, w)
		return
	}
	w.stretch, s.queued = s.queued[0], s.queued[1:]
	t := s.stretches[w.stretch]
	w.todo = s.all[t.First : t.First+t.Tiles]
	w.pass.begin(w.todo[0].Row)
	s.compute(w)
}

// compute begins the first tile in hand.
func (s *sim) compute(w *worker) {
	t := w.todo[0]
	blocks := w.pass.tile(t)
	s.blocks += blocks
	s.work(w, float64(blocks)*s.Costs.Block+s.Costs.Tile)
}

// send gives a tile to the collector.
func (s *sim) send(stretch int) {
	s.backlog++
	s.most = max(s.most, s.backlog)
	s.free = math.Max(s.free, s.now) + s.Costs.Collect
	s.collected += s.Costs.Collect
	s.at(s.free, func() {
		s.backlog--
		s.tiles++
		if s.left[stretch]--; s.left[stretch] == 0 {
			s.out--
			s.publish()
		}
	})
}

// publish puts stretches on the queue while there is room.
func (s *sim) publish() {
	for s.next < len(s.stretches) && s.out < s.Pending {
		s.queued = append(s.queued, s.next)
		s.next++
		s.out++
		if len(s.waiting) > 0 {
			w := s.waiting[0]
			s.waiting = s.waiting[1:]
			s.idle += s.now - w.since
			s.ask(w)
		}
	}
}

// A pass is one way down the matrix, with the blocks of examples that are kept.
type pass struct {
	row   int
	fresh bool // the row's block is to be evaluated
	kept  map[int]bool
}

func newPass() *pass { return &pass{row: -1, kept: map[int]bool{}} }

// begin goes to the row of the next stretch: a row that was passed begins another
// pass, with nothing kept.
func (p *pass) begin(row int) {
	if row <= p.row {
		clear(p.kept)
	}
	delete(p.kept, p.row) // no later row needs it
	p.row, p.fresh = row, !p.kept[row]
}

// tile returns how many blocks must be evaluated for a tile of the row.
func (p *pass) tile(t tiles.Tile) (blocks int) {
	if p.fresh {
		blocks++
		p.fresh = false
	}
	if t.Col != t.Row && !p.kept[t.Col] {
		p.kept[t.Col] = true
		blocks++
	}
	return blocks
}

// events is a heap by time, and order where times agree.
type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].order < e[j].order
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	x := old[len(old)-1]
	*e = old[:len(old)-1]
	return x
}
