package emotion

import (
	"fmt"
	"os"
)

// Config says whether and how voices are read. The zero value reads none.
type Config struct {
	// Enabled reads the voices of callers who were told so: those of flows and routes that say emotion.
	Enabled bool `yaml:"enabled" koanf:"enabled"`
	// Model is a model file made by "pbx train emotion"; the built-in one when empty.
	Model string `yaml:"model" koanf:"model"`
	// Agents has our side of bridged calls read too. Tell your agents first.
	Agents bool `yaml:"agents" koanf:"agents"`
	// Rules say when somebody is told.
	Rules Rules `yaml:"rules" koanf:"rules"`
}

// Check says what cannot work.
func (c Config) Check() error {
	if err := c.Rules.Check(); err != nil {
		return fmt.Errorf("emotion.rules: %w", err)
	}
	if c.Enabled && c.Model != "" {
		if _, err := c.Load(); err != nil {
			return err
		}
	}
	return nil
}

// Load is the model that the configuration asks for.
func (c Config) Load() (*Model, error) {
	if c.Model == "" {
		return Default(), nil
	}
	f, err := os.Open(c.Model)
	if err != nil {
		return nil, fmt.Errorf("emotion.model: %w", err)
	}
	defer f.Close()
	m, err := ReadModel(f)
	if err != nil {
		return nil, fmt.Errorf("emotion.model %s: %w", c.Model, err)
	}
	return m, nil
}
