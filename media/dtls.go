package media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/transport/v5/packetio"
)

// handshakeTime bounds a DTLS handshake, from the moment ICE has a pair.
const handshakeTime = 20 * time.Second

// srtpProfiles in order of preference: GCM costs half of AES-CM with its hash.
var srtpProfiles = []struct {
	id   dtls.SRTPProtectionProfile
	name string
	key  int // bytes of master key; the rest of SRTPKeyLen is salt
}{
	{dtls.SRTP_AEAD_AES_128_GCM, AEADAES128GCM, 16},
	{dtls.SRTP_AEAD_AES_256_GCM, AEADAES256GCM, 32},
	{dtls.SRTP_AES128_CM_HMAC_SHA1_80, AESCM128SHA180, 16},
}

// fingerprint is a hash of the peer's certificate from its SDP (RFC 8122).
type fingerprint struct{ hash, value string }

// matches says whether the certificate has this fingerprint.
func (f fingerprint) matches(der []byte) bool {
	var sum []byte
	switch strings.ToLower(f.hash) {
	case "sha-256":
		s := sha256.Sum256(der)
		sum = s[:]
	case "sha-384":
		s := sha512.Sum384(der)
		sum = s[:]
	case "sha-512":
		s := sha512.Sum512(der)
		sum = s[:]
	default:
		return false
	}
	return strings.EqualFold(f.value, hexPairs(sum))
}

// dtlsSession is one DTLS association over the ICE connection; its role does not change.
type dtlsSession struct {
	web          *webrtc
	client       bool
	fingerprints []fingerprint
	pipe         *dtlsPipe
	ctx          context.Context
	cancel       context.CancelFunc

	mu   sync.Mutex
	conn *dtls.Conn
}

func newDTLSSession(w *webrtc, client bool, fingerprints []fingerprint) *dtlsSession {
	s := &dtlsSession{web: w, client: client, fingerprints: fingerprints, pipe: newDTLSPipe(w.conn)}
	s.ctx, s.cancel = context.WithCancel(w.ctx)
	return s
}

// run shakes hands when ICE has a pair, hands the keys over and stays until the
// association ends. What the peer sends before waits in the pipe.
func (s *dtlsSession) run() {
	defer s.end()
	log := s.web.leg.log
	if err := s.web.agent.AwaitConnect(s.ctx); err != nil {
		if s.ctx.Err() == nil {
			log.Info("no path to the browser", "error", err)
		}
		return
	}
	conn, err := s.handshake()
	if err != nil {
		if s.ctx.Err() == nil {
			log.Info("dtls handshake failed", "error", err)
		}
		return
	}
	c, profile, err := s.derive(conn)
	if err != nil {
		log.Warn("no srtp keys from dtls", "error", err)
		return
	}
	s.web.keys(s, c, profile)
	log.Debug("srtp keys from dtls", "profile", profile, "client", s.client)
	var b [64]byte
	for err == nil { // nothing but the peer's closing comes here
		_, err = conn.Read(b[:])
	}
}

func (s *dtlsSession) handshake() (*dtls.Conn, error) {
	conn, err := s.open()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.conn = conn
	s.mu.Unlock()
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(s.ctx, handshakeTime)
	defer cancel()
	return conn, conn.HandshakeContext(ctx)
}

func (s *dtlsSession) open() (*dtls.Conn, error) {
	var profiles []dtls.SRTPProtectionProfile
	for _, p := range srtpProfiles {
		profiles = append(profiles, p.id)
	}
	shared := []dtls.Option{
		dtls.WithCertificates(s.web.port.cert),
		dtls.WithSRTPProtectionProfiles(profiles...),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithInsecureSkipVerify(true), // the fingerprint is what is verified
		dtls.WithVerifyPeerCertificate(s.verify),
		dtls.WithFlightInterval(200 * time.Millisecond),
		dtls.WithLoggerFactory(s.web.port.loggers),
	}
	if s.client {
		var opts []dtls.ClientOption
		for _, o := range shared {
			opts = append(opts, o)
		}
		return dtls.ClientWithOptions(s.pipe, s.pipe.RemoteAddr(), opts...)
	}
	opts := []dtls.ServerOption{dtls.WithClientAuth(dtls.RequireAnyClientCert), dtls.WithInsecureSkipVerifyHello(true)}
	for _, o := range shared {
		opts = append(opts, o)
	}
	return dtls.ServerWithOptions(s.pipe, s.pipe.RemoteAddr(), opts...)
}

