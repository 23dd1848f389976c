package api

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tingxin/call"
)

func TestCallsByPageAndSearch(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as(RoleAgent)
	var want []string
	for i := range 5 {
		want = append([]string{h.endedCall(h.now().Add(time.Duration(i) * time.Minute)).ID}, want...)
	}
	var got []string
	next := ""
	for pages := 0; ; pages++ {
		var p CallPage
		b.ok(base+"/calls?limit=2&cursor="+next, &p)
		if (pages == 0) != (p.Total != nil) || pages == 0 && *p.Total != 5 {
			t.Errorf("page %d has total %v", pages, p.Total)
		}
		for _, it := range p.Items {
			got = append(got, it.ID)
		}
		if next = p.Next; next == "" {
			break
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for q, snippet := range map[string]string{"kettles": "<mark>kettle</mark>", "退款": "我想<mark>退款</mark>"} {
		var p CallPage
		b.ok(base+"/calls?q="+url.QueryEscape(q), &p)
		if len(p.Items) != 5 || !strings.Contains(p.Items[0].Snippet, snippet) {
			t.Errorf("%s: %d calls, %+v", q, len(p.Items), p.Items)
		}
	}
	for _, bad := range []string{"cursor=zzz", "limit=0", "limit=999", "state=lost", "since=yesterday"} {
		if a := b.get(base + "/calls?" + bad); a.status != http.StatusBadRequest && a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", bad, a)
		}
	}
}

func TestOneCall(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as(RoleAgent)
	r := h.endedCall(h.now())
	var d CallDetail
	b.ok(base+"/calls/"+r.ID, &d)
	if d.ID != r.ID || d.State != call.StateEnded || d.DurationMS != 30000 || len(d.Legs) != 1 || d.Legs[0].PacketsIn != 1500 ||
		d.Quality == nil || d.Quality.MOS != 4.2 || d.Data["choice"] != "1" || d.Recording != nil || d.SIPStatus != 200 {
		t.Errorf("detail: %+v", d)
	}
	var tr Transcript
	b.ok(base+"/calls/"+r.ID+"/transcript", &tr)
	if len(tr.Items) != 2 || tr.Items[1].Text != "我想退款" || tr.Items[1].StartMS != 1000 {
		t.Errorf("transcript: %+v", tr)
	}
	for _, path := range []string{newCallID(t), newCallID(t) + "/transcript", "x", "%27/transcript"} {
		if a := b.get(base + "/calls/" + path); a.status != http.StatusNotFound {
			t.Errorf("%s: %s", path, a)
		}
	}
	if a := b.get(base + "/calls/%00"); a.status != http.StatusBadRequest {
		t.Errorf("a zero byte: %s", a)
	}
}

func TestRunningCalls(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as(RoleSupervisor)
	r := call.Record{ID: newCallID(t), State: call.StateRinging, StartedAt: h.now()}
	must(t, h.store.Begin(t.Context(), r))
	now := r.Summary()
	now.State, now.Direction = call.StateActive, "in"
	unwritten := now
	unwritten.ID = newCallID(t)
	h.live.calls = []call.Snapshot{{Summary: now, Partial: map[string]call.PartialItem{call.SideCaller: {Side: call.SideCaller, Text: "hel", Stable: 1}}}, {Summary: unwritten}}
	var live LiveCalls
	b.ok(base+"/calls/live", &live)
	if len(live.Items) != 2 || live.Items[0].Partial[call.SideCaller].Text != "hel" || live.Items[1].Partial == nil {
		t.Errorf("live: %+v", live)
	}
	var p CallPage
	b.ok(base+"/calls", &p)
	if len(p.Items) != 1 || p.Items[0].State != call.StateActive {
		t.Errorf("list says %+v", p.Items)
	}
	var d CallDetail
	b.ok(base+"/calls/"+unwritten.ID, &d) // the writer has not reached the database yet
	if d.ID != unwritten.ID || d.Legs == nil || d.Data == nil {
		t.Errorf("detail: %+v", d)
	}
	if a := b.do(http.MethodPost, base+"/calls/"+r.ID+"/hangup", nil); a.status != http.StatusNoContent || len(h.live.ended) != 1 || h.live.ended[0] != r.ID+" admin" {
		t.Errorf("hang up: %s, %v", a, h.live.ended)
	}
	if a := b.do(http.MethodPost, base+"/calls/"+newCallID(t)+"/hangup", nil); a.status != http.StatusNotFound {
		t.Errorf("hang up of no call: %s", a)
	}
	if n := h.audited("call.hangup"); n < 1 {
		t.Errorf("%d audit rows", n)
	}
}

// audited counts rows of the audit log with an action.
func (h *house) audited(action string) (n int) {
	h.t.Helper()
	must(h.t, h.db.Pool().QueryRow(h.t.Context(), `select count(*) from audit where action = $1`, action).Scan(&n))
	return n
}

// wave is a WAV file whose left side is loud in its first half, the right one in its second.
func wave(samples int) []byte {
	var b bytes.Buffer
	b.WriteString("RIFF")
	write := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) }
	write(uint32(36 + samples*4))
	b.WriteString("WAVEfmt ")
	write(uint32(16))
	write(uint16(1))
	write(uint16(2))
	write(uint32(8000))
	write(uint32(32000))
	write(uint16(4))
	write(uint16(16))
	b.WriteString("data")
	write(uint32(samples * 4))
	for i := range samples {
		left, right := int16(32767), int16(-16384)
		if i >= samples/2 {
			left = 0
		} else {
			right = 0
		}
		write(left)
		write(right)
	}
	return b.Bytes()
}

