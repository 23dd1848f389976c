package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tingxin/audio"
)

// What must not be lost is what these tests take away: a speech worker, and the
// whole program, both by SIGKILL in the middle of calls.

// TestSpeechWorkerKilled kills a speech worker while callers speak. TINGXIN_E2E_FULL=1
// makes it 20 calls.
func TestSpeechWorkerKilled(t *testing.T) {
	s := speakingServer(t, options{Workers: 2, AdmitAll: true})
	defer s.end(t)
	n := 6
	if full() {
		n = 20
	}
	feed, agent := s.listen(t), newAgent(t)
	said := say(t, "sense-4", "sense-1", "sense-3")
	calls := make([]*talk, n)
	for i := range calls {
		calls[i] = s.talk(t.Context(), agent, callerNumber(i), said)
	}
	var spoke time.Time
	for _, k := range calls {
		spoke = k.speaking(t)
	}
	time.Sleep(time.Until(spoke.Add(8500 * time.Millisecond))) // in the middle of sense-1
	victim := s.busiest(t)
	killed := time.Now()
	if err := syscall.Kill(victim.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for _, k := range calls {
		k.completed(t)
		feed.await(t, k.from, "end", 20*time.Second, has("call.ended"))
	}
	moved := s.checkMoved(t, feed, calls, killed)
	if len(moved) != victim.Channels {
		t.Errorf("%d calls say that they lost their worker, %d were on it", len(moved), victim.Channels)
	}
	s.checkReplaced(t, victim)
}

// busiest is the worker that hears the most calls.
func (s *instance) busiest(t *testing.T) worker {
	t.Helper()
	all := s.system(t).Workers
	if len(all) < 2 {
		t.Fatalf("workers %+v, want two", all)
	}
	w := slices.MaxFunc(all, func(a, b worker) int { return a.Channels - b.Channels })
	if w.Channels == 0 || w.PID == 0 {
		t.Fatalf("no worker is busy: %+v", all)
	}
	return w
}

// checkMoved compares the calls that lost their worker with those that did not,
// and measures how long the words stayed away.
func (s *instance) checkMoved(t *testing.T, feed *listener, calls []*talk, killed time.Time) (moved []string) {
	t.Helper()
	var pauses []time.Duration
	words := map[bool][]int{}
	for _, k := range calls {
		// On a busy machine the rest of a call may be heard after it.
		feed.await(t, k.from, "whole transcription", 90*time.Second, transcribed("done"))
		d := s.detail(t, feed.callID(k.from))
		if d.Cause != "caller_hangup" {
			t.Errorf("call of %s: cause %s", k.from, d.Cause)
		}
		if k.report.Lost*200 > k.report.Received { // a busy machine may cost a packet or two
			t.Errorf("call of %s lost %d of %d packets", k.from, k.report.Lost, k.report.Received)
		}
		items := s.transcript(t, d.ID)
		if wer := k.said.wer(sideOf(items, "caller")); wer > 25 {
			t.Errorf("call of %s: word error rate %.1f %%: %v", k.from, wer, wordsOf(sideOf(items, "caller")))
		}
		gap := slices.ContainsFunc(items, func(it transcriptItem) bool { return it.Gap && it.Reason == "worker_replaced" })
		words[gap] = append(words[gap], len(wordsOf(sideOf(items, "caller"))))
		if gap {
			moved = append(moved, k.from)
			pauses = append(pauses, wordsAgain(t, feed.of(k.from), killed))
		}
	}
	slices.Sort(pauses)
	t.Logf("words again after %v; words of moved calls %v, of the others %v", pauses, words[true], words[false])
	// The goal is 1 s; it is asked for on a quiet machine. Beside other programs the replay takes its share of the cores.
	limit := 3 * time.Second
	if full() {
		limit = time.Second
	}
	if len(pauses) > 0 && pauses[len(pauses)-1] > limit {
		t.Errorf("words came back after %v, want within %v", pauses, limit)
	}
	if a, b := mean(words[true]), mean(words[false]); len(words[false]) > 0 && (a < b-2 || a > b+2) {
		t.Errorf("%.1f words in calls that lost their worker, %.1f in the others", a, b)
	}
	return moved
}

// wordsAgain is the time from the kill to the first guess or utterance that the next worker made.
func wordsAgain(t *testing.T, events []happening, killed time.Time) time.Duration {
	t.Helper()
	after := false
	for _, e := range events {
		switch {
		case e.Type == "transcript.gap":
			after = true
		case after && e.got.After(killed) && strings.HasPrefix(e.Type, "transcript.") && e.Data.Text != "":
			return e.got.Sub(killed).Round(time.Millisecond)
		}
	}
	t.Errorf("no words after the worker was lost")
	return 0
}

func mean(v []int) float64 {
	sum := 0
	for _, n := range v {
		sum += n
	}
	return float64(sum) / float64(max(len(v), 1))
}

// checkReplaced waits for the killed worker's successor.
func (s *instance) checkReplaced(t *testing.T, victim worker) {
	t.Helper()
	eventually(t, 20*time.Second, "a new worker in place of "+victim.ID, func() bool {
		return slices.ContainsFunc(s.system(t).Workers, func(w worker) bool {
			return w.ID == victim.ID && w.State == "ready" && w.PID != victim.PID && w.Restarts == 1
		})
	})
}

// TestProgramKilled kills pbx in the middle of recorded calls and starts it again.
func TestProgramKilled(t *testing.T) {
	alongside(t)
	s := speakingServer(t, options{Workers: 1, AdmitAll: true})
	defer s.end(t)
	feed, agent := s.listen(t), newAgent(t)
	ctx, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	said := say(t, "sense-4", "sense-1", "sense-3")
	calls := make([]*talk, 3)
	for i := range calls {
		calls[i] = s.talk(ctx, agent, callerNumber(i), said)
	}
	var spoke time.Time
	for _, k := range calls {
		spoke = k.speaking(t)
	}
	for _, k := range calls {
		feed.await(t, k.from, "first words", 20*time.Second, func([]happening) bool { return len(feed.finals(k.from, "caller")) > 0 })
	}
	time.Sleep(time.Until(spoke.Add(10 * time.Second)))
	children := s.children(t)
	if len(children) < 2 {
		t.Fatalf("children %v, want a speech worker and a database", children)
	}
	s.kill()
	killed := time.Now()
	hangUp()
	eventually(t, 10*time.Second, "the end of the killed program's children", func() bool { return len(alive(children)) == 0 })
	began := time.Now()
	s.boot(t)
	t.Logf("started again in %v", time.Since(began).Round(time.Millisecond))
	for _, k := range calls {
		s.checkSurvived(t, feed, k, killed)
		<-k.done
	}
	if b, _ := os.ReadFile(filepath.Join(s.dir, "pbx.log")); strings.Contains(string(b), "level=ERROR") {
		t.Errorf("an error in the log:\n%s", s.tail())
	}
	t.Run("database killed", func(t *testing.T) { s.checkDatabaseRestart(t, say(t, "sense-4")) })
}

// checkSurvived compares what the feed had told before the kill with what is there after it.
func (s *instance) checkSurvived(t *testing.T, feed *listener, k *talk, killed time.Time) {
	t.Helper()
	d := s.detail(t, feed.callID(k.from))
	if d.State != "ended" || d.Cause != "server_restart" || d.EndedAt == nil || len(d.Legs) != 1 {
		t.Errorf("call of %s: state %s, cause %s, legs %v", k.from, d.State, d.Cause, d.Legs)
	}
	kept := s.transcript(t, d.ID)
	for _, side := range []string{"caller", "agent"} {
		for _, told := range feed.finals(k.from, side) {
			if !slices.ContainsFunc(kept, func(it transcriptItem) bool {
				return it.Side == told.Side && it.Seq == told.Seq && it.Text == told.Text && it.StartMS == told.StartMS
			}) {
				t.Errorf("call of %s: told before the kill and lost: %+v", k.from, told)
			}
		}
	}
	// The recording begins a moment after the answer.
	lasted, sound := killed.Sub(*d.AnsweredAt), time.Duration(s.recording(t, d).Seconds()*float64(time.Second)).Round(time.Millisecond)
	t.Logf("call of %s lasted %v, its recording %v, %d utterances", k.from, lasted.Round(time.Millisecond), sound, len(kept))
	if sound < lasted-2*time.Second || sound > lasted+time.Second {
		t.Errorf("recording of %s lasts %v, the call lasted %v", k.from, sound, lasted)
	}
	if d.Recording.DurationMS != sound.Milliseconds() {
		t.Errorf("record says %d ms of sound, the file holds %v", d.Recording.DurationMS, sound)
	}
	files, err := filepath.Glob(filepath.Join(s.dir, "data", "recordings", "*", "*", "*", d.ID+".wav"))
	if err != nil || len(files) != 1 {
		t.Fatalf("recordings %v of %s: %v", files, k.from, err)
	}
	if _, err := audio.ReadWAV(files[0]); err != nil {
		t.Error(err)
	}
}

// checkDatabaseRestart kills the private database under a call: pbx starts it again by itself.
func (s *instance) checkDatabaseRestart(t *testing.T, said speech) {
	feed := s.listen(t)
	k := s.talk(t.Context(), newAgent(t), callerNumber(77), said)
	k.speaking(t)
	pid := s.postmaster(t)
	if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, "a new database server", func() bool { return s.ready() && s.postmaster(t) != pid })
	k.completed(t)
	feed.await(t, k.from, "end", 20*time.Second, has("call.ended"))
	s.checkWhole(t, feed, k)
}

