package api

import "time"

// Config is what an operator may set. The zero value listens on 127.0.0.1:8080 without TLS.
type Config struct {
	// Listen is the address and port; "127.0.0.1:8080" when empty.
	Listen string `yaml:"listen" koanf:"listen"`
	// TLS turns HTTPS on.
	TLS TLSConfig `yaml:"tls" koanf:"tls"`
	// Origins are further origins whose pages may use the API, such as "https://desk.example.org". The server's own is always allowed.
	Origins []string `yaml:"origins" koanf:"origins"`
	// TrustedProxies are networks whose X-Forwarded-For is believed; none when empty.
	TrustedProxies []string `yaml:"trusted_proxies" koanf:"trusted_proxies"`
	// SessionIdle ends a session without requests; 4 h when zero.
	SessionIdle time.Duration `yaml:"session_idle" koanf:"session_idle"`
	// SessionMax ends any session; 16 h when zero.
	SessionMax time.Duration `yaml:"session_max" koanf:"session_max"`
	// Admin presets the first administrator.
	Admin AdminConfig `yaml:"admin" koanf:"admin"`
	// MetricsToken opens /metrics to other machines ("Authorization: Bearer ..."); only this machine may read it when empty.
	MetricsToken string `yaml:"metrics_token" koanf:"metrics_token"`
	// Profiles serves Go's profiles under /debug/pprof to those who may read /metrics.
	Profiles bool `yaml:"profiles" koanf:"profiles"`
	// Recordings is the folder that relative paths of recordings start from; "data/recordings" when empty.
	Recordings string `yaml:"recordings" koanf:"recordings"`
	// Redis shares the live feed between the servers of a cluster: "10.0.0.5:6379", "rediss://:password@10.0.0.5:6379/0"
	// or "unix:///run/redis.sock"; empty is this server's events only. What is said in calls passes through it and stays
	// five minutes.
	Redis string `yaml:"redis" koanf:"redis"`
	// OIDC is the identity provider of the house.
	OIDC OIDCConfig `yaml:"oidc" koanf:"oidc"`
	// MaxConnections bounds open live feeds; 2000 when zero.
	MaxConnections int `yaml:"max_connections" koanf:"max_connections"`
}

// TLSConfig names a certificate, or asks for one made here.
type TLSConfig struct {
	// Cert and Key are PEM files.
	Cert string `yaml:"cert" koanf:"cert"`
	Key  string `yaml:"key" koanf:"key"`
	// SelfSigned makes a certificate at first start when Cert is empty.
	SelfSigned bool `yaml:"self_signed" koanf:"self_signed"`
	// Dir is where a self-signed certificate is kept; "data/tls" when empty.
	Dir string `yaml:"dir" koanf:"dir"`
	// Hosts are names and addresses of the self-signed certificate besides localhost and this machine's name.
	Hosts []string `yaml:"hosts" koanf:"hosts"`
}

func (c TLSConfig) on() bool { return c.Cert != "" || c.SelfSigned }

// AdminConfig presets the first administrator; it has no effect once there is a user.
type AdminConfig struct {
	Username string `yaml:"username" koanf:"username"` // "admin" when empty
	Password string `yaml:"password" koanf:"password"` // random when empty
}

func (c Config) withDefaults() Config {
	if c.Listen == "" {
		c.Listen = "127.0.0.1:8080"
	}
	if c.SessionIdle <= 0 {
		c.SessionIdle = 4 * time.Hour
	}
	if c.SessionMax <= 0 {
		c.SessionMax = 16 * time.Hour
	}
	if c.Admin.Username == "" {
		c.Admin.Username = "admin"
	}
	if c.Recordings == "" {
		c.Recordings = "data/recordings"
	}
	if c.TLS.Dir == "" {
		c.TLS.Dir = "data/tls"
	}
	if c.MaxConnections <= 0 {
		c.MaxConnections = 2000
	}
	return c
}
