package chat

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"time"
)

// Config is what an operator may set. The zero value works.
type Config struct {
	// Node is this server's name among those that share the database; the host name when empty.
	Node string `yaml:"node" koanf:"node"`
	// Queue is where conversations go that no bot takes; "support" when empty.
	Queue string `yaml:"queue" koanf:"queue"`
	// ReopenWithin: a customer who writes so soon after the close goes on with the same conversation; 24 h when zero.
	ReopenWithin time.Duration `yaml:"reopen_within" koanf:"reopen_within"`
	// Files is the folder of attachments; data/attachments when empty.
	Files string `yaml:"files" koanf:"files"`
	// MaxFile is the longest attachment in bytes; 10 MiB when zero.
	MaxFile int64 `yaml:"max_file" koanf:"max_file"`
	// Key is 64 hex digits that encrypt secrets of channels and sign visitors; a file in the data folder when
	// empty. Servers that share a database must share it.
	Key string `yaml:"key" koanf:"key"`
	// KeyFile is that file; data/chat.key when empty.
	KeyFile string `yaml:"key_file" koanf:"key_file"`
	// KeepRaw is how long bodies are kept as they came in; 30 days when zero.
	KeepRaw time.Duration `yaml:"keep_raw" koanf:"keep_raw"`
}

// LargestFile is the most that Config.MaxFile may be.
const LargestFile = 256 << 20

// Check says what cannot work.
func (c Config) Check() error {
	switch {
	case c.ReopenWithin < 0 || c.KeepRaw < 0:
		return errors.New("chat.reopen_within and chat.keep_raw must not be negative")
	case c.MaxFile < 0 || c.MaxFile > LargestFile:
		return fmt.Errorf("chat.max_file is %d: it is between 1 and %d bytes", c.MaxFile, LargestFile)
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.Node == "" {
		c.Node, _ = os.Hostname() // a machine without a name is "pbx"
	}
	c.Node = cmp.Or(c.Node, "pbx")
	c.Queue = cmp.Or(c.Queue, "support")
	c.ReopenWithin = cmp.Or(c.ReopenWithin, 24*time.Hour)
	c.Files = cmp.Or(c.Files, "data/attachments")
	c.KeyFile = cmp.Or(c.KeyFile, "data/chat.key")
	c.MaxFile = cmp.Or(c.MaxFile, 10<<20)
	c.KeepRaw = cmp.Or(c.KeepRaw, 30*24*time.Hour)
	return c
}

// MaxFile is the longest attachment in bytes.
func (s *Service) MaxFile() int64 { return s.cfg.MaxFile }
