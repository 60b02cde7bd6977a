//go:build cgo && linux && amd64

package native

import (
	"bytes"
	"io"
	"os"
	"strings"
)

// withoutXNNPACK keeps XLA's CPU plugin from multiplying by XNNPACK: there it
// packs a factor once and keeps the result by the factor's address, so that
// weights that come to lie where others were before are taken for those.
//
// XLA reads the flag when the client is made; restore then takes it away from
// programs that this one starts, whose XLA may not know it.
//
// A plugin that does not know the flag would end the process; then there is
// nothing to switch off.
func withoutXNNPACK(plugin string) (restore func(), err error) {
	none := func() {}
	const flags, name, off = "XLA_FLAGS", "xla_cpu_use_xnnpack", "--xla_cpu_use_xnnpack=false"
	if known, err := contains(plugin, name); err != nil || !known {
		return none, err
	}
	before, set := os.LookupEnv(flags)
	// Of several the last one counts.
	if err := os.Setenv(flags, strings.TrimSpace(before+" "+off)); err != nil {
		return none, err
	}
	return func() {
		if set {
			_ = os.Setenv(flags, before)
		} else {
			_ = os.Unsetenv(flags)
		}
	}, nil
}

// contains reports whether text is somewhere in a file.
func contains(path, text string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }()
	b := make([]byte, 1<<20)
	for kept := 0; ; {
		n, err := f.Read(b[kept:])
		if bytes.Contains(b[:kept+n], []byte(text)) {
			return true, nil
		}
		if err == io.EOF {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		// The text may lie across what is read at once.
		kept = copy(b, b[max(0, kept+n-len(text)+1):kept+n])
	}
}
