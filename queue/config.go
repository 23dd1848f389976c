package queue

import (
	"cmp"
	"fmt"
	"os"
	"time"
)

// Config is what an operator may set. The zero value works.
type Config struct {
	// Node is this server's name among those that share the database; the host name when empty.
	Node string `yaml:"node" koanf:"node"`
	// Presence is how long an agent's desktop may be silent before the agent is offline; 30 s when zero.
	Presence time.Duration `yaml:"presence" koanf:"presence"`
	// AwayLimit ends a stay in "away"; 8 h when zero.
	AwayLimit time.Duration `yaml:"away_limit" koanf:"away_limit"`
	// VoiceUnits is how much of an agent's capacity of 10 a call takes; 10 when zero, 5 lets chats go on beside it.
	VoiceUnits int `yaml:"voice_units" koanf:"voice_units"`
	// Zone is the time zone whose midnight begins a day of counting (IANA); UTC when empty.
	Zone string `yaml:"zone" koanf:"zone"`
	// Keep is how long ended work, offers, reasons and states of agents are kept; 180 days when zero.
	Keep time.Duration `yaml:"keep" koanf:"keep"`
}

// Check says what cannot work.
func (c Config) Check() error {
	if _, err := time.LoadLocation(c.Zone); err != nil {
		return fmt.Errorf("queues.zone: there is no time zone %q", c.Zone)
	}
	switch {
	case c.Presence < 0 || c.Presence > 0 && c.Presence < 5*time.Second:
		return fmt.Errorf("queues.presence is %v: 5s is the least, desktops are heard of every few seconds", c.Presence)
	case c.AwayLimit < 0 || c.Keep < 0:
		return fmt.Errorf("queues.away_limit and queues.keep must not be negative")
	case c.VoiceUnits < 0 || c.VoiceUnits > 10:
		return fmt.Errorf("queues.voice_units is %d: it is between 1 and 10", c.VoiceUnits)
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.Node == "" {
		c.Node, _ = os.Hostname() // a machine without a name is "pbx"
		c.Node = cmp.Or(c.Node, "pbx")
	}
	or(&c.Keep, 180*24*time.Hour)
	return c
}

// router is the part of the settings that concerns the Router.
func (c Config) router() RouterConfig {
	r := RouterConfig{Presence: c.Presence, AwayLimit: c.AwayLimit, Seed: uint64(time.Now().UnixNano()), NewToken: newToken}
	if c.VoiceUnits > 0 {
		r.Units = map[Kind]int{KindVoice: c.VoiceUnits}
	}
	r.Location, _ = time.LoadLocation(c.Zone) // checked
	return r
}
