package cmd

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
)

// fingerprint returns the SHA-256 of what a network computes: of its program
// with the constants in it, and of its weights with their learning rates. Names
// alone do not tell whether a spec or a Go function was changed.
func fingerprint(f *empirical.Network) (program, weights string, err error) {
	h := sha256.New()
	p := f.Program()
	if err := p.Fingerprint(h); err != nil {
		return "", "", err
	}
	program = hex.EncodeToString(h.Sum(nil))
	h.Reset()
	for i := range p.Params {
		name := p.ParamName(i)
		if !strings.HasPrefix(name, mlctx.VariableParameterPrefix) {
			continue // an input
		}
		v := f.Context().GetVariableByScopeAndName(mlctx.VariableScopeAndNameFromParameterName(name))
		if v == nil {
			return "", "", fmt.Errorf("variable %s is gone from the network's context", name)
		}
		d, _ := graph.Of(f.Context(), v)
		_, _ = fmt.Fprintln(h, v.ScopeAndName(), v.Shape(), d.Eta)
		t, err := v.Value()
		if err != nil {
			return "", "", fmt.Errorf("value of %s: %w", v.ScopeAndName(), err)
		}
		var werr error
		if err := t.ConstFlatData(func(flat any) { werr = binary.Write(h, binary.LittleEndian, flat) }); err != nil {
			return "", "", err
		}
		if werr != nil {
			return "", "", fmt.Errorf("hashing weight %s: %w", v.ScopeAndName(), werr)
		}
	}
	return program, hex.EncodeToString(h.Sum(nil)), nil
}
