package e2e

import (
	"errors"
	"math"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tingxin/audio"
)

// A person's recorded voice calls the whole program, and what was said is read
// back: words, sound, record.

// TestWordsOfCalls places two calls at once on a server with room for one: the
// first is heard live, the second is recognised from its recording.
func TestWordsOfCalls(t *testing.T) {
	t.Setenv("TINGXIN_ASR__CHANNELS_PER_WORKER", "1")
	s := speakingServer(t, options{Workers: 1})
	defer s.end(t)
	feed, agent := s.listen(t), newAgent(t)
	live := s.talk(t.Context(), agent, callerNumber(1), say(t, "sense-1", "sense-3"))
	feed.await(t, live.from, "live recognition", 20*time.Second, transcribed("live"))
	deferred := s.talk(t.Context(), agent, callerNumber(2), say(t, "sense-4"))
	feed.await(t, deferred.from, "word that there is no room", 20*time.Second, transcribed("deferred"))
	live.completed(t)
	deferred.completed(t)
	t.Run("live", func(t *testing.T) { s.checkLive(t, feed, live) })
	t.Run("deferred", func(t *testing.T) { s.checkDeferred(t, feed, deferred) })
	t.Run("secure", func(t *testing.T) { s.checkSecure(t) })
}

// transcribed says whether the caller's side has been in this state.
func transcribed(state string) func([]happening) bool {
	return func(events []happening) bool {
		for _, e := range events {
			if e.Data.Transcription["caller"] == state {
				return true
			}
		}
		return false
	}
}

func (s *instance) checkLive(t *testing.T, feed *listener, k *talk) {
	feed.await(t, k.from, "end", 10*time.Second, has("call.ended"))
	id := feed.callID(k.from)
	d, items := s.detail(t, id), s.transcript(t, id)
	if wer := k.said.wer(sideOf(items, "caller")); wer > 25 {
		t.Errorf("word error rate %.1f %%, want at most 25: %v", wer, wordsOf(sideOf(items, "caller")))
	}
	if told, kept := feed.finals(k.from, "caller"), sideOf(items, "caller"); len(told) != len(kept) {
		t.Errorf("%d finals in the feed, %d in the database", len(told), len(kept))
	}
	if ours := sideOf(items, "agent"); len(ours) != 1 || ours[0].Text != "This call will be recorded." {
		t.Errorf("our side said %+v", ours)
	}
	s.checkRecord(t, d)
	s.checkSound(t, d, items)
	s.checkSearch(t, id, sideOf(items, "caller"))
}

func (s *instance) checkRecord(t *testing.T, d detail) {
	if d.Cause != "caller_hangup" || d.SIPStatus != 200 || d.Consent != "announced" || d.AnsweredAt == nil || d.EndedAt == nil ||
		d.Transcription["caller"] != "done" || len(d.Legs) != 1 {
		t.Fatalf("record %+v", d)
	}
	leg := d.Legs[0]
	if leg["codec"] != "PCMU" || leg["packets_in"].(float64) < 500 || leg["mos"].(float64) < 3 || leg["cause"] != "caller_hangup" {
		t.Errorf("leg %+v", leg)
	}
}

// checkSound looks for the caller on the left, our announcement on the right, and time that fits the record.
func (s *instance) checkSound(t *testing.T, d detail, items []transcriptItem) {
	w := s.recording(t, d)
	if len(w.Channels) != 2 {
		t.Fatalf("recording has %d channels, want 2", len(w.Channels))
	}
	seconds := time.Duration(w.Seconds() * float64(time.Second))
	lasted := time.Duration(d.DurationMS) * time.Millisecond
	if off := seconds - lasted; off.Abs() > 40*time.Millisecond {
		t.Errorf("recording lasts %v, the call %v: %v apart", seconds, lasted, off)
	}
	ours := sideOf(items, "agent")[0]
	theirs := sideOf(items, "caller")
	from, to := theirs[0].StartMS, theirs[len(theirs)-1].EndMS
	left, right := loudness(w, 0, from, to), loudness(w, 1, from, to)
	if left < 300 || right > 50 {
		t.Errorf("while the caller speaks: %.0f on the left, %.0f on the right", left, right)
	}
	left, right = loudness(w, 0, ours.StartMS, ours.EndMS), loudness(w, 1, ours.StartMS, ours.EndMS)
	if left > 50 || right < 300 {
		t.Errorf("during the announcement: %.0f on the left, %.0f on the right", left, right)
	}
}

