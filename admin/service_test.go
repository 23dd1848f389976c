package admin

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"tingxin/pg"
	"tingxin/pg/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeRuntime notes what it was told.
type fakeRuntime struct {
	refuse error
	used   *Settings
	uses   int
	file   map[Kind]map[string]Doc
}

func (r *fakeRuntime) Check(context.Context, *Settings, []Ref) error { return r.refuse }
func (r *fakeRuntime) Use(_ context.Context, s *Settings) error {
	r.used, r.uses = s, r.uses+1
	return nil
}
func (r *fakeRuntime) File(k Kind) map[string]Doc { return r.file[k] }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type shop struct {
	*Service
	t       *testing.T
	db      *pg.DB
	runtime *fakeRuntime
	audits  []Outcome
}

func open(t *testing.T) *shop {
	t.Helper()
	vault, err := NewVault([]byte(strings.Repeat("k", keyLen)))
	must(t, err)
	db, r := pgtest.New(t), &fakeRuntime{file: map[Kind]map[string]Doc{}}
	return &shop{Service: NewService(NewStore(db, vault), r, slog.New(slog.DiscardHandler)), t: t, db: db, runtime: r}
}

func (s *shop) apply(dry bool, changes ...Change) ([]Outcome, error) {
	return s.Apply(s.t.Context(), changes, "eve", dry, func(_ pgx.Tx, done []Outcome) error {
		s.audits = append(s.audits, done...)
		return nil
	})
}

func (s *shop) did(want string, c Change) Outcome {
	s.t.Helper()
	done, err := s.apply(false, c)
	must(s.t, err)
	if done[0].Did != want {
		s.t.Fatalf("%s %s: %+v, want %s", c.Kind, c.Name, done[0], want)
	}
	return done[0]
}

func carrier(password string) *Trunk {
	return &Trunk{Proxy: "sip:192.0.2.1", Credentials: &Auth{Username: "me", Password: password}}
}

// A secret is sealed in the row, never read back, kept by an empty field and changed by a new one.
func TestSecretsAreWriteOnly(t *testing.T) {
	t.Parallel()
	s := open(t)
	ref := Ref{KindTrunk, "carrier"}
	s.did("added", Change{Ref: ref, Doc: carrier("open sesame")})
	raw, err := pg.Row(t.Context(), s.db, pgx.RowTo[string], `select doc::text || encode(sealed, 'escape') from admin_versions`)
	must(t, err)
	if strings.Contains(raw, "sesame") {
		t.Errorf("the row tells the password: %s", raw)
	}
	v, err := s.Get(t.Context(), KindTrunk, "carrier", 0)
	must(t, err)
	if got := v.Doc.(*Trunk).Credentials.Password; got != "" || !slices.Equal(v.Secrets, []string{"credentials.password"}) {
		t.Errorf("read back %q, secrets %v", got, v.Secrets)
	}
	s.did("same", Change{Ref: ref, Doc: carrier("")})
	changed := carrier("")
	changed.MaxCalls = 5
	if o := s.did("changed", Change{Ref: ref, Doc: changed}); !slices.Equal(o.Fields, []string{"max_calls"}) {
		t.Errorf("fields %v", o.Fields)
	}
	live, err := s.Load(t.Context())
	must(t, err)
	if got := live.Trunks["carrier"].Credentials.Password; got != "open sesame" {
		t.Errorf("whoever runs it gets %q", got)
	}
	if o := s.did("changed", Change{Ref: ref, Doc: func() *Trunk { c := carrier("another"); c.MaxCalls = 5; return c }()}); !slices.Equal(o.Fields, []string{"credentials"}) {
		t.Errorf("fields %v", o.Fields)
	}
	other, err := NewVault([]byte(strings.Repeat("x", keyLen)))
	must(t, err)
	lost := NewService(NewStore(s.db, other), s.runtime, slog.New(slog.DiscardHandler))
	if live, err := lost.Load(t.Context()); err != nil || live.Trunks["carrier"].Credentials.Password != "" {
		t.Errorf("with another key: %v", err)
	}
	if _, err := other.open("trunk/carrier", v.sealed); !errors.Is(err, ErrSealed) {
		t.Errorf("another key: %v", err)
	}
	if _, err := s.vault.open("trunk/elsewhere", v.sealed); !errors.Is(err, ErrSealed) {
		t.Errorf("another place: %v", err)
	}
}