// checkWhole checks that a call's record is complete and holds all that the feed told, in order.
func (s *instance) checkWhole(t *testing.T, feed *listener, k *talk) {
	t.Helper()
	d := s.detail(t, feed.callID(k.from))
	if d.State != "ended" || d.Cause != "caller_hangup" || len(d.Legs) != 1 {
		t.Errorf("call of %s: state %s, cause %s, legs %v", k.from, d.State, d.Cause, d.Legs)
	}
	kept := s.transcript(t, d.ID)
	told := feed.finals(k.from, "caller")
	items := slices.DeleteFunc(slices.Clone(kept), func(it transcriptItem) bool { return it.Side != "caller" })
	if len(told) == 0 || len(told) != len(items) {
		t.Errorf("call of %s: %d utterances were told, %d are kept", k.from, len(told), len(items))
		return
	}
	for i, it := range items {
		if it.Seq != i+1 || it.Text != told[i].Text || (i > 0 && it.StartMS < items[i-1].StartMS) {
			t.Errorf("call of %s: utterance %d is %+v, told was %+v", k.from, i+1, it, told[i])
		}
	}
	// Nothing that was said is missing; how well a short sentence is understood is not asked here.
	if said, heard := len(k.said.words), len(wordsOf(items)); heard < said*3/4 {
		t.Errorf("call of %s: %d of %d words: %v", k.from, heard, said, wordsOf(items))
	}
}

