package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// agreement is the offer/answer state of a WebRTC leg (RFC 3264, RFC 8829). Its
// decisions are made once per leg and kept: who controls ICE, who opens DTLS, the mid,
// the order of m-lines, the payload numbers.
type agreement struct {
	leg *Leg

	mu        sync.Mutex // one negotiation at a time; guards all below
	wanted    Direction
	able      []Codec // all that may be agreed
	prefer    []Codec // the same in order of preference
	session   uint64
	version   uint64
	started   bool // ICE and DTLS were begun
	gathered  bool
	client    bool // we open DTLS
	restart   bool // the next offer brings new ICE credentials
	offered   *localSDP
	sections  []remoteSection
	audio     int
	bundled   bool
	formats   []rtpFormat // numbers agreed, for later offers of ours
	ufrag     string      // the peer's
	prints    []fingerprint
	theirs    []byte // the offer answered last
	ours      []byte // and its answer
	oursWant  Direction
	theirAnsw []byte // the answer taken last
}

// webCodecs are what a browser's leg can do, in the order of preference without PreferCodecs.
var webCodecs = []Codec{Opus, PCMA, PCMU, G722}

// webNumbers are the payload numbers that our offers use.
var webNumbers = map[Codec]uint8{Opus: 111, PCMU: 0, PCMA: 8, G722: 9}

// Numbers of telephone-event in our offers, by clock.
const (
	webEvent8k  = 126
	webEvent48k = 110
)

func (a *agreement) init(l *Leg) {
	a.able = webCodecs
	if names := l.engine.cfg.WebRTC.Codecs; len(names) > 0 {
		a.able = nil
		for _, name := range names {
			if c, ok := codecNamed(name); ok && !slices.Contains(a.able, c) {
				a.able = append(a.able, c)
			}
		}
	}
	a.leg, a.session, a.prefer = l, uint64(rand.Uint32()), a.able
	a.bundled, a.sections = true, []remoteSection{{kind: "audio", mid: "0"}}
}

// codecNamed finds a codec by its name in SDP, in any case.
func codecNamed(name string) (Codec, bool) {
	for _, c := range webCodecs {
		if strings.EqualFold(c.String(), name) {
			return c, true
		}
	}
	return 0, false
}

// format is how a codec is written in SDP.
func (c Codec) format() (name string, clock int) { return strings.ToLower(c.String()), c.clock() }

// SetDirection says which way media of a WebRTC leg should flow from the next Offer
// or answer on: SendOnly to hold the browser, SendRecv (the start) to resume. What
// the browser wants limits it further.
func (l *Leg) SetDirection(d Direction) {
	if l.web == nil || d > Inactive {
		return
	}
	l.web.agree.mu.Lock()
	defer l.web.agree.mu.Unlock()
	l.web.agree.wanted = d
}

// PreferCodecs orders the codecs of a WebRTC leg's next Offer or answer: those named
// first, the others behind them. Naming the codec of the other leg spares transcoding.
func (l *Leg) PreferCodecs(codecs ...Codec) {
	if l.web == nil {
		return
	}
	a := &l.web.agree
	a.mu.Lock()
	defer a.mu.Unlock()
	a.prefer = nil
	for _, c := range append(slices.Clone(codecs), a.able...) {
		if slices.Contains(a.able, c) && !slices.Contains(a.prefer, c) {
			a.prefer = append(a.prefer, c)
		}
	}
}

// RestartICE gives the next Offer new ICE credentials, so that a path is looked for
// anew. Sound goes on over the old path until then.
func (l *Leg) RestartICE() {
	if l.web == nil {
		return
	}
	l.web.agree.mu.Lock()
	defer l.web.agree.mu.Unlock()
	l.web.agree.restart = true
}

var errNoWebRTC = errors.New("not a WebRTC leg")

// negotiate runs fn as the only negotiation of the leg.
func (l *Leg) negotiate(what string, fn func(a *agreement) error) error {
	if l.web == nil {
		return fmt.Errorf("leg %s: %s: %w", l.id, what, errNoWebRTC)
	}
	a := &l.web.agree
	a.mu.Lock()
	defer a.mu.Unlock()
	if l.gone.Load() {
		return fmt.Errorf("leg %s: %s: %w", l.id, what, ErrClosed)
	}
	if err := fn(a); err != nil {
		return fmt.Errorf("leg %s: %s: %w", l.id, what, err)
	}
	return nil
}

