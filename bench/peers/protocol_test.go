package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// scripted starts a conversation with a peer that answers each line by reply;
// an empty reply is silence, "EOF" the end of the peer.
func scripted(t *testing.T, reply func(line string) string) *conversation {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	go func() {
		s := bufio.NewScanner(inR)
		for s.Scan() {
			switch r := reply(s.Text()); r {
			case "":
			case "EOF":
				_ = outW.Close()
				_ = inR.Close()
				return
			default:
				_, _ = io.WriteString(outW, r+"\n")
			}
		}
		_ = outW.Close()
	}()
	t.Cleanup(func() { _ = inW.Close() })
	return converse(inW, outR)
}

func TestAsk(t *testing.T) {
	const long = time.Minute // never waited for
	for _, tc := range []struct {
		name, reply string
		limit       time.Duration
		check       func(a answer, err error) bool
	}{
		{"seconds", `{"seconds": 0.25}`, long, func(a answer, err error) bool { return err == nil && a.Seconds == 0.25 }},
		{"nothing to say", `{}`, long, func(_ answer, err error) bool { return err == nil }},
		{"an error of the peer", `{"error": "ValueError: no"}`, long, func(_ answer, err error) bool {
			said := (*peerError)(nil)
			return errors.As(err, &said) && said.text == "ValueError: no"
		}},
		{"no JSON", `Killed`, long, func(_ answer, err error) bool {
			said := (*peerError)(nil)
			return err != nil && !errors.As(err, &said) && strings.Contains(err.Error(), `"Killed" is no answer`)
		}},
		{"wrong type", `{"seconds": "1"}`, long, func(_ answer, err error) bool { return err != nil }},
		{"a line without end", strings.Repeat("x", maxAnswer+1), long, func(_ answer, err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
		{"gone", "EOF", long, func(_ answer, err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
		{"silence", "", 10 * time.Millisecond, func(_ answer, err error) bool { return errors.Is(err, errSlow) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := scripted(t, func(string) string { return tc.reply })
			if a, err := c.ask(t.Context(), tc.limit, request{Do: "run"}); !tc.check(a, err) {
				t.Errorf("answer %+v, error %v", a, err)
			}
		})
	}
}

func TestAskWritesOneLine(t *testing.T) {
	var got string
	c := scripted(t, func(line string) string { got = line; return "{}" })
	// The spec is written over several lines; the protocol has one per request.
	q := request{Do: "load", Spec: json.RawMessage("{\n\"layers\":\n[]}"), Params: []string{"p0_W"}, Arrays: "a b.npz", DType: "float32"}
	if _, err := c.ask(t.Context(), time.Minute, q); err != nil {
		t.Fatal(err)
	}
	const want = `{"do":"load","spec":{"layers":[]},"params":["p0_W"],"arrays":"a b.npz","dtype":"float32"}`
	if got != want {
		t.Errorf("the peer read %s, want %s", got, want)
	}
}

func TestAskCanceled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	c := scripted(t, func(string) string { cancel(why); return "" })
	if _, err := c.ask(ctx, time.Minute, request{Do: "run"}); !errors.Is(err, why) {
		t.Errorf("error %v, want %v", err, why)
	}
}
