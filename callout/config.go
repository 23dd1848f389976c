package callout

import (
	"fmt"
	"time"
)

// Config is what an operator may set. The zero value works.
type Config struct {
	// Ahead is how many entries of a running list lie in their queue at once; 10 when zero.
	Ahead int `yaml:"ahead" koanf:"ahead"`
	// Every is how often lists are looked at besides when something happens; 5 s when zero.
	Every time.Duration `yaml:"every" koanf:"every"`
	// Keep is how long a closed list and its entries are kept; 180 days when zero.
	Keep time.Duration `yaml:"keep" koanf:"keep"`
}

// Check says what cannot work.
func (c Config) Check() error {
	switch {
	case c.Ahead < 0 || c.Ahead > 200:
		return fmt.Errorf("callouts.ahead is %d: it is between 1 and 200", c.Ahead)
	case c.Every < 0 || c.Every > 0 && c.Every < 100*time.Millisecond || c.Every > time.Minute:
		return fmt.Errorf("callouts.every is %v: it is between 100ms and 1m", c.Every)
	case c.Keep < 0:
		return fmt.Errorf("callouts.keep must not be negative")
	}
	return nil
}

func (c Config) withDefaults() Config {
	or(&c.Ahead, 10)
	or(&c.Every, 5*time.Second)
	or(&c.Keep, 180*24*time.Hour)
	return c
}
