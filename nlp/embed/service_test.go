package embed

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tingxin/nlp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// config names the set-up's results as seen from here.
func config() Config {
	root := filepath.Join("..", "..")
	return Config{Runtime: filepath.Join(root, "build/onnxruntime/libonnxruntime.so"), Models: filepath.Join(root, "models")}
}

// start gives a running service, or skips where the set-up has not run.
func start(t testing.TB, change func(*Config)) *Service {
	t.Helper()
	cfg := config()
	if change != nil {
		change(&cfg)
	}
	if err := cfg.Check(); err != nil {
		t.Skip(err)
	}
	s := New(cfg)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func embed(t testing.TB, s *Service, lang, text string) Vectors {
	t.Helper()
	v, err := s.Embed(t.Context(), lang, text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// The first five numbers of some vectors must be those of the reference.
func TestVectorsEqualTheReference(t *testing.T) {
	s := start(t, nil)
	for _, want := range reference {
		v := embed(t, s, want.lang, want.text)
		for i, x := range want.first {
			if d := math.Abs(float64(v.CLS[i] - x)); d > 1e-5 {
				t.Errorf("%s %q: number %d is %v, the reference has %v", want.lang, want.text, i, v.CLS[i], x)
			}
		}
		for _, vector := range [][]float32{v.CLS, v.Mean} {
			if n := nlp.Dot(vector, vector); len(vector) != Size(want.lang) || math.Abs(float64(n-1)) > 1e-5 {
				t.Errorf("%s: %d numbers, length² %v", want.lang, len(vector), n)
			}
		}
	}
}

func TestMeaningIsNear(t *testing.T) {
	s := start(t, nil)
	for _, c := range []struct{ lang, a, near, far string }{
		{"zh", "怎么退货", "我想把东西退了", "今天天气怎么样"},
		{"zh", "VIP会员怎么开通", "如何开通vip", "iPhone怎么保修"},
		{"en", "How do I return this?", "I want to send my item back", "what are your opening hours"},
	} {
		a, near, far := embed(t, s, c.lang, c.a), embed(t, s, c.lang, c.near), embed(t, s, c.lang, c.far)
		if n, f := nlp.Dot(a.CLS, near.CLS), nlp.Dot(a.CLS, far.CLS); n < f+0.1 {
			t.Errorf("%q: near %.3f, far %.3f", c.a, n, f)
		}
	}
}

func TestAnswersFromTheCacheAndTheModelAreOne(t *testing.T) {
	s := start(t, nil)
	a := embed(t, s, "zh", "ＶＩＰ 怎么开通")
	b := embed(t, s, "zh", "vip　怎么开通")
	if s.Stats().Cached.Load() != 1 || !slices.Equal(a.CLS, b.CLS) {
		t.Errorf("cached %d", s.Stats().Cached.Load())
	}
	if v := s.Version("zh"); !strings.Contains(v, "onnxruntime 1.24.2") || v == s.Version("en") || s.Version("fr") != "" {
		t.Errorf("version %q", v)
	}
}

func TestManyAtOnceGiveWhatOneGives(t *testing.T) {
	s := start(t, func(c *Config) { c.Cache, c.Workers = -1, 2 })
	var texts []string
	var want []Vectors
	for i := range 12 {
		texts = append(texts, fmt.Sprintf("where is order number %d please %s", i, strings.Repeat("now ", i)))
		want = append(want, embed(t, s, "en", texts[i]))
	}
	var wg sync.WaitGroup
	for range 4 {
		for i, text := range texts {
			wg.Go(func() { // ends with its one sentence
				v, err := s.EmbedLater(t.Context(), "en", text)
				if err != nil || !slices.Equal(v.CLS, want[i].CLS) || !slices.Equal(v.Mean, want[i].Mean) {
					t.Errorf("%q differs (%v)", text, err)
				}
			})
		}
	}
	wg.Wait()
}

func TestRefusals(t *testing.T) {
	s := start(t, func(c *Config) { c.Queue, c.Cache, c.Workers = 1, -1, 1 })
	if _, err := s.Embed(t.Context(), "fr", "bonjour"); !errors.Is(err, ErrLanguage) {
		t.Errorf("French: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.EmbedLater(gone, "en", "hello"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	var wg sync.WaitGroup
	long := strings.Repeat("a very long message about nothing at all ", 60)
	for range 30 {
		wg.Go(func() { // ends with its one sentence
			if _, err := s.Embed(t.Context(), "en", long); err != nil && !errors.Is(err, ErrBusy) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if s.Stats().Refused.Load() == 0 {
		t.Error("a queue of one took 30 sentences")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Embed(t.Context(), "en", "hello"); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestMissingFilesAreNamed(t *testing.T) {
	for _, change := range []func(*Config){
		func(c *Config) { c.Runtime = "/nowhere/libonnxruntime.so" },
		func(c *Config) { c.Models = "/nowhere" },
	} {
		cfg := config()
		change(&cfg)
		err := New(cfg).Start(t.Context())
		if !errors.Is(err, ErrMissing) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

// BenchmarkEmbed measures a short question with an idle queue; p95 is reported.
func BenchmarkEmbed(b *testing.B) {
	for lang, text := range map[string]string{"zh": "我昨天买的外套什么时候能发货呀 %d", "en": "when will the jacket that I bought be shipped %d"} {
		b.Run(lang, func(b *testing.B) {
			s := start(b, func(c *Config) { c.Cache = -1 })
			var took []time.Duration
			i := 0
			for b.Loop() {
				i++
				begun := time.Now()
				embed(b, s, lang, fmt.Sprintf(text, i))
				took = append(took, time.Since(begun))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
}
