package diagnose

import (
	"encoding/json"
	"math"
)

// MarshalJSON writes what is not finite, an unbounded condition number or the
// rate of a kernel that is zero, as null: JSON has no infinity.
func (s Seed) MarshalJSON() ([]byte, error) {
	type plain Seed // without this method
	return json.Marshal(struct {
		plain
		Condition   *float64 `json:"condition"`
		MaxRateSum  *float64 `json:"max_rate_half_sum"`
		MaxRateMean *float64 `json:"max_rate_half_mean"`
	}{plain(s), finite(s.Condition), finite(s.MaxRateSum), finite(s.MaxRateMean)})
}

// finite returns nil for NaN and infinities.
func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}
