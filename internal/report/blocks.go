package report

import "math"

// maxCells is how many cells a heat map shows along each side. 256 paletted
// cells a side are 64 kB, and about what a page has pixels for.
const maxCells = 256

// blockMeans averages a rows × cols matrix over blocks of block × block
// entries; blocks at the lower and right edge may be smaller. Entries that are
// not drawable make their block NaN, so that they stay visible.
//
// It returns the means, row-major, and their number of rows and columns.
func blockMeans(values []float64, rows, cols, block int) (means []float64, height, width int) {
	height, width = (rows+block-1)/block, (cols+block-1)/block
	means = make([]float64, height*width)
	for i := range height {
		for j := range width {
			sum, n := 0.0, 0
			for r := i * block; r < min((i+1)*block, rows); r++ {
				for c := j * block; c < min((j+1)*block, cols); c++ {
					v := values[r*cols+c]
					if !drawable(v) {
						v = math.NaN()
					}
					sum += v
					n++
				}
			}
			means[i*width+j] = sum / float64(n)
		}
	}
	return means, height, width
}
