package native

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// fakeELF returns the smallest shared library that exports symbol, as far as
// debug/elf can tell. The dynamic loader refuses it: it has no segments.
func fakeELF(symbol string) []byte {
	machine := elfMachine[runtime.GOARCH]
	names := "\x00" + symbol + "\x00"
	sections := "\x00.dynsym\x00.dynstr\x00.shstrtab\x00"
	const header, symbolSize, sectionSize = 64, 24, 64
	dynsym := uint64(header)
	dynstr := dynsym + 2*symbolSize
	shstr := dynstr + uint64(len(names))
	table := shstr + uint64(len(sections))

	var buf bytes.Buffer
	put := func(v any) { _ = binary.Write(&buf, binary.LittleEndian, v) }
	h := elf.Header64{
		Type: uint16(elf.ET_DYN), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT),
		Shoff: table, Ehsize: header, Shentsize: sectionSize, Shnum: 4, Shstrndx: 3,
	}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	put(h)
	put(elf.Sym64{})
	put(elf.Sym64{Name: 1, Info: elf.ST_INFO(elf.STB_GLOBAL, elf.STT_FUNC), Shndx: 1})
	buf.WriteString(names)
	buf.WriteString(sections)
	name := func(s string) uint32 { return uint32(strings.Index(sections, s)) }
	put(elf.Section64{})
	put(elf.Section64{Name: name(".dynsym"), Type: uint32(elf.SHT_DYNSYM), Off: dynsym, Size: 2 * symbolSize, Link: 2, Entsize: symbolSize})
	put(elf.Section64{Name: name(".dynstr"), Type: uint32(elf.SHT_STRTAB), Off: dynstr, Size: uint64(len(names))})
	put(elf.Section64{Name: name(".shstrtab"), Type: uint32(elf.SHT_STRTAB), Off: shstr, Size: uint64(len(sections))})
	return buf.Bytes()
}

// fakeWheel returns a wheel that holds library under the entry of p, among
// other files, and completes p by sizes and sums.
func fakeWheel(t *testing.T, p *pin, library []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, e := range []struct {
		name string
		data []byte
	}{{"../escape.so", []byte("must not be unpacked")}, {p.entry, library}, {"x.dist-info/METADATA", nil}} {
		f, err := w.Create(e.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(e.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	p.wheelSum, p.sum, p.size = sumOf(buf.Bytes()), sumOf(library), int64(len(library))
	return buf.Bytes()
}

func sumOf(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// fakePin is a pin of a made-up plugin that runs here.
func fakePin() pin {
	return pin{
		name:     "xla-cpu",
		platform: runtime.GOOS + "/" + runtime.GOARCH,
		pkg:      "fake-pjrt",
		version:  "1.2",
		wheel:    "fake_pjrt-1.2-py3-none-any.whl",
		entry:    "fake/plugin.so",
		file:     "pjrt_c_api_cpu_plugin.so",
		symbol:   pluginSymbol,
	}
}

func writeFile(t *testing.T, path string, data []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// filesIn returns every file below dir, sorted.
func filesIn(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// isolate gives the test an empty home and cache and no settings.
func isolate(t *testing.T) (cache string) {
	t.Helper()
	home := t.TempDir()
	cache = filepath.Join(home, "cache")
	t.Setenv("HOME", home)
	t.Setenv(EnvCache, cache)
	t.Setenv(EnvPlugin, "")
	t.Setenv(EnvPluginDir, "")
	t.Setenv(EnvOpenBLAS, "")
	return cache
}

// usePins replaces the table of pins for the test.
func usePins(t *testing.T, table ...pin) {
	t.Helper()
	before := pins
	pins = table
	t.Cleanup(func() { pins = before })
}