// record gives a call its sound.
func (h *house) record(r call.Record, sound []byte) string {
	h.t.Helper()
	name := filepath.Join("2026", r.ID+".wav")
	full := filepath.Join(h.folder, name)
	must(h.t, os.MkdirAll(filepath.Dir(full), 0o755))
	must(h.t, os.WriteFile(full, sound, 0o600))
	must(h.t, os.Chtimes(full, time.Now().Add(-time.Hour), time.Now().Add(-time.Hour)))
	must(h.t, h.store.SetRecording(h.t.Context(), r.ID, call.Recording{Path: name, Duration: 2 * time.Second, Bytes: int64(len(sound)), State: call.RecordingKept}))
	return full
}

func TestRecordingByRanges(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as(RoleSupervisor)
	r := h.endedCall(h.now())
	path := base + "/calls/" + r.ID + "/recording"
	if a := b.get(path); a.status != http.StatusNotFound {
		t.Errorf("without recording: %s", a)
	}
	sound := wave(16000)
	file := h.record(r, sound)
	var d CallDetail
	b.ok(base+"/calls/"+r.ID, &d)
	if d.Recording == nil || d.Recording.URL != path || d.Recording.Bytes != int64(len(sound)) || d.Recording.DurationMS != 2000 {
		t.Fatalf("detail: %+v", d.Recording)
	}
	a := b.get(path)
	if a.status != http.StatusOK || !bytes.Equal(a.body, sound) || a.header.Get("Content-Type") != "audio/wav" || a.header.Get("Accept-Ranges") != "bytes" {
		t.Errorf("whole: %d, %d bytes, %v", a.status, len(a.body), a.header)
	}
	a = b.get(path, "Range", "bytes=100-199")
	if a.status != http.StatusPartialContent || !bytes.Equal(a.body, sound[100:200]) || a.header.Get("Content-Range") != fmt.Sprintf("bytes 100-199/%d", len(sound)) {
		t.Errorf("range: %d, %d bytes, %v", a.status, len(a.body), a.header)
	}
	if a = b.get(path, "Range", "bytes=-10"); a.status != http.StatusPartialContent || !bytes.Equal(a.body, sound[len(sound)-10:]) {
		t.Errorf("end: %d, %d bytes", a.status, len(a.body))
	}
	if a = b.get(path, "Range", "bytes=99999999-"); a.status != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("beyond: %s", a)
	}
	if a = b.do(http.MethodHead, path, nil); a.status != http.StatusOK || a.header.Get("Content-Length") != fmt.Sprint(len(sound)) || len(a.body) != 0 {
		t.Errorf("head: %s %v", a, a.header)
	}
	if n := h.audited("recording.played"); n != 1 {
		t.Errorf("%d audit rows for one playback", n)
	}
	h.later(playedAgain + time.Second)
	b.get(path)
	if n := h.audited("recording.played"); n != 2 {
		t.Errorf("%d audit rows after a second playback", n)
	}
	must(t, os.Remove(file))
	if a := b.get(path); a.status != http.StatusNotFound {
		t.Errorf("file gone: %s", a)
	}
}

func TestPeaks(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as(RoleSupervisor)
	r := h.endedCall(h.now())
	file := h.record(r, wave(16000))
	for _, again := range []bool{false, true} {
		var p Peaks
		b.ok(base+"/calls/"+r.ID+"/recording/peaks?buckets=10", &p)
		if fmt.Sprint(p.Left) != "[1 1 1 1 1 0 0 0 0 0]" || fmt.Sprint(p.Right) != "[0 0 0 0 0 0.501 0.501 0.501 0.501 0.501]" || p.Rate != 5 || p.DurationMS != 2000 {
			t.Errorf("again %v: %+v", again, p)
		}
	}
	cache, err := os.Stat(file + peaksSuffix)
	if err != nil {
		t.Fatal("not kept:", err)
	}
	if cache.Size() != int64(len(peaksMagic)+16+200) {
		t.Errorf("cache has %d bytes", cache.Size())
	}
	must(t, os.WriteFile(file, []byte("no sound at all"), 0o600))
	if a := b.get(base + "/calls/" + r.ID + "/recording/peaks"); a.status != http.StatusInternalServerError {
		t.Errorf("broken file: %s", a)
	}
}

func FuzzReadWaveform(f *testing.F) {
	f.Add(wave(500))
	f.Add(wave(0))
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVEdata"))
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x02\x00\x40\x1f\x00\x00\x00\x00\x00\x00\x04\x00\x10\x00data\xff\xff\xff\xffabcde"))
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := readWaveform(t.Context(), bytes.NewReader(b))
		if err == nil && len(w.left) != len(w.right) {
			t.Errorf("%d left, %d right", len(w.left), len(w.right))
		}
		if err == nil {
			w.reduce(100)
		}
	})
}