// Offer writes an offer with all candidates: the first one, or one within the
// session (hold, resume, other codecs, ICE restart). It waits for the candidates no
// longer than ctx. A later Offer replaces one that was not answered.
func (l *Leg) Offer(ctx context.Context) (sdp []byte, err error) {
	err = l.negotiate("offer", func(a *agreement) error {
		s, err := a.local(ctx)
		if err != nil {
			return err
		}
		s.setup, s.direction, s.formats = "actpass", a.wanted, a.offerFormats()
		a.offered = s
		sdp = []byte(s.String())
		return nil
	})
	return sdp, err
}

// AcceptAnswer takes the answer to the last Offer, also one that comes again (a 200
// after a 183), and configures the leg. An *UnacceptableError says what it lacks.
func (l *Leg) AcceptAnswer(ctx context.Context, sdp []byte) error {
	return l.negotiate("accept answer", func(a *agreement) error {
		if a.offered == nil {
			if bytes.Equal(sdp, a.theirAnsw) {
				return nil
			}
			return errors.New("there is no offer to be answered")
		}
		r, err := parseWebRTC(sdp)
		if err != nil {
			return err
		}
		if len(r.sections) != len(a.offered.sections) || r.audio != a.offered.audio {
			return unacceptable("%d media lines answer %d", len(r.sections), len(a.offered.sections))
		}
		if r.setup == "actpass" {
			return unacceptable("setup actpass is no answer")
		}
		send, recv, ok := match(r.formats, a.offered.formats)
		if !ok {
			return unacceptable("no common codec")
		}
		if err := a.connect(ctx, r, true, r.setup == "passive"); err != nil {
			return err
		}
		p := a.params(send, recv, r, a.offered.direction)
		a.formats, a.offered, a.theirAnsw = recv.all(), nil, bytes.Clone(sdp)
		a.theirs, a.ours = nil, nil
		return l.configure(p)
	})
}

// AcceptOffer answers an offer: the first one, or a re-INVITE with hold, resume or an
// ICE restart. The same offer again gets the identical answer. An *UnacceptableError
// says what the offer lacks; the session then stays as it was.
func (l *Leg) AcceptOffer(ctx context.Context, sdp []byte) (answer []byte, err error) {
	err = l.negotiate("accept offer", func(a *agreement) error {
		if a.ours != nil && bytes.Equal(sdp, a.theirs) && a.oursWant == a.wanted {
			answer = bytes.Clone(a.ours)
			return nil
		}
		r, err := parseWebRTC(sdp)
		if err != nil {
			return err
		}
		chosen, ok := a.choose(r.formats)
		if !ok {
			return unacceptable("no common codec")
		}
		client := r.setup != "active"
		if a.started && r.setup == "actpass" {
			client = a.client
		}
		if err := a.connect(ctx, r, false, client); err != nil {
			return err
		}
		a.sections, a.audio, a.bundled = r.sections, r.audio, r.bundled
		s, err := a.local(ctx)
		if err != nil {
			return err
		}
		s.setup, s.direction, s.formats = "passive", meet(a.wanted, r.direction), chosen.all()
		if a.client {
			s.setup = "active"
		}
		p := a.params(chosen, chosen, r, a.wanted)
		if err := l.configure(p); err != nil {
			return err
		}
		a.formats, a.offered, a.theirAnsw = chosen.all(), nil, nil
		a.theirs, a.ours, a.oursWant = bytes.Clone(sdp), []byte(s.String()), a.wanted
		answer = bytes.Clone(a.ours)
		return nil
	})
	return answer, err
}

// meet is our direction when we want one and the peer says its own (RFC 3264 section 6.1).
func meet(ours, theirs Direction) Direction {
	send, recv := ours.Sends() && theirs.Receives(), ours.Receives() && theirs.Sends()
	switch {
	case send && recv:
		return SendRecv
	case send:
		return SendOnly
	case recv:
		return RecvOnly
	}
	return Inactive
}

