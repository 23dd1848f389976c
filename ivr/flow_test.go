package ivr_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tingxin/ivr"
)

func flows(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("../testdata/flows/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no sample flows: %v", err)
	}
	return append(paths, "flows/default.yaml")
}

func TestSampleFlowsAreValid(t *testing.T) {
	for _, path := range flows(t) {
		if _, err := ivr.Load(path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestMistakesAreFoundAtTheirPlace(t *testing.T) {
	head := "flow: f\nversion: 1\nnodes:\n"
	for name, c := range map[string]struct{ doc, want string }{
		"empty":            {"", "expected one YAML document"},
		"list":             {"- a\n", "f.yaml:1:1: expected a mapping"},
		"unknown key":      {head + "  - sya: hi\n", "f.yaml:4:5: unknown field \"sya\""},
		"unknown top key":  {"flwo: f\n" + head + "  - hangup: true\n", "f.yaml:1:1: unknown field \"flwo\""},
		"two kinds":        {head + "  - say: a\n    hangup: true\n", "f.yaml:4:5: node \"node-1\" needs exactly one of"},
		"no kind":          {head + "  - id: x\n", "needs exactly one of"},
		"no version":       {"flow: f\nnodes: [{hangup: true}]\n", "version needs a number from 1"},
		"no name":          {"version: 1\nnodes: [{hangup: true}]\n", "flow needs a name"},
		"missing node":     {head + "  - say: a\n    next: nowhere\n", "f.yaml:5:11: there is no node \"nowhere\""},
		"missing start":    {"start: x\n" + head + "  - hangup: true\n", "f.yaml:1:8: start: there is no node \"x\""},
		"double id":        {head + "  - {id: a, say: x}\n  - {id: a, hangup: true}\n", "id \"a\" is taken"},
		"unreachable":      {head + "  - {id: a, hangup: true}\n  - {id: b, hangup: true}\n", "f.yaml:5:10: no way leads to node \"b\""},
		"bad key":          {head + "  - menu: {prompt: p, options: {\"12\": a}}\n  - {id: a, hangup: true}\n", "\"12\" is not a key"},
		"bad duration":     {head + "  - listen: {silence: soon}\n", "f.yaml:4:23: \"soon\" is not a duration"},
		"unset variable":   {head + "  - say: \"hi ${name}\"\n", "f.yaml:4:10: nothing sets the variable \"name\""},
		"min above max":    {head + "  - gather: {prompt: p, into: a, min: 5, max: 2}\n", "min <= max"},
		"no into":          {head + "  - gather: {prompt: p}\n", "gather needs \"into\""},
		"path escapes":     {head + "  - play: ../secret.wav\n", "must be a path inside"},
		"consent unknown":  {head + "  - record: {announce: a, consent: maybe}\n", "consent is announced, key or none"},
		"announce missing": {head + "  - record: {consent: announced}\n", "needs the words to announce"},
		"bad language":     {"language: english language\n" + head + "  - hangup: true\n", "is not a tag"},
		"text and file":    {head + "  - say: {text: a, file: b.wav}\n", "needs exactly one of text, file and prompt"},
		"not yaml":         {"flow: [\n", "f.yaml:1:"},
		"queue unnamed":    {head + "  - queue: {max_wait: 1m}\n", "f.yaml:4:12: queue needs the name"},
		"queue priority":   {head + "  - queue: {name: a, priority: soon}\n", "f.yaml:4:32: priority is low, normal, high or urgent"},
		"queue node":       {head + "  - queue: {name: a, timeout: x}\n", "f.yaml:4:31: there is no node \"x\""},
		"queue announces":  {head + "  - queue: {name: a, announce: 1s}\n", "f.yaml:4:32: announcements closer"},
		"transfer two":     {head + "  - transfer: {user: a, queue: b}\n", "needs exactly one of user, number and queue"},
		"hangup value":     {head + "  - hangup: now\n", "hangup takes no value"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ivr.Parse("f.yaml", []byte(c.doc))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %q does not hold %q", err, c.want)
			}
			if !errors.As(err, new(*ivr.Error)) {
				t.Errorf("%T is not an *ivr.Error", err)
			}
		})
	}
}

func TestAllMistakesAreTold(t *testing.T) {
	_, err := ivr.Parse("f.yaml", []byte("flow: f\nversion: 0\nlanguage: en\nnodes:\n  - {say: a, next: x}\n  - {say: b, next: y}\n"))
	if n := strings.Count(err.Error(), "f.yaml:"); n != 3 {
		t.Errorf("%d mistakes told, want 3: %v", n, err)
	}
}

// steps are the steps of a rehearsal without the node notes.
func steps(t *testing.T, file, keys string) []string {
	t.Helper()
	f, err := ivr.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	all, _, err := ivr.Rehearse(context.Background(), f, keys, map[string]string{"caller": "100", "number": "200"})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, s := range all {
		if s.Did != "node" {
			out = append(out, s.String())
		}
	}
	return out
}

func TestSupportFlow(t *testing.T) {
	const file = "../testdata/flows/support.yaml"
	for name, c := range map[string]struct {
		keys string
		want []string // in this order among the steps
	}{
		"member":              {"111234", []string{"consent record given", "menu key 1", "account set account=1234", "member say Welcome back, number 1234.", "talk listen 12s 20m0s"}},
		"guest":               {"219999", []string{"consent record refused", "guest set guest=true", "talk listen"}},
		"silent about record": {",0", []string{"consent timeout 8s", "consent record refused", "menu key 0", "talk listen"}},
		"wrong key then none": {"15,,", []string{"menu say That key does nothing here.", "menu say We did not hear a key.", "menu say We did not hear a key.", "talk listen"}},
		"short number":        {"1112,1234", []string{"account say An account number has four digits.", "account set account=1234"}},
		"fault":               {"12", []string{"fault say Please describe the fault.", "fault say We will call you back at 100.", "talk listen"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := steps(t, file, c.keys)
			rest := got
			for _, want := range c.want {
				for len(rest) > 0 && !strings.HasPrefix(rest[0], want) {
					rest = rest[1:]
				}
				if len(rest) == 0 {
					t.Fatalf("no %q in order in\n%s", want, strings.Join(got, "\n"))
				}
			}
		})
	}
}

func TestGatherTerminatorAndLimit(t *testing.T) {
	const file = "../testdata/flows/keys.yaml"
	for keys, want := range map[string]string{"12#": "ask set typed=12", "12345678": "ask set typed=12345678", "7,": "ask set typed=7", ",5#": "ask set typed=5"} {
		if got := strings.Join(steps(t, file, keys), "\n"); !strings.Contains(got, want) {
			t.Errorf("keys %s: no %q in\n%s", keys, want, got)
		}
	}
	if got := strings.Join(steps(t, file, ",,"), "\n"); strings.Contains(got, "set") || strings.Count(got, "Nothing was entered.") != 2 {
		t.Errorf("no input twice: %s", got)
	}
}

func TestLanguageNodeChangesVoice(t *testing.T) {
	got := strings.Join(steps(t, "../testdata/flows/chinese.yaml", "9"), "\n")
	if !strings.Contains(got, "english language en") {
		t.Error(got)
	}
}

func TestQueueAndTransferGoOnWhenNobodyIsReached(t *testing.T) {
	f, err := ivr.Parse("f", []byte("flow: f\nversion: 1\nnodes:\n  - queue: {name: a, timeout: b}\n  - {id: x, say: never}\n  - {id: b, transfer: {number: \"9${caller}\", failed: c}}\n  - {id: c, say: sorry}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for keys, want := range map[string]string{"": "queue a", ",": "queue a timeout  transfer 9100", ",,": "queue a timeout  transfer 9100 timeout  say sorry"} {
		all, _, err := ivr.Rehearse(context.Background(), f, keys, map[string]string{"caller": "100"})
		var got []string
		for _, s := range all {
			if s.Did != "node" {
				got = append(got, s.Did+" "+s.What)
			}
		}
		if strings.Join(got, " ") != want || err != nil {
			t.Errorf("keys %q: %q, %v", keys, strings.Join(got, " "), err)
		}
	}
}

func TestCircleEnds(t *testing.T) {
	f, err := ivr.Parse("", []byte("flow: f\nversion: 1\nnodes:\n  - {id: a, set: {x: 1}}\n  - {id: b, set: {x: 2}, next: a}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err = ivr.Rehearse(context.Background(), f, "", nil); !errors.Is(err, ivr.ErrCircle) {
		t.Errorf("error = %v, want ErrCircle", err)
	}
}

func TestRunEndsWithContext(t *testing.T) {
	f, err := ivr.Load("flows/default.yaml")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	gone := errors.New("caller gone")
	cancel(gone)
	if _, _, err := ivr.Rehearse(ctx, f, "", nil); err == nil {
		t.Error("went on after the end of the call")
	}
}

func FuzzParse(f *testing.F) {
	for _, path := range flows(f) {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("flow: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		flow, err := ivr.Parse("f", doc)
		if (flow == nil) == (err == nil) {
			t.Fatalf("flow %v, error %v", flow, err)
		}
		if flow == nil {
			return
		}
		// Whatever is accepted can be walked without harm.
		_, _, err = ivr.Rehearse(context.Background(), flow, "1#*290,,", nil)
		if err != nil && !errors.Is(err, ivr.ErrCircle) && !errors.Is(err, ivr.ErrRehearsed) {
			t.Fatal(err)
		}
	})
}
