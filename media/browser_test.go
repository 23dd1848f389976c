package media

import (
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	pion "github.com/pion/webrtc/v4"

	"tingxin/audio"
)

// browser is a foreign peer: a complete pion PeerConnection that sends a tone and keeps what it hears.
type browser struct {
	t     *testing.T
	pc    *pion.PeerConnection
	track *freeTrack
	codec Codec
	enc   sender
	stop  chan struct{}
	done  sync.WaitGroup

	change func(string) string // of what others see of its offers

	mu    sync.Mutex
	heard []heard
	seq   uint16
	ts    uint32
}

// freeTrack is a track that sends what it is told, events too.
type freeTrack struct {
	mime string
	mu   sync.Mutex
	out  pion.TrackLocalWriter
	ssrc pion.SSRC
	pt   pion.PayloadType
}

func (f *freeTrack) Bind(c pion.TrackLocalContext) (pion.RTPCodecParameters, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range c.CodecParameters() {
		if strings.EqualFold(p.MimeType, f.mime) {
			f.out, f.ssrc, f.pt = c.WriteStream(), c.SSRC(), p.PayloadType
			return p, nil
		}
	}
	return pion.RTPCodecParameters{}, pion.ErrUnsupportedCodec
}

func (f *freeTrack) Unbind(pion.TrackLocalContext) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.out = nil
	return nil
}

func (f *freeTrack) ID() string              { return "a" }
func (f *freeTrack) RID() string             { return "" }
func (f *freeTrack) StreamID() string        { return "s" }
func (f *freeTrack) Kind() pion.RTPCodecType { return pion.RTPCodecTypeAudio }

// write sends a packet; pt 0 with event false is the codec's own.
func (f *freeTrack) write(h rtp.Header, payload []byte, event bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.out == nil {
		return
	}
	h.Version, h.SSRC = 2, uint32(f.ssrc)
	if !event {
		h.PayloadType = uint8(f.pt)
	}
	_, _ = f.out.WriteRTP(&h, payload)
}

var pionMime = map[Codec]string{PCMU: pion.MimeTypePCMU, PCMA: pion.MimeTypePCMA, G722: pion.MimeTypeG722, Opus: pion.MimeTypeOpus}

func newBrowser(t *testing.T, c Codec, freq float64) *browser {
	t.Helper()
	return newBrowserWith(t, c, freq, func(*pion.SettingEngine) {})
}

func newBrowserWith(t *testing.T, c Codec, freq float64, change func(*pion.SettingEngine)) *browser {
	t.Helper()
	var se pion.SettingEngine
	change(&se)
	se.SetIncludeLoopbackCandidate(true)
	se.SetInterfaceFilter(func(name string) bool { return name == "lo" })
	se.SetNetworkTypes([]pion.NetworkType{pion.NetworkTypeUDP4})
	se.SetDTLSRetransmissionInterval(100 * time.Millisecond)
	var me pion.MediaEngine
	if err := me.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	for pt, clock := range map[pion.PayloadType]uint32{126: 8000, 110: 48000} {
		c := pion.RTPCodecParameters{RTPCodecCapability: pion.RTPCodecCapability{MimeType: "audio/telephone-event", ClockRate: clock}, PayloadType: pt}
		if err := me.RegisterCodec(c, pion.RTPCodecTypeAudio); err != nil {
			t.Fatal(err)
		}
	}
	pc, err := pion.NewAPI(pion.WithSettingEngine(se), pion.WithMediaEngine(&me)).NewPeerConnection(pion.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, pc: pc, codec: c, stop: make(chan struct{}), ts: 5000}
	b.track = &freeTrack{mime: pionMime[c]}
	if _, err := pc.AddTrack(b.track); err != nil {
		t.Fatal(err)
	}
	pc.OnTrack(func(r *pion.TrackRemote, _ *pion.RTPReceiver) {
		for {
			p, _, err := r.ReadRTP()
			if err != nil {
				return
			}
			b.mu.Lock()
			b.heard = append(b.heard, heard{h: rtpHeader{marker: p.Marker, pt: p.PayloadType, seq: p.SequenceNumber, ts: p.Timestamp, ssrc: p.SSRC}, payload: append([]byte(nil), p.Payload...)})
			b.mu.Unlock()
		}
	})
	params := plain(c, loopback(0)).clean()
	b.enc.init()
	must(t, b.enc.set(&params, testConfig))
	b.done.Go(func() { b.talk(audio.Sine(freq, -10, 0)) })
	t.Cleanup(b.close)
	return b
}

func (b *browser) close() {
	select {
	case <-b.stop:
		return
	default:
	}
	close(b.stop)
	b.done.Wait()
	if err := b.pc.GracefulClose(); err != nil {
		b.t.Error(err)
	}
}