func (s *dtlsSession) verify(certs [][]byte, _ [][]*x509.Certificate) error {
	if len(certs) == 0 {
		return errors.New("the browser shows no certificate")
	}
	for _, f := range s.fingerprints {
		if f.matches(certs[0]) {
			return nil
		}
	}
	return errors.New("the browser's certificate is not the one of its SDP")
}

// derive makes the SRTP contexts (RFC 5764 section 4.2).
func (s *dtlsSession) derive(conn *dtls.Conn) (*crypt, string, error) {
	id, ok := conn.SelectedSRTPProtectionProfile()
	if !ok {
		return nil, "", errors.New("no srtp profile agreed")
	}
	state, ok := conn.ConnectionState()
	if !ok {
		return nil, "", errors.New("no dtls state")
	}
	for _, p := range srtpProfiles {
		if p.id != id {
			continue
		}
		n := SRTPKeyLen(p.name)
		b, err := state.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", nil, 2*n)
		if err != nil {
			return nil, "", fmt.Errorf("export keys: %w", err)
		}
		keys, salts := b[:2*p.key], b[2*p.key:]
		salt := n - p.key
		client := bytes.Join([][]byte{keys[:p.key], salts[:salt]}, nil)
		server := bytes.Join([][]byte{keys[p.key:], salts[salt:]}, nil)
		params := SRTPParams{Profile: p.name, SendKey: server, RecvKey: client}
		if s.client {
			params.SendKey, params.RecvKey = client, server
		}
		c, err := newCrypt(&params)
		return c, p.name, err
	}
	return nil, "", fmt.Errorf("srtp profile %d was not offered", id)
}

// end closes the association. Twice is fine.
func (s *dtlsSession) end() {
	s.cancel()
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	if conn != nil {
		_ = conn.Close()
	}
	_ = s.pipe.Close()
}

// dtlsPipe is the packet connection that DTLS sees: datagrams from the ICE connection
// wait in a bounded buffer, what is written goes to the selected pair.
type dtlsPipe struct {
	conn *ice.Conn
	in   *packetio.Buffer
}

func newDTLSPipe(conn *ice.Conn) *dtlsPipe {
	p := &dtlsPipe{conn: conn, in: packetio.NewBuffer()}
	p.in.SetLimitSize(64 << 10)
	return p
}

// put takes a datagram of the peer; when the buffer is full it is lost and DTLS repeats.
func (p *dtlsPipe) put(b []byte) { _, _ = p.in.Write(b, nil) }

// ReadFrom implements net.PacketConn.
func (p *dtlsPipe) ReadFrom(b []byte) (int, net.Addr, error) {
	n, _, err := p.in.Read(b, nil)
	return n, p.RemoteAddr(), err
}

// WriteTo implements net.PacketConn; the address is ICE's matter.
func (p *dtlsPipe) WriteTo(b []byte, _ net.Addr) (int, error) { return p.conn.Write(b) }

// Close implements net.PacketConn.
func (p *dtlsPipe) Close() error { return p.in.Close() }

// LocalAddr implements net.PacketConn.
func (p *dtlsPipe) LocalAddr() net.Addr { return pipeAddr{} }

// RemoteAddr is the same for every path, so that DTLS does not see a path change.
func (p *dtlsPipe) RemoteAddr() net.Addr { return pipeAddr{} }

// SetDeadline implements net.PacketConn.
func (p *dtlsPipe) SetDeadline(t time.Time) error { return p.in.SetReadDeadline(t) }

// SetReadDeadline implements net.PacketConn.
func (p *dtlsPipe) SetReadDeadline(t time.Time) error { return p.in.SetReadDeadline(t) }

// SetWriteDeadline implements net.PacketConn; writes never wait long.
func (p *dtlsPipe) SetWriteDeadline(time.Time) error { return nil }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "ice" }
func (pipeAddr) String() string  { return "ice" }