// chosen is an agreed codec with its numbers in one direction; event.pt counts only with hasEvent.
type chosen struct {
	codec    Codec
	audio    rtpFormat
	event    rtpFormat
	hasEvent bool
}

// all are the formats as we write them.
func (c chosen) all() []rtpFormat {
	c.audio.fmtp = c.codec.fmtp()
	if !c.hasEvent {
		return []rtpFormat{c.audio}
	}
	return []rtpFormat{c.audio, c.event}
}

// withEvent adds the telephone-event of the codec's clock (RFC 4733 section 2.1).
func (c chosen) withEvent(formats []rtpFormat) chosen {
	if i := find(formats, "telephone-event", c.audio.clock); i >= 0 {
		c.event, c.hasEvent = formats[i], true
		c.event.fmtp = "0-15"
	}
	return c
}

// choose picks from an offer by our preference; the numbers are the offer's.
func (a *agreement) choose(offered []rtpFormat) (chosen, bool) {
	for _, codec := range a.prefer {
		name, clock := codec.format()
		if i := find(offered, name, clock); i >= 0 {
			return chosen{codec: codec, audio: offered[i]}.withEvent(offered), true
		}
	}
	return chosen{}, false
}

// fmtp is what we say about a codec.
func (c Codec) fmtp() string {
	if c == Opus { // RFC 7587 section 6.1: mono of 16 kHz is all we keep of it
		return "minptime=10;useinbandfec=1;stereo=0;maxplaybackrate=16000;maxaveragebitrate=32000"
	}
	return ""
}

// match finds the first codec of an answer in our offer: send has the answer's numbers, recv our own.
func match(answered, offered []rtpFormat) (send, recv chosen, ok bool) {
	for _, f := range answered {
		i := find(offered, f.name, f.clock)
		codec := slices.IndexFunc(webCodecs, func(c Codec) bool { name, clock := c.format(); return name == f.name && clock == f.clock })
		if i < 0 || codec < 0 {
			continue
		}
		send = chosen{codec: webCodecs[codec], audio: f}.withEvent(answered)
		recv = chosen{codec: webCodecs[codec], audio: offered[i]}.withEvent(offered)
		return send, recv, true
	}
	return send, recv, false
}

// params are what the leg is configured with.
func (a *agreement) params(send, recv chosen, r *remoteSDP, ours Direction) Params {
	p := Params{
		RTCPMux: true, Codec: send.codec, SendPT: send.audio.pt, RecvPT: recv.audio.pt,
		EventPT: -1, EventRecvPT: -1, CNPT: -1, Direction: meet(ours, r.direction),
	}
	p.DTX = send.codec == Opus && strings.Contains(send.audio.fmtp, "usedtx=1")
	if send.hasEvent && recv.hasEvent {
		p.EventPT, p.EventRecvPT = int(send.event.pt), int(recv.event.pt)
	}
	switch r.ptime {
	case 10 * time.Millisecond, 20 * time.Millisecond, 40 * time.Millisecond, 60 * time.Millisecond:
		p.PTime = r.ptime
	}
	return p
}

// offerFormats are all we can do; agreed numbers are kept.
func (a *agreement) offerFormats() (formats []rtpFormat) {
	for _, c := range a.prefer {
		f := rtpFormat{pt: webNumbers[c], fmtp: c.fmtp()}
		f.name, f.clock = c.format()
		formats = append(formats, f)
	}
	formats = append(formats, rtpFormat{pt: webEvent48k, name: "telephone-event", clock: 48000, fmtp: "0-15"},
		rtpFormat{pt: webEvent8k, name: "telephone-event", clock: 8000, fmtp: "0-15"})
	for i, f := range formats {
		k := find(a.formats, f.name, f.clock)
		if k < 0 || a.formats[k].pt == f.pt {
			continue
		}
		for j := range formats { // a number means one thing only
			if formats[j].pt == a.formats[k].pt {
				formats[j].pt = f.pt
			}
		}
		formats[i].pt = a.formats[k].pt
	}
	return formats
}

