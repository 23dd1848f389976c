package sdp

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var here = Local{Addr: netip.MustParseAddrPort("192.0.2.1:20000")}

func offer(lines ...string) string {
	return "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n" + strings.Join(lines, "\r\n") + "\r\n"
}

func parse(t testing.TB, s string) *Description {
	t.Helper()
	d, err := Parse([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDirectionTable(t *testing.T) {
	want := [4][4]Direction{ // [offer][wish]
		{SendRecv, SendOnly, RecvOnly, Inactive},
		{RecvOnly, Inactive, RecvOnly, Inactive},
		{SendOnly, SendOnly, Inactive, Inactive},
		{Inactive, Inactive, Inactive, Inactive},
	}
	for o := range want {
		for w := range want[o] {
			if got := Direction(o).Answer(Direction(w)); got != want[o][w] {
				t.Errorf("offer %v, wish %v: %v, want %v", Direction(o), Direction(w), got, want[o][w])
			}
			n := New(here)
			body, a, err := n.Answer(parse(t, offer("m=audio 4000 RTP/AVP 8", "a="+Direction(o).String())), Direction(w))
			if err != nil {
				t.Fatal(err)
			}
			if a.Direction != want[o][w] || !strings.Contains(string(body), "a="+want[o][w].String()+"\r\n") {
				t.Errorf("offer %v, wish %v: agreed %v, wrote %s", Direction(o), Direction(w), a.Direction, body)
			}
			if a.Held != !Direction(o).Receives() {
				t.Errorf("offer %v: held %v", Direction(o), a.Held)
			}
		}
	}
}

func TestHoldTheOldWay(t *testing.T) {
	n := New(here)
	o := strings.Replace(offer("m=audio 4000 RTP/AVP 8"), "c=IN IP4 192.0.2.9", "c=IN IP4 0.0.0.0", 1)
	body, a, err := n.Answer(parse(t, o), SendRecv)
	if err != nil {
		t.Fatal(err)
	}
	if !a.Held || a.Direction != RecvOnly || a.Remote.IsValid() || strings.Contains(string(body), "0.0.0.0") {
		t.Errorf("%+v %s", a, body)
	}
}

func TestLastLineWithoutEnd(t *testing.T) {
	n := New(here)
	_, a, err := n.Answer(parse(t, strings.TrimSuffix(offer("m=audio 4000 RTP/AVP 8", "a=sendonly"), "\r\n")), SendRecv)
	if err != nil || a.Direction != RecvOnly {
		t.Errorf("%+v %v", a, err)
	}
}

func TestOriginNumbersOfAnySize(t *testing.T) {
	for _, id := range []string{"18446744073709551615", "123456789012345678901234567890", "0000000000000000000042"} {
		o := strings.Replace(offer("m=audio 4000 RTP/AVP 8"), "o=- 1 1", "o=- "+id+" "+id, 1)
		d := parse(t, o)
		if d.ID != id || d.Version != id {
			t.Errorf("read %q %q", d.ID, d.Version)
		}
		n := New(here)
		body, _, err := n.Answer(d, SendRecv)
		if err != nil {
			t.Fatal(err)
		}
		ours := parse(t, string(body))
		if len(ours.ID) > 10 || ours.Version != "1" {
			t.Errorf("we send o=- %s %s", ours.ID, ours.Version)
		}
	}
}

func TestVersionGrowsByOneWhenSomethingChanged(t *testing.T) {
	n := New(here)
	version := func(o string) string {
		t.Helper()
		b, _, err := n.Answer(parse(t, o), SendRecv)
		if err != nil {
			t.Fatal(err)
		}
		d := parse(t, string(b))
		return d.Version
	}
	plain, held := offer("m=audio 4000 RTP/AVP 8"), offer("m=audio 4000 RTP/AVP 8", "a=sendonly")
	got := version(plain) + version(plain) + version(held) + version(held) + version(plain)
	if got != "11223" {
		t.Errorf("versions %s, want 11223", got)
	}
}

func TestPayloadNumbers(t *testing.T) {
	cases := []struct {
		name, media string
		attrs       []string
		codec       string
		pt, event   int
		noise       int
	}{
		{"static", "0", nil, PCMU, 0, -1, -1},
		{"theirs first", "8 0", nil, PCMA, 8, -1, -1},
		{"g722 is clock 8000", "9", []string{"a=rtpmap:9 G722/8000"}, G722, 9, -1, -1},
		{"dynamic", "96 110", []string{"a=rtpmap:96 PCMA/8000", "a=rtpmap:110 telephone-event/8000"}, PCMA, 96, 110, -1},
		{"events at two clocks", "111 8 110 126", []string{"a=rtpmap:111 opus/48000/2", "a=rtpmap:110 telephone-event/48000",
			"a=rtpmap:126 telephone-event/8000"}, PCMA, 8, 126, -1},
		{"event at the wrong clock only", "8 101", []string{"a=rtpmap:101 telephone-event/16000"}, PCMA, 8, -1, -1},
		{"comfort noise", "8 13 101", []string{"a=rtpmap:101 telephone-event/8000"}, PCMA, 8, 101, 13},
		{"lower case", "97", []string{"a=rtpmap:97 pcmu/8000/1"}, PCMU, 97, -1, -1},
	}
	for _, c := range cases {
		n := New(here)
		b, a, err := n.Answer(parse(t, offer(append([]string{"m=audio 4000 RTP/AVP " + c.media}, c.attrs...)...)), SendRecv)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if a.Codec != c.codec || a.SendPT != c.pt || a.RecvPT != c.pt || a.EventSend != c.event || a.EventRecv != c.event || a.Noise != c.noise {
			t.Errorf("%s: %+v", c.name, a)
		}
		if want := fmt.Sprintf("m=audio 20000 RTP/AVP %d", c.pt); !strings.Contains(string(b), want) {
			t.Errorf("%s: %s", c.name, b)
		}
	}
}

func TestAnswerNumbersMayDiffer(t *testing.T) {
	n := New(here)
	n.Offer(SendRecv)
	a, err := n.Accept(parse(t, offer("m=audio 4000 RTP/AVP 97 120", "a=rtpmap:97 PCMU/8000", "a=rtpmap:120 telephone-event/8000")))
	if err != nil {
		t.Fatal(err)
	}
	if a.SendPT != 97 || a.RecvPT != 0 || a.EventSend != 120 || a.EventRecv != 101 {
		t.Errorf("%+v", a)
	}
}

func TestExtraLinesAreRefused(t *testing.T) {
	n := New(here)
	b, a, err := n.Answer(parse(t, offer("m=video 5000 RTP/AVP 31", "m=audio 4000 RTP/AVP 8", "m=audio 4002 RTP/AVP 0", "m=image 4004 udptl t38")), SendRecv)
	if err != nil {
		t.Fatal(err)
	}
	d := parse(t, string(b))
	if len(d.Media) != 4 || d.Media[0].Port != 0 || d.Media[1].Port != 20000 || d.Media[2].Port != 0 || d.Media[3].Port != 0 || a.Port != 4000 {
		t.Errorf("%s", b)
	}
	if d.Media[3].Proto != "udptl" || d.Media[0].Kind != "video" {
		t.Errorf("lines not mirrored: %s", b)
	}
}

func TestPacketTimes(t *testing.T) {
	for in, want := range map[string]int{"": 20, "a=ptime:30": 30, "a=ptime:60": 60, "a=ptime:25": 20, "a=ptime:60\r\na=maxptime:40": 20,
		"a=maxptime:10": 10, "a=ptime:x": 20, "a=ptime:10": 10} {
		lines := []string{"m=audio 4000 RTP/AVP 8"}
		if in != "" {
			lines = append(lines, in)
		}
		_, a, err := New(here).Answer(parse(t, offer(lines...)), SendRecv)
		if err != nil || a.PTime != time.Duration(want)*time.Millisecond {
			t.Errorf("%q: %v %v", in, a, err)
		}
	}
}

func TestMuxAndRTCPPort(t *testing.T) {
	b, a, err := New(here).Answer(parse(t, offer("m=audio 4000 RTP/AVP 8", "a=rtcp-mux", "a=rtcp:4000 IN IP4 192.0.2.77")), SendRecv)
	if err != nil || !a.Mux || !strings.Contains(string(b), "a=rtcp-mux") || a.RTCP.String() != "192.0.2.77:4000" {
		t.Errorf("%+v %v %s", a, err, b)
	}
}

const key30 = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"

func TestSRTPPolicies(t *testing.T) {
	avp, savp := "m=audio 4000 RTP/AVP 8", "m=audio 4002 RTP/SAVP 8"
	c80 := "a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|2^20"
	gcm := "a=crypto:9 AEAD_AES_128_GCM inline:MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3OA=="
	cases := []struct {
		name   string
		policy Policy
		lines  []string
		suite  string
		port   int
		err    error
	}{
		{"off takes plain", Off, []string{savp, c80, avp}, "", 4000, nil},
		{"off refuses secure alone", Off, []string{savp, c80}, "", 0, ErrNoAudio},
		{"optional prefers secure", Optional, []string{avp, savp, c80}, "AES_CM_128_HMAC_SHA1_80", 4002, nil},
		{"optional takes plain", Optional, []string{avp}, "", 4000, nil},
		{"required refuses plain", Required, []string{avp}, "", 0, ErrNoSecure},
		{"gcm first", Required, []string{savp, c80, gcm}, "AEAD_AES_128_GCM", 4002, nil},
		{"unknown suite", Required, []string{savp, "a=crypto:1 F8_128_HMAC_SHA1_80 inline:" + key30}, "", 0, ErrNoAudio},
		{"short key", Required, []string{savp, "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA"}, "", 0, ErrNoAudio},
		{"mki", Required, []string{savp, c80 + "|1:4"}, "", 0, ErrNoAudio},
		{"unencrypted", Required, []string{savp, c80 + " UNENCRYPTED_SRTP"}, "", 0, ErrNoAudio},
	}
	for _, c := range cases {
		l := here
		l.SRTP = c.policy
		n := New(l)
		b, a, err := n.Answer(parse(t, offer(c.lines...)), SendRecv)
		if err != c.err {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if err != nil {
			continue
		}
		suite := ""
		if a.Keys != nil {
			suite = a.Keys.Suite
		}
		if suite != c.suite || a.Port != c.port {
			t.Errorf("%s: %+v %s", c.name, a, b)
		}
	}
}

func TestSRTPKeyStaysOverHold(t *testing.T) {
	l := here
	l.SRTP = Required
	n := New(l)
	o := offer("m=audio 4002 RTP/SAVP 8", "a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:"+key30)
	_, a, err := n.Answer(parse(t, o), SendRecv)
	if err != nil {
		t.Fatal(err)
	}
	_, b, err := n.Answer(parse(t, o+"a=sendonly\r\n"), SendRecv)
	if err != nil {
		t.Fatal(err)
	}
	if string(a.Keys.Send) != string(b.Keys.Send) {
		t.Error("our key changed though nothing asked for it")
	}
}

func TestTwoNegotiatorsAgree(t *testing.T) {
	for _, policy := range []Policy{Off, Required} {
		a, b := here, Local{Addr: netip.MustParseAddrPort("[2001:db8::1]:30000"), SRTP: policy}
		a.SRTP = policy
		caller, callee := New(a), New(b)
		answer, got, err := callee.Answer(parse(t, string(caller.Offer(SendRecv))), SendRecv)
		if err != nil {
			t.Fatal(err)
		}
		back, err := caller.Accept(parse(t, string(answer)))
		if err != nil {
			t.Fatal(err)
		}
		if back.Codec != got.Codec || back.Remote != b.Addr || got.Remote != a.Addr || back.EventSend != 101 || back.Noise != 13 {
			t.Errorf("%+v %+v", back, got)
		}
		if policy == Required && (string(back.Keys.Send) != string(got.Keys.Recv) || string(back.Keys.Recv) != string(got.Keys.Send)) {
			t.Error("keys are crossed")
		}
		// a hold from each side, and back
		for _, wish := range []Direction{SendOnly, SendRecv} {
			body, held, err := callee.Answer(parse(t, string(caller.Offer(wish))), SendRecv)
			if err != nil || held.Held {
				if err != nil || wish != SendOnly {
					t.Fatal(err, held)
				}
			}
			if _, err := caller.Accept(parse(t, string(body))); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestRefusedOffersChangeNothing(t *testing.T) {
	n := New(here)
	if _, _, err := n.Answer(parse(t, offer("m=audio 4000 RTP/AVP 8")), SendRecv); err != nil {
		t.Fatal(err)
	}
	before := *n.Agreed()
	for _, o := range []string{offer("m=audio 4000 RTP/AVP 111", "a=rtpmap:111 opus/48000/2"), offer("m=audio 0 RTP/AVP 8"), offer("m=video 1 RTP/AVP 8"), "v=0\r\n"} {
		if _, _, err := n.Answer(parse(t, o), SendRecv); err == nil {
			t.Errorf("taken: %s", o)
		}
	}
	if *n.Agreed() != before {
		t.Error("a refused offer changed the session")
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(offer("m=audio 4000 RTP/AVP 8 0 101", "a=rtpmap:101 telephone-event/8000"), uint8(0), uint8(0))
	f.Add(offer("m=audio 4002 RTP/SAVP 8", "a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:"+key30), uint8(1), uint8(1))
	f.Add(strings.Replace(offer("m=video 1 RTP/AVP 31", "m=audio 4000/2 RTP/AVP 9 13"), "192.0.2.9", "0.0.0.0", 1), uint8(2), uint8(2))
	f.Add("v=0\nm=audio 1 RTP/AVP 0\nc=IN IP6 ::1", uint8(0), uint8(3))
	f.Fuzz(func(t *testing.T, s string, policy, wish uint8) {
		d, err := Parse([]byte(s))
		if err != nil {
			return
		}
		l := here
		l.SRTP = []Policy{Off, Optional, Required}[policy%3]
		n := New(l)
		b, a, err := n.Answer(d, Direction(wish%4))
		if err != nil {
			return
		}
		ours, err := Parse(b)
		if err != nil {
			t.Fatalf("our answer does not parse: %v\n%s", err, b)
		}
		if len(ours.Media) != len(d.Media) {
			t.Fatalf("%d lines answered with %d", len(d.Media), len(ours.Media))
		}
		if strings.Contains(string(b), "c=IN IP4 0.0.0.0") {
			t.Fatal("c=0.0.0.0 sent")
		}
		live := 0
		for i := range ours.Media {
			if ours.Media[i].Port == 0 {
				continue
			}
			live++
			subset(t, d, i, ours, a)
		}
		if live != 1 {
			t.Fatalf("%d lines taken", live)
		}
		// an answer to ourselves must be acceptable, and again an offer may follow
		n.Offer(SendOnly)
		n.Cancel()
		if _, _, err := n.Answer(d, SendRecv); err != nil {
			t.Fatalf("the same offer refused the second time: %v", err)
		}
	})
}

// subset checks that what we answered was offered.
func subset(t *testing.T, offer *Description, i int, ours *Description, a *Agreed) {
	t.Helper()
	theirs := payloads(&offer.Media[i])
	mine := payloads(&ours.Media[i])
	for c, pt := range mine.codec {
		if theirs.codec[c] != pt {
			t.Fatalf("answered %s as %d, offered %v", c, pt, theirs.codec)
		}
	}
	if mine.event >= 0 && mine.event != theirs.event || mine.noise >= 0 && mine.noise != theirs.noise {
		t.Fatal("answered an event or noise number that was not offered")
	}
	dir := offered(offer, &offer.Media[i])
	if a.Direction.Sends() && !dir.Receives() || a.Direction.Receives() && !dir.Sends() {
		t.Fatalf("answered %v to %v", a.Direction, dir)
	}
	if (a.Keys != nil) != strings.Contains(strings.ToUpper(offer.Media[i].Proto), "SAVP") {
		t.Fatal("keys do not fit the profile")
	}
}

func FuzzAccept(f *testing.F) {
	f.Add(offer("m=audio 4000 RTP/AVP 97 120", "a=rtpmap:97 PCMU/8000", "a=rtpmap:120 telephone-event/8000"), false)
	f.Add(offer("m=audio 4000 RTP/SAVP 8", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"+key30), true)
	f.Fuzz(func(t *testing.T, s string, secure bool) {
		l := here
		if secure {
			l.SRTP = Required
		}
		n := New(l)
		n.Offer(SendRecv)
		d, err := Parse([]byte(s))
		if err != nil {
			return
		}
		a, err := n.Accept(d)
		if err != nil {
			if !n.Pending() || n.Agreed() != nil {
				t.Fatal("a refused answer changed the session")
			}
			return
		}
		if secure != (a.Keys != nil) {
			t.Fatal("secure offer accepted without keys, or the other way")
		}
	})
}

// TestOpusIsAgreedWhereItIsWanted: numbers, clocks and channels of RFC 7587, both
// roles, and keys at the codec's own clock.
func TestOpusIsAgreedWhereItIsWanted(t *testing.T) {
	wants := here
	wants.Codecs = []string{Opus, PCMA}
	n := New(wants)
	b, a, err := n.Answer(parse(t, offer("m=audio 4000 RTP/AVP 8 96 101 102", "a=rtpmap:96 opus/48000/2",
		"a=rtpmap:101 telephone-event/8000", "a=rtpmap:102 telephone-event/48000")), SendRecv)
	if err != nil || a.Codec != PCMA || a.EventSend != 101 {
		t.Fatalf("the offerer's order decides: %+v %v", a, err)
	}
	if strings.Contains(string(b), "opus") || strings.Contains(string(b), "/48000") {
		t.Errorf("more than was chosen: %s", b)
	}
	n = New(wants)
	b, a, err = n.Answer(parse(t, offer("m=audio 4000 RTP/AVP 96 8 101 102 13", "a=rtpmap:96 OPUS/48000/2",
		"a=rtpmap:101 telephone-event/8000", "a=rtpmap:102 telephone-event/48000")), SendRecv)
	if err != nil || a.Codec != Opus || a.SendPT != 96 || a.RecvPT != 96 || a.EventSend != 102 || a.EventRecv != 102 || a.Noise != -1 {
		t.Fatalf("%+v %v", a, err)
	}
	for _, want := range []string{"RTP/AVP 96 102\r\n", "a=rtpmap:96 opus/48000/2\r\n", "a=rtpmap:102 telephone-event/48000\r\n"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %q in %s", want, b)
		}
	}
	n = New(wants)
	first := string(n.Offer(SendRecv))
	for _, want := range []string{"RTP/AVP 111 8 13 101 110\r\n", "a=rtpmap:111 opus/48000/2\r\n", "a=fmtp:111 useinbandfec=1\r\n"} {
		if !strings.Contains(first, want) {
			t.Errorf("no %q in %s", want, first)
		}
	}
	a, err = n.Accept(parse(t, offer("m=audio 4000 RTP/AVP 98 99", "a=rtpmap:98 opus/48000/2", "a=rtpmap:99 telephone-event/48000")))
	if err != nil || a.Codec != Opus || a.SendPT != 98 || a.RecvPT != 111 || a.EventSend != 99 || a.EventRecv != 110 {
		t.Fatalf("%+v %v", a, err)
	}
	if again := string(n.Offer(SendOnly)); !strings.Contains(again, "RTP/AVP 111 110\r\n") {
		t.Errorf("the next offer changes what was agreed: %s", again)
	}
	// mono in the name is no Opus, and who did not ask for it does not get it
	for _, c := range []struct {
		local  Local
		rtpmap string
	}{{wants, "a=rtpmap:96 opus/48000"}, {wants, "a=rtpmap:96 opus/8000/2"}, {here, "a=rtpmap:96 opus/48000/2"}} {
		if _, _, err := New(c.local).Answer(parse(t, offer("m=audio 4000 RTP/AVP 96", c.rtpmap)), SendRecv); err == nil {
			t.Errorf("taken: %s", c.rtpmap)
		}
	}
}
