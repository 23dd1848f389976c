package main

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"tingxin/emotion"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pbx.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestNoConfigurationIsTheDefault(t *testing.T) {
	cfg, err := load("", nil)
	if err != nil || !reflect.DeepEqual(cfg, Config{}) {
		t.Fatalf("%+v, %v", cfg, err)
	}
	cfg = cfg.withDefaults()
	if cfg.PG.Dir != "data/postgres" || cfg.API.Recordings != "data/recordings" || cfg.Call.Journal.Dir != "data/journal" {
		t.Errorf("folders: %+v", cfg)
	}
}

func TestConfigurationMistakesAreOneSentence(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown":        {"sip: {lisen: [x]}\n", `there is no setting "sip.lisen": did you mean "listen"?`},
		"unknown top":    {"siip: {}\n", `there is no setting "siip": did you mean "sip"?`},
		"far off":        {"colour: red\n", `there is no setting "colour": remove it`},
		"in a list":      {"sip: {trunks: [{name: a, adress: [x]}]}\n", `there is no setting "sip.trunks[0].adress"`},
		"in a map":       {"asr: {models: {en: {statik: x}}}\n", `there is no setting "asr.models.en.statik": did you mean "static"?`},
		"squashed":       {"asr: {worker: 2}\n", `there is no setting "asr.worker": did you mean "workers"?`},
		"wrong kind":     {"call: {max_calls: many}\n", "call.max_calls"},
		"bad duration":   {"drain_timeout: soon\n", "drain_timeout"},
		"scalar for map": {"sip: 5060\n", "sip"},
		"not yaml":       {"sip: [\n", "is not valid YAML"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(write(t, c.text), nil)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q, want %q in one line", err, c.want)
			}
		})
	}
	if _, err := load(filepath.Join(t.TempDir(), "none.yaml"), nil); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("missing file: %v", err)
	}
	if _, err := load(t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("folder: %v", err)
	}
}