// local begins an SDP of ours with a new version and our candidates.
func (a *agreement) local(ctx context.Context) (*localSDP, error) {
	w := a.leg.web
	if a.restart {
		if err := a.renew(ctx); err != nil {
			return nil, err
		}
	}
	if !a.gathered {
		if err := w.gather(ctx); err != nil {
			return nil, err
		}
		a.gathered = true
	}
	ufrag, pwd, err := w.agent.GetLocalUserCredentials()
	if err != nil {
		return nil, fmt.Errorf("ice credentials: %w", err)
	}
	candidates, err := w.candidates()
	if err != nil {
		return nil, err
	}
	a.version++
	host := strings.Fields(candidates[0])
	port, err := strconv.Atoi(host[5])
	if err != nil {
		return nil, fmt.Errorf("ice candidate %q: %w", candidates[0], err)
	}
	return &localSDP{
		session: a.session, version: a.version, sections: a.sections, audio: a.audio, bundled: a.bundled,
		ufrag: ufrag, pwd: pwd, fingerprint: w.port.fingerprint, ptime: tick,
		candidates: candidates, host: host[4], port: port, ssrc: a.leg.ssrc, cname: a.leg.control.cname,
	}, nil
}

// candidates are the agent's, and the addresses by which others reach them.
func (w *webrtc) candidates() (lines []string, err error) {
	list, err := w.agent.GetLocalCandidates()
	if err != nil {
		return nil, fmt.Errorf("ice candidates: %w", err)
	}
	for _, c := range list {
		lines = append(lines, c.Marshal())
	}
	if len(lines) == 0 {
		return nil, errors.New("no ice candidates")
	}
	for i, addr := range w.port.foreign {
		words := strings.Fields(lines[0])
		words[0], words[4], words[5] = "nat"+strconv.Itoa(i), addr.String(), strconv.Itoa(int(w.port.port))
		lines = append(lines, strings.Join(words, " "))
	}
	slices.SortStableFunc(lines, func(x, y string) int { // the highest priority is the default candidate
		px, _ := strconv.Atoi(strings.Fields(x)[3])
		py, _ := strconv.Atoi(strings.Fields(y)[3])
		return py - px
	})
	return lines, nil
}

// renew gives the agent new credentials and candidates.
func (a *agreement) renew(ctx context.Context) error {
	if err := a.leg.web.agent.Restart("", ""); err != nil {
		return fmt.Errorf("restart ice: %w", err)
	}
	a.restart, a.ufrag = false, ""
	if err := a.leg.web.gather(ctx); err != nil {
		return err
	}
	a.gathered = true
	return nil
}

// connect begins ICE and DTLS with the peer, or goes on with what is new: other
// credentials (ICE restart), another certificate (DTLS anew).
func (a *agreement) connect(ctx context.Context, r *remoteSDP, offerer, client bool) error {
	w := a.leg.web
	if a.started && a.ufrag == r.ufrag+" "+r.pwd && slices.Equal(a.prints, r.fingerprints) {
		return nil
	}
	if !a.gathered {
		if err := w.gather(ctx); err != nil {
			return err
		}
		a.gathered = true
	}
	switch {
	case !a.started:
		if err := w.agent.SetRemoteICELite(r.lite); err != nil {
			return fmt.Errorf("ice lite: %w", err)
		}
		if err := w.begin(offerer || r.lite, r.ufrag, r.pwd); err != nil {
			return err
		}
	case a.ufrag != r.ufrag+" "+r.pwd:
		if !offerer {
			if err := a.renew(ctx); err != nil {
				return err
			}
		}
		if err := w.agent.SetRemoteCredentials(r.ufrag, r.pwd); err != nil {
			return fmt.Errorf("ice credentials: %w", err)
		}
	}
	for _, c := range r.candidates {
		if err := w.agent.AddRemoteCandidate(c); err != nil {
			a.leg.log.Debug("remote candidate refused", "error", err)
		}
	}
	if !a.started || !slices.Equal(a.prints, r.fingerprints) {
		if err := w.secure(client, r.fingerprints); err != nil {
			return err
		}
		a.client = client
	}
	a.started, a.ufrag, a.prints = true, r.ufrag+" "+r.pwd, r.fingerprints
	return nil
}
