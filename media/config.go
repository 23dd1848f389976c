package media

import "time"

// Config of an Engine. The zero value is the default.
type Config struct {
	// Listen is the address to bind, default 0.0.0.0.
	Listen string `yaml:"listen" koanf:"listen"`
	// External is the address told to peers when it differs from the bound one (NAT).
	// Default: the bound address, or the one the route to the peer uses.
	External string `yaml:"external" koanf:"external"`
	// PortMin and PortMax bound the RTP/RTCP port pairs, default 20000 to 29999.
	// PortMin -1 takes any free ports of the system (tests).
	PortMin int `yaml:"port_min" koanf:"port_min"`
	PortMax int `yaml:"port_max" koanf:"port_max"`
	// PortRest is how long a closed port pair rests before it is used again, default 5 s.
	PortRest time.Duration `yaml:"port_rest" koanf:"port_rest"`
	// SocketBuffer is the asked SO_RCVBUF and SO_SNDBUF in bytes, default 256 KiB.
	SocketBuffer int `yaml:"socket_buffer" koanf:"socket_buffer"`
	// JitterStart, JitterMin and JitterMax bound the playout delay: default 60, 20 and 200 ms.
	JitterStart time.Duration `yaml:"jitter_start" koanf:"jitter_start"`
	JitterMin   time.Duration `yaml:"jitter_min" koanf:"jitter_min"`
	JitterMax   time.Duration `yaml:"jitter_max" koanf:"jitter_max"`
	// RecordRate is the sample rate of recordings, 8000 or 16000 Hz, default 8000.
	RecordRate int `yaml:"record_rate" koanf:"record_rate"`
	// RecordSync is how often a running recording is forced to disk, default 2 s; negative means never.
	RecordSync time.Duration `yaml:"record_sync" koanf:"record_sync"`
}
