package pg

import "time"

// Config says which database to use. The zero value is a private cluster in ./data/postgres.
type Config struct {
	// URL is a libpq URL or DSN of a server that is there already; empty means a private cluster.
	URL string `yaml:"url" koanf:"url"`
	// Dir is the folder of the private cluster; "data/postgres" when empty.
	Dir string `yaml:"dir" koanf:"dir"`
	// Bin is the folder with initdb and postgres; searched for when empty.
	Bin string `yaml:"bin" koanf:"bin"`
	// User is the account that runs the private cluster when we are root; "postgres" or else "nobody" when empty.
	User string `yaml:"user" koanf:"user"`
	// Settings are further settings of the private cluster, as in postgresql.conf.
	Settings map[string]string `yaml:"settings" koanf:"settings"`
	// MaxConns bounds the pool; 16 when zero.
	MaxConns int `yaml:"max_conns" koanf:"max_conns"`
	// QueryTimeout bounds one statement or transaction; 15 s when zero.
	QueryTimeout time.Duration `yaml:"query_timeout" koanf:"query_timeout"`
	// ConnectTimeout bounds one try to connect; 3 s when zero.
	ConnectTimeout time.Duration `yaml:"connect_timeout" koanf:"connect_timeout"`
	// StartTimeout bounds the start of the private cluster, recovery after a crash included; 60 s when zero.
	StartTimeout time.Duration `yaml:"start_timeout" koanf:"start_timeout"`
}

// withDefaults fills what was left zero.
func (c Config) withDefaults() Config {
	if c.Dir == "" {
		c.Dir = "data/postgres"
	}
	if c.MaxConns <= 0 {
		c.MaxConns = 16
	}
	if c.QueryTimeout <= 0 {
		c.QueryTimeout = 15 * time.Second
	}
	if c.ConnectTimeout <= 0 {
		c.ConnectTimeout = 3 * time.Second
	}
	if c.StartTimeout <= 0 {
		c.StartTimeout = time.Minute
	}
	return c
}
