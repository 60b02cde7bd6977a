package models_test

import (
	"testing"

	"github.com/gontk/ntk/models"
)

// TestPublishedParameters: trained parameters as published. Where a network of
// the zoo differs from the published one, the difference is written out.
func TestPublishedParameters(t *testing.T) {
	cifar, imagenet := []int{32, 32, 3}, []int{224, 224, 3}
	// ImageNet's ResNets begin with 7×7 filters in place of our 3×3.
	const stem = (3*3 - 7*7) * 3 * 64
	for _, tc := range []struct {
		model  string
		config models.Config
		want   int
		source string
	}{
		// With a norm before the last activation, as in He et al., section 3.
		{"resnet18", models.Config{Norm: "batch", Outputs: 10, InputShape: cifar}, 11_171_146 + 2*512, "PreActResNet18 of kuangliu/pytorch-cifar"},
		// Its norms have two parameters per channel, which only Published gives ours.
		{"resnet18-bn", models.Config{Norm: "batch", Outputs: 10, InputShape: cifar}, 11_171_146 + 2*512, "the same"},
		{"resnet18-ln", models.Config{Outputs: 10, InputShape: cifar}, 11_171_146 + 2*512, "the same, layer norms having as many"},
		{"resnet18", models.Config{Outputs: 10, InputShape: cifar}, 11_173_962 - 9_600, "ResNet18 of kuangliu/pytorch-cifar, without its norms"},
		{"resnet34", models.Config{Norm: "batch", Outputs: 1000, InputShape: cifar}, 21_796_008 - 2*64 + stem, "PreResNet-34 of osmr/imgclsmob, without the norm behind its stem"},
		{"resnet50", models.Config{Norm: "batch", Outputs: 1000, InputShape: cifar}, 25_549_352 + stem, "BiT R50x1 of arXiv 1912.11370, whose group norms have as many parameters"},
		{"wide-resnet", models.Config{Norm: "batch", Outputs: 10, InputShape: cifar}, 36_479_194, "WRN-28-10 of osmr/imgclsmob; 36.5M in arXiv 1605.07146, table 4"},
		{"wide-resnet", models.Config{Norm: "batch", Depth: 2, Width: 160, Outputs: 10, InputShape: cifar}, 17_116_634, "WRN-16-10 of osmr/imgclsmob"},
		{"wide-resnet", models.Config{Norm: "batch", Depth: 6, Width: 128, Outputs: 10, InputShape: cifar}, 35_748_314, "WRN-40-8 of osmr/imgclsmob"},
		{"densenet", models.Config{Norm: "batch", Outputs: 10, InputShape: cifar}, 769_162, "DenseNet-BC (L=100, k=12) of osmr/imgclsmob; 0.8M in arXiv 1608.06993, table 2"},
		{"vgg11", models.Config{Outputs: 1000, InputShape: imagenet}, 132_863_336, "vgg11 of torchvision"},
		{"vgg11", models.Config{Norm: "batch", Outputs: 10, InputShape: cifar}, 9_231_114, "VGG11 of kuangliu/pytorch-cifar"},
		{"mixer-s", models.Config{Patch: 16, Outputs: 1000, InputShape: imagenet}, 18_528_264, "mixer_s16_224 of timm; 18M in arXiv 2105.01601, table 1"},
		{"mixer-s", models.Config{Depth: 12, Width: 768, Outputs: 1000, InputShape: imagenet}, 59_880_472, "mixer_b16_224 of timm; 59M in arXiv 2105.01601, table 1"},
		{"vit-tiny", models.Config{Outputs: 1000, InputShape: imagenet}, 5_717_416, "vit_tiny_patch16_224 of timm; 5M in arXiv 2012.12877, table 1"},
		{"vit-tiny", models.Config{Width: 384, Outputs: 1000, InputShape: imagenet}, 22_050_664, "vit_small_patch16_224 of timm; 22M in arXiv 2012.12877, table 1"},
		// Six layers of d = 512, ff = 2048; besides them our embedding of 100 words,
		// a last norm and a readout.
		{"transformer", models.Config{Vocabulary: 100, Outputs: 2, InputShape: []int{16}}, 6*3_152_384 + 100*512 + 2*512 + 2*512 + 2, "torch.nn.TransformerEncoderLayer(512, 8); arXiv 1706.03762, table 3, base"},
	} {
		t.Run(tc.model+" "+tc.source, func(t *testing.T) {
			tc.config.Published = true
			if got := trained(t, build(t, tc.model, tc.config)); got != tc.want {
				t.Errorf("%d parameters, published are %d", got, tc.want)
			}
		})
	}
}

// trained counts the trained parameters of s.
func trained(t *testing.T, s *models.Spec) int {
	t.Helper()
	params, err := s.Params()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, p := range params {
		if !p.Frozen {
			n += size(p.Shape)
		}
	}
	return n
}
