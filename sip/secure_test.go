package sip

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"tingxin/call"
	"tingxin/sip/wire"
)

var parseDatagram = wire.Parse

// discardFlow is a connection to nowhere.
type discardFlow struct{}

func (discardFlow) send([]byte) error      { return nil }
func (discardFlow) network() string        { return "tcp" }
func (discardFlow) remote() netip.AddrPort { return netip.MustParseAddrPort("127.0.0.1:5070") }
func (discardFlow) local() netip.AddrPort  { return netip.MustParseAddrPort("127.0.0.1:5060") }
func (discardFlow) reliable() bool         { return true }
func (discardFlow) alive() bool            { return true }

func TestSRTPOnTLSTrunk(t *testing.T) {
	t.Parallel()
	for _, suite := range []string{"AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM"} {
		key := map[string]string{"AEAD_AES_128_GCM": "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3OA==",
			"AEAD_AES_256_GCM": "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ="}[suite]
		if key == "" {
			key = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
		}
		c := newCalls(t)
		c.auto = true
		s := start(t, fast(Config{Trunks: []Trunk{{Name: "safe", Addresses: []string{"127.0.0.1"}, Transports: []string{"tls"}, SRTP: "required"}}}), c)
		p := dialPeer(t, s, "tls")
		secure := strings.Replace(offerPCMA, "RTP/AVP", "RTP/SAVP", 1) + "a=crypto:3 " + suite + " inline:" + key + "\r\n"
		d := p.startCall(secure)
		ok := d.take(p.recv("200"))
		d.ack()
		if err := within(t, c.acked, "ack"); err != nil {
			t.Fatal(err)
		}
		got := c.next()
		prm := got.Leg.Params()
		if !got.Secure || prm.SRTP == nil || prm.SRTP.Profile != suite || !strings.Contains(string(ok.Body), "a=crypto:3 "+suite) || !strings.Contains(string(ok.Body), "RTP/SAVP 8") {
			t.Errorf("%s: %+v\n%s", suite, prm.SRTP, ok.Body)
		}
		d.bye()
		// plain RTP is refused, and udp may not come at all
		d = p.startCall(offerPCMA)
		p.send(ackFor(d.invite, p.recv("488")))
		u := dialPeer(t, s, "udp")
		u.startCall(offerPCMA)
		u.recv("403")
	}
}

func TestSRTPBetweenTwoServers(t *testing.T) {
	t.Parallel()
	for policy, wantSecure := range map[string]bool{"required": true, "optional": true, "off": false} {
		other := newCalls(t)
		other.auto = true
		far := start(t, fast(Config{Trunks: []Trunk{{Name: "x", Addresses: []string{"127.0.0.1"}, SRTP: "optional"}}}), other)
		s := start(t, fast(Config{TLS: TLSConfig{SkipVerify: true}, Trunks: []Trunk{{Name: "x", Proxy: "sip:" + far.on("tls") + ";transport=tls", SRTP: policy}}}), newCalls(t))
		d, leg, err := s.Dial(context.Background(), call.Target{URI: "sip:5@far.example", Trunk: "x", From: "1"}, newHeard(nil))
		if err != nil {
			t.Fatal(policy, err)
		}
		got := other.next()
		if got.Secure != wantSecure || (leg.Params().SRTP != nil) != wantSecure {
			t.Errorf("%s: secure %v", policy, got.Secure)
		}
		if wantSecure && string(leg.Params().SRTP.SendKey) != string(got.Leg.Params().SRTP.RecvKey) {
			t.Error("keys differ")
		}
		if err := d.Hangup(context.Background(), call.CauseNormal); err != nil {
			t.Fatal(err)
		}
		within(t, got.hangup, "hangup")
		leg.Close()
	}
}

func TestOptionalSRTPFallsBack(t *testing.T) {
	t.Parallel()
	other := newCalls(t)
	other.auto = true
	far := start(t, fast(Config{}), other) // its trunk takes plain RTP only
	s := start(t, fast(Config{TLS: TLSConfig{SkipVerify: true}, Trunks: []Trunk{{Name: "x", Proxy: "sip:" + far.on("tls") + ";transport=tls", SRTP: "optional"}}}), newCalls(t))
	d, leg, err := s.Dial(context.Background(), call.Target{URI: "sip:5@far.example", Trunk: "x", From: "1"}, newHeard(nil))
	if err != nil {
		t.Fatal(err)
	}
	got := other.next()
	_ = d.Hangup(context.Background(), call.CauseNormal)
	within(t, got.hangup, "hangup")
	leg.Close()
}

func TestCertificateIsVerified(t *testing.T) {
	t.Parallel()
	far := start(t, fast(Config{}), newCalls(t))
	s := start(t, fast(Config{}), newCalls(t))
	_, _, err := s.Dial(context.Background(), call.Target{URI: "sip:5@" + far.on("tls") + ";transport=tls"}, newHeard(nil))
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("%v", err)
	}
}

func TestIPv6(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	c.auto = true
	s := start(t, fast(Config{Listen: []string{"udp:[::1]:0", "tcp:[::1]:0", "udp:127.0.0.1:0"}}), c)
	for _, network := range []string{"udp", "tcp"} {
		p := dialPeer(t, s, network)
		offer := strings.ReplaceAll(offerPCMA, "IN IP4 127.0.0.1", "IN IP6 ::1")
		d := p.startCall(offer)
		ok := d.take(p.recv("200"))
		if !strings.HasPrefix(d.target, "sip:tingxin@[::1]:") {
			t.Errorf("contact %s", d.target)
		}
		_ = ok
		d.ack()
		within(t, c.acked, "ack")
		got := c.next()
		if r := got.Leg.Params().Remote; r.Addr() != netip.IPv6Loopback() {
			t.Errorf("remote %v", r)
		}
		d.bye()
	}
}

func TestStreamPeerThatNeverFinishes(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{}), newCalls(t))
	p := dialPeer(t, s, "tcp")
	p.write("OPTIONS sip:x@y SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\n")
	within(t, p.done, "the end of the connection")
	silent := dialPeer(t, s, "tcp") // connects and never says a word
	within(t, silent.done, "the end of a silent connection")
	g := dialPeer(t, s, "tcp")
	g.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	within(t, g.done, "the end of the connection")
	k := dialPeer(t, s, "tcp")
	k.write("\r\n\r\n")
	buf := make([]byte, 2)
	_ = buf
	k.send(k.request("OPTIONS", "alive"))
	k.recv("200")
}

func TestGarbageOnEveryPort(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	c.auto = true
	s := start(t, fast(Config{}), c)
	for _, network := range []string{"udp", "tcp", "tls"} {
		p := dialPeer(t, s, network)
		for _, junk := range []string{"\x00\x01\x02", "hello\r\n\r\n", strings.Repeat("\xff", 2000), "SIP/2.0\r\n\r\n", "INVITE\r\n\r\n"} {
			_, _ = p.conn.Write([]byte(junk))
		}
		q := dialPeer(t, s, network)
		q.call().bye()
		within(t, c.acked, "ack")
	}
	if bad := s.Stats().Bad; bad["unreadable datagram"] == 0 || bad["stream framing lost"] == 0 {
		t.Errorf("%v", bad)
	}
}
