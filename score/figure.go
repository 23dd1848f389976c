package score

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
)

// Figure is one number under its name: lower case, dots between parts, unit last.
type Figure struct {
	Name  string
	Value float64
}

// WriteJSON writes figures as one flat object from name to number; path "" writes nothing.
func WriteJSON(path string, figures []Figure) error {
	if path == "" {
		return nil
	}
	m := make(map[string]float64, len(figures))
	for _, f := range figures {
		if math.IsNaN(f.Value) || math.IsInf(f.Value, 0) {
			f.Value = 0
		}
		m[f.Name] = math.Round(f.Value*1000) / 1000
	}
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("figures: %w", err)
	}
	return nil
}
