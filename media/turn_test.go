package media

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"
	pion "github.com/pion/webrtc/v4"

	"tingxin/audio"
)

// relayEngine has the relay on, with TLS.
func relayEngine(t *testing.T, change func(*TURNConfig)) *Engine {
	t.Helper()
	cert, _, err := newCertificate()
	must(t, err)
	dir := t.TempDir()
	key, err := x509.MarshalECPrivateKey(cert.PrivateKey.(*ecdsa.PrivateKey))
	must(t, err)
	for name, b := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: cert.Certificate[0]}, "key.pem": {Type: "EC PRIVATE KEY", Bytes: key}} {
		must(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(b), 0o600))
	}
	c := Config{Listen: "127.0.0.1", PortMin: -1, WebRTC: WebRTCConfig{Port: -1}, TURN: TURNConfig{
		Listen: "127.0.0.1:0", ListenTLS: "127.0.0.1:0", PortMin: 20000, PortMax: 60000, Secret: "secret",
		Certificate: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"),
	}}
	if change != nil {
		change(&c.TURN)
	}
	e, err := New(c, nil)
	must(t, err)
	must(t, e.Start(t.Context()))
	t.Cleanup(func() { must(t, e.Close()) })
	return e
}

// A browser that can only relay, by UDP and by TCP, talks to us through our own relay.
func TestTURNCarriesACall(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			e := relayEngine(t, nil)
			urls, name, password, ttl, ok := e.TURNCredentials("agent:7")
			if !ok || len(urls) != 3 || ttl != 12*time.Hour || !strings.HasSuffix(name, ":agent_7") {
				t.Fatal(urls, name, ttl)
			}
			url := urls[0]
			if transport == "tcp" {
				url = urls[1]
			}
			l := webLeg(t, e)
			l.PreferCodecs(PCMU)
			var tap syncTap
			defer l.AddTap(&tap)()
			l.Play(audio.Sine(600, -10, 0))
			b := newBrowser(t, PCMU, 1000)
			must(t, b.pc.SetConfiguration(pion.Configuration{
				ICEServers:         []pion.ICEServer{{URLs: []string{url}, Username: name, Credential: password}},
				ICETransportPolicy: pion.ICETransportPolicyRelay,
			}))
			b.call(l, true)
			secured(t, l)
			if e.Stats().Relays == 0 {
				t.Error("nothing is relayed")
			}
			time.Sleep(1500 * time.Millisecond)
			checkLive(t, "we hear the browser", tap.take(), 1000, 600)
			checkLive(t, "the browser hears us", b.pcm(b.take()), 600, 1000)
			b.close()
			for range 100 {
				if e.Stats().Relays == 0 && e.turn.quota("agent_7", "", nil) {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
			t.Errorf("%d relays are left", e.Stats().Relays)
		})
	}
}

// Wrong, foreign and expired passwords, too many relays, and peers that are not us are refused.
func TestTURNRefuses(t *testing.T) {
	e := relayEngine(t, func(c *TURNConfig) { c.PerUser = 2 })
	urls, name, password, _, _ := e.TURNCredentials("agent")
	addr := strings.TrimSuffix(strings.TrimPrefix(urls[0], "turn:"), "?transport=udp")
	old, oldPassword, err := turn.GenerateLongTermTURNRESTCredentials("secret", "agent", -time.Minute)
	must(t, err)
	for what, c := range map[string][2]string{"wrong": {name, "x"}, "none": {"", ""}, "foreign": {"agent", password}, "expired": {old, oldPassword}} {
		if _, err := relay(t, "udp", addr, c[0], c[1]); err == nil {
			t.Errorf("%s password: a relay", what)
		}
	}
	first, err := relay(t, "udp", addr, name, password)
	must(t, err)
	secureAt := strings.TrimSuffix(strings.TrimPrefix(urls[2], "turns:"), "?transport=tcp")
	_, err = relay(t, "tls", secureAt, name, password)
	must(t, err)
	if _, err := relay(t, "udp", addr, name, password); err == nil {
		t.Error("a third relay of one user")
	}
	if err := first.CreatePermission(&net.UDPAddr{IP: net.IPv4(10, 1, 2, 3), Port: 80}); err == nil {
		t.Error("the relay leads elsewhere")
	}
	if err := first.CreatePermission(&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}); err != nil {
		t.Errorf("the relay does not lead to us: %v", err)
	}
	if _, _, _, _, ok := newRig(t).TURNCredentials("x"); ok {
		t.Error("credentials of a relay that is off")
	}
}

// relay asks for a relay; the client is closed with the test.
func relay(t *testing.T, network, addr, name, password string) (*turn.Client, error) {
	t.Helper()
	var conn net.PacketConn
	switch network {
	case "udp":
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		must(t, err)
		conn = c
	case "tls":
		c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
		must(t, err)
		conn = turn.NewSTUNConn(c)
	}
	c, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: addr, TURNServerAddr: addr, Conn: conn, Username: name, Password: password, Realm: turnRealm,
		LoggerFactory: &logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled},
	})
	must(t, err)
	must(t, c.Listen())
	t.Cleanup(func() { c.Close(); _ = conn.Close() })
	out, err := c.Allocate()
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = out.Close() })
	return c, nil
}

func TestTURNConfig(t *testing.T) {
	for want, c := range map[string]TURNConfig{
		"listen":      {Listen: "here"},
		"listen_tls":  {ListenTLS: "0.0.0.0:5349"},
		"certificate": {Listen: "0.0.0.0:3478", ListenTLS: "0.0.0.0:5349"},
		"port_min":    {Listen: "0.0.0.0:3478", PortMin: 9000, PortMax: 8000},
		"per_user":    {Listen: "0.0.0.0:3478", PerUser: -1},
	} {
		if err := (Config{TURN: c}).Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	defer func() { _ = taken.Close() }()
	e, err := New(Config{Listen: "127.0.0.1", PortMin: -1, WebRTC: WebRTCConfig{Port: -1}, TURN: TURNConfig{Listen: fmt.Sprint(taken.LocalAddr())}}, nil)
	must(t, err)
	if err := e.Start(t.Context()); err == nil || errors.Is(err, ErrClosed) {
		t.Errorf("a taken port: %v", err)
	}
	must(t, e.Close())
}
