package call

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tingxin/audio"
	"tingxin/media"
	"tingxin/pg/pgtest"
)

// Tones of the telephones, Hz: none is near a harmonic or a mixture of others, nor a note of the music.
const (
	toneA = 700.3
	toneB = 1131.1
	toneC = 1588.7
	toneD = 2391.9
)

// telephone is the far end of a leg: it says a tone of its own and keeps the
// last 400 ms of what it hears.
type telephone struct {
	tone   float64
	dialog *dialog
	leg    *media.Leg
	sock   net.PacketConn

	mu     sync.Mutex
	h      Handler // who is told what it does
	target Target  // by which it was dialled
	last   []int16
	loud   int         // packets with sound, in all
	pulsed atomic.Bool // it speaks in short words
	echoes atomic.Bool // it says what it hears, 12 dB lower, instead
}

func (p *telephone) handler() Handler {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.h
}

func (p *telephone) dialled() Target {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.target
}

const window = 3200 // samples at 8 kHz

// newTelephone makes a leg with a telephone behind it.
func (h *house) newTelephone(tone float64) *telephone {
	h.t.Helper()
	sock, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	leg, err := h.engine.NewLeg(fmt.Sprint(tone), quiet())
	if err != nil {
		h.t.Fatal(err)
	}
	if err := leg.Configure(media.Params{Remote: netip.MustParseAddrPort(sock.LocalAddr().String()), EventPT: -1, EventRecvPT: -1, CNPT: -1}); err != nil {
		h.t.Fatal(err)
	}
	p := &telephone{tone: tone, dialog: &dialog{}, leg: leg, sock: sock}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { p.speak(stop) })
	wg.Go(p.listen)
	h.t.Cleanup(func() {
		close(stop)
		sock.Close()
		wg.Wait()
		leg.Close()
	})
	return p
}

func (p *telephone) speak(stop <-chan struct{}) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	to := net.UDPAddrFromAddrPort(p.leg.Local())
	packet := make([]byte, 172)
	packet[0] = 0x80
	var pcm [160]int16
	began := time.Now()
	for seq := 0; ; seq++ {
		for time.Since(began) < time.Duration(seq)*20*time.Millisecond { // ticks get lost on a busy machine, packets do not
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
		select {
		case <-stop:
			return
		default:
		}
		binary.BigEndian.PutUint16(packet[2:], uint16(seq))
		binary.BigEndian.PutUint32(packet[4:], uint32(seq*160))
		packet[11] = byte(int(p.tone) % 251)
		p.mu.Lock()
		back := slices.Clone(p.last[max(0, len(p.last)-160):])
		p.mu.Unlock()
		for i := range pcm {
			switch {
			case p.echoes.Load():
				if pcm[i] = 0; i < len(back) {
					pcm[i] = back[i] / 4
				}
				continue
			case p.pulsed.Load() && seq/10%2 == 1:
				pcm[i] = 0
				continue
			}
			pcm[i] = int16(6000 * math.Sin(2*math.Pi*p.tone*float64(seq*160+i)/8000))
		}
		audio.EncodeMu(packet[12:], pcm[:])
		_, _ = p.sock.WriteTo(packet, to)
	}
}

func (p *telephone) listen() {
	buf := make([]byte, 2048)
	pcm := make([]int16, 160)
	for {
		n, _, err := p.sock.ReadFrom(buf)
		if err != nil {
			return
		}
		if n != 172 {
			continue
		}
		audio.DecodeMu(pcm, buf[12:n])
		p.mu.Lock()
		if slices.ContainsFunc(pcm, func(v int16) bool { return v > 500 || v < -500 }) {
			p.loud++
		}
		p.last = append(p.last, pcm...)
		p.last = p.last[max(0, len(p.last)-window):]
		p.mu.Unlock()
	}
}

// level is how loud a tone is in what the telephone hears, dB below what is said.
func (p *telephone) level(tone float64) float64 {
	p.mu.Lock()
	pcm := slices.Clone(p.last)
	p.mu.Unlock()
	return levelOf(pcm, tone)
}

func levelOf(pcm []int16, tone float64) float64 {
	var re, im, norm float64
	for i, v := range pcm {
		w := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(max(len(pcm), 1))) // no leakage beyond two bins
		re += w * float64(v) * math.Cos(2*math.Pi*tone*float64(i)/8000)
		im += w * float64(v) * math.Sin(2*math.Pi*tone*float64(i)/8000)
		norm += w
	}
	return 20 * math.Log10(math.Hypot(re, im)*2/max(norm, 1)/6000+1e-9)
}

// power is how loud all is that the telephone hears, dB below a full tone.
func (p *telephone) power() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	var sum float64
	for _, v := range p.last {
		sum += float64(v) * float64(v)
	}
	return 10*math.Log10(sum/float64(max(len(p.last), 1))/(6000*6000/2)+1e-9) + 0
}

