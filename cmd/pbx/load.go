package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
)

// envPrefix begins every environment variable of ours: TINGXIN_SIP__LISTEN is sip.listen.
const envPrefix = "TINGXIN_"

// delimiter stands between the levels of a key inside koanf; names of models may hold dots.
const delimiter = "\x1f"

// load reads the configuration: defaults, then the file (none when empty), then
// the environment. Every error is one sentence that says what to do.
func load(path string, environ []string) (Config, error) {
	var cfg Config
	k := koanf.New(delimiter)
	if path != "" {
		if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
			return cfg, fileError(path, err)
		}
		if err := unknownKeys(path, k.Raw()); err != nil {
			return cfg, err
		}
	}
	e := koanf.New(delimiter)
	if err := e.Load(environment(environ), nil); err != nil {
		return cfg, fmt.Errorf("environment: %w", err)
	}
	if err := unknownKeys("environment", e.Raw()); err != nil {
		return cfg, err
	}
	if err := k.Merge(e); err != nil {
		return cfg, fmt.Errorf("environment: %w", err)
	}
	err := k.UnmarshalWithConf("", &cfg, koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		TagName: "koanf", WeaklyTypedInput: true, Squash: false, Result: &cfg,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			mapstructure.StringToTimeDurationHookFunc(),
			mapstructure.StringToSliceHookFunc(","),
			mapstructure.TextUnmarshallerHookFunc(),
		),
	}})
	if err != nil {
		return cfg, valueError(path, err)
	}
	if url := lookup(environ, "DATABASE_URL"); url != "" && cfg.PG.URL == "" {
		cfg.PG.URL = url
	}
	return cfg, nil
}

func environment(environ []string) koanf.Provider {
	return env.Provider(delimiter, env.Opt{
		Prefix:      envPrefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(k, v string) (string, any) {
			if reserved[k] {
				return "", nil
			}
			k = strings.ToLower(strings.TrimPrefix(k, envPrefix))
			return strings.ReplaceAll(k, "__", delimiter), v
		},
	})
}

// reserved variables carry our prefix and are no settings.
var reserved = map[string]bool{"TINGXIN_PGTEST_KEEPER": true, "TINGXIN_E2E_FULL": true}

func lookup(environ []string, name string) string {
	for _, kv := range slices.Backward(environ) {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v
		}
	}
	return ""
}

func fileError(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s does not exist: give the path of a configuration file, or none for the defaults", path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s cannot be read: permission denied", path)
	}
	if st, statErr := os.Stat(path); statErr == nil && st.IsDir() {
		return fmt.Errorf("%s is a folder: give the path of a configuration file", path)
	}
	return fmt.Errorf("%s is not valid YAML: %s", path, strings.TrimPrefix(err.Error(), "yaml: "))
}

// valueError names the first value of a wrong kind.
func valueError(path string, err error) error {
	var de *mapstructure.DecodeError
	if errors.As(err, &de) {
		what := oneLine(de.Unwrap().Error())
		if strings.Contains(what, "invalid duration") {
			what = "this is no duration: write one such as 300ms, 30s or 4h"
		}
		return fmt.Errorf("%s: %s: %s", source(path), strings.ReplaceAll(de.Name(), delimiter, "."), what)
	}
	return fmt.Errorf("%s: %s", source(path), oneLine(err.Error()))
}

func source(path string) string {
	if path == "" {
		return "environment"
	}
	return path
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// unknownKeys names the first key that no section knows, and the one that was probably meant.
func unknownKeys(from string, raw map[string]any) error {
	return unknownIn(from, "", raw, reflect.TypeFor[Config]())
}

func unknownIn(from, path string, value any, t reflect.Type) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch v := value.(type) {
	case map[string]any:
		return unknownInMap(from, path, v, t)
	case []any:
		if t.Kind() != reflect.Slice {
			return nil
		}
		for i, e := range v {
			if err := unknownIn(from, fmt.Sprintf("%s[%d]", path, i), e, t.Elem()); err != nil {
				return err
			}
		}
	}
	return nil
}

func unknownInMap(from, path string, m map[string]any, t reflect.Type) error {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	known := fields(t)
	for _, name := range names {
		key := strings.TrimPrefix(path+"."+name, ".")
		elem, ok := known[name]
		switch {
		case t.Kind() == reflect.Map:
			elem = t.Elem()
		case t.Kind() != reflect.Struct:
			return nil // a wrong kind of value; decoding says so
		case !ok:
			return fmt.Errorf("%s: there is no setting %q%s", from, key, suggest(name, known))
		}
		if err := unknownIn(from, key, m[name], elem); err != nil {
			return err
		}
	}
	return nil
}

// fields are the settings of a section.
func fields(t reflect.Type) map[string]reflect.Type {
	out := make(map[string]reflect.Type)
	if t.Kind() != reflect.Struct {
		return out
	}
	for f := range t.Fields() {
		name, option, _ := strings.Cut(f.Tag.Get("koanf"), ",")
		switch {
		case option == "squash":
			for n, ft := range fields(f.Type) {
				out[n] = ft
			}
		case name != "" && name != "-":
			out[name] = f.Type
		}
	}
	return out
}

func suggest(name string, known map[string]reflect.Type) string {
	best, distance := "", 3
	for k := range known {
		if d := edits(name, k); d < distance || d == distance && k < best {
			best, distance = k, d
		}
	}
	if best == "" {
		return ": remove it, or see config.sample.yaml for all settings"
	}
	return fmt.Sprintf(": did you mean %q?", best)
}

// edits is the Levenshtein distance.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// loadDatabase reads the configuration of a command that works on a database by itself.
func loadDatabase(command, path string) (Config, error) {
	cfg, err := load(path, os.Environ())
	if err == nil && cfg.PG.URL == "" {
		err = usage{fmt.Errorf("%s: pg.url or DATABASE_URL must name the database; that of a running pbx is in its data folder", command)}
	}
	return cfg, err
}
