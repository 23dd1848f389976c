package media

import (
	"fmt"
	"net/netip"
	"time"
)

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
	// JitterStart, JitterMin and JitterMax bound the playout delay: default 60, 0 and 200 ms.
	// On a steady line a frame waits for its packet and the next tick only, 11 ms on average.
	JitterStart time.Duration `yaml:"jitter_start" koanf:"jitter_start"`
	JitterMin   time.Duration `yaml:"jitter_min" koanf:"jitter_min"`
	JitterMax   time.Duration `yaml:"jitter_max" koanf:"jitter_max"`
	// RecordRate is the sample rate of recordings, 8000 or 16000 Hz, default 8000.
	RecordRate int `yaml:"record_rate" koanf:"record_rate"`
	// RecordSync is how often a running recording is forced to disk, default 2 s; negative means never.
	RecordSync time.Duration `yaml:"record_sync" koanf:"record_sync"`
	// WebRTC is the browsers' side.
	WebRTC WebRTCConfig `yaml:"webrtc" koanf:"webrtc"`
	// TURN is the relay for browsers behind firewalls, off by default.
	TURN TURNConfig `yaml:"turn" koanf:"turn"`
	// OpusComplexity is what the encoder may cost, 1 (a third of a per cent of a core per
	// leg) to 10 (one and a half), default 5; OpusBitrate in bit/s, default 24000.
	OpusComplexity int `yaml:"opus_complexity" koanf:"opus_complexity"`
	OpusBitrate    int `yaml:"opus_bitrate" koanf:"opus_bitrate"`
	// NoRealtime keeps the clock's thread from asking the system for a real-time
	// turn, which it otherwise gets where the process has the right to it.
	NoRealtime bool `yaml:"no_realtime" koanf:"no_realtime"`
}

// WebRTCConfig is the part of the configuration for browsers' legs. The zero value is the default.
type WebRTCConfig struct {
	// Port is the one UDP port of all WebRTC legs, default 30000; -1 takes any free
	// port of the system (tests). It is opened with the first leg.
	Port int `yaml:"port" koanf:"port"`
	// Addresses are told to browsers as host candidates. Default: the media.listen
	// address, or every address of the interfaces, and media.external. One that
	// is not an address of this machine is told only (a NAT that forwards the port).
	Addresses []string `yaml:"addresses" koanf:"addresses"`
	// Interfaces names the network interfaces whose addresses are used, default all but loopback.
	Interfaces []string `yaml:"interfaces" koanf:"interfaces"`
	// Codecs in order of preference, of opus, G722, PCMA and PCMU; default opus, PCMA, PCMU,
	// G722. Those not named are not offered. Leg.PreferCodecs changes the order per call.
	Codecs []string `yaml:"codecs" koanf:"codecs"`
	// Loopback also uses the loopback addresses (tests on one machine).
	Loopback bool `yaml:"loopback" koanf:"loopback"`
}

// withDefaults returns the configuration with its zero values filled in.
func (c Config) withDefaults() Config {
	set := func(v *time.Duration, def time.Duration) {
		if *v == 0 {
			*v = def
		}
	}
	if c.Listen == "" {
		c.Listen = "0.0.0.0"
	}
	if c.PortMin == 0 {
		c.PortMin = 20000
	}
	if c.PortMax == 0 {
		c.PortMax = 29999
	}
	if c.WebRTC.Port == 0 {
		c.WebRTC.Port = 30000
	}
	if c.SocketBuffer == 0 {
		c.SocketBuffer = 256 << 10
	}
	if c.OpusComplexity == 0 {
		c.OpusComplexity = 5
	}
	if c.OpusBitrate == 0 {
		c.OpusBitrate = 24000
	}
	if c.RecordRate == 0 {
		c.RecordRate = 8000
	}
	c.TURN = c.TURN.withDefaults()
	set(&c.PortRest, 5*time.Second)
	set(&c.JitterStart, 60*time.Millisecond)
	set(&c.JitterMax, 200*time.Millisecond)
	set(&c.RecordSync, 2*time.Second)
	return c
}

// Check says in one sentence what is wrong with the configuration.
func (c Config) Check() error {
	c = c.withDefaults()
	if _, err := netip.ParseAddr(c.Listen); err != nil {
		return fmt.Errorf("media.listen: %q is not an IP address; use for example 0.0.0.0", c.Listen)
	}
	if c.External != "" {
		if _, err := netip.ParseAddr(c.External); err != nil {
			return fmt.Errorf("media.external: %q is not an IP address; give the address that peers can reach", c.External)
		}
	}
	switch {
	case c.PortMin < 0:
	case c.PortMin < 1024 || c.PortMax > 65535 || c.PortMax-c.PortMin < 1:
		return fmt.Errorf("media.port_min, media.port_max: %d to %d is no range of ports; use for example 20000 to 29999", c.PortMin, c.PortMax)
	}
	if c.WebRTC.Port < -1 || c.WebRTC.Port > 65535 {
		return fmt.Errorf("media.webrtc.port: %d is no UDP port; use for example 30000", c.WebRTC.Port)
	}
	if err := c.TURN.check(); err != nil {
		return err
	}
	for _, name := range c.WebRTC.Codecs {
		if _, ok := codecNamed(name); !ok {
			return fmt.Errorf("media.webrtc.codecs: %q is none of opus, G722, PCMA, PCMU", name)
		}
	}
	for _, a := range c.WebRTC.Addresses {
		if ip, err := netip.ParseAddr(a); err != nil || ip.IsUnspecified() || ip.Zone() != "" {
			return fmt.Errorf("media.webrtc.addresses: %q is not an address that a browser can reach", a)
		}
	}
	if c.OpusComplexity < 0 || c.OpusComplexity > 10 || c.OpusBitrate < 6000 || c.OpusBitrate > 64000 {
		return fmt.Errorf("media.opus_complexity, media.opus_bitrate: %d and %d must be within 1 to 10 and 6000 to 64000", c.OpusComplexity, c.OpusBitrate)
	}
	if c.JitterMin < 0 || c.JitterStart < c.JitterMin || c.JitterMax < c.JitterStart || c.JitterMax > maxJitter {
		return fmt.Errorf("media.jitter_min, jitter_start, jitter_max: %v, %v, %v must grow from at least 0 to at most %v", c.JitterMin, c.JitterStart, c.JitterMax, maxJitter)
	}
	if c.RecordRate != 8000 && c.RecordRate != 16000 {
		return fmt.Errorf("media.record_rate: %d must be 8000 or 16000", c.RecordRate)
	}
	return nil
}
