package cmd

import (
	"bytes"
	"compress/gzip"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const goodSpec = `{"layers": [{"op": "dense", "width": 3, "w_std": 1, "b_std": null}], "parameterization": "ntk", "input_shape": [4]}`

// TestBadInput gives every mistake that a user is likely to make. Each must end
// with its exit status and one line that says what, where and what to do.
func TestBadInput(t *testing.T) {
	t.Setenv("NTK_DATA", "")
	full, cache := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "notes.txt"), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	spec := write(t, "good.json", []byte(goodSpec))
	typo := write(t, "typo.json", []byte(strings.Replace(goodSpec, "width", "widht", 1)))
	noJSON := write(t, "no.json", []byte("{\n\"layers\": [}"))
	nan := write(t, "nan.npy", npy("(2, 3)", 1, 2, 3, 4, math.NaN(), 6))
	short := write(t, "short.npy", npy("(2, 3)", 1, 2, 3, 4, 5))
	none := write(t, "none.npy", npy("(0, 3)"))
	oblong := write(t, "oblong.npy", npy("(2, 3)", 1, 2, 3, 4, 5, 6))
	numbers := write(t, "numbers.csv", []byte("a,b\n1,0.5\n2,1.5\n"))
	skew := write(t, "skew.npy", npy("(2, 2)", 1, 2, 3, 4))
	idx := write(t, "few-images-idx3-ubyte", []byte{0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3})
	cifar := write(t, "few.bin", make([]byte, 3072))
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(npy("(1, 2048)", make([]float64, 2048)...)) // a bytes.Buffer never fails
	_ = z.Close()
	bomb := write(t, "large.npy.gz", zipped.Bytes())
	badNet := write(t, "net.onnx", []byte{8, 7})
	badWeights, cutWeights := write(t, "w.npz", []byte("PK")), write(t, "w.safetensors", []byte("x"))
	ragged, words := write(t, "ragged.csv", []byte("1,2\n3\n")), write(t, "words.csv", []byte("a,b,c\n1,x y,0\n2,z,1\n"))
	badSettings, noSettings := write(t, "ntk.yaml", []byte("exmaples: 3")), write(t, "no.yaml", []byte("a: ["))
	junk := write(t, "plugin.so", []byte("not a library"))
	missing := filepath.Join(t.TempDir(), "nothing.so")

	for _, tc := range []struct {
		name   string
		status int
		args   string
		want   []string // in the line
	}{
		{"unknown verb", 2, "diagnoze", []string{`"diagnoze"`, `did you mean "diagnose"?`, "--help"}},
		{"unknown verb of a group", 2, "models lst", []string{`"lst"`, `"list"`, "models --help"}},
		{"unknown flag", 2, "diagnose --model mlp --exmaples 3", []string{"--exmaples", `"--examples"`, "diagnose --help"}},
		{"argument too many", 2, "diagnose mlp", []string{`"mlp"`, "diagnose --help"}},
		{"no model", 2, "diagnose", []string{"--model", "models list"}},
		{"unknown model", 2, "diagnose --model mpl", []string{`"mpl"`, `did you mean "mlp"?`, "resnet-small"}},
		{"flag's value no number", 2, "diagnose --model mlp --seed x", []string{`"x"`, "--seed"}},
		{"zero examples", 2, "diagnose --model mlp --examples 0", []string{"--examples", "at least 1"}},
		{"more examples than there are", 1, "diagnose --model mlp --examples 5000", []string{"5000", "1797"}},
		{"zero seeds", 2, "diagnose --model mlp --seeds 0", []string{"--seeds 0", "at least 1"}},
		{"bad depths", 2, "diagnose --model mlp --depths 2,x", []string{"2,x", "2,4,8"}},
		{"depth twice", 2, "diagnose --model mlp --depths 2 --depth 3", []string{"--depth ", "--depths"}},
		{"bad dtype", 2, "diagnose --model mlp --dtype float46", []string{`"float46"`, "float32 or float64"}},
		{"bad outputs", 2, "diagnose --model mlp --outputs trace", []string{`"trace"`, "mean or full"}},
		{"bad backend", 2, "diagnose --model mlp --backend cude", []string{`"cude"`, `"cuda"`}},
		{"bad memory", 2, "diagnose --model mlp --memory lots", []string{"--memory", "lots"}},
		{"bad layout", 2, "diagnose --model mlp --layout nwhc", []string{`"nwhc"`, "nhwc or nchw"}},
		{"bad outputs of a spectrum", 2, "spectrum --model mlp --outputs diagonal", []string{`"diagonal"`, "trace or pseudo"}},
		{"output below 0", 2, "gram --model mlp --explain --of 0,-1", []string{"--of -1", "from 0"}},
		{"output twice", 2, "gram --model mlp --explain --of 3,3", []string{"--of", "3 twice"}},
		{"output that is none", 1, "gram --model mlp --width 4 --backend go --explain --of 10", []string{"output 10", "0 to 9"}},
		{"diagonal and pairs", 2, "gram --model mlp --explain --diagonal --pairs digits", []string{"--diagonal", "--pairs"}},
		{"shards of a diagonal", 2, "gram --model mlp --explain --diagonal --shard 1/2", []string{"--diagonal", "--shard"}},
		{"heads and outputs", 2, "gram --model mlp --explain --head 0 --of 1", []string{"--head", "--of"}},
		{"terms and groups", 2, "gram --model mlp --explain --by-parameter --group /dense", []string{"--by-parameter", "--group"}},
		{"bad group", 2, "gram --model mlp --explain --group /", []string{"--group", "pattern"}},
		{"terms of shards", 2, "gram --model mlp --explain --by-parameter --shard 1/2", []string{"--shard", "--by-parameter"}},
		{"group of none", 1, "gram --model mlp --width 4 --backend go --explain --group /dense", []string{"/dense", "there are"}},
		{"pairs of other examples", 1, "gram --model floor --backend go --explain --examples all --data " + oblong + " --pairs " + skew, []string{"[2]", "[3]", skew}},
		{"weights that are none", 1, "diagnose --model mlp --width 4 --backend go --params /dense", []string{`"/dense"`, "there are"}},
		{"bad pattern", 2, "gram --model mlp --explain --params [", []string{`"["`, "pattern"}},
		{"choice of a file", 2, "spectrum --of 1 " + skew, []string{"--of", "is a file"}},
		{"bad initializer", 2, "diagnose --model mlp --initializer uniforn", []string{`"uniforn"`, `"uniform"`}},
		{"negative heads", 2, "diagnose --model mlp --heads -1", []string{"--heads -1", "negative"}},
		{"heads of an own network", 2, "diagnose --model floor --heads 2", []string{"floor", "--heads"}},
		{"bad activation", 2, "diagnose --model mlp --activation rleu", []string{`"rleu"`, `"relu"`}},
		{"bad parameterization", 2, "diagnose --model mlp --parameterization ntkk", []string{`"ntkk"`, "standard"}},
		{"layout of the zoo", 2, "diagnose --model cnn --layout nchw", []string{"cnn", "nhwc", "nchw"}},
		{"depth of an own network", 2, "diagnose --model floor --depth 2 --backend go", []string{"floor", "--depth"}},
		{"width of an own network", 2, "diagnose --model floor --width 2", []string{"floor", "--width"}},
		{"width of a spec", 2, "diagnose --model " + spec + " --width 2", []string{"--width", spec}},
		{"one width to check", 2, "models check --model mlp --widths 64", []string{"--widths 64", "two or more"}},
		{"width among widths", 2, "models check --model mlp --width 64", []string{"--width", "--widths"}},
		{"check of an own network", 2, "models check --model floor", []string{"floor", "width"}},
		{"check of nothing", 2, "models check", []string{"--model", "models list"}},
		{"check of a network that cannot be", 2, "models check --model cnn --input 5", []string{"positions and channels"}},
		{"flag of the zoo for a spec's check", 2, "models check --outputs 3 --model " + spec, []string{"--outputs", spec}},
		{"check of one layer", 1, "models check --model " + spec, []string{spec, "no layer but the last has a width"}},
		{"steps of a check", 2, "models check --model mlp --steps 0", []string{"--steps 0", "at least 1"}},
		{"spec of an own network", 2, "models show floor", []string{"floor", "no spec"}},
		{"spec missing", 1, "diagnose --model nowhere.json", []string{"nowhere.json", "no such file"}},
		{"spec is no JSON", 1, "diagnose --model " + noJSON, []string{noJSON, "line 2"}},
		{"spec with a typo", 1, "diagnose --model " + typo, []string{typo, "layer 0", `"widht"`, `"width"`}},
		{"spec of another shape", 1, "diagnose --model " + spec, []string{spec, "[4]", "digits", "[8 8 1]", "input_shape"}},
		{"unknown data", 1, "diagnose --model mlp --data digist", []string{"digist"}},
		{"NaN in data", 1, "diagnose --model mlp --examples all --data " + nan, []string{"NaN", "example 1", "feature 1"}},
		{"truncated .npy", 1, "diagnose --model mlp --examples all --data " + short, []string{short, "176 bytes expected", "168 found", "[2 3]"}},
		{"no examples", 1, "diagnose --model mlp --examples all --data " + none, []string{none, "no examples"}},
		{"truncated IDX", 1, "data show --labels none --examples all " + idx, []string{idx, "24 bytes expected", "[2 2 2]", "19 found"}},
		{"truncated CIFAR", 1, "data show --examples all " + cifar, []string{cifar, "a multiple of 3073 bytes", "3072 found"}},
		{"plugin missing", 1, "diagnose --model mlp --backend xla --plugin " + missing, []string{missing, "no such file"}},
		{"plugin corrupt", 1, "diagnose --model mlp --plugin " + junk, []string{junk}},
		{"plugin of pure Go", 1, "diagnose --model mlp --backend go --plugin " + junk, []string{junk, "no plugin"}},
		{"budget too small for the data", 1, "gram --model mlp --backend go --memory 1KiB --explain", []string{"budget", "needs 32 KiB", "digits", "1 KiB", "raise --memory", "--examples"}},
		{"budget too small for the data, gzip", 1, "diagnose --model mlp --backend go --memory 1KiB --data " + bomb, []string{bomb, "budget of 1 KiB", "raise --memory"}},
		{"budget too small for one tile", 1, "gram --model mlp --width 16 --way materialize --backend go --memory 33KiB --explain", []string{"budget", "one tile of 1 examples", "33 KiB", "raise --memory"}},
		{"budget too small for a spectrum", 1, "spectrum --memory 10B " + skew, []string{"budget", "2 rows", "10 B", "raise --memory"}},
		{"--out exists", 1, "diagnose --model mlp --backend go --width 4 --examples 2 --out " + full, []string{full, "--force"}},
		{"--out missing", 2, "gram --model mlp", []string{"--out", "--explain"}},
		{"--force and --resume", 2, "gram --model mlp --out x --force --resume", []string{"--force", "--resume"}},
		{"nothing to resume", 1, "gram --model mlp --backend go --width 4 --examples 2 --resume --quiet --out " + full, []string{"theta.npy", "cannot be resumed"}},
		{"shard beyond the last", 2, "gram --model mlp --out x --shard 5/4", []string{`"5/4"`, "from 1 to n"}},
		{"shard without a number", 2, "gram --model mlp --out x --shard 2", []string{`"2"`, "i/n"}},
		{"joint shard", 2, "gram --model mlp --out x --shard 1/2 --training", []string{"--shard", "--joint"}},
		{"packed shard", 2, "gram --model mlp --out x --shard 1/2 --packed", []string{"--packed", "merge"}},
		{"more shards than tiles", 1, "gram --model mlp --width 4 --examples 2 --backend go --quiet --shard 1/9 --block 2 --out " + filepath.Join(cache, "few"), []string{"--shard 1/9", "1 tiles cannot make 9 parts", "smaller blocks"}},
		{"no queue's address", 2, "gram --model mlp --out x --queue host:4222", []string{"--queue", "nats://host:4222"}},
		{"queue by another protocol", 2, "gram --model mlp --out x --queue http://host:80", []string{"--queue", `"http"`, "nats, tls"}},
		{"password of a queue", 2, "gram --model mlp --out x --queue nats://me:secret@host:4222", []string{"--queue", "NATS_PASSWORD"}},
		{"bad job", 2, "gram --model mlp --out x --queue nats://host:4222 --job a.b", []string{"--job", `"a.b"`, "letters"}},
		{"negative workers", 2, "gram --model mlp --out x --workers -1", []string{"--workers -1", "at least 1"}},
		{"workers and a queue", 2, "gram --model mlp --out x --workers 2 --queue nats://host:4222", []string{"--workers", "--queue", "worker"}},
		{"queue of a shard", 2, "gram --model mlp --out x --workers 2 --shard 1/2", []string{"--shard", "workers"}},
		{"queue of a diagonal", 2, "gram --model mlp --out x --workers 2 --diagonal", []string{"--diagonal", "whole"}},
		{"queue of terms", 2, "gram --model mlp --out x --workers 2 --by-parameter", []string{"--by-parameter", "whole"}},
		{"joint queue", 2, "gram --model mlp --out x --workers 2 --joint", []string{"--joint", "split"}},
		{"negative devices", 2, "gram --model mlp --out x --devices -1", []string{"--devices -1", "0 for all"}},
		{"devices and workers", 2, "gram --model mlp --out x --devices 2 --workers 2", []string{"--devices", "--workers"}},
		{"devices of a shard", 2, "gram --model mlp --out x --devices 2 --shard 1/2", []string{"--shard", "devices"}},
		{"more devices than there are", 1, "gram --model mlp --width 4 --examples 2 --backend go --quiet --devices 2 --out " + filepath.Join(cache, "none"), []string{"--devices 2", "go has 1"}},
		{"no server", 1, "gram --model mlp --width 4 --examples 2 --backend go --quiet --queue nats://127.0.0.1:1 --out " + filepath.Join(cache, "none"), []string{"nats://127.0.0.1:1", "JetStream"}},
		{"worker without a queue", 2, "worker --model mlp", []string{"--queue", "gram --queue"}},
		{"worker without a server", 1, "worker --model mlp --width 4 --examples 2 --backend go --quiet --wait 0s --queue nats://127.0.0.1:1", []string{"nats://127.0.0.1:1", "JetStream"}},
		{"worker of two choices", 2, "worker --model mlp --queue nats://host:4222 --head 0 --of 1", []string{"--head", "--of"}},
		{"merging nothing", 2, "merge", []string{"folders", "merge --help"}},
		{"merging two without --out", 2, "merge a b", []string{"--out"}},
		{"merging a folder without shards", 1, "merge " + full, []string{full, "no shard"}},
		{"verifying nothing", 2, "verify", []string{"verify --help"}},
		{"verifying what is not there", 1, "verify nowhere", []string{"nowhere", "no such file"}},
		{"verifying another's folder", 1, "verify " + full, []string{full, "no manifest"}},
		{"budget too small for the spectrum of a network", 1, "spectrum --model mlp --width 4 --examples 64 --backend go --memory 60KiB", []string{"spectrum of a matrix of 64 rows", "needs 64 KiB", "60 KiB", "--examples"}},
		{"budget too small for the spectra of depths", 1, "diagnose --model mlp --width 4 --examples 64 --outputs mean --depths 1,2,3 --backend go --memory 150KiB", []string{"spectrum of a matrix of 64 rows", "needs 160 KiB", "150 KiB", "--examples"}},
		{"more weights than memory", 1, "gram --model mlp --width 500000 --examples 2 --backend go --memory 1GiB --explain", []string{"budget", "weights", "1 GiB", "smaller network"}},
		{"more weights than memory, at one depth", 1, "diagnose --model mlp --width 1000 --depths 2,2000 --examples 2 --backend go --memory 1GiB", []string{"budget", "weights", "1 GiB"}},
		{"output of rank 1", 1, "diagnose --model rank1 --backend go --examples 2", []string{"[2]", "[batch, outputs]", "rank 2"}},
		{"op that cannot be batched", 1, "diagnose --model noise --backend go --examples 2", []string{"vmap", "op RNGBitGenerator", "run_test.go:", "a random state of its own", "nearest weight /first/w"}},
		{"op that cannot be recorded", 1, "diagnose --model fourier --backend go --examples 2", []string{"op FFT", "no rule", "run_test.go:", "nearest weight /first/w"}},
		{"op without a gradient", 1, "diagnose --model floor --backend go --examples 2", []string{"op Floor", "no gradient", "run_test.go:", "nearest weight /first/w"}},
		{"output of another dtype", 1, "diagnose --model half --backend go --examples 2", []string{"Float64", "Float32"}},
		{"examples interact", 1, "diagnose --model mixing --backend go --examples 2 --quiet", []string{"interact"}},
		{"batch norm of the zoo", 1, "diagnose --model resnet-small --width 2 --depth 1 --norm batch --backend go --examples 2 --quiet", []string{"interact"}},
		{"network that crashes", 1, "diagnose --model crash --backend go --examples 2", []string{"internal error", "index out of range", "run_test.go:", "report"}},
		{"Gram file missing", 1, "spectrum nowhere.npy", []string{"nowhere.npy", "no such file"}},
		{"Gram file oblong", 1, "spectrum " + oblong, []string{oblong, "[2 3]", "[N, N]"}},
		{"Gram file not symmetric", 1, "spectrum " + skew, []string{skew, "not symmetric", "[1, 0]"}},
		{"file and network", 2, "spectrum --model mlp " + skew, []string{"--model", "not both"}},
		{"neither file nor network", 2, "spectrum", []string{".npy", "--model"}},
		{"no kernel", 2, "predict", []string{"--kernel", "gaussian", "models list"}},
		{"unknown kernel", 2, "predict --kernel gausian", []string{`"gausian"`, `did you mean "gaussian"?`, "laplace"}},
		{"limit of an unknown network", 2, "predict --kernel limit:mpl", []string{`"mpl"`, `did you mean "mlp"?`}},
		{"limit of an ONNX file", 2, "predict --kernel limit:net.onnx", []string{"net.onnx", "spec (.json)"}},
		{"draws of a limit", 2, "predict --kernel limit:mlp --draws 2", []string{"--draws", "limit:mlp"}},
		{"no limit", 1, "predict --kernel limit:resnet-small --norm batch --examples 20 --test-examples 5", []string{"predict --kernel resnet-small --draws 10"}},
		{"unknown method", 2, "predict --kernel linear --method svn", []string{`"svn"`, `"svm"`}},
		{"bad targets", 2, "predict --kernel linear --targets signs", []string{`"signs"`, "centred or onehot"}},
		{"ridge below 0", 2, "predict --kernel linear --ridge 0.1,-1", []string{"--ridge -1", "above 0"}},
		{"C of no SVM", 2, "predict --kernel linear --C 1", []string{"--C", "--method ridge"}},
		{"gamma of no formula", 2, "predict --kernel linear --gamma 1", []string{"--gamma", "linear"}},
		{"width of a formula", 2, "predict --kernel gaussian --width 5", []string{"--width", "gaussian"}},
		{"zero draws", 2, "predict --kernel mlp --draws 0", []string{"--draws 0", "at least 1"}},
		{"depth twice for predictions", 2, "predict --kernel mlp --depth 2 --depths 1,2", []string{"--depth ", "--depths"}},
		{"joint predictions", 2, "predict --kernel mlp --training", []string{"--joint", "interact"}},
		{"zero examples to test on", 2, "predict --kernel linear --test-examples 0", []string{"--test-examples", "at least 1"}},
		{"none left to test on", 1, "predict --kernel linear --examples all --test-examples all", []string{"1797", "none are left"}},
		{"more to test on than there are", 1, "predict --kernel linear --examples 1500", []string{"2000 examples asked for", "1797"}},
		{"test data missing", 1, "predict --kernel linear --test nowhere.npy", []string{"nowhere.npy"}},
		{"predictions without labels", 1, "predict --kernel linear --labels none", []string{"labels"}},
		{"SVM of numbers", 1, "predict --kernel linear --method svm --examples 1 --test-examples 1 --train " + numbers, []string{"numbers to predict", "ridge"}},
		{"protocol with a test set", 2, "predict --kernel linear --protocol uci --test digits", []string{"--test", "folds"}},
		{"protocol of a process", 2, "predict --kernel linear --protocol uci --method gp", []string{"ridge or svm"}},
		{"more folds than examples", 1, "predict --kernel linear --examples 20 --test-examples 5 --folds 30", []string{"--folds 30", "20 examples"}},
		{"more centres than examples", 1, "predict --kernel linear --method falkon --centres 600", []string{"--centres 600", "500"}},
		{"centres of ridge regression", 2, "predict --kernel linear --centres 6", []string{"--centres", "falkon"}},
		{"resume without a folder", 2, "predict --kernel mlp --resume", []string{"--resume", "--out"}},
		{"budget too small for predictions", 1, "predict --kernel linear --memory 4MiB", []string{"budget", "500 examples to train on", "4 MiB", "falkon"}},
		{"kernel of a file, oblong", 1, "predict --examples 1 --test-examples 1 --ridge 1 --train " + numbers + " --kernel " + oblong, []string{oblong, "[2 3]", "[2, 2]"}},
		{"predictions into a folder that exists", 1, "predict --kernel linear --out " + full, []string{full, "--force"}},
		{"singular kernel without a ridge", 1, "predict --kernel linear --ridge 0", []string{"raise the noise or ridge"}},
		{"one class to train on", 1, "predict --kernel linear --examples 1", []string{"one class", "--shuffle"}},
		{"data set to fetch unknown", 2, "data fetch mnits", []string{`"mnits"`, `did you mean "mnist"?`, "cifar10"}},
		{"data set to fetch in the program", 2, "data fetch digits", []string{"digits", "nothing to fetch"}},
		{"part to fetch", 2, "data fetch cifar10-test", []string{"cifar10-test", "data fetch cifar10"}},
		{"fetching two", 2, "data fetch mnist cifar10", []string{"data fetch wants", "2 arguments"}},
		{"data not fetched", 1, "data show mnist --cache " + full, []string{"mnist is not in", full, "data fetch mnist"}},
		{"fetched from an empty folder", 1, "data fetch mnist --quiet --from " + full + " --cache " + cache, []string{full, "lacks", "4 files"}},
		{"a collection", 1, "data show uci", []string{"uci/iris"}},
		{"cache is a file", 1, "data fetch mnist --quiet --from " + full + " --cache " + junk, []string{junk, "not a directory"}},
		{"steps of nothing", 2, "evolve --model mlp", []string{"--steps", "--epochs", "one of them"}},
		{"negative steps", 2, "evolve --model mlp --steps -1", []string{"--steps -1", "negative"}},
		{"bad rate", 2, "evolve --model mlp --steps 3 --rate -1", []string{"--rate -1", "positive"}},
		{"bad loss", 2, "evolve --model mlp --steps 3 --loss mae", []string{`"mae"`, "mse or xent"}},
		{"bad optimizer", 2, "evolve --model mlp --steps 3 --optimizer sdg", []string{`"sdg"`, `"sgd"`}},
		{"momentum of another optimizer", 2, "evolve --model mlp --steps 3 --momentum 0.5", []string{"--momentum", "--optimizer momentum"}},
		{"batch of more than there are", 2, "evolve --model mlp --width 4 --backend go --steps 3 --batch 600 --examples 4", []string{"--batch 600", "4 training examples"}},
		{"probe of more than there are", 2, "evolve --model mlp --width 4 --backend go --steps 3 --probe 6 --examples 4", []string{"--probe 6", "4 training examples"}},
		{"measuring after the end", 2, "evolve --model mlp --width 4 --backend go --steps 3 --at 5 --examples 4", []string{"--at 5", "the last, 3"}},
		{"learning without labels", 2, "evolve --model mlp --width 4 --backend go --steps 3 --labels none --examples 4", []string{"no labels", "--labels"}},
		{"kernel of adam", 2, "evolve --model mlp --width 4 --backend go --steps 3 --examples 4 --prediction yes --optimizer adam", []string{"--prediction yes", "adam"}},
		{"evolving on without a folder", 2, "evolve --model mlp --steps 3 --resume", []string{"--resume", "--out"}},
		{"no width", 2, "compare --model mlp --widths 0,4", []string{"--widths 0,4", "at least 1"}},
		{"widths that are no numbers", 2, "compare --model mlp --widths x", []string{`--widths "x"`, "whole numbers, such as", "compare --help"}},
		{"one draw", 2, "compare --model mlp --seeds 1", []string{"--seeds 1", "at least 2"}},
		{"width of a comparison", 2, "compare --model mlp --width 5", []string{"--width", "--widths"}},
		{"comparison of a file", 2, "compare --model " + badNet, []string{badNet, "one width"}},
		{"comparing on without a folder", 2, "compare --model mlp --resume", []string{"--resume", "--out"}},
		{"limit into nothing", 2, "limit --model mlp", []string{"--out", "--explain"}},
		{"no limit of a network", 1, "limit --model gru --explain", []string{"recurrent.go:", "several Gaussians", "ntk compare --model gru"}},
		{"limit of no ONNX file", 1, "limit --explain --model " + badNet, []string{badNet, "no ONNX model"}},
		{"limit explained twice", 2, "limit --model mlp --explain --signal", []string{"--explain", "--signal"}},
		{"block of a limit", 2, "limit --model mlp --out x --block -1", []string{"--block -1", "at least 1"}},
		{"ONNX file cut short", 1, "diagnose --model " + badNet, []string{badNet, "cut short"}},
		{"weights cut short", 1, "diagnose --model mlp --width 4 --backend go --weights " + badWeights, []string{badWeights, "no .npz file, or cut short"}},
		{"weights in no safetensors file", 1, "diagnose --model mlp --width 4 --backend go --weights " + cutWeights, []string{cutWeights, "no .safetensors file"}},
		{"weights missing", 1, "diagnose --model mlp --width 4 --backend go --weights nowhere.npz", []string{"nowhere.npz", "no such file"}},
		{"seeds of trained weights", 2, "diagnose --model mlp --seeds 3 --weights " + badWeights, []string{"--seeds", badWeights}},
		{"no checkpoint", 1, "diagnose --model mlp --width 4 --backend go --checkpoint " + full, []string{full, "no checkpoints"}},
		{"rows of different lengths", 1, "data show " + ragged, []string{ragged, "line 2"}},
		{"words for numbers", 1, "data show --examples all " + words, []string{words, "x y"}},
		{"fewer examples than the default", 1, "data show " + numbers, []string{numbers, "64 examples asked for", "ask for fewer, or for all"}},
		{"a folder for data", 1, "data show " + full, []string{full, "train-images-idx3-ubyte"}},
		{"input that is no shape", 2, "models show mlp --input a,b", []string{`--input "a,b"`, "whole numbers"}},
		{"negative seed", 2, "diagnose --model mlp --seed -1", []string{`--seed "-1"`, "not negative"}},
		{"a flag that is true or false", 2, "diagnose --model mlp --training=maybe", []string{`--training "maybe"`, "true or false"}},
		{"flag without its value", 2, "diagnose --model mlp --data", []string{"--data", "argument"}},
		{"negative gain", 2, "diagnose --model mlp --w-std -1", []string{"--w-std -1", "negative"}},
		{"gain that is no number", 2, "diagnose --model mlp --w-std nan", []string{"w_std", "NaN"}},
		{"unknown setting", 2, "diagnose --model mlp --config " + badSettings, []string{badSettings, `"exmaples"`, `"examples"`}},
		{"settings that are no YAML", 2, "diagnose --model mlp --config " + noSettings, []string{noSettings, "line 1"}},
		{"settings missing", 2, "diagnose --model mlp --config nowhere.yaml", []string{"nowhere.yaml", "no such file"}},
		{"unknown shell", 2, "completion tcsh", []string{`"tcsh"`, "completion --help"}},
		{"manual to nowhere", 2, "man", []string{"folder", "man --help"}},
		{"argument of doctor", 2, "doctor now", []string{`"now"`, "doctor --help"}},
		{"work for nobody", 2, "worker", []string{"--queue", "nats://"}},
		{"CUDA version", 2, "setup --cuda 11", []string{"--cuda 11", "12 or 13"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := do(t.Context(), broken(), strings.Fields(tc.args)...)
			if r.status != tc.status {
				t.Errorf("status %d, want %d", r.status, tc.status)
			}
			if r.stdout != "" {
				t.Errorf("stdout %q, want nothing", r.stdout)
			}
			if !strings.HasPrefix(r.stderr, "ntk: ") || strings.Count(r.stderr, "\n") != 1 || !strings.HasSuffix(r.stderr, "\n") {
				t.Errorf("stderr %q, want one line that starts with \"ntk: \"", r.stderr)
			}
			for _, w := range tc.want {
				if !strings.Contains(r.stderr, w) {
					t.Errorf("stderr %q lacks %q", r.stderr, w)
				}
			}
			if strings.Contains(r.stderr, "goroutine") {
				t.Errorf("stderr %q has a stack trace", r.stderr)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(full, "notes.txt")); err != nil {
		t.Errorf("a file in --out that is not ours is gone: %v", err)
	}
}

// TestBadOwnModels refuses networks that --model could not call.
func TestBadOwnModels(t *testing.T) {
	for _, tc := range []struct {
		name, want string
	}{
		{"mlp", "has the name of another"},
		{"two words", `called "two words"`},
		{"arch.json", `called "arch.json"`},
	} {
		r := do(t.Context(), []Model{linear(tc.name, 1, nil)}, "models", "list")
		if r.status != exitUsage || !strings.Contains(r.stderr, tc.want) {
			t.Errorf("network %q: status %d, stderr %q, want 2 and %q", tc.name, r.status, r.stderr, tc.want)
		}
	}
}