func TestVersionsDraftsAndRollback(t *testing.T) {
	t.Parallel()
	s := open(t)
	ref := Ref{KindFlow, "hello"}
	flow := func(text string, draft bool) Change { return Change{Ref: ref, Doc: &Flow{text}, Draft: draft} }
	if o := s.did("added", flow("one", true)); o.Version != 1 {
		t.Error(o)
	}
	if live, _ := s.Load(t.Context()); len(live.Flows) != 0 {
		t.Error("a draft counts")
	}
	if o := s.did("changed", flow("two", true)); o.Version != 1 { // the draft is written over
		t.Error(o)
	}
	s.did("live", Change{Ref: ref, Live: 1})
	if o := s.did("changed", flow("three", false)); o.Version != 2 {
		t.Error(o)
	}
	if o := s.did("changed", flow("four", true)); o.Version != 3 {
		t.Error(o)
	}
	if live, _ := s.Load(t.Context()); live.Flows["hello"].Text != "three" {
		t.Errorf("counts: %q", live.Flows["hello"].Text)
	}
	s.did("live", Change{Ref: ref, Live: 1})
	if live, _ := s.Load(t.Context()); live.Flows["hello"].Text != "two" {
		t.Errorf("rolled back to %q", live.Flows["hello"].Text)
	}
	all, err := s.Versions(t.Context(), KindFlow, "hello")
	must(t, err)
	if len(all) != 3 || all[0].Version != 3 || all[0].Live != 1 || !all[2].WasLive || all[0].WasLive {
		t.Errorf("%+v", all)
	}
	if _, err := s.apply(false, Change{Ref: ref, Doc: &Flow{"x"}, Version: 2}); !errors.Is(err, ErrStale) {
		t.Errorf("stale: %v", err)
	}
	if _, err := s.apply(false, Change{Ref: ref, Live: 9}); !errors.Is(err, pg.ErrNotFound) {
		t.Errorf("no such version: %v", err)
	}
	s.did("removed", Change{Ref: ref})
	if _, err := s.apply(false, Change{Ref: ref}); !errors.Is(err, pg.ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
}

func TestApplyIsAllOrNothingAndDryRunsChangeNothing(t *testing.T) {
	t.Parallel()
	s := open(t)
	good := Change{Ref: Ref{KindNumber, "hotline"}, Doc: &Number{Numbers: []string{"4000"}, Flow: "default"}}
	done, err := s.apply(true, good)
	if err != nil || done[0].Did != "added" || len(s.audits) != 0 {
		t.Fatalf("dry: %v %v %v", done, err, s.audits)
	}
	if _, err := s.Get(t.Context(), KindNumber, "hotline", 0); !errors.Is(err, pg.ErrNotFound) {
		t.Errorf("a dry run wrote: %v", err)
	}
	bad := Change{Ref: Ref{KindNumber, "bad"}, Doc: &Number{Numbers: []string{"1 2"}, Flow: "x", Queue: "y"}}
	_, err = s.apply(false, good, bad)
	var f Faults
	if !errors.As(err, &f) || len(f) != 2 || f[0].Field != "numbers[0]" || f[1].Code != Choice {
		t.Errorf("faults: %v", err)
	}
	s.runtime.refuse = Faults{{"flow", Unknown, "there is no flow"}}
	if _, err := s.apply(false, good); !errors.As(err, &f) || f[0].Code != Unknown {
		t.Errorf("the runtime was not asked: %v", err)
	}
	if all, _ := s.List(t.Context(), KindNumber); len(all) != 0 {
		t.Errorf("half was written: %v", all)
	}
	s.runtime.refuse = nil
	s.did("added", good)
	if o := s.did("same", good); len(s.audits) != 1 || o.Version != 1 {
		t.Errorf("again: %v, audits %v", o, s.audits)
	}
	s.runtime.file[KindNumber] = map[string]Doc{"filed": &Number{}}
	if _, err := s.apply(false, Change{Ref: Ref{KindNumber, "filed"}, Doc: good.Doc}); !errors.As(err, &f) || f[0].Code != Taken {
		t.Errorf("name of the file: %v", err)
	}
}

// Another server of the same database sees a change.
func TestOtherServersFollow(t *testing.T) {
	t.Parallel()
	s := open(t)
	r := &fakeRuntime{}
	other := NewService(s.Store, r, slog.New(slog.DiscardHandler))
	must(t, other.Start(t.Context()))
	defer other.Close()
	s.did("added", Change{Ref: Ref{KindAlert, "long"}, Doc: &AlertRule{Metric: MetricOldest, Operator: ">", Value: 60, Severity: "warning"}})
	for end := time.Now().Add(10 * time.Second); len(other.Now().Alerts) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not")
		}
	}
}