// A negative number of writers left the journal without any and ended the server at its first call.
func TestNumbersBelowZeroAreMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"call: {journal: {writers: -1}}":                            "call.journal.writers is -1: it cannot be below zero",
		"sip: {ring_timeout: -3m}":                                  "sip.ring_timeout is -3m0s",
		"sip: {trunks: [{name: a, proxy: 'sip:a', max_calls: -5}]}": "sip.trunks.max_calls is -5",
		"emotion: {rules: {raise: -.5}}":                            "emotion.rules.raise is -0.5",
		"asr: {threads: -2}":                                        "asr.threads is -2",
		"drain_timeout: -1s":                                        "drain_timeout is -1s",
	} {
		cfg, err := load(write(t, text+"\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		cfg.ASR.Off = true
		if err := cfg.withDefaults().check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", text, err)
		}
	}
	cfg, err := load(write(t, "{asr: {off: true}, media: {port_min: -1, record_sync: -1s, webrtc: {port: -1}}, embed: {cache: -1}, tickets: {remind_after: -1s}}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := cfg.withDefaults().check(); err != nil {
		t.Errorf("these say something below zero: %v", err)
	}
}

func TestEnvironmentOverrides(t *testing.T) {
	path := write(t, "call: {max_calls: 5}\nsip: {domain: a.example}\nasr: {models: {en-0.2: {static: x}}}\n")
	cfg, err := load(path, []string{
		"TINGXIN_CALL__MAX_CALLS=7", "TINGXIN_SIP__LISTEN=udp:127.0.0.1:0,tcp:127.0.0.1:0", "TINGXIN_CALL__MEDIA_TIMEOUT=90s",
		"TINGXIN_ASR__OFF=true", "TINGXIN_API__ADMIN__PASSWORD=s3cret", "DATABASE_URL=postgres://db/x", "OTHER=1",
	})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Call.MaxCalls != 7 || cfg.SIP.Domain != "a.example" || len(cfg.SIP.Listen) != 2 || cfg.Call.MediaTimeout != 90*time.Second ||
		!cfg.ASR.Off || cfg.API.Admin.Password != "s3cret" || cfg.PG.URL != "postgres://db/x" || cfg.ASR.Models["en-0.2"].Static != "x" {
		t.Errorf("%+v", cfg)
	}
	if _, err := load("", []string{"TINGXIN_SIP__LISEN=x"}); err == nil || !strings.Contains(err.Error(), `"sip.lisen"`) {
		t.Errorf("unknown variable: %v", err)
	}
}

func TestShowHidesSecrets(t *testing.T) {
	cfg, err := load(write(t, `
sip: {trunks: [{name: a, auth: {username: u, password: SECRET1}}], tls: {key: key.pem}}
pg: {url: "postgres://u:SECRET2@db/x"}
api: {metrics_token: SECRET3, admin: {password: SECRET4}}
contact: {hash_key: SECRET5}
chat: {key: SECRET6, key_file: chat.key}
ivr: {http: {headers: {crm.example: {Authorization: SECRET7}}}}
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := show(cfg)
	if err != nil || strings.Contains(text, "SECRET") || strings.Count(text, hidden) != 6 || !strings.Contains(text, "u:hidden@db") ||
		!strings.Contains(text, "key: key.pem") || !strings.Contains(text, "key_file: chat.key") {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestShowHidesThePasswordOfABrokenURL(t *testing.T) {
	for _, dsn := range []string{"postgres://u:SECRET%zz@db/x", "postgres://u:SECRET@db:port/x", "host=db password=SECRET user=u", "host=db password='SECRET SECRET'"} {
		if got := hideUserinfo(dsn); strings.Contains(got, "SECRET") || !strings.Contains(got, "db") {
			t.Errorf("%s", got)
		}
	}
}

// TestSampleIsTheManual parses the sample as it is, which must give the defaults, and again with every setting
// that stands in a comment: no setting may be unknown, and none be missing.
func TestSampleIsTheManual(t *testing.T) {
	sample, err := os.ReadFile("../../config.sample.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := load("../../config.sample.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := cfg.SIP.Check(); err != nil {
		t.Error(err)
	}
	wantDefaults(t, cfg)
	open := uncommented(string(sample))
	if _, err := load(write(t, open), nil); err != nil {
		t.Errorf("a setting in a comment: %v", err)
	}
	var doc map[string]any
	if err := yaml.Unmarshal([]byte(open), &doc); err != nil {
		t.Fatal(err)
	}
	if missing := unmentioned("", doc, reflect.TypeFor[Config]()); len(missing) > 0 {
		t.Errorf("the sample does not mention: %s", strings.Join(missing, ", "))
	}
}

var (
	commentedSetting = regexp.MustCompile(`^( *)# ( *(?:- )?(?:[a-z0-9_]+:(?: .*)?|\{.*))$`)
	emptySetting     = regexp.MustCompile(`^( *)([a-z_]+): (?:\[\]|\{\})`)
)

// uncommented is the sample with the settings that stand in comments; an empty list or map gives way to the
// one in the comment above it.
func uncommented(sample string) string {
	var out []string
	given := map[string]bool{} // keys that the comments above give, with their indentation
	for line := range strings.Lines(sample) {
		line = strings.TrimRight(line, "\n")
		if m := commentedSetting.FindStringSubmatch(line); m != nil {
			line = m[1] + m[2]
			key, _, _ := strings.Cut(line, ":")
			given[key] = true
		} else if m := emptySetting.FindStringSubmatch(line); m != nil && given[m[1]+m[2]] {
			continue
		} else if line != "" && line[0] != ' ' && line[0] != '#' {
			clear(given)
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// wantDefaults compares the parsed sample with the sections' own defaults.
func wantDefaults(t *testing.T, cfg Config) {
	t.Helper()
	zero := Config{}.withDefaults()
	if got := cfg.withDefaults(); got.DataDir != zero.DataDir || got.DrainTimeout != zero.DrainTimeout {
		t.Errorf("top: %+v", got)
	}
	if got, want := cfg.withDefaults().Call.WithDefaults(), zero.Call.WithDefaults(); !reflect.DeepEqual(blank(got), blank(want)) {
		t.Errorf("call:\n%+v\nwant\n%+v", got, want)
	}
	if e := cfg.Emotion; e.Enabled || e.Rules != (emotion.Rules{}).WithDefaults() {
		t.Errorf("emotion: %+v", e)
	}
	if cfg.ASR.RSSLimitMB != 1500 || cfg.ASR.Off {
		t.Errorf("asr: %+v", cfg.ASR)
	}
}

// blank makes an empty list and none the same.
func blank[T any](v T) T {
	r := reflect.ValueOf(&v).Elem()
	for i := range r.NumField() {
		if f := r.Field(i); f.Kind() == reflect.Slice && f.Len() == 0 {
			f.SetZero()
		}
	}
	return v
}

// notForPeople are settings that only tests need, and one that nobody does: who asks for credentials offers the algorithms.
var notForPeople = map[string]bool{"sip.t1": true, "sip.t2": true, "sip.t4": true, "sip.trunks[].credentials.algorithms": true}

// unmentioned are the settings of t, with their path, that stand nowhere in v.
func unmentioned(path string, v any, t reflect.Type) []string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		list, _ := v.([]any)
		return unmentioned(path+"[]", together(list), t.Elem())
	case t.Kind() == reflect.Map && t.Elem().Kind() == reflect.Struct:
		byName, _ := v.(map[string]any)
		return unmentioned(path+".*", together(slices.Collect(maps.Values(byName))), t.Elem())
	case t.Kind() != reflect.Struct:
		return nil
	}
	m, _ := v.(map[string]any)
	var missing []string
	for name, ft := range fields(t) {
		at := strings.TrimPrefix(path+"."+name, ".")
		if child, ok := m[name]; ok {
			missing = append(missing, unmentioned(at, child, ft)...)
		} else if !notForPeople[at] {
			missing = append(missing, at)
		}
	}
	slices.Sort(missing)
	return missing
}

// together is what the entries of a list say in sum.
func together(entries []any) any {
	sum := map[string]any{}
	for _, e := range entries {
		if m, ok := e.(map[string]any); ok {
			maps.Copy(sum, m)
		}
	}
	return sum
}
