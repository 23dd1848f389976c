package bot

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// Config of an Engine; the zero value is the default.
type Config struct {
	// Off runs the server without a bot.
	Off bool `yaml:"off" koanf:"off"`
	// KeyFile holds the key that seals identity and card numbers; it is made when missing. "data/keys/bot.key" when empty.
	KeyFile string `yaml:"key_file" koanf:"key_file"`
	// Zone is where "tomorrow" is resolved, such as Asia/Shanghai; UTC when empty.
	Zone string `yaml:"zone" koanf:"zone"`
	// Queue is where conversations go that the bot hands over; "support" when empty.
	Queue string `yaml:"queue" koanf:"queue"`
	// ToolHosts are hosts that tools may call, "orders.example.com" or with a port; none when empty. A name must
	// resolve to public addresses; an address that stands here itself may be a private one.
	ToolHosts []string `yaml:"tool_hosts" koanf:"tool_hosts"`
	// TurnsPerMinute bounds what one session may ask; 30 when zero.
	TurnsPerMinute int `yaml:"turns_per_minute" koanf:"turns_per_minute"`
	// MaxTurns is how many turns are worked at once, over all sessions; more wait for a second and are refused. 64 when zero.
	MaxTurns int `yaml:"max_turns" koanf:"max_turns"`
	// SessionIdle ends a session without turns; 24 h when zero.
	SessionIdle time.Duration `yaml:"session_idle" koanf:"session_idle"`
	// KeepTurns is how long what was said is kept; 400 days when zero.
	KeepTurns time.Duration `yaml:"keep_turns" koanf:"keep_turns"`
	// Seed of the training of intents; 1 when zero.
	Seed uint64 `yaml:"seed" koanf:"seed"`
}

func (c Config) withDefaults() Config {
	c.KeyFile = cmp.Or(c.KeyFile, "data/keys/bot.key")
	c.Queue = cmp.Or(c.Queue, "support")
	c.TurnsPerMinute = cmp.Or(c.TurnsPerMinute, 30)
	c.MaxTurns = cmp.Or(c.MaxTurns, 64)
	c.SessionIdle = cmp.Or(c.SessionIdle, 24*time.Hour)
	c.KeepTurns = cmp.Or(c.KeepTurns, 400*24*time.Hour)
	c.Seed = cmp.Or(c.Seed, 1)
	return c
}

// QueueName is where conversations go that the bot hands over.
func (c Config) QueueName() string { return c.withDefaults().Queue }

// Check tells what in c cannot work, in one sentence.
func (c Config) Check() error {
	if _, err := c.zone(); err != nil {
		return err
	}
	for _, h := range c.ToolHosts {
		host := h
		if name, _, err := net.SplitHostPort(h); err == nil {
			host = name
		}
		if host == "" || strings.ContainsAny(host, "/@?#* ") {
			return fmt.Errorf("bot.tool_hosts: %q is not a host such as orders.example.com or 10.0.0.5:8080", h)
		}
	}
	if c.TurnsPerMinute < 0 || c.MaxTurns < 0 || c.SessionIdle < 0 || c.KeepTurns < 0 {
		return errors.New("bot: turns_per_minute, max_turns, session_idle and keep_turns cannot be negative")
	}
	return nil
}

func (c Config) zone() (*time.Location, error) {
	if c.Zone == "" {
		return time.UTC, nil
	}
	z, err := time.LoadLocation(c.Zone)
	if err != nil {
		return nil, fmt.Errorf("bot.zone: %q is not a time zone such as Asia/Shanghai", c.Zone)
	}
	return z, nil
}