func TestKeyFile(t *testing.T) {
	path := t.TempDir() + "/sub/secrets.key"
	a, err := OpenVault(path)
	must(t, err)
	b, err := OpenVault(path)
	must(t, err)
	sealed, err := a.seal("x", map[string]string{"p": "q"})
	must(t, err)
	if got, err := b.open("x", sealed); err != nil || got["p"] != "q" {
		t.Errorf("%v %v", got, err)
	}
	if _, err := NewVault([]byte("short")); err == nil {
		t.Error("a short key was taken")
	}
}

func TestJudge(t *testing.T) {
	for name, tc := range map[string]struct {
		doc    Doc
		fields string
	}{
		"good number":   {&Number{Numbers: []string{"40*", "*"}, Queue: "support"}, ""},
		"good trunk":    {&Trunk{Addresses: []string{"192.0.2.0/24", "::1"}, Codecs: []string{"G722", "PCMA"}}, ""},
		"nothing known": {&Trunk{}, "addresses"},
		"trunk address": {&Trunk{Addresses: []string{"300.1.1.1"}}, "addresses[0]"},
		"trunk codecs":  {&Trunk{Proxy: "sip:x", Codecs: []string{"PCMA", "PCMA", "opus"}}, "codecs codecs"},
		"register":      {&Trunk{Addresses: []string{"10.0.0.1"}, Register: true}, "proxy credentials"},
		"no password":   {&Trunk{Auth: &Auth{Username: "a"}}, "auth.password"},
		"route":         {&Outbound{Prefixes: []string{"a"}, Weight: -1}, "trunk prefixes[0] weight"},
		"hours alone":   {&Number{Numbers: []string{"1"}, Flow: "a", Calendar: "office"}, "closed"},
		"then":          {&Number{Numbers: []string{"1"}, Flow: "a", Then: "b"}, "then"},
		"prompt":        {&Prompt{Texts: map[string]string{"en": " "}}, "texts.en"},
		"no prompt":     {&Prompt{}, "texts"},
		"sound":         {&Prompt{Sounds: map[string]Sound{"en": {Sum: "../../etc"}}}, "sounds.en"},
		"relay":         {&Relay{Listen: "here", ListenTLS: "0.0.0.0:5349", PortMin: 2000}, ""},
		"alert":         {&AlertRule{Metric: "mood", Operator: "=", Value: 1, Severity: "bad"}, "metric operator severity"},
		"codecs":        {&Codecs{Trunks: []string{"opus"}}, "trunks"},
		"flow":          {&Flow{}, "text"},
	} {
		if name == "relay" {
			if f := tc.doc.Judge(); len(f) != 3 {
				t.Errorf("%s: %v", name, f)
			}
			continue
		}
		var got []string
		for _, f := range tc.doc.Judge() {
			got = append(got, f.Field)
		}
		if strings.Join(got, " ") != tc.fields {
			t.Errorf("%s: %v, want %s", name, got, tc.fields)
		}
	}
}

func TestSounds(t *testing.T) {
	t.Parallel()
	s := open(t)
	sum, err := s.PutSound(t.Context(), []byte("RIFF"))
	must(t, err)
	if got, err := s.Sound(t.Context(), sum); err != nil || string(got) != "RIFF" {
		t.Errorf("%q %v", got, err)
	}
	if _, err := s.PutSound(t.Context(), nil); err == nil {
		t.Error("nothing was kept")
	}
	if _, err := s.Sound(t.Context(), "zz"); !errors.Is(err, pg.ErrNotFound) {
		t.Error(err)
	}
	must(t, s.db.Tx(t.Context(), func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `update admin_sounds set at = now() - interval '2 days'`)
		return err
	}))
	other, err := s.PutSound(t.Context(), []byte("other")) // the first one is named by nobody
	must(t, err)
	if _, err := s.Sound(t.Context(), sum); !errors.Is(err, pg.ErrNotFound) {
		t.Errorf("an old sound stays: %v", err)
	}
	s.did("added", Change{Ref: Ref{KindPrompt, "hi"}, Doc: &Prompt{Sounds: map[string]Sound{"en": {other, 1}}}})
	_, err = s.db.Exec(t.Context(), `update admin_sounds set at = now() - interval '2 days'`)
	must(t, err)
	_, err = s.PutSound(t.Context(), []byte("third"))
	must(t, err)
	if _, err := s.Sound(t.Context(), other); err != nil {
		t.Errorf("a sound in use was removed: %v", err)
	}
}