// talk sends a frame every 20 ms on an absolute schedule, so that a busy machine delays but loses nothing.
func (b *browser) talk(src Source) {
	var f audio.Frame
	due := time.Now()
	for {
		due = due.Add(tick)
		select {
		case <-b.stop:
			return
		case <-time.After(time.Until(due)):
		}
		_ = src.ReadFrame(&f)
		b.enc.encode(&f)
		b.mu.Lock()
		h := rtp.Header{SequenceNumber: b.seq, Timestamp: b.ts}
		b.seq++
		b.ts += frameUnits * b.codec.scale()
		b.mu.Unlock()
		b.track.write(h, b.enc.made(), false)
	}
}

// take returns and forgets what was heard.
func (b *browser) take() []heard {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.heard
	b.heard = nil
	return h
}

func (b *browser) local(kind pion.SDPType, make func() (pion.SessionDescription, error)) string {
	b.t.Helper()
	gathered := pion.GatheringCompletePromise(b.pc)
	d, err := make()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.pc.SetLocalDescription(d); err != nil {
		b.t.Fatal(err)
	}
	<-gathered
	if d.Type != kind {
		b.t.Fatalf("%v", d.Type)
	}
	return b.pc.LocalDescription().SDP
}

func (b *browser) offer(opt *pion.OfferOptions) string {
	sdp := b.local(pion.SDPTypeOffer, func() (pion.SessionDescription, error) { return b.pc.CreateOffer(opt) })
	if b.change != nil {
		sdp = b.change(sdp)
	}
	return sdp
}

func (b *browser) remote(kind pion.SDPType, sdp []byte) {
	b.t.Helper()
	if err := b.pc.SetRemoteDescription(pion.SessionDescription{Type: kind, SDP: string(sdp)}); err != nil {
		b.t.Fatalf("%v in\n%s", err, sdp)
	}
}

// call agrees with the leg, the browser offering or answering.
func (b *browser) call(l *Leg, offers bool) {
	b.t.Helper()
	ctx := b.t.Context()
	if offers {
		answer, err := l.AcceptOffer(ctx, []byte(b.offer(nil)))
		if err != nil {
			b.t.Fatal(err)
		}
		b.remote(pion.SDPTypeAnswer, answer)
		return
	}
	offer, err := l.Offer(ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	b.remote(pion.SDPTypeOffer, offer)
	answer := b.local(pion.SDPTypeAnswer, func() (pion.SessionDescription, error) { return b.pc.CreateAnswer(nil) })
	if err := l.AcceptAnswer(ctx, []byte(answer)); err != nil {
		b.t.Fatal(err)
	}
}

// liveEngine runs on the real clock.
func liveEngine(t *testing.T) *Engine {
	t.Helper()
	e, err := New(Config{Listen: "127.0.0.1", PortMin: -1, WebRTC: WebRTCConfig{Port: -1}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func webLeg(t *testing.T, e *Engine) *Leg {
	t.Helper()
	l, err := e.NewWebRTCLeg("browser", nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func secured(t *testing.T, l *Leg) {
	t.Helper()
	select {
	case <-l.Secured():
	case <-time.After(30 * time.Second):
		t.Fatal("no keys after 10 s")
	}
}

// syncTap keeps frames for a reader on another goroutine.
type syncTap struct {
	mu sync.Mutex
	c  collector
}

func (s *syncTap) WriteFrame(f *audio.Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.c.WriteFrame(f)
}

func (s *syncTap) take() []int16 {
	s.mu.Lock()
	defer s.mu.Unlock()
	pcm := s.c.pcm()
	s.c.frames = nil
	return pcm
}

// pcm decodes what the browser heard.
func (b *browser) pcm(in []heard) []int16 {
	p := &party{t: b.t, codec: b.codec, pt: plain(b.codec, loopback(0)).SendPT}
	must(b.t, p.dec.set(b.codec))
	return p.sound(in)
}

// checkLive is checkTone for a real clock on a busy machine: the best 200 ms of the last two seconds count.
func checkLive(t *testing.T, who string, pcm []int16, want, unwanted float64) {
	t.Helper()
	pcm = last(pcm, 32000)
	best, tone, other := -200.0, 0.0, 0.0
	for i := 0; i+3200 <= len(pcm); i += 320 {
		at, rest := toneDB(pcm[i:i+3200], want)
		if at-rest > best {
			best, tone = at-rest, at
			other, _ = toneDB(pcm[i:i+3200], unwanted)
		}
	}
	if math.Abs(tone+10) > 1 || best < 28 || other > -50 {
		t.Errorf("%s: tone %.1f dB, %.1f dB above the rest, unwanted %.1f dB, of %d samples", who, tone, best, other, len(pcm))
	}
}

func cutLines(s, prefix string) string {
	var out []string
	for _, line := range strings.SplitAfter(s, "\n") {
		if !strings.HasPrefix(line, prefix) {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}
