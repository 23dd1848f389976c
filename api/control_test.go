package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"tingxin/call"
)

// fakeControl notes what is asked of it; only anna is in the call.
type fakeControl struct {
	did []string
	all bool // everybody is in every call
}

const controlled = "01a223da-7569-7625-95c2-aa74ddf95741"

func (f *fakeControl) Takes(id, user string) bool { return user == "anna" && id == controlled || f.all }

func (f *fakeControl) note(s string, args ...any) error {
	f.did = append(f.did, fmt.Sprintf(s, args...))
	return nil
}

func (f *fakeControl) Transfer(_ context.Context, id, user string, to call.Aim) error {
	if to.User == "nobody" {
		return call.ErrTarget
	}
	return f.note("transfer %s to %s%s%s", user, to.User, to.Number, to.Queue)
}

func (f *fakeControl) Hold(_ context.Context, id, user string, on bool) error {
	if !on {
		return call.ErrState
	}
	return f.note("hold %s", user)
}

func (f *fakeControl) PauseRecording(_ context.Context, id string, pause bool) error {
	return f.note("pause %v", pause)
}

func (f *fakeControl) Supervise(_ context.Context, id, user string, mode call.Mode) error {
	return f.note("%s %s", user, mode)
}

func (f *fakeControl) AddLeg(_ context.Context, id string, to call.Aim) error {
	return f.note("leg %s%s", to.User, to.Number)
}

func (f *fakeControl) DropLeg(_ context.Context, id string, n int) error {
	if n == 2 {
		return call.ErrState
	}
	return f.note("drop %d", n)
}

func (f *fakeControl) Merge(_ context.Context, id, user, with string) error {
	return f.note("merge %s with %s", user, with)
}

func (f *fakeControl) Rejoin(_ context.Context, id, user string) error {
	return f.note("rejoin %s", user)
}

func TestControlOfRunningCalls(t *testing.T) {
	control := &fakeControl{}
	h := open(t, func(_ *Config, p *Parts) { p.Control = control })
	h.user("anna", RoleAgent)
	h.user("bert", RoleAgent)
	h.user("sue", RoleSupervisor)
	people := map[string]*browser{}
	for _, name := range []string{"anna", "bert", "sue"} {
		people[name] = h.browser()
		if a := people[name].signIn(name, password); a.status != http.StatusOK {
			t.Fatal(a)
		}
	}
	for _, c := range []struct {
		who, path string
		body      map[string]any
		status    int
	}{
		{"anna", "transfer", map[string]any{"to": map[string]any{"user": "bert"}, "mode": "blind"}, 204},
		{"anna", "transfer", map[string]any{"to": map[string]any{"queue": "support"}}, 204},
		{"anna", "transfer", map[string]any{"to": map[string]any{"user": "nobody"}}, 422},
		{"anna", "transfer", map[string]any{"to": map[string]any{"user": "a", "number": "1"}}, 422},
		{"anna", "hold", nil, 204},
		{"anna", "resume", nil, 409},
		{"anna", "record", map[string]any{"do": "pause"}, 204},
		{"anna", "legs", map[string]any{"to": map[string]any{"number": "0123"}}, 204},
		{"anna", "legs", map[string]any{"to": map[string]any{"queue": "support"}}, 422},
		{"anna", "supervise", map[string]any{"mode": "listen"}, 403},
		{"bert", "hold", nil, 403},
		{"bert", "transfer", map[string]any{"to": map[string]any{"user": "anna"}}, 403},
		{"sue", "hold", nil, 204},
		{"sue", "supervise", map[string]any{"mode": "whisper"}, 204},
		{"sue", "supervise", map[string]any{"mode": "barge", "user": "bert"}, 204},
		{"sue", "supervise", map[string]any{"mode": "spy"}, 422},
		{"anna", "rejoin", nil, 204},
		{"bert", "rejoin", nil, 403},
		{"anna", "merge", map[string]any{"with": "another"}, 204},
		{"anna", "merge", map[string]any{"with": ""}, 422},
		{"bert", "merge", map[string]any{"with": "another"}, 403},
		{"anna", "DELETE legs/3", nil, 204},
		{"anna", "DELETE legs/2", nil, 409},
		{"anna", "DELETE legs/-1", nil, 422},
		{"bert", "DELETE legs/3", nil, 403},
	} {
		var body any
		if c.body != nil {
			body = c.body
		}
		method, path := http.MethodPost, c.path
		if rest, del := strings.CutPrefix(path, "DELETE "); del {
			method, path = http.MethodDelete, rest
		}
		if got := people[c.who].do(method, base+"/calls/"+controlled+"/"+path, body); got.status != c.status {
			t.Errorf("%s: %s %v: %s, want %d", c.who, c.path, c.body, got, c.status)
		}
	}
	want := []string{"transfer anna to bert", "transfer anna to support", "hold anna", "pause true", "leg 0123", "hold sue", "sue whisper", "bert barge",
		"rejoin anna", "merge anna with another", "drop 3"}
	if !slices.Equal(control.did, want) {
		t.Errorf("did %q", control.did)
	}
	var n int
	must(t, h.db.Pool().QueryRow(t.Context(), `select count(*)::int from audit where subject = $1`, "call:"+controlled).Scan(&n))
	if n != 14 { // what was done, and what was tried and failed
		t.Errorf("%d rows of audit", n)
	}
}
