package sip

import (
	"strings"
	"testing"
	"time"

	"tingxin/call"
)

// short sessions: seconds are the smallest unit on the wire.
func short(cfg Config) Config {
	cfg.MinSE, cfg.SessionExpires = time.Second, time.Second
	return cfg
}

func TestIntervalTooSmall(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	s := start(t, fast(Config{}), c)
	p := dialPeer(t, s, "udp")
	d := p.startCall(offerPCMA, "Supported", "timer", "Session-Expires", "60")
	m := p.recv("422")
	if m.Get("Min-SE") != "90" {
		t.Errorf("Min-SE %q", m.Get("Min-SE"))
	}
	p.send(ackFor(d.invite, m))
	if len(c.got) != 0 {
		t.Error("call was handed up")
	}
}

func TestWhatWeAnswerToSessionExpires(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ headers, want string }{
		{"", ""},
		{"Supported: timer", "1800;refresher=uac"},
		{"Supported: timer|Session-Expires: 600", "600;refresher=uac"},
		{"Supported: timer|Session-Expires: 600;refresher=uas", "600;refresher=uas"},
		{"Supported: timer|Session-Expires: 7200", "1800;refresher=uac"},
		{"Supported: timer|Session-Expires: 7200|Min-SE: 3600", "7200;refresher=uac"},
		{"Y: y|Session-Expires: 600", "600;refresher=uas"}, // a proxy asks, the peer cannot
	} {
		var headers []string
		for _, h := range strings.Split(c.headers, "|") {
			if name, v, ok := strings.Cut(h, ": "); ok {
				headers = append(headers, name, v)
			}
		}
		_, _, _, d, _ := answeredCall(t, Config{}, "udp", headers...)
		if got := d.ok.Get("Session-Expires"); got != c.want {
			t.Errorf("%s: answered %q, want %q", c.headers, got, c.want)
		}
		if req := d.ok.HasToken("Require", "timer"); req != strings.Contains(c.headers, "timer") {
			t.Errorf("%s: Require timer %v", c.headers, req)
		}
		d.bye()
	}
}

func TestWeRefreshByUpdateThreeIntervals(t *testing.T) {
	t.Parallel()
	_, _, p, d, got := answeredCall(t, short(Config{}), "udp", "Supported", "timer", "Allow", "INVITE, UPDATE, BYE", "Session-Expires", "1;refresher=uas")
	begin := time.Now()
	for i := range 5 {
		m := p.recv("UPDATE")
		if len(m.Body) != 0 || m.Get("Session-Expires") != "1;refresher=uac" {
			t.Fatalf("%s", m.Bytes())
		}
		if i == 2 { // lost once: it comes again
			p.repeats = true
			p.recv("UPDATE")
			p.repeats = false
		}
		p.reply(m, 200, "Session-Expires", "1;refresher=uac", "Require", "timer")
	}
	if took := time.Since(begin); took < 2200*time.Millisecond || took > 3500*time.Millisecond {
		t.Errorf("5 refreshes in %v, want one each half second", took)
	}
	if len(got.hangup) != 0 {
		t.Error("call ended")
	}
	d.bye()
}

func TestWeRefreshByInvite(t *testing.T) {
	t.Parallel()
	_, _, p, d, got := answeredCall(t, short(Config{}), "udp", "Supported", "timer", "Session-Expires", "1;refresher=uas")
	version := ""
	for i := range 2 {
		m := p.recv("INVITE")
		if v := strings.Fields(string(m.Body))[3]; version != "" && v != version {
			t.Errorf("version went from %s to %s though nothing changed", version, v)
		} else {
			version = v
		}
		if i == 0 {
			d.answerTo(m, 200, offerPCMA, "Session-Expires", "1;refresher=uac")
		} else {
			d.answerTo(m, 200, offerPCMA)
		}
		p.recv("ACK")
	}
	p.silent(700 * time.Millisecond)
	// the last answer had no Session-Expires: no timer any more
	if len(got.hangup) != 0 {
		t.Error("call ended")
	}
	d.bye()
}

func TestPeerShouldRefreshAndDoesNot(t *testing.T) {
	t.Parallel()
	_, _, p, d, got := answeredCall(t, short(Config{}), "udp", "Supported", "timer", "Session-Expires", "1;refresher=uac")
	// one refresh by the peer, then none
	time.Sleep(300 * time.Millisecond)
	p.send(d.next("UPDATE", "Supported", "timer", "Session-Expires", "1;refresher=uac"))
	p.recv("200")
	begin := time.Now()
	p.reply(p.recv("BYE"), 200)
	if took := time.Since(begin); took < 600*time.Millisecond || took > 900*time.Millisecond {
		t.Errorf("BYE after %v, want two thirds of a second", took)
	}
	if cause := within(t, got.hangup, "hangup"); cause != call.CauseSessionExpired {
		t.Errorf("cause %s", cause)
	}
}

func TestRefreshGetsNoAnswer(t *testing.T) {
	t.Parallel()
	_, _, p, _, got := answeredCall(t, short(Config{}), "udp", "Supported", "timer", "Allow", "UPDATE", "Session-Expires", "1;refresher=uas")
	for {
		if m := p.recv("UPDATE|BYE"); m.Method == "BYE" {
			p.reply(m, 200)
			break
		}
	}
	if cause := within(t, got.hangup, "hangup"); cause != call.CauseSessionExpired {
		t.Errorf("cause %s", cause)
	}
}

func TestPeerHasLostTheDialog(t *testing.T) {
	t.Parallel()
	_, _, p, d, got := answeredCall(t, short(Config{}), "udp", "Supported", "timer", "Allow", "UPDATE", "Session-Expires", "1;refresher=uas")
	d.answerTo(p.recv("UPDATE"), 481, "")
	p.reply(p.recv("BYE"), 481)
	within(t, got.hangup, "hangup")
}

func TestRefreshMustWaitLonger(t *testing.T) {
	t.Parallel()
	_, _, p, d, _ := answeredCall(t, short(Config{}), "udp", "Supported", "timer", "Allow", "UPDATE", "Session-Expires", "1;refresher=uas")
	p.reply(p.recv("UPDATE"), 422, "Min-SE", "7")
	m := p.recv("UPDATE")
	if m.Get("Session-Expires") != "7;refresher=uac" || m.Get("Min-SE") != "7" {
		t.Errorf("%s", m.Bytes())
	}
	p.reply(m, 200, "Session-Expires", "7;refresher=uac")
	d.bye()
}