// children are the processes that the server started: speech workers and the database with its own.
func (s *instance) children(t *testing.T) []int {
	t.Helper()
	return descendants(t, s.cmd.Process.Pid)
}

// postmaster is the private database's first process, 0 while there is none.
func (s *instance) postmaster(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, "data", "postgres", "data", "postmaster.pid"))
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(b), "\n")
	pid, _ := strconv.Atoi(strings.TrimSpace(line)) // half written: 0
	return pid
}

// descendants are all processes below one, from /proc.
func descendants(t *testing.T, pid int) (all []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	parents := map[int][]int{}
	for _, path := range stats {
		child, parent, ok := lineage(path)
		if ok {
			parents[parent] = append(parents[parent], child)
		}
	}
	for next := []int{pid}; len(next) > 0; next = next[1:] {
		all = append(all, parents[next[0]]...)
		next = append(next, parents[next[0]]...)
	}
	return all
}

// lineage reads a process and its parent from its stat file; a dead one that nobody has waited for does not count.
func lineage(path string) (pid, parent int, ok bool) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, false
	}
	text := string(b)
	var state byte
	if _, err := fmt.Sscanf(text[strings.LastIndexByte(text, ')')+1:], " %c %d", &state, &parent); err != nil || state == 'Z' {
		return 0, 0, false
	}
	pid, err = strconv.Atoi(strings.Fields(text)[0])
	return pid, parent, err == nil
}

// alive are the processes of pids that still run.
func alive(pids []int) (left []int) {
	for _, pid := range pids {
		if _, _, ok := lineage(fmt.Sprintf("/proc/%d/stat", pid)); ok {
			left = append(left, pid)
		}
	}
	return left
}
