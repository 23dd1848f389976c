package media

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
)

// chromeOffer is what Chromium 156 offered in a run of these tests, shortened to what matters.
const chromeOffer = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=extmap-allow-mixed\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n" +
	"a=candidate:1 1 udp 2113937151 0f9a3a0e-8b1c-4c1e-9d2a-1f0b3a6c7d88.local 40000 typ host generation 0 network-cost 999\r\n" +
	"a=candidate:2 1 tcp 1518280447 127.0.0.1 9 typ host tcptype active generation 0\r\n" +
	"a=ice-ufrag:aB3d\r\na=ice-pwd:0123456789abcdef01234567\r\na=ice-options:trickle\r\n" +
	"a=fingerprint:sha-256 49:66:12:17:0D:1C:91:AE:57:4C:C6:36:DD:D5:97:D2:7D:62:C9:9A:7F:B9:A3:F4:70:03:E7:43:91:73:23:5E\r\n" +
	"a=setup:actpass\r\na=mid:0\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=sendrecv\r\na=rtcp-mux\r\na=rtcp-rsize\r\n" +
	"a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:63 red/48000/2\r\na=rtpmap:9 G722/8000\r\n" +
	"a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:13 CN/8000\r\na=rtpmap:110 telephone-event/48000\r\na=rtpmap:126 telephone-event/8000\r\n"

// The answer keeps to the offer: its numbers, its mid, one codec and the event of that codec's clock.
func TestAnswerToChromium(t *testing.T) {
	e := liveEngine(t)
	for codec, want := range map[Codec]string{
		Opus: "UDP/TLS/RTP/SAVPF 111 110\r\n", PCMU: "UDP/TLS/RTP/SAVPF 0 126\r\n", PCMA: "UDP/TLS/RTP/SAVPF 8 126\r\n", G722: "UDP/TLS/RTP/SAVPF 9 126\r\n",
	} {
		l := webLeg(t, e)
		l.PreferCodecs(codec)
		answer, err := l.AcceptOffer(t.Context(), []byte(chromeOffer))
		must(t, err)
		for _, part := range []string{want, "a=mid:0\r\n", "a=group:BUNDLE 0\r\n", "a=setup:active\r\n", "a=rtcp-mux\r\n", "a=sendrecv\r\n", "a=end-of-candidates\r\n"} {
			if !strings.Contains(string(answer), part) {
				t.Errorf("%v: no %q in\n%s", codec, part, answer)
			}
		}
		if strings.Contains(string(answer), "0.0.0.0") {
			t.Errorf("no address in\n%s", answer)
		}
		must(t, l.Close())
	}
}

// Only the configured codecs are agreed, in their order.
func TestCodecsOfBrowsers(t *testing.T) {
	e := newRigWith(t, Config{WebRTC: WebRTCConfig{Codecs: []string{"pcmu", "Opus"}}})
	l := webLeg(t, e.Engine)
	offer, err := l.Offer(t.Context())
	must(t, err)
	if !strings.Contains(string(offer), "SAVPF 0 111 110 126\r\n") {
		t.Errorf("%s", offer)
	}
	l.PreferCodecs(G722, Opus)
	offer, err = l.Offer(t.Context())
	must(t, err)
	if !strings.Contains(string(offer), "SAVPF 111 0 110 126\r\n") {
		t.Errorf("%s", offer)
	}
	if err := (Config{WebRTC: WebRTCConfig{Codecs: []string{"speex"}}}).Check(); err == nil {
		t.Error("speex")
	}
}

// Opus at any number, events at any number and clock: always those of the offer.
func TestPayloadNumbers(t *testing.T) {
	e := liveEngine(t)
	for _, opus := range []string{"96", "111", "120"} {
		for _, event := range []string{"101", "105", "110"} {
			offer := strings.ReplaceAll(strings.ReplaceAll(chromeOffer, ":110 ", ":"+event+" "), " 110 ", " "+event+" ")
			offer = strings.ReplaceAll(strings.ReplaceAll(offer, ":111 ", ":"+opus+" "), "SAVPF 111 ", "SAVPF "+opus+" ")
			l := webLeg(t, e)
			answer, err := l.AcceptOffer(t.Context(), []byte(offer))
			must(t, err)
			if p := l.Params(); p.Codec != Opus || !strings.Contains(string(answer), "SAVPF "+opus+" "+event+"\r\n") || strconv.Itoa(int(p.SendPT)) != opus || strconv.Itoa(p.EventPT) != event {
				t.Errorf("opus %s, event %s: %+v\n%s", opus, event, p, answer)
			}
			must(t, l.Close())
		}
	}
}

// Any bytes may come as an SDP: an UnacceptableError or a description that has what a
// browser's leg needs, whose formats can be answered.
func FuzzWebRTCSDP(f *testing.F) {
	f.Add(chromeOffer)
	f.Add("v=0\r\n")
	f.Add(strings.ReplaceAll(chromeOffer, "\r\n", "\n"))
	if b, err := os.ReadFile("testdata/peer.html"); err == nil {
		f.Add(string(b))
	}
	a := &agreement{prefer: webCodecs}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := parseWebRTC([]byte(s))
		if err != nil {
			if _, ok := errors.AsType[*UnacceptableError](err); !ok {
				t.Fatal(err)
			}
			return
		}
		if r.ufrag == "" || r.pwd == "" || len(r.fingerprints) == 0 || r.audio < 0 {
			t.Fatalf("%+v", r)
		}
		chosen, ok := a.choose(r.formats)
		if !ok {
			return
		}
		for _, c := range chosen.all() {
			if find(r.formats, c.name, c.clock) < 0 {
				t.Fatalf("%+v was not offered", c)
			}
		}
		l := localSDP{sections: r.sections, audio: r.audio, bundled: r.bundled, formats: chosen.all(), host: "127.0.0.1", port: 9, ufrag: r.ufrag, pwd: r.pwd, fingerprint: "00"}
		back, err := parseWebRTC([]byte(l.String()))
		if err != nil || len(back.sections) != len(r.sections) || back.audio != r.audio || back.ufrag != r.ufrag || len(back.formats) != len(l.formats) {
			t.Fatalf("what we write we read as %+v, %v:\n%s", back, err, l.String())
		}
	})
}
