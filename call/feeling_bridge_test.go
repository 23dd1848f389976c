package call

import (
	"context"
	"net"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"tingxin/asr"
	"tingxin/ivr"
	"tingxin/media"
	"tingxin/pg/pgtest"
)

// dialer answers every call with a leg of its own.
type dialer func() *media.Leg

func (d dialer) Dial(context.Context, Target, Handler) (Dialog, *media.Leg, error) {
	return &dialog{}, d(), nil
}

// bridgeHouse connects every caller with somebody, after an announcement that a copied file speaks.
func bridgeHouse(t *testing.T, agents bool, anger ...float32) (*house, *[]*fakeVoice) {
	t.Helper()
	h, _ := newFeelingHouse(t, pgtest.New(t))
	voices := &[]*fakeVoice{}
	flows := ivr.NewLibrary(ivr.Config{Flows: h.dir, Cache: filepath.Join(h.dir, "cache"), Synthesiser: []string{"cp", filepath.Join(h.dir, "notice.wav"), "{out}"}}, quiet())
	if err := flows.Load(); err != nil {
		t.Fatal(err)
	}
	h.m.parts.Flows = flows
	h.m.parts.Emotion = &Emotion{Model: "fake-1", Agents: agents, Open: func() Voice {
		v := &fakeVoice{anger: anger}
		*voices = append(*voices, v)
		return v
	}}
	h.m.routes.Store(&routes{{Name: "bridge", Numbers: []string{"*"}, Bridge: "sip:x@192.0.2.1", Emotion: true, Transcribe: true, Language: "en"}})
	h.m.SetDialer(dialer(func() *media.Leg {
		sock, err := net.ListenPacket("udp", "127.0.0.1:0") // the agent's phone; it never speaks
		if err != nil {
			t.Error(err)
			return nil
		}
		t.Cleanup(func() { sock.Close() })
		leg, err := h.engine.NewLeg("agent", quiet())
		if err == nil {
			err = leg.Configure(media.Params{Remote: netip.MustParseAddrPort(sock.LocalAddr().String()), EventPT: -1, EventRecvPT: -1, CNPT: -1})
		}
		if err != nil {
			t.Error(err)
		}
		return leg
	}))
	return h, voices
}

func TestBridgedCallerIsReadAfterTheAnnouncement(t *testing.T) {
	t.Parallel()
	h, voices := bridgeHouse(t, false, .9, .9)
	c, _ := h.call(nil)
	caller, agent := h.stream(), h.stream()
	if caller.cfg.Side != SideCaller || agent.cfg.Side != SideAgent {
		t.Fatalf("%+v %+v", caller.cfg, agent.cfg)
	}
	said := h.event("transcript.final").Data.(TranscriptItem) // the announcement, as words of ours
	if said.Side != SideAgent || said.Text != ivr.EmotionNotice("en").Text {
		t.Errorf("announced %+v", said)
	}
	agent.turn("how can I help you today", 0, 3*time.Second)
	h.event("transcript.final")
	caller.results <- final("you never listen", time.Second, 3*time.Second) // into the agent's words
	caller.results <- asr.Result{Kind: asr.TurnEnd, End: 3 * time.Second, Reason: "complete"}
	r := h.event("emotion.reading").Data.(ReadingItem)
	if r.Side != SideCaller || r.Interruptions != 1 || len(*voices) != 1 {
		t.Errorf("%+v, %d voices", r, len(*voices))
	}
	c.RemoteHangup(CauseCallerHangup)
	h.event("call.ended")
	if moods, err := h.store.Moods(t.Context(), c.id); err != nil || len(moods) != 1 || moods[0].Side != SideCaller {
		t.Errorf("%+v %v", moods, err)
	}
}

func TestAgentsAreReadOnlyWhereTheHouseSaysSo(t *testing.T) {
	t.Parallel()
	h, voices := bridgeHouse(t, true, .9)
	h.call(nil)
	h.stream()
	agent := h.stream()
	agent.turn("calm down", 0, 2*time.Second)
	if r := h.event("emotion.reading").Data.(ReadingItem); r.Side != SideAgent || len(*voices) != 2 {
		t.Errorf("%+v, %d voices", r, len(*voices))
	}
	if m := h.m.Live()[0].Mood; m != nil {
		t.Errorf("our own side's mood shows as the caller's: %+v", m)
	}
}
