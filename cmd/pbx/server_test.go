package main

import (
	"context"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tingxin/audio"
	"tingxin/call"
	"tingxin/event"
	"tingxin/pg"
	"tingxin/pg/pgtest"
)

// testConfig is a whole server on free ports with a database and a folder of its own.
func testConfig(t *testing.T) Config {
	t.Helper()
	t.Parallel() // these tests mostly wait
	if _, err := exec.LookPath("espeak-ng"); err != nil {
		t.Skip("espeak-ng is not installed: run make setup")
	}
	var cfg Config
	cfg.DataDir = t.TempDir()
	cfg.SIP.Listen = []string{"udp:127.0.0.1:0", "tcp:127.0.0.1:0"}
	cfg.Media.Listen, cfg.Media.PortMin, cfg.Media.WebRTC.Port = "127.0.0.1", -1, -1
	cfg.ASR.Off = true
	cfg.PG.URL = pgtest.URL(t)
	withUser(t, cfg.PG)
	cfg.API.Listen = "127.0.0.1:0"
	cfg.IVR.Flows = "../../testdata/flows"
	cfg.IVR.Cache = filepath.Join(os.TempDir(), "tingxin-test-prompts") // made once for all tests
	cfg.Call.Node = "test"
	return cfg
}

// withUser gives the database somebody, so that no server spends time on hashing a first password.
func withUser(t *testing.T, cfg pg.Config) {
	t.Helper()
	db, err := pg.Attach(t.Context(), cfg.URL, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(t.Context(), "insert into users (username, name, role, language, password_hash) values ('admin', '', 'admin', 'en', '-')"); err != nil {
		t.Fatal(err)
	}
}

// mustRun starts the whole program and stops it when the test ends.
func mustRun(t *testing.T, cfg Config) *server {
	t.Helper()
	s := newServer(cfg, testLog(t))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(cancelled()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// testLog shows the log of a failed test.
func testLog(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// udp is where the server takes SIP over UDP.
func (s *server) udp(t *testing.T) string {
	t.Helper()
	for _, a := range s.sip.Addresses() {
		if rest, ok := strings.CutPrefix(a, "udp:"); ok {
			return rest
		}
	}
	t.Fatalf("no UDP address in %v", s.sip.Addresses())
	return ""
}

// cdr waits for the only call's record.
func (s *server) cdr(t *testing.T) (call.Record, []call.LegRecord) {
	t.Helper()
	ctx := context.Background()
	var id string
	waitFor(t, "the call's record", func() bool {
		page, err := s.store.List(ctx, call.Filter{State: call.StateEnded})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Items) > 0 {
			id = page.Items[0].ID
		}
		return id != ""
	})
	r, err := s.store.Get(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	legs, err := s.store.Legs(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	return r, legs
}

func TestEchoCall(t *testing.T) {
	s := mustRun(t, testConfig(t))
	p := newPhone(t)
	p.call(s.udp(t), "echo")
	p.speak.Store(true)
	waitFor(t, "the echo", func() bool { return p.loud.Load() > 20 })
	waitFor(t, "the call in the list", func() bool { l := s.calls.Live(); return len(l) == 1 && l[0].State == call.StateActive })
	p.bye()
	r, legs := s.cdr(t)
	if r.Cause != call.CauseCallerHangup || r.Route != "echo" || r.SIPStatus != 200 || r.Consent != call.ConsentNone || r.Recording.State != "" {
		t.Errorf("record %+v", r)
	}
	if len(legs) != 1 || legs[0].Codec != "PCMU" || legs[0].Quality.PacketsIn < 20 || legs[0].Quality.MOS < 3 || legs[0].Transport != "udp" {
		t.Errorf("legs %+v", legs)
	}
	waitFor(t, "the end of the call", func() bool { return s.calls.Stats().Active == 0 })
}

func TestFlowCallIsAnnouncedAndRecorded(t *testing.T) {
	s := mustRun(t, testConfig(t))
	events := s.bus.Subscribe(1000)
	defer events.Close()
	p := newPhone(t)
	p.call(s.udp(t), "4000")
	waitFor(t, "the announcement", func() bool { return p.loud.Load() > 10 })
	waitFor(t, "consent", func() bool { l := s.calls.Live(); return len(l) == 1 && l[0].Consent == call.ConsentAnnounced })
	p.speak.Store(true)
	time.Sleep(time.Second)
	p.bye()
	r, _ := s.cdr(t)
	if r.Consent != call.ConsentAnnounced || r.Recording.State != call.RecordingKept || r.Route != "default" {
		t.Fatalf("record %+v", r)
	}
	said, err := s.store.Utterances(context.Background(), r.ID)
	if err != nil || len(said) == 0 || said[0].Side != call.SideAgent || said[0].Text != "This call will be recorded." {
		t.Errorf("words of our side: %+v, %v", said, err)
	}
	path := s.calls.RecordingPath(r.Recording)
	pcm, err := audio.ReadWAVChannels(path, 8000, 2)
	if err != nil {
		t.Fatal(err)
	}
	seconds := float64(len(pcm[0])) / 8000
	if d := r.Recording.Duration.Seconds(); d < r.Duration().Seconds()-0.3 || d > r.Duration().Seconds()+0.3 || seconds != d {
		t.Errorf("recording %.2f s, file %.2f s, call %.2f s", d, seconds, r.Duration().Seconds())
	}
	if at := firstSound(pcm[0]); at < said[0].End-100*time.Millisecond {
		t.Errorf("caller recorded at %v, before the announcement ended at %v", at, said[0].End)
	}
	if at := firstSound(pcm[1]); at > time.Second {
		t.Errorf("announcement is on the recording at %v only", at)
	}
	wantEvents(t, events.C, "call.started", "call.answered", "flow.node", "call.updated", "transcript.final", "call.quality", "call.ended")
}

func firstSound(pcm []int16) time.Duration {
	for i, v := range pcm {
		if v > 1500 {
			return time.Duration(i) * time.Second / 8000
		}
	}
	return time.Hour
}

// wantEvents waits for events of all these types: a call's end is told after its record is written.
func wantEvents(t *testing.T, c <-chan event.Event, types ...string) {
	t.Helper()
	missing := make(map[string]bool)
	for _, typ := range types {
		missing[typ] = true
	}
	late := time.After(30 * time.Second)
	for len(missing) > 0 {
		select {
		case e := <-c:
			delete(missing, e.Type)
		case <-late:
			t.Fatalf("no events %v", slices.Sorted(maps.Keys(missing)))
		}
	}
}
