package native

import "testing"

// The texts are what nvidia-smi prints for one GPU, for two, and for a driver that
// does not answer.
func TestMebibytes(t *testing.T) {
	for text, want := range map[string]int64{
		"143771\n": 143771 << 20, "81559\n81559\n": 81559 << 20, "": 0, "[N/A]\n": 0,
		"NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n": 0, "-3\n": 0,
	} {
		got, ok := mebibytes(text)
		if got != want || ok != (want > 0) {
			t.Errorf("mebibytes(%q) = %d, %v; want %d", text, got, ok, want)
		}
	}
}