// hears waits until the telephone hears the tones within 1 dB and none of the others above -50 dB.
func (h *house) hears(who string, p *telephone, tones ...float64) {
	h.t.Helper()
	var got [4]float64
	deadline := time.Now().Add(30 * time.Second)
	for {
		ok := true
		for i, tone := range []float64{toneA, toneB, toneC, toneD} {
			got[i] = p.level(tone)
			if slices.Contains(tones, tone) {
				ok = ok && math.Abs(got[i]) < 1
			} else {
				ok = ok && got[i] < -50
			}
		}
		if ok {
			return
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("%s hears A %.1f, B %.1f, C %.1f, D %.1f dB; wanted %v", who, got[0], got[1], got[2], got[3], tones)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// music waits until the telephone hears nobody, but something.
func (h *house) music(who string, p *telephone) {
	h.t.Helper()
	h.hears(who, p)
	waitFor(h.t, func() bool {
		return p.power() > -40 && p.level(toneA) < -50 && p.level(toneB) < -50 && p.level(toneC) < -50
	})
}

// packets is how many packets with sound the telephone has heard.
func (p *telephone) packets() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.loud
}

// presses presses keys one after the other.
func (p *telephone) presses(keys string) {
	for _, k := range keys {
		p.handler().RemoteDigit(media.Digit{Key: byte(k), Source: "info", At: time.Now()})
		time.Sleep(5 * time.Millisecond)
	}
}

// exchange is a Dialer that answers with telephones.
type exchange struct {
	users  map[string]*telephone
	busy   map[string]int  // users that refuse
	slow   map[string]bool // users that ring only
	rang   chan string
	mu     sync.Mutex
	wait   chan struct{} // dialling goes on when it is closed; nil at once
	gaveUp []string
}

func (x *exchange) HasUser(name string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.users[name] != nil || x.busy[name] != 0 || x.slow[name]
}

func (x *exchange) Dial(ctx context.Context, t Target, h Handler) (Dialog, *media.Leg, error) {
	name := t.User + t.Number + t.URI
	select {
	case x.rang <- name:
	default:
	}
	if eh, ok := h.(EarlyHandler); ok {
		eh.RemoteProgress(180, nil)
	}
	x.mu.Lock()
	wait := x.wait
	x.mu.Unlock()
	if wait != nil {
		<-wait
	}
	x.mu.Lock()
	status, slow, p := x.busy[name], x.slow[name], x.users[name]
	x.mu.Unlock()
	switch {
	case status != 0:
		return nil, nil, &DialError{Status: status}
	case slow:
		<-ctx.Done()
		x.mu.Lock()
		x.gaveUp = append(x.gaveUp, name)
		x.mu.Unlock()
		return nil, nil, ctx.Err()
	}
	if p == nil {
		return nil, nil, &DialError{Status: 404}
	}
	p.mu.Lock()
	p.h, p.target = h, t
	p.mu.Unlock()
	return p.dialog, p.leg, nil
}

// town is a house with users anna, bert and cora, and the first telephone that calls.
type town struct {
	*house
	x                *exchange
	ann, bert, cora  *telephone
	first            *telephone
	call             *Call
	firstUser, dials string
	at               string // node of the last flow.node that was looked at
}

// newTown has the first telephone call somebody; user is who calls, empty for somebody outside.
func newTown(t *testing.T, user, dials string, change func(*Config)) *town {
	t.Helper()
	w := &town{x: &exchange{busy: map[string]int{}, slow: map[string]bool{}, rang: make(chan string, 32)}, firstUser: user, dials: dials}
	w.house = newHouse(t, pgtest.New(t), func(c *Config) {
		c.Routes = []Route{{Numbers: []string{"100"}, User: "bert", Record: true, Transcribe: true}, {Numbers: []string{"200"}, Flow: "quiet"}}
		c.Users.Extensions = map[string]string{"8002": "bert"}
		if change != nil {
			change(c)
		}
	})
	w.ann, w.bert, w.cora = w.newTelephone(toneD), w.newTelephone(toneB), w.newTelephone(toneC)
	w.x.users = map[string]*telephone{"anna": w.ann, "bert": w.bert, "cora": w.cora}
	w.m.SetDialer(w.x)
	w.first, w.call = w.rings(toneA, user, dials)
	return w
}

// rings lets another telephone call.
func (w *town) rings(tone float64, user, dials string) (*telephone, *Call) {
	w.t.Helper()
	p := w.newTelephone(tone)
	h, err := w.m.Accept(context.Background(), Incoming{From: "555", To: dials, User: user, Transport: "udp", Dialog: p.dialog, Leg: p.leg, Received: time.Now()})
	if err != nil {
		w.t.Fatal(err)
	}
	p.mu.Lock()
	p.h = h
	p.mu.Unlock()
	return p, h.(*Call)
}

// ended waits for the record of a call and its legs.
func (w *town) ended(c *Call) (Record, []LegRecord) {
	w.t.Helper()
	select {
	case <-c.left:
	case <-time.After(30 * time.Second):
		w.t.Fatal("the call did not end within 30 s")
	}
	legs, err := w.store.Legs(context.Background(), c.id)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.get(c), legs
}

// refer is a transfer asked for by a telephone; it returns the statuses reported.
func refer(p *telephone, r Refer) func() []int {
	var mu sync.Mutex
	var got []int
	r.Report = func(status int, _ string) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, status)
	}
	p.handler().(ReferHandler).RemoteRefer(r)
	return func() []int {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(got)
	}
}

func (d *dialog) hungUp() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.hangups) > 0
}