// loudness is the root mean square of a part of one channel.
func loudness(w *audio.WAV, channel int, fromMS, toMS int64) float64 {
	pcm := w.Channels[channel]
	at := func(ms int64) int { return min(max(int(ms)*w.Rate/1000, 0), len(pcm)) }
	part := pcm[at(fromMS):at(toMS)]
	sum := 0.0
	for _, v := range part {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(max(len(part), 1)))
}

// checkSearch finds the call by what it holds: a phrase, words in any order; and not by what it does not hold.
func (s *instance) checkSearch(t *testing.T, id string, items []transcriptItem) {
	t.Helper()
	longest := slices.MaxFunc(items, func(a, b transcriptItem) int { return len(a.Raw) - len(b.Raw) })
	heard := strings.Fields(longest.Raw)
	if !slices.Contains(heard, "leisure") || len(heard) < 8 {
		t.Fatalf("words to search for are missing: %v", heard)
	}
	phrase := strings.Join(heard[len(heard)-5:], " ")
	for query, want := range map[string]bool{`"` + phrase + `"`: true, "john leisure": true, "leisure -john": false, "zebra": false} {
		var page struct{ Items []detail }
		s.get(t, "/api/v1/calls?q="+url.QueryEscape(query), &page)
		if found := len(page.Items) == 1 && page.Items[0].ID == id; found != want {
			t.Errorf("search for %s found %d calls, want this one: %v; heard %v", query, len(page.Items), want, heard)
		}
	}
}

func (s *instance) checkDeferred(t *testing.T, feed *listener, k *talk) {
	feed.await(t, k.from, "transcription afterwards", 45*time.Second, transcribed("done"))
	id := feed.callID(k.from)
	items := sideOf(s.transcript(t, id), "caller")
	if wer := k.said.wer(items); wer > 25 {
		t.Errorf("word error rate %.1f %%, want at most 25: %v", wer, wordsOf(items))
	}
	for _, it := range items {
		if !it.Late {
			t.Errorf("utterance %d does not say that it came late", it.Seq)
		}
	}
	if d := s.detail(t, id); d.Transcription["caller"] != "done" {
		t.Errorf("transcription is %v", d.Transcription)
	}
}

// checkSecure speaks through a foreign phone by TLS and SRTP.
func (s *instance) checkSecure(t *testing.T) {
	said := say(t, "sense-3")
	// After the announcement, and at the rate of the phone.
	path := narrowFile(t, append(append(make([]int16, 5*audio.Rate), said.pcm...), make([]int16, 4*audio.Rate)...))
	s.began = time.Now()
	p := newBaresip(t, "<sip:desk@127.0.0.1;transport=tls>;regint=0;mediaenc=srtp-mand", path)
	p.call(t, "sip:talk@"+s.sipTLS+";transport=tls", said.duration()+7*time.Second)
	c := s.wantCause(t, "caller_hangup")
	if len(c.Legs) != 1 || c.Legs[0]["secure"] != true || c.Legs[0]["transport"] != "tls" {
		t.Errorf("legs %v, want one over TLS with SRTP", c.Legs)
	}
	items := sideOf(s.transcript(t, c.ID), "caller")
	if wer := said.wer(items); wer > 40 {
		t.Errorf("word error rate %.1f %%, want at most 40: %v", wer, wordsOf(items))
	}
}

// narrowFile writes samples as a WAV file of 8 kHz.
func narrowFile(t *testing.T, pcm []int16) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "say.wav")
	w, err := audio.CreateWAV(path, audio.Rate/2, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(audio.Resample(pcm, audio.Rate, audio.Rate/2)), w.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}
