package graph

import (
	"encoding/binary"
	"fmt"
	"hash"
)

// Fingerprint adds to h what p computes: its text, and the numbers of its
// constants, which the text may not have.
func (p *Program) Fingerprint(h hash.Hash) error {
	_, _ = h.Write([]byte(p.String())) // a hash's Write never fails
	for _, e := range p.Eqns {
		if c, ok := e.Attrs.(ConstantAttrs); ok {
			if err := binary.Write(h, binary.LittleEndian, c.Flat); err != nil {
				return fmt.Errorf("hashing a constant of the network: %w", err)
			}
		}
	}
	return nil
}
