package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tingxin/caller"
)

// TestMoodPages has a caller get angry while a real browser watches as supervisor and as agent,
// with recognition on; it takes a minute. TINGXIN_E2E_FULL=1.
func TestMoodPages(t *testing.T) {
	if !full() {
		t.Skip("set TINGXIN_E2E_FULL=1: a browser and a call of a minute; MOODS_PICTURES is where pictures go")
	}
	web := filepath.Join(root(t), "web")
	for _, needed := range []string{filepath.Join(web, "node_modules", "playwright-core"), filepath.Join(web, "dist", "index.html"), "/usr/bin/chromium"} {
		if _, err := os.Stat(needed); err != nil {
			t.Skipf("%s is not there: run make setup build", needed)
		}
	}
	neutral, anger := actorClips(t, "ravdess", "01", "neutral"), actorClips(t, "ravdess", "01", "anger")
	s := speakingServer(t, options{Workers: 1, Extra: "emotion: {enabled: true}"})
	defer s.end(t)
	agent := newAgent(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() { // ends with the call, which ends with its audio or ctx
		_, err := agent.Call(ctx, caller.CallConfig{To: "sip:feel@" + s.sipUDP, From: callerNumber(1), Lead: 20 * time.Second, LeadQuiet: 1200 * time.Millisecond,
			Audio: turns(t, append(neutral[:3:3], append(anger, anger...)...)...), Tail: 60 * time.Second})
		ended <- err
	}()
	cmd := exec.CommandContext(ctx, "node", "e2e/moods.mjs")
	cmd.Dir = web
	cmd.Env = append(os.Environ(), "TINGXIN_URL="+s.api, "TINGXIN_USER="+adminName, "TINGXIN_PASSWORD="+adminPassword, "TINGXIN_WAIT=90")
	pictures := os.Getenv("MOODS_PICTURES") // no name of ours: pbx would take it for a setting
	if pictures == "" {
		pictures = t.TempDir()
	}
	cmd.Env = append(cmd.Env, "TINGXIN_PICTURES="+pictures)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil || strings.Contains(string(out), "FAIL") {
		t.Error(err)
	}
	cancel()
	<-ended
}
